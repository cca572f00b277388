//! A process that takes tasks as they come, one at a time, without a barrier: for programs that start a worker when there
//! is work, and hand out what has just become ready.

use super::Work;
use crate::{
    measure::usage::ProcessUse,
    process::{
        partner::{Partner, Program},
        role::{Port, Role},
    },
};
use serde::{Deserialize, Serialize};
use std::{io, marker::PhantomData, sync::Arc, time::Duration};

/// The role of such a process.
pub struct Hand<W>(PhantomData<W>);

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply<D> {
    /// It waits for a task.
    Ready,
    /// It has done one, with what its process used so far.
    Done(D, ProcessUse),
}

/// Longest that a fresh process may take until it is ready.
const START: Duration = Duration::from_secs(60);

impl<W: Work> Role for Hand<W> {
    const NAME: &'static str = W::ROLE;
    type Job = W::Job;
    type Cue = W::Task;
    type Reply = Reply<W::Done>;

    fn play(job: W::Job, port: Port<W::Task, Reply<W::Done>>) -> io::Result<()> {
        let mut worker = W::new(&job)?;
        port.replies.send(&Reply::Ready)?;
        for task in port.cues {
            let done = worker.run(task);
            port.replies.send(&Reply::Done(done, ProcessUse::now()))?;
        }
        Ok(())
    }
}

/// A worker process of ours.
pub struct Hired<W: Work>(Partner<Hand<W>>);

impl<W: Work> Hired<W> {
    /// Starts it.
    pub fn start(job: &W::Job) -> io::Result<Self> {
        // Whoever waits for its answer hears how it ended.
        Ok(Self(Partner::process(&Program::myself(), job, Vec::new(), Arc::new(|_| {}))?))
    }

    /// Waits until it is there.
    pub fn is_ready(&self) -> io::Result<()> {
        match self.0.reply(START)? {
            Reply::Ready => Ok(()),
            Reply::Done(..) => Err(io::Error::other("the worker process answered out of turn")),
        }
    }

    /// Gives it a task.
    pub fn give(&mut self, task: W::Task) -> io::Result<()> {
        // How it ended says more than that it does not listen.
        self.0.cue(task).map_err(|error| self.0.reply(START).err().unwrap_or(error))
    }

    /// Waits until the task is done.
    pub fn done(&self, deadline: Duration) -> io::Result<(W::Done, ProcessUse)> {
        loop {
            match self.0.reply(deadline)? {
                Reply::Ready => {}
                Reply::Done(done, used) => return Ok((done, used)),
            }
        }
    }
}
