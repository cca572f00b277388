//! A block of a round trip on this host: a near worker, or a foreign peer.

use super::LocalHost;
use crate::{
    measure::place,
    process::{hosts::HERE, role::Role},
    roundtrip::{
        Far, Near,
        between::FarHost,
        foreign::{self, Foreign},
        near,
    },
    run::coordinator::{Attempt, Seen},
};
use ferrybench_data::{
    plan::Work,
    roundtrip::{Pattern, Spec},
};
use serde_json::Value;
use std::{io, path::PathBuf, time::Duration};

/// Longest that a foreign peer's block may take.
const FOREIGN_DEADLINE: Duration = Duration::from_secs(60);

impl LocalHost {
    /// Runs a block of our own mechanism.
    pub(super) fn roundtrip(&mut self, spec: &Spec, work: Work, seed: u64) -> io::Result<Attempt> {
        let job = self.near_job(spec, work, seed, self.folder.clone());
        let deadline = job.deadline();
        self.worker_on(HERE, Near::NAME, serde_json::to_value(job)?, deadline, near_word)
    }

    /// Runs a block of our own mechanism between two hosts: a worker on each.
    pub(super) fn roundtrip_between(&mut self, spec: &Spec, work: Work, seed: u64) -> io::Result<Attempt> {
        let pair = match self.pair(&spec.hosts) {
            Ok(pair) => pair,
            Err(attempt) => return Ok(attempt),
        };
        // A stream is timed from its first message at one end to its last at the other.
        if spec.pattern == Pattern::Stream && !self.hosts.share_a_clock(pair.near, pair.far) {
            let why = "a stream is timed by the clocks of both ends, and two machines have two";
            return Ok(Attempt::Skipped(why.into()));
        }
        let mut job = self.near_job(spec, work, seed, self.hosts.folder(pair.near)?.to_owned());
        let deadline = job.deadline();
        let (afar, control) = match self.start_afar::<Far>(pair.far, pair.far_address, seed, deadline)? {
            Ok(awaiting) => awaiting,
            Err(attempt) => return Ok(attempt),
        };
        job.far_host = Some(FarHost { control, own: pair.near_address });
        let attempt =
            self.worker_on(pair.near, Near::NAME, serde_json::to_value(job)?, deadline, near_word)?;
        self.end_afar(afar, attempt)
    }

    /// What a near end is told.
    fn near_job(&self, spec: &Spec, work: Work, seed: u64, folder: PathBuf) -> near::Job {
        let (leg, exchanges) = match work {
            Work::For(leg) => (Some(leg), None),
            Work::Exactly(count) => (None, Some(count)),
            Work::Once => (None, Some(1)),
        };
        near::Job {
            spec: spec.clone(),
            warm_up: spec.warm_up(),
            leg,
            exchanges,
            seed,
            places: self.catalogue.places,
            clock_cost_ns: self.clock_cost_ns,
            folder,
            far_host: None,
        }
    }

    /// Runs a block of somebody else's program.
    pub(super) fn foreign_roundtrip(&mut self, spec: &Spec, peer: usize) -> io::Result<Attempt> {
        let peer = &self.plan.foreign[peer];
        let cpus = place::cpus_of(spec, self.catalogue.places).into_iter().flatten().collect();
        let job = foreign::Job {
            command: peer.command.clone(),
            rounds: peer.rounds,
            bytes: spec.message_bytes,
            cpus,
            folder: self.folder.clone(),
        };
        self.worker_on(HERE, Foreign::NAME, serde_json::to_value(job)?, FOREIGN_DEADLINE, |line| {
            Some(match serde_json::from_value(line).ok()? {
                foreign::Reply::Done(evidence) => {
                    let evidence = *evidence;
                    Attempt::Done(Box::new(Seen::RoundTrip { evidence, histogram: None, run_delay_s: None }))
                }
                foreign::Reply::Failed(reason) => Attempt::Failed(reason),
            })
        })
    }
}

/// What a word of a near end comes to.
fn near_word(line: Value) -> Option<Attempt> {
    Some(match serde_json::from_value(line).ok()? {
        near::Reply::Declare(_) => return None,
        near::Reply::Failed(reason) => Attempt::Failed(reason),
        near::Reply::Done(block) => Attempt::Done(Box::new(Seen::RoundTrip {
            evidence: block.evidence,
            histogram: block.histogram,
            run_delay_s: Some(block.run_delay_s),
        })),
    })
}
