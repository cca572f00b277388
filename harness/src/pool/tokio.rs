//! Workers that are tasks of tokio, on a thread for each CPU.

use super::{Pool, Round, Work};
use crate::measure::{clock, usage::ProcessUse};
use std::{io, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

/// The workers and what runs them.
pub(super) struct Tasks<W: Work> {
    runtime: Runtime,
    /// A worker that died, with how, stays dead for the rounds to come.
    workers: Vec<Result<W, String>>,
}

/// A worker on its way: it comes back with what it did.
type UnderWay<W> = JoinHandle<(W, Vec<<W as Work>::Done>)>;

impl<W: Work> Tasks<W> {
    /// Makes them.
    pub(super) fn start(workers: u32, job: &W::Job) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        let workers = (0..workers).map(|_| Ok(Ok(W::new(job)?))).collect::<io::Result<_>>()?;
        Ok(Self { runtime, workers })
    }

    async fn one_round(
        &mut self,
        tasks: Vec<Vec<W::Task>>,
        deadline: Duration,
    ) -> io::Result<Round<W::Done>> {
        let (gate, closed) = watch::channel(false);
        let (arrive, mut arrived) = mpsc::unbounded_channel();
        let mut under_way: Vec<Result<UnderWay<W>, String>> = Vec::new();
        for (worker, tasks) in self.workers.drain(..).zip(tasks) {
            under_way.push(worker.map(|mut worker| {
                let (mut closed, arrive) = (closed.clone(), arrive.clone());
                tokio::spawn(async move {
                    let _ = arrive.send(());
                    let _ = closed.wait_for(|open| *open).await;
                    let mut done = Vec::with_capacity(tasks.len());
                    for task in tasks {
                        done.push(worker.run_async(task).await);
                    }
                    (worker, done)
                })
            }));
        }
        for _ in under_way.iter().filter(|task| task.is_ok()) {
            let _ = timeout(deadline, arrived.recv()).await;
        }
        let before = ProcessUse::now().used;
        let released_ns = clock::now();
        let _ = gate.send(true);
        let mut workers = Vec::new();
        for task in under_way {
            let ended = match task {
                Ok(task) => match timeout(deadline, task).await {
                    Ok(Ok(ended)) => Ok(ended),
                    Ok(Err(error)) => Err(format!("the task ended: {error}")),
                    Err(_) => Err("the task did not finish in time".to_owned()),
                },
                Err(how) => Err(how),
            };
            let (worker, done) = match ended {
                Ok((worker, done)) => (Ok(worker), Ok(done)),
                Err(how) => (Err(how.clone()), Err(how)),
            };
            self.workers.push(worker);
            workers.push(done);
        }
        let used = ProcessUse::now().used.since(&before);
        Ok(Round { released_ns, workers, used, processes: Vec::new() })
    }
}

impl<W: Work> Pool<W> for Tasks<W> {
    fn round(&mut self, tasks: Vec<Vec<W::Task>>, deadline: Duration) -> io::Result<Round<W::Done>> {
        let handle = self.runtime.handle().clone();
        handle.block_on(self.one_round(tasks, deadline))
    }
}
