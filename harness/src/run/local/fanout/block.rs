//! One block of fan-out: receivers listen, the sender's program runs once, and everybody tells.

use super::{
    Network, Station,
    scene::{PATIENCE, Scene},
};
use crate::{
    fanout::{
        evidence::{self, Around},
        outputs,
        receive::{self, Receive},
        send::{self, Send, Target},
        told::{Received, Sent},
    },
    host::testbed::{Counters, Link, TestBed},
    measure::clock,
    process::{hosts::Worker, role::Role},
    run::{
        coordinator::{Attempt, Seen},
        local::{Heard, LOOK_UP, LocalHost, last_of},
    },
};
use ferrybench_data::fanout::{Delivery, Hosts, Spec};
use serde::de::DeserializeOwned;
use std::{io, net::SocketAddr, sync::atomic::Ordering, time::Duration};

/// From the moment that everybody is ready to the start barrier: for the word to get to each host.
const LEAD: Duration = Duration::from_millis(3);
/// For each receiver, more.
const LEAD_EACH: Duration = Duration::from_micros(50);
/// Why a block came to no evidence.
enum Broken {
    Failed(String),
    Interrupted,
}

/// What everybody told.
struct Told {
    sent: Sent,
    /// Each receiver, and what it told; or why it told nothing.
    received: Vec<(Target, Result<Received, String>)>,
}

impl LocalHost {
    /// Runs a block over the hosts of the network.
    pub(super) fn block_on(&mut self, network: &mut Network, spec: &Spec, seed: u64) -> io::Result<Attempt> {
        if let Some(why) = &network.nothing {
            return Ok(Attempt::Failed(why.clone()));
        }
        let stations = &network.stations[..=spec.receivers as usize];
        if let Some(why) = stations.iter().find_map(|station| self.hosts.lost(station.host)) {
            return Ok(Attempt::Failed(why.to_owned()));
        }
        if let Some(why) = stations.iter().find_map(|station| station.unreachable.clone()) {
            return Ok(Attempt::Failed(why));
        }
        let set_up =
            network.bed.as_mut().map(|bed| bed.configure(&Link::of(spec)).and_then(|()| bed.counters()));
        let before = match set_up.transpose() {
            Ok(before) => before,
            Err(error) => return Ok(Attempt::Failed(network.broken(&error))),
        };
        for station in stations {
            // Clocks of two machines drift.
            if spec.hosts == Hosts::Named
                && let Err(error) = self.hosts.measure_clock(station.host)
            {
                let lost = self.hosts.lost(station.host).map(str::to_owned);
                return Ok(Attempt::Failed(lost.unwrap_or_else(|| format!("{}: {error}", station.name))));
            }
        }
        let mut workers = Vec::new();
        let (urls, fetch_limit_bytes) = (self.urls(), self.fetch_limit_bytes());
        let scene = Scene::new(network, spec, seed, &urls, fetch_limit_bytes);
        if let Some(why) = scene.limit() {
            return Ok(Attempt::Skipped(why));
        }
        let ended = self.conduct(&scene, &mut workers);
        for worker in workers {
            self.hosts.stop(worker);
        }
        let told = match ended? {
            Ok(told) => told,
            Err(Broken::Failed(why)) => return Ok(Attempt::Failed(why)),
            Err(Broken::Interrupted) => return Ok(Attempt::Interrupted),
        };
        let after = network.bed.as_ref().map(TestBed::counters).transpose();
        let injected = match after {
            Ok(after) => after.zip(before).map(|(after, before)| after.since(&before)),
            Err(error) => return Ok(Attempt::Failed(network.broken(&error))),
        };
        let stations = &network.stations[..=spec.receivers as usize];
        Ok(self.judged(stations, spec, &told, injected.as_ref()))
    }

