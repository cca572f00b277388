//! A block of the file server: a conductor on the host of the clients, with the files of the run.

use super::{LocalHost, store::Files};
use crate::{
    fileserver::{
        conduct::{self, Block, Conduct, There},
        drivers::Limits,
        side::ServerSide,
    },
    process::{
        hosts::{HERE, PATIENCE},
        role::Role,
    },
    run::coordinator::{Attempt, Seen},
};
use ferrybench_data::{fileserver::Spec, plan::Work};
use serde_json::Value;
use std::io;

/// How long a transfer of our own server may take.
const LIMITS: Limits = Limits { idle_ms: 120_000, transfer_ms: 120_000 };

impl LocalHost {
    /// Runs a block of our own server, or of somebody else's.
    pub(super) fn fileserver(&mut self, spec: &Spec, work: Work, seed: u64) -> io::Result<Attempt> {
        // There are no files where the run is being stopped.
        let Some(files) = self.stores.here.clone() else { return Ok(Attempt::Interrupted) };
        let job = block_job(files, spec, work, seed);
        if let Some(outside) = self.plan.outside.clone() {
            return self.outside(&outside, job);
        }
        let deadline = job.deadline();
        self.worker_on(HERE, Conduct::NAME, serde_json::to_value(job)?, deadline, word)
    }

    /// Runs a block with the clients on one host and the server on another.
    pub(super) fn fileserver_between(&mut self, spec: &Spec, work: Work, seed: u64) -> io::Result<Attempt> {
        let pair = match self.pair(&spec.hosts) {
            Ok(pair) => pair,
            Err(attempt) => return Ok(attempt),
        };
        let (files, servers) = match (self.files_of(pair.near, spec), self.files_of(pair.far, spec)) {
            (Ok(files), Ok(servers)) => (files, servers),
            (Err(attempt), _) | (_, Err(attempt)) => return Ok(attempt),
        };
        // Clocks of two machines drift apart.
        for host in [pair.near, pair.far] {
            if let Err(error) = self.hosts.measure_clock(host) {
                let why = match error.kind() {
                    io::ErrorKind::TimedOut => self.hosts.give_up_silent(host)?,
                    _ => error.to_string(),
                };
                return Ok(Attempt::Failed(why));
            }
        }
        let mut job = block_job(files, spec, work, seed);
        let deadline = job.deadline();
        let (side, control) =
            match self.start_afar::<ServerSide>(pair.far, pair.far_address, seed, deadline)? {
                Ok(awaiting) => awaiting,
                Err(attempt) => return Ok(attempt),
            };
        // Two that read one clock need no measured offset, which is never quite right.
        let (ahead_ns, bound_ns) = if self.hosts.share_a_clock(pair.near, pair.far) {
            (0, 0)
        } else {
            (
                self.hosts.ahead_ns(pair.far) - self.hosts.ahead_ns(pair.near),
                self.hosts.clock_bound_ns(pair.far) + self.hosts.clock_bound_ns(pair.near),
            )
        };
        job.there =
            Some(There { control, address: pair.far_address, store: servers.store, ahead_ns, bound_ns });
        let attempt =
            self.worker_on(pair.near, Conduct::NAME, serde_json::to_value(job)?, deadline + PATIENCE, word)?;
        self.end_afar(side, attempt)
    }
}

/// What a conductor is told.
fn block_job(files: Files, spec: &Spec, work: Work, seed: u64) -> conduct::Job {
    let leg = match work {
        Work::For(leg) => Some(leg),
        Work::Once | Work::Exactly(_) => None,
    };
    conduct::Job {
        spec: spec.clone(),
        leg,
        tag: tag(seed),
        store: files.store,
        sources: files.sources,
        limits: LIMITS,
        there: None,
        server_root: None,
        files: None,
    }
}

/// What a word of a conductor comes to.
fn word(line: Value) -> Option<Attempt> {
    Some(match serde_json::from_value(line).ok()? {
        conduct::Reply::Declare(_) => return None,
        conduct::Reply::Failed(reason) => Attempt::Failed(reason),
        conduct::Reply::Done(block) => seen(*block),
    })
}

pub(super) fn seen(block: Block) -> Attempt {
    let Block { evidence, transfers, failure, run_delay_s } = block;
    Attempt::Done(Box::new(Seen::FileServer { evidence, transfers, run_delay_s: Some(run_delay_s), failure }))
}

/// A word of lower-case letters and digits that no other block of the run has, short enough for servers that read 32
/// bytes of a request.
fn tag(seed: u64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijkmnpqrstuvwx";
    (0..7).map(|place| char::from(DIGITS[(seed >> (5 * place) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_short_and_lower_case() {
        for seed in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let tag = tag(seed);
            assert!(
                tag.len() == 7 && tag.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
                "{tag}"
            );
        }
        assert_ne!(tag(1), tag(2));
    }
}
