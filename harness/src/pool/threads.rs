//! Workers that are threads of this process.

use super::{Pool, Round, Work, gate::Gate};
use crate::measure::{
    clock,
    usage::{self, Usage},
};
use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

/// The threads, each with its own line.
pub(super) struct Threads<W: Work> {
    gate: Arc<Gate>,
    lines: Vec<Line<W>>,
}

struct Line<W: Work> {
    tasks: Sender<Vec<W::Task>>,
    answers: Receiver<Answer<W::Done>>,
}

enum Answer<D> {
    AtTheGate,
    Done(io::Result<Vec<D>>, Usage),
}

impl<W: Work> Threads<W> {
    /// Starts them.
    pub(super) fn start(workers: u32, job: &W::Job) -> io::Result<Self> {
        let gate = Arc::new(Gate::new()?);
        let lines = (1..=workers).map(|number| line(number, job.clone(), Arc::clone(&gate)));
        let lines = lines.collect::<io::Result<_>>()?;
        Ok(Self { gate, lines })
    }
}

fn line<W: Work>(number: u32, job: W::Job, gate: Arc<Gate>) -> io::Result<Line<W>> {
    let (tasks, incoming) = mpsc::channel::<Vec<W::Task>>();
    let (outgoing, answers) = mpsc::channel();
    thread::Builder::new().name(format!("worker {number}")).spawn(move || {
        let mut worker = W::new(&job);
        for tasks in incoming {
            let used = usage::start();
            if outgoing.send(Answer::AtTheGate).is_err() {
                return;
            }
            let done = gate.wait().and_then(|()| match &mut worker {
                Ok(worker) => Ok(tasks.into_iter().map(|task| worker.run(task)).collect()),
                Err(error) => Err(io::Error::other(error.to_string())),
            });
            if outgoing.send(Answer::Done(done, used.used())).is_err() {
                return;
            }
        }
    })?;
    Ok(Line { tasks, answers })
}

impl<W: Work> Pool<W> for Threads<W> {
    fn round(&mut self, tasks: Vec<Vec<W::Task>>, deadline: Duration) -> io::Result<Round<W::Done>> {
        for (line, tasks) in self.lines.iter().zip(tasks) {
            line.tasks.send(tasks).map_err(|_| io::Error::other("a worker thread is gone"))?;
        }
        for line in &self.lines {
            line.answers
                .recv_timeout(deadline)
                .map_err(|_| io::Error::other("a worker thread did not come"))?;
        }
        let released_ns = clock::now();
        self.gate.open(self.lines.len())?;
        let mut used = Usage::default();
        let workers = self.lines.iter().map(|line| match line.answers.recv_timeout(deadline) {
            Ok(Answer::Done(done, own)) => {
                used += own;
                done.map_err(|error| error.to_string())
            }
            Err(RecvTimeoutError::Timeout) => Err("the worker thread did not finish in time".to_owned()),
            _ => Err("the worker thread ended".to_owned()),
        });
        let workers = workers.collect();
        Ok(Round { released_ns, workers, used, processes: Vec::new() })
    }
}
