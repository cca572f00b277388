//! A process that takes tasks as they come, one at a time, without a barrier: for programs that start a worker when there
//! is work, and hand out what has just become ready.

use super::{Watch, Work};
use crate::{
    measure::usage::ProcessUse,
    process::{
        partner::{Partner, Program},
        role::{Port, Replies, Role},
    },
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    marker::PhantomData,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// The role of such a process.
pub struct Hand<W>(PhantomData<W>);

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply<D, P> {
    /// It waits for a task.
    Ready,
    /// How far it is with one, where somebody watches; nobody waits for it.
    Progress(P),
    /// It has done one, with what its process used so far.
    Done(D, ProcessUse),
}

/// Longest that a fresh process may take until it is ready.
const START: Duration = Duration::from_secs(60);
/// How often a process that is watched tells how far it is.
const TELLS: Duration = Duration::from_millis(100);

impl<W: Work> Role for Hand<W> {
    const NAME: &'static str = W::ROLE;
    type Job = W::Job;
    type Cue = W::Task;
    type Reply = Reply<W::Done, W::Progress>;

    fn overhear(reply: &Self::Reply) -> bool {
        match reply {
            Reply::Progress(progress) => W::overheard(progress),
            Reply::Ready | Reply::Done(..) => return false,
        }
        true
    }

    fn play(job: W::Job, port: Port<W::Task, Self::Reply>) -> io::Result<()> {
        let mut worker = W::new(&job)?;
        port.replies.send(&Reply::Ready)?;
        for task in port.cues {
            let done = telling::<W>(&port.replies, W::watch(&task), || worker.run(task));
            port.replies.send(&Reply::Done(done, ProcessUse::now()))?;
        }
        Ok(())
    }
}

/// Does a task, and tells meanwhile how far it is; the last of it before this returns.
fn telling<W: Work>(
    replies: &Replies<Reply<W::Done, W::Progress>>,
    watch: Option<Watch<W::Progress>>,
    task: impl FnOnce() -> W::Done,
) -> W::Done {
    let Some(mut look) = watch else { return task() };
    let (running, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let replies = replies.clone();
        let telling = move || loop {
            let is_running = ended.recv_timeout(TELLS) == Err(RecvTimeoutError::Timeout);
            // Whoever does not listen any more ends this process.
            let _ = replies.send(&Reply::Progress(look()));
            if !is_running {
                return;
            }
        };
        // Where there can be no thread, the task is done without a word.
        let _ = thread::Builder::new().spawn_scoped(scope, telling);
        let done = task();
        drop(running);
        done
    })
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
            Reply::Progress(_) | Reply::Done(..) => {
                Err(io::Error::other("the worker process answered out of turn"))
            }
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
                Reply::Ready | Reply::Progress(_) => {}
                Reply::Done(done, used) => return Ok((done, used)),
            }
        }
    }
}
