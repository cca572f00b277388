//! What a block between two hosts that the plan names needs, whatever it measures.

use super::{LOOK_UP, LocalHost, last_of};
use crate::{
    measure::clock,
    process::{
        afar::{self, Remote, Rendezvous},
        hosts::{Heard, PATIENCE, Worker},
    },
    run::coordinator::Attempt,
};
use std::{io, net::IpAddr, sync::atomic::Ordering, time::Duration};

/// Time for the cause of a failure to be told: the word of a lost host may come after its broken connection was seen.
const CAUSE: Duration = Duration::from_secs(1);

/// Two hosts: their numbers, and the addresses by which they reach each other.
pub(super) struct Pair {
    pub(super) near: usize,
    pub(super) far: usize,
    pub(super) near_address: IpAddr,
    pub(super) far_address: IpAddr,
}

/// A worker that waits on another host, and where; or what the block comes to without it.
pub(super) type Awaiting = Result<(Worker, Rendezvous), Attempt>;

impl LocalHost {
    /// The two hosts of `near:far`.
    pub(super) fn pair(&mut self, names: &str) -> Result<Pair, Attempt> {
        let (near_name, far_name) = names.split_once(':').unwrap_or_default();
        Ok(Pair {
            near: self.named_host(near_name).map_err(Attempt::Failed)?,
            far: self.named_host(far_name).map_err(Attempt::Failed)?,
            near_address: self.address_of(near_name).map_err(Attempt::Failed)?,
            far_address: self.address_of(far_name).map_err(Attempt::Failed)?,
        })
    }

    /// Starts a worker that will play the role `T` for one on another host, and waits until it listens.
    pub(super) fn start_afar<T: Remote>(
        &mut self,
        host: usize,
        own: IpAddr,
        seed: u64,
        deadline: Duration,
    ) -> io::Result<Awaiting> {
        let token = xxhash_rust::xxh3::xxh3_64_with_seed(&clock::now().to_le_bytes(), seed);
        let job = serde_json::to_value(afar::Job { own, token })?;
        let worker = self.hosts.start_worker_on(host, T::AFAR, job, deadline + PATIENCE)?;
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        loop {
            if self.interrupted.load(Ordering::SeqCst) {
                return Ok(Err(self.end_afar(worker, Attempt::Interrupted)?));
            }
            match self.hear(worker, LOOK_UP) {
                Ok(Heard::Said(line)) => match serde_json::from_value(line)? {
                    afar::Reply::At(at) => return Ok(Ok((worker, Rendezvous { at, token }))),
                    afar::Reply::Failed(why) => return Ok(Err(Attempt::Failed(why))),
                },
                Ok(Heard::Ended(how, words)) => {
                    return Ok(Err(Attempt::Failed(last_of(T::AFAR, &how, &words))));
                }
                Ok(Heard::Lost(why)) => return Ok(Err(Attempt::Failed(why))),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Err(Attempt::Failed(self.hosts.give_up_silent(host)?)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends a block: stops the worker on the other host, and waits until it is gone, so that it does not disturb the next
    /// one. Where an attempt failed, what is known of the other host is why, whatever it looked like from here.
    pub(super) fn end_afar(&mut self, worker: Worker, mut attempt: Attempt) -> io::Result<Attempt> {
        let failure = match &mut attempt {
            Attempt::Failed(why) => Some(why),
            Attempt::Done(seen) => seen.failure_mut(),
            Attempt::Skipped(_) | Attempt::Interrupted => None,
        };
        if let Some(failure) = failure {
            match self.hosts.hear(&[worker], CAUSE) {
                Ok((_, Heard::Lost(why))) => {
                    *failure = why;
                    return Ok(attempt);
                }
                Ok((_, Heard::Ended(how, words))) => {
                    // Without words it has only left because we are gone.
                    if !words.is_empty() {
                        let name = self.hosts.name(worker.host);
                        *failure += &format!("; on host {name}, {}", last_of("other", &how, &words));
                    }
                    return Ok(attempt);
                }
                _ => {}
            }
        }
        self.hosts.stop(worker);
        self.await_end(worker)?;
        Ok(attempt)
    }

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
