//! Workers that are processes of the same binary.

use super::{Pool, Round, Work, gate::Gate};
use crate::{
    measure::{
        clock,
        usage::{self, ProcessUse, Usage},
    },
    process::{
        partner::{Partner, Program},
        role::{Port, Role},
    },
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    marker::PhantomData,
    os::fd::{FromRawFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

/// The role of a worker process of a pool.
pub struct Member<W>(PhantomData<W>);

/// What a member answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply<D> {
    /// It waits for the barrier.
    AtTheGate,
    /// It has done its tasks, with what the round used and what the process used so far.
    Done(Vec<D>, Usage, ProcessUse),
}

/// Longest that a fresh process may take until it waits for the barrier.
const START: Duration = Duration::from_secs(60);
/// The descriptor of the barrier.
const GATE: i32 = 3;

impl<W: Work> Role for Member<W> {
    const NAME: &'static str = W::ROLE;
    type Job = W::Job;
    type Cue = Vec<W::Task>;
    type Reply = Reply<W::Done>;

    fn play(job: W::Job, port: Port<Vec<W::Task>, Reply<W::Done>>) -> io::Result<()> {
        // SAFETY: descriptor 3 is the barrier that this process was handed, and nothing else here knows of it.
        let gate = Gate::from_fd(unsafe { OwnedFd::from_raw_fd(GATE) });
        let mut worker = W::new(&job)?;
        for tasks in port.cues {
            let used = usage::start();
            port.replies.send(&Reply::AtTheGate)?;
            gate.wait()?;
            let done = tasks.into_iter().map(|task| worker.run(task)).collect();
            port.replies.send(&Reply::Done(done, used.used(), ProcessUse::now()))?;
        }
        Ok(())
    }
}

/// The processes.
pub(super) struct Processes<W: Work> {
    gate: Gate,
    /// A member that died, with how, stays dead for the rounds to come.
    members: Vec<Result<Partner<Member<W>>, String>>,
}

impl<W: Work> Processes<W> {
    /// Starts them.
    pub(super) fn start(workers: u32, job: &W::Job) -> io::Result<Self> {
        let gate = Gate::new()?;
        let begin = |_| {
            // Whoever waits for its answer hears how it ended.
            let member = Partner::process(&Program::myself(), job, vec![gate.to_fd()?], Arc::new(|_| {}))?;
            Ok(Ok(member))
        };
        let members = (0..workers).map(begin).collect::<io::Result<_>>()?;
        Ok(Self { gate, members })
    }
}

impl<W: Work> Pool<W> for Processes<W> {
    fn round(&mut self, tasks: Vec<Vec<W::Task>>, deadline: Duration) -> io::Result<Round<W::Done>> {
        for (member, tasks) in self.members.iter_mut().zip(tasks) {
            let cued = match member {
                // How it ended says more than that it does not listen.
                Ok(partner) => {
                    partner.cue(tasks).map_err(|error| partner.reply(START).err().unwrap_or(error))
                }
                Err(_) => continue,
            };
            if let Err(error) = cued {
                *member = Err(error.to_string());
            }
        }
        for member in &mut self.members {
            let Ok(partner) = member else { continue };
            if let Err(error) = partner.reply(START) {
                *member = Err(error.to_string());
            }
        }
        let released_ns = clock::now();
        self.gate.open(self.members.iter().filter(|member| member.is_ok()).count())?;
        let mut round =
            Round { released_ns, workers: Vec::new(), used: Usage::default(), processes: Vec::new() };
        for member in &mut self.members {
            let answer = match member {
                Ok(partner) => partner.reply(deadline).map_err(|error| error.to_string()),
                Err(how) => Err(how.clone()),
            };
            round.workers.push(match answer {
                Ok(Reply::Done(done, used, process)) => {
                    round.used += used;
                    round.processes.push(process);
                    Ok(done)
                }
                Ok(Reply::AtTheGate) => Err("the worker process answered out of turn".to_owned()),
                Err(how) => {
                    *member = Err(how.clone());
                    Err(how)
                }
            });
        }
        Ok(round)
    }
}