    /// Starts everybody, lets the sender go, and collects what they tell. Whoever is started is noted in `workers`.
    fn conduct(&mut self, scene: &Scene<'_>, workers: &mut Vec<Worker>) -> io::Result<Result<Told, Broken>> {
        let (stations, deadline) = (scene.stations(), scene.deadline());
        let mut targets = Vec::new();
        let mut port = 0;
        for (number, station) in (1..).zip(&stations[1..]) {
            let job = serde_json::to_value(scene.receiver_job(number, port))?;
            // It has a deadline of its own, which it tells of; this one is for a receiver that hangs.
            let patience = deadline + PATIENCE * 2;
            let worker = self.hosts.start_worker_on(station.host, Receive::NAME, job, patience)?;
            workers.push(worker);
            // All that one datagram is to reach listen on the port that the first one got.
            if port == 0 && scene.spec.delivery != Delivery::Unicast {
                match self.ready_receiver(worker)? {
                    Ok(address) => {
                        port = address.port();
                        targets.push(Target { receiver: number, address: reached_at(station, address) });
                    }
                    Err(broken) => return Ok(Err(broken)),
                }
            }
        }
        for ((number, station), &worker) in (1..).zip(&stations[1..]).zip(&*workers).skip(targets.len()) {
            match self.ready_receiver(worker)? {
                Ok(address) => {
                    targets.push(Target { receiver: number, address: reached_at(station, address) });
                }
                Err(broken) => return Ok(Err(broken)),
            }
        }
        let receivers = workers.clone();
        let job = serde_json::to_value(scene.sender_job(targets.clone(), port))?;
        let sender = self.hosts.start_worker_on(stations[0].host, Send::NAME, job, deadline + PATIENCE)?;
        workers.push(sender);
        let ready = self.word_of(sender, Send::NAME, PATIENCE, |reply| match reply {
            send::Reply::Ready => Some(Ok(())),
            send::Reply::Failed(why) => Some(Err(why)),
            send::Reply::Declare(_) | send::Reply::Done(_) => None,
        })?;
        if let Err(broken) = ready {
            return Ok(Err(broken));
        }
        let here_ns = clock::now() + self.lead(stations).as_nanos() as u64;
        for &receiver in &receivers {
            let at_ns = self.hosts.on_its_clock(receiver.host, here_ns);
            self.hosts.tell(receiver, serde_json::to_value(receive::Cue::Start { at_ns })?);
        }
        let at_ns = self.hosts.on_its_clock(sender.host, here_ns);
        self.hosts.tell(sender, serde_json::to_value(send::Cue::Go { at_ns })?);
        let sent = self.word_of(sender, Send::NAME, deadline + PATIENCE, |reply| match reply {
            send::Reply::Done(sent) => Some(Ok(*sent)),
            send::Reply::Failed(why) => Some(Err(why)),
            send::Reply::Declare(_) | send::Reply::Ready => None,
        })?;
        let sent = match sent {
            Ok(sent) => sent,
            Err(broken) => return Ok(Err(broken)),
        };
        for &receiver in &receivers {
            self.hosts.tell(receiver, serde_json::to_value(receive::Cue::Finish)?);
        }
        let mut received = Vec::new();
        // For all of them together: they finish at the same time.
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        for (target, &receiver) in targets.into_iter().zip(&receivers) {
            let left = Duration::from_nanos(give_up.saturating_sub(clock::now()));
            let told = self.word_of(receiver, Receive::NAME, left, |reply| match reply {
                receive::Reply::Done(received) => Some(Ok(*received)),
                receive::Reply::Failed(why) => Some(Err(why)),
                _ => None,
            })?;
            match told {
                Ok(told) => received.push((target, Ok(told))),
                // What the others tell stands.
                Err(Broken::Failed(why)) => received.push((target, Err(why))),
                Err(Broken::Interrupted) => return Ok(Err(Broken::Interrupted)),
            }
        }
        Ok(Ok(Told { sent, received }))
    }

    /// How long before the barrier everybody is told of it: the bound of a clock is half the way there and back.
    fn lead(&self, stations: &[Station]) -> Duration {
        let farthest = stations.iter().map(|station| self.hosts.clock_bound_ns(station.host)).max();
        LEAD + LEAD_EACH * stations.len() as u32 + Duration::from_nanos(4 * farthest.unwrap_or(0))
    }

    fn ready_receiver(&mut self, worker: Worker) -> io::Result<Result<SocketAddr, Broken>> {
        self.word_of(worker, Receive::NAME, PATIENCE, |reply| match reply {
            receive::Reply::Ready { address, .. } => Some(Ok(address)),
            receive::Reply::Failed(why) => Some(Err(why)),
            _ => None,
        })
    }

