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
    /// A thread that died or hung, with how, stays dead for the rounds to come.
    lines: Vec<Result<Line<W>, String>>,
}

struct Line<W: Work> {
    tasks: Sender<Vec<W::Task>>,
    answers: Receiver<Answer<W::Done>>,
}

const ENDED: &str = "the worker thread ended";

enum Answer<D> {
    AtTheGate,
    Done(io::Result<Vec<D>>, Usage),
}

impl<W: Work> Threads<W> {
    /// Starts them.
    pub(super) fn start(workers: u32, job: &W::Job) -> io::Result<Self> {
        let gate = Arc::new(Gate::new()?);
        let lines = (1..=workers).map(|number| Ok(Ok(line(number, job.clone(), Arc::clone(&gate))?)));
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
        for (line, tasks) in self.lines.iter_mut().zip(tasks) {
            if line.as_ref().is_ok_and(|line| line.tasks.send(tasks).is_err()) {
                *line = Err(ENDED.to_owned());
            }
        }
        for line in &mut self.lines {
            if let Ok(at_work) = line
                && let Err(how) = at_work.answer(deadline)
            {
                *line = Err(how);
            }
        }
        let released_ns = clock::now();
        self.gate.open(self.lines.iter().filter(|line| line.is_ok()).count())?;
        let mut used = Usage::default();
        let mut workers = Vec::new();
        for line in &mut self.lines {
            let answer = match line {
                Ok(at_work) => at_work.answer(deadline),
                Err(how) => Err(how.clone()),
            };
            workers.push(match answer {
                Ok(Answer::Done(done, own)) => {
                    used += own;
                    done.map_err(|error| error.to_string())
                }
                Ok(Answer::AtTheGate) => Err("the worker thread answered out of turn".to_owned()),
                Err(how) => {
                    *line = Err(how.clone());
                    Err(how)
                }
            });
        }
        Ok(Round { released_ns, workers, used, processes: Vec::new() })
    }
}

impl<W: Work> Line<W> {
    fn answer(&self, deadline: Duration) -> Result<Answer<W::Done>, String> {
        self.answers.recv_timeout(deadline).map_err(|error| match error {
            RecvTimeoutError::Timeout => "the worker thread did not finish in time".to_owned(),
            RecvTimeoutError::Disconnected => ENDED.to_owned(),
        })
    }
}
