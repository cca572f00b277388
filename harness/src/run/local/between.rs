//! A block of a round trip between two hosts that the plan names.

use super::{LOOK_UP, LocalHost, last_of, roundtrip::near_word};
use crate::{
    measure::clock,
    process::{
        hosts::{Heard, PATIENCE, Worker},
        role::Role,
    },
    roundtrip::{
        Afar, Near,
        between::{self, FarHost},
    },
    run::coordinator::Attempt,
};
use ferrybench_data::{
    plan::Work,
    roundtrip::{Pattern, Spec},
};
use std::{io, net::SocketAddr, sync::atomic::Ordering};

/// What waiting for the far host's worker came to.
enum Listening {
    At(SocketAddr),
    Not(Attempt),
}

impl LocalHost {
    /// Runs a block of our own mechanism between two hosts: a worker on each.
    pub(super) fn roundtrip_between(&mut self, spec: &Spec, work: Work, seed: u64) -> io::Result<Attempt> {
        match self.both_hosts(spec) {
            Ok((near, far, own, its)) => {
                let token = xxhash_rust::xxh3::xxh3_64_with_seed(&clock::now().to_le_bytes(), seed);
                let job = serde_json::to_value(between::Job { own: its, token })?;
                let mut near_job = self.near_job(spec, work, seed, self.hosts.folder(near)?.to_owned());
                let deadline = near_job.deadline();
                let afar = self.hosts.start_worker_on(far, Afar::NAME, job, deadline + PATIENCE)?;
                let attempt = match self.await_address(afar)? {
                    Listening::Not(attempt) => attempt,
                    Listening::At(control) => {
                        near_job.far_host = Some(FarHost { control, token, own });
                        self.worker_on(
                            near,
                            Near::NAME,
                            serde_json::to_value(near_job)?,
                            deadline,
                            near_word,
                        )?
                    }
                };
                self.hosts.stop(afar);
                self.await_end(afar)?;
                Ok(attempt)
            }
            Err(attempt) => Ok(attempt),
        }
    }

    /// Numbers and addresses of the near and the far host.
    fn both_hosts(
        &mut self,
        spec: &Spec,
    ) -> Result<(usize, usize, std::net::IpAddr, std::net::IpAddr), Attempt> {
        let (near_name, far_name) = spec.hosts.split_once(':').unwrap_or_default();
        let near = self.named_host(near_name).map_err(Attempt::Failed)?;
        let far = self.named_host(far_name).map_err(Attempt::Failed)?;
        let own = self.address_of(near_name).map_err(Attempt::Failed)?;
        let its = self.address_of(far_name).map_err(Attempt::Failed)?;
        // A stream is timed from its first message at one end to its last at the other.
        if spec.pattern == Pattern::Stream && !self.hosts.share_a_clock(near, far) {
            let why = "a stream is timed by the clocks of both ends, and two machines have two";
            return Err(Attempt::Skipped(why.into()));
        }
        Ok((near, far, own, its))
    }

    fn await_address(&mut self, afar: Worker) -> io::Result<Listening> {
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        loop {
            if self.interrupted.load(Ordering::SeqCst) {
                return Ok(Listening::Not(Attempt::Interrupted));
            }
            match self.hear(afar, LOOK_UP) {
                Ok(Heard::Said(line)) => {
                    return Ok(match serde_json::from_value(line)? {
                        between::Reply::At(at) => Listening::At(at),
                        between::Reply::Failed(why) => Listening::Not(Attempt::Failed(why)),
                    });
                }
                Ok(Heard::Ended(how, words)) => {
                    return Ok(Listening::Not(Attempt::Failed(last_of(Afar::NAME, &how, &words))));
                }
                Ok(Heard::Lost(why)) => return Ok(Listening::Not(Attempt::Failed(why))),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until a worker that was stopped is gone, so that it does not disturb the next block.
    fn await_end(&mut self, worker: Worker) -> io::Result<()> {
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        loop {
            match self.hear(worker, LOOK_UP) {
                Ok(Heard::Said(_)) => {}
                Ok(Heard::Ended(..) | Heard::Lost(_)) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