    /// The next word of a worker that `take` recognises.
    fn word_of<R: DeserializeOwned, T>(
        &mut self,
        worker: Worker,
        role: &str,
        patience: Duration,
        take: impl Fn(R) -> Option<Result<T, String>>,
    ) -> io::Result<Result<T, Broken>> {
        let name = self.hosts.name(worker.host).to_owned();
        let failed = |why: &str| Err(Broken::Failed(format!("{name}: {why}")));
        let give_up = clock::now() + patience.as_nanos() as u64;
        loop {
            if self.interrupted.load(Ordering::SeqCst) {
                return Ok(Err(Broken::Interrupted));
            }
            match self.hear(worker, LOOK_UP) {
                Ok(Heard::Said(line)) => match serde_json::from_value(line).ok().and_then(&take) {
                    Some(Ok(word)) => return Ok(Ok(word)),
                    Some(Err(why)) => return Ok(failed(&why)),
                    None => {}
                },
                Ok(Heard::Ended(how, words)) => return Ok(failed(&last_of(role, &how, &words))),
                Ok(Heard::Lost(why)) => return Ok(Err(Broken::Failed(why))),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(failed(&format!("the {role} worker did not answer in time")));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl LocalHost {
    /// Puts together what everybody told, and what each program would have printed.
    fn judged(&self, stations: &[Station], spec: &Spec, told: &Told, injected: Option<&Counters>) -> Attempt {
        let Told { sent, received } = told;
        let sender = stations[0].host;
        let heard: Vec<evidence::Heard> = stations[1..]
            .iter()
            .zip(received)
            .map(|(station, (target, told))| evidence::Heard {
                receiver: target.receiver,
                host: station.name.clone(),
                address: target.address.to_string(),
                told: told.clone(),
                // From the receiver's clock to ours, and from ours to the sender's.
                offset_ns: self.hosts.ahead_ns(sender) - self.hosts.ahead_ns(station.host),
            })
            .collect();
        let bound =
            |station: &Station| self.hosts.clock_bound_ns(station.host) + self.hosts.clock_bound_ns(sender);
        let by_hosts = || match spec.hosts {
            Hosts::Named => evidence::dropped_by_hosts(sent, &heard),
            Hosts::Namespaces | Hosts::Loopback => None,
        };
        let around = Around {
            clock_bound_ns: stations[1..].iter().map(bound).max().unwrap_or(0),
            hosts_distinct: self.distinct(stations),
            interface_dropped: injected.map(Counters::interface_dropped).or_else(by_hosts),
            injected_drops: injected.map(Counters::injected_drops),
            injected_duplicates: injected.map(Counters::injected_duplicates),
        };
        let (evidence, receivers, fetches) = evidence::join(spec, sent, &heard, &around);
        let began = clock::utc().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let mut captures = vec![(stations[0].name.clone(), outputs::of_sender(spec, &began, sent))];
        for at in &heard {
            let Ok(told) = &at.told else { continue };
            let since_start =
                |time_ns: u64| (time_ns as i64 + at.offset_ns - sent.passed_barrier_ns as i64) as f64 / 1e9;
            captures.push((at.host.clone(), outputs::of_receiver(spec, told, since_start)));
        }
        let lost = heard.iter().find_map(|at| at.told.as_ref().err().cloned());
        Attempt::Done(Box::new(Seen::Fanout {
            failure: lost.or_else(|| evidence::failure(spec, sent, &receivers)),
            evidence,
            receivers,
            fetches,
            captures,
            run_delay_s: None,
        }))
    }

    /// Hosts that are hosts of their own, as their agents proved: (boot, network namespace).
    fn distinct(&self, stations: &[Station]) -> u32 {
        let mut known: Vec<_> =
            stations.iter().filter_map(|station| self.hosts.place(station.host)).collect();
        known.sort_unstable();
        known.dedup();
        known.len() as u32
    }
}

/// The address under which a receiver that listens on all of its own is reached.
fn reached_at(station: &Station, listens: SocketAddr) -> SocketAddr {
    SocketAddr::from((station.address, listens.port()))
}
