//! Blocks against somebody else's server: one conductor for each pool of the server, which starts it and stops it.

use super::{LOOK_UP, LocalHost, fileserver::seen, last_of};
use crate::{
    fileserver::{
        conduct,
        drivers::Limits,
        outside::{self, Command, Whose},
    },
    measure::clock,
    process::{
        hosts::{Heard, PATIENCE, Worker},
        role::Role,
    },
    run::coordinator::Attempt,
};
use ferrybench_data::plan::Outside;
use std::{io, sync::atomic::Ordering, time::Duration};

/// Somebody else's server, as far as it is there.
#[derive(Default)]
pub(super) struct Theirs {
    /// When the first block began, on the monotonic clock.
    begun_ns: Option<u64>,
    /// The conductor, and the pool that its server was started with.
    conductor: Option<(Worker, u32)>,
}

/// Longest that a server may take to listen, and to take leave.
const START: Duration = Duration::from_secs(60);
/// Longest that one conductor may work.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl LocalHost {
    /// Runs a block against somebody else's server.
    pub(super) fn outside(&mut self, outside: &Outside, mut job: conduct::Job) -> io::Result<Attempt> {
        let begun_ns = *self.theirs.begun_ns.get_or_insert_with(clock::now);
        if clock::now() - begun_ns > outside.budget.0 {
            return Ok(Attempt::Skipped(format!("budget: the {} for all rows are used up", outside.budget)));
        }
        let pool = job.spec.server_pool;
        let deadline_ms = outside.deadline.0 / 1_000_000;
        job.limits = Limits { idle_ms: deadline_ms, transfer_ms: deadline_ms };
        job.server_root.clone_from(&outside.server_root);
        job.files.clone_from(&outside.files);
        let id = match self.conductor_for(outside, pool)? {
            Ok(id) => id,
            Err(attempt) => return Ok(attempt),
        };
        let deadline = job.deadline();
        self.hosts.tell(id, serde_json::to_value(job)?);
        let give_up = clock::now() + deadline.as_nanos() as u64;
        let word = self.next_word(id, give_up, |reply| match reply {
            outside::Reply::Done(block) => Some(seen(*block)),
            outside::Reply::Failed(why) | outside::Reply::Gone(why) => Some(Attempt::Failed(why)),
            outside::Reply::Declare(_) | outside::Reply::Ready => None,
        })?;
        if self.theirs.conductor.is_some() {
            self.await_ready(id)?;
        }
        Ok(word)
    }

    /// Waits until a conductor says that its server is there, or is not; and why not.
    fn await_ready(&mut self, id: Worker) -> io::Result<Option<Attempt>> {
        let give_up = clock::now() + START.as_nanos() as u64;
        // It is ready, which is no attempt yet, or it says why not, which is.
        let word = self.next_word(id, give_up, |reply| match reply {
            outside::Reply::Ready => Some(Attempt::Skipped(String::new())),
            outside::Reply::Gone(why) | outside::Reply::Failed(why) => Some(Attempt::Failed(why)),
            outside::Reply::Declare(_) | outside::Reply::Done(_) => None,
        })?;
        Ok(if matches!(word, Attempt::Skipped(_)) { None } else { Some(word) })
    }

    /// The conductor whose server has that pool: the one that is there, or a new one.
    fn conductor_for(&mut self, outside: &Outside, pool: u32) -> io::Result<Result<Worker, Attempt>> {
        match self.theirs.conductor {
            Some((id, its)) if its == pool => return Ok(Ok(id)),
            Some((id, _)) => self.dismiss(id)?,
            None => {}
        }
        let server = match (&outside.command, &outside.target) {
            (Some(line), _) => Whose::Started(Command {
                line: line.clone(),
                root: outside.server_root.clone(),
                memory_bytes: outside.server_memory.0,
            }),
            (None, target) => Whose::Running(target.clone().unwrap_or_default()),
        };
        let job = serde_json::to_value(outside::Job { server, workers: pool })?;
        let id = self.start_worker(outside::Outside::NAME, job, LONGEST)?;
        self.theirs.conductor = Some((id, pool));
        Ok(match self.await_ready(id)? {
            None => Ok(id),
            Some(attempt) => Err(attempt),
        })
    }

    /// Waits for the next word of a conductor that `take` recognises. Whoever has ended is forgotten, so that the next
    /// block begins with a fresh one.
    fn next_word(
        &mut self,
        id: Worker,
        give_up: u64,
        take: impl Fn(outside::Reply) -> Option<Attempt>,
    ) -> io::Result<Attempt> {
        loop {
            if self.interrupted.load(Ordering::SeqCst) {
                self.dismiss(id)?;
                return Ok(Attempt::Interrupted);
            }
            match self.hear(id, LOOK_UP) {
                Ok(Heard::Said(line)) => {
                    let reply: outside::Reply = serde_json::from_value(line)?;
                    if matches!(reply, outside::Reply::Gone(_)) {
                        self.theirs.conductor = None;
                    }
                    if let Some(word) = take(reply) {
                        return Ok(word);
                    }
                }
                Ok(Heard::Ended(how, words)) => {
                    self.theirs.conductor = None;
                    return Ok(Attempt::Failed(last_of(outside::Outside::NAME, &how, &words)));
                }
                Ok(Heard::Lost(why)) => return Ok(Attempt::Failed(why)),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.hosts.stop(id);
                    self.dismiss(id)?;
                    return Ok(Attempt::Failed("the block hung, and was ended at its deadline".into()));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets a conductor take leave of its server, and waits until both are gone.
    fn dismiss(&mut self, id: Worker) -> io::Result<()> {
        self.theirs.conductor = None;
        self.hosts.leave(id);
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        loop {
            match self.hear(id, LOOK_UP) {
                Ok(Heard::Said(_)) => {}
                Ok(Heard::Ended(..) | Heard::Lost(_)) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.hosts.stop(id);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}
