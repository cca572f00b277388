//! One block of fan-out: receivers listen, the sender's program runs once, and everybody tells.

use super::{Network, Station};
use crate::{
    fanout::{
        evidence::{self, Around},
        fetch, outputs,
        receive::{self, Expected, Group, Keep, Receive},
        send::{self, Destination, From, Send, Source, Target},
        stock::{Stocked, Wanted},
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
use ferrybench_data::fanout::{Assignment, Content, Delivery, FetchWhere, Framing, Hosts, Spec};
use serde::de::DeserializeOwned;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::Ordering,
    time::Duration,
};

/// Receive buffer that is asked for: what it got is in the record.
const RECEIVE_BUFFER: u32 = 8 << 20;
/// From the moment that everybody is ready to the start of the sender's clock: for the word to get there.
const LEAD: Duration = Duration::from_millis(3);
/// Longest that workers may take to start, and to tell.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest silence of one receiver before the sender gives it up.
const SILENCE_MS: u64 = 5_000;
/// Most bytes of a fetched file.
const FETCH_LIMIT: u64 = 1 << 30;
/// Slowest network and slowest program that are worth measuring.
const SLOWEST_BYTES_PER_S: u64 = 4 << 20;
const SLOWEST_DATAGRAMS_PER_S: u64 = 20_000;

/// What everybody told, and when the sender's clock was to start, on that clock.
type Told = (Sent, Vec<Received>, u64);

/// Why a block came to no evidence.
enum Broken {
    Failed(String),
    Interrupted,
}

impl LocalHost {
    /// Runs a block over the hosts of the network.
    pub(super) fn block_on(&mut self, network: &mut Network, spec: &Spec, seed: u64) -> io::Result<Attempt> {
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
        let ended = self.conduct(network, spec, seed, &mut workers);
        for worker in workers {
            self.hosts.stop(worker);
        }
        let (sent, received, planned_ns) = match ended? {
            Ok(told) => told,
            Err(Broken::Failed(why)) => return Ok(Attempt::Failed(why)),
            Err(Broken::Interrupted) => return Ok(Attempt::Interrupted),
        };
        let after = network.bed.as_ref().map(TestBed::counters).transpose();
        let injected = match after {
            Ok(after) => after.zip(before).map(|(after, before)| after.since(&before)),
            Err(error) => return Ok(Attempt::Failed(network.broken(&error))),
        };
        Ok(self.judged(network, spec, &sent, &received, planned_ns, injected.as_ref()))
    }

    /// Starts everybody, lets the sender go, and collects what they tell. Whoever is started is noted in `workers`.
    fn conduct(
        &mut self,
        network: &Network,
        spec: &Spec,
        seed: u64,
        workers: &mut Vec<Worker>,
    ) -> io::Result<Result<Told, Broken>> {
        let stations = &network.stations[..=spec.receivers as usize];
        let files = files_of(network, spec);
        let deadline = deadline(spec, &files);
        let mut targets = Vec::new();
        let mut port = 0;
        for (number, station) in (1..).zip(&stations[1..]) {
            let job = receiver_job(spec, network, station, number, port, seed, &files, deadline);
            let worker = self.hosts.start_worker_on(
                station.host,
                Receive::NAME,
                serde_json::to_value(job)?,
                deadline,
            )?;
            workers.push(worker);
            // All that one datagram is to reach listen on the port that the first one got.
            if port == 0 && spec.delivery != Delivery::Unicast {
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
        let job = self.sender_job(network, spec, seed, targets, port, &files, deadline);
        let sender = self.hosts.start_worker_on(
            stations[0].host,
            Send::NAME,
            serde_json::to_value(job)?,
            deadline + PATIENCE,
        )?;
        workers.push(sender);
        let ready = self.word_of(sender, Send::NAME, PATIENCE, |reply| match reply {
            send::Reply::Ready => Some(Ok(())),
            send::Reply::Failed(why) => Some(Err(why)),
            send::Reply::Declare(_) | send::Reply::Done(_) => None,
        })?;
        if let Err(broken) = ready {
            return Ok(Err(broken));
        }
        let here_ns = clock::now() + LEAD.as_nanos() as u64;
        let at_ns = self.hosts.on_its_clock(stations[0].host, here_ns);
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
        for &receiver in &receivers {
            let told = self.word_of(receiver, Receive::NAME, PATIENCE, |reply| match reply {
                receive::Reply::Done(received) => Some(Ok(*received)),
                receive::Reply::Failed(why) => Some(Err(why)),
                _ => None,
            })?;
            match told {
                Ok(told) => received.push(told),
                Err(broken) => return Ok(Err(broken)),
            }
        }
        Ok(Ok((sent, received, at_ns)))
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
                    return Ok(failed(&format!("the {role} worker did not answer within {patience:?}")));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl LocalHost {
    /// What the sender is told.
    #[expect(clippy::too_many_arguments, reason = "each is one thing that the block decided")]
    fn sender_job(
        &self,
        network: &Network,
        spec: &Spec,
        seed: u64,
        targets: Vec<Target>,
        port: u16,
        files: &[Stocked],
        deadline: Duration,
    ) -> send::Job {
        let own = network.stations[0].address;
        let to_all = |address: Ipv4Addr| {
            Some(Destination { address: SocketAddr::from((address, port)), interface: Some(own) })
        };
        let destination = match spec.delivery {
            Delivery::Unicast => None,
            Delivery::Broadcast => to_all(network.broadcast.unwrap_or(Ipv4Addr::BROADCAST)),
            Delivery::LimitedBroadcast => to_all(Ipv4Addr::BROADCAST),
            Delivery::Multicast => to_all(group_of(seed)),
        };
        let urls = self.plan.source.as_ref().map_or(&[][..], |source| source.urls.as_slice());
        let own_urls = urls
            .iter()
            .filter(|_| spec.content == Content::Own)
            .map(|url| Source { from: From::Url(url.clone()), name: fetch::name_of(url) });
        let stocked = files.iter().map(|file| Source {
            from: match network.web {
                Some(web) if spec.fetch_where != FetchWhere::Local => {
                    From::Url(fetch::address_of(web, &file.name))
                }
                _ => From::Path(file.path.clone()),
            },
            name: file.name.clone(),
        });
        send::Job {
            spec: spec.clone(),
            session: seed,
            targets,
            destination,
            sources: own_urls.chain(stocked).collect(),
            into: (spec.fetch_where != FetchWhere::Local).then(|| network.root.join("fetched")),
            fetch_limit_bytes: FETCH_LIMIT,
            patience_ms: SILENCE_MS,
            deadline_ms: deadline.as_millis() as u64,
        }
    }

    /// Puts together what everybody told, and what each program would have printed.
    fn judged(
        &self,
        network: &Network,
        spec: &Spec,
        sent: &Sent,
        received: &[Received],
        planned_ns: u64,
        injected: Option<&Counters>,
    ) -> Attempt {
        let stations = &network.stations[..=spec.receivers as usize];
        let sender = stations[0].host;
        let heard: Vec<evidence::Heard> = stations[1..]
            .iter()
            .zip(received)
            .map(|(station, told)| evidence::Heard {
                receiver: told.receiver,
                host: station.name.clone(),
                address: reached_at(station, told.address).to_string(),
                told: Ok(told.clone()),
                // From the receiver's clock to ours, and from ours to the sender's.
                offset_ns: self.hosts.ahead_ns(sender) - self.hosts.ahead_ns(station.host),
            })
            .collect();
        let bound =
            |station: &Station| self.hosts.clock_bound_ns(station.host) + self.hosts.clock_bound_ns(sender);
        let around = Around {
            clock_bound_ns: stations[1..].iter().map(bound).max().unwrap_or(0),
            start_skew_ns: sent.passed_barrier_ns.abs_diff(planned_ns),
            hosts_distinct: self.distinct(stations),
            interface_dropped: injected.map(Counters::interface_dropped),
            injected_drops: injected.map(Counters::injected_drops),
            injected_duplicates: injected.map(Counters::injected_duplicates),
        };
        let (evidence, receivers, fetches) = evidence::join(spec, sent, &heard, &around);
        let began = clock::utc().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let mut captures = vec![(stations[0].name.clone(), outputs::of_sender(spec, &began, sent))];
        for (told, at) in received.iter().zip(&heard) {
            let since_start =
                |time_ns: u64| (time_ns as i64 + at.offset_ns - sent.passed_barrier_ns as i64) as f64 / 1e9;
            captures.push((at.host.clone(), outputs::of_receiver(spec, told, since_start)));
        }
        Attempt::Done(Box::new(Seen::Fanout {
            failure: evidence::failure(spec, sent, &receivers),
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

/// What a receiver is told.
#[expect(clippy::too_many_arguments, reason = "each is one thing that the block decided")]
fn receiver_job(
    spec: &Spec,
    network: &Network,
    station: &Station,
    number: u32,
    port: u16,
    seed: u64,
    files: &[Stocked],
    deadline: Duration,
) -> receive::Job {
    let address = if spec.delivery == Delivery::Unicast { station.address } else { Ipv4Addr::UNSPECIFIED };
    let own = network.stations[0].address;
    receive::Job {
        receiver: number,
        listen: SocketAddr::from((address, port)),
        shares_port: spec.hosts == Hosts::Loopback && spec.delivery != Delivery::Unicast,
        group: (spec.delivery == Delivery::Multicast).then(|| Group {
            address: group_of(seed),
            // On the loopback interface only its first address is an interface's own.
            interface: if spec.hosts == Hosts::Loopback { own } else { station.address },
        }),
        into: station.folder.clone(),
        keep: Keep::Verified,
        framing: spec.framing,
        receive_offload: spec.receive_offload,
        buffer_bytes: RECEIVE_BUFFER,
        session: Some(seed),
        expect: if spec.framing == Framing::Bare { expected(spec, number, files) } else { Vec::new() },
        deadline_ms: (deadline + PATIENCE).as_millis() as u64,
        until: None,
    }
}

/// What datagrams without a header are held against. A file of unknown length cannot be.
fn expected(spec: &Spec, receiver: u32, files: &[Stocked]) -> Vec<Expected> {
    let gets = |file: u32| spec.assignment == Assignment::All || (file - 1) % spec.receivers == receiver - 1;
    (1..)
        .zip(files)
        .filter(|(number, _)| gets(*number))
        .map(|(number, file)| Expected {
            file: number,
            name: file.name.clone(),
            bytes: file.bytes,
            hash: file.hash.clone(),
        })
        .collect()
}

/// The files of a trial.
fn files_of(network: &Network, spec: &Spec) -> Vec<Stocked> {
    let is_its = |wanted: &Wanted| match (spec.content, wanted) {
        (Content::Own, Wanted::Paths(_)) => true,
        (Content::Own, _) | (_, Wanted::Paths(_)) => false,
        (_, Wanted::Pictures(_)) => spec.file_bytes == 0,
        (_, Wanted::Made { bytes, .. }) => *bytes == spec.file_bytes,
    };
    let found = network.stock.iter().find(|(wanted, _)| is_its(wanted));
    let all = found.map_or(&[][..], |(_, files)| files);
    let count = if spec.content == Content::Own { all.len() } else { spec.files as usize };
    all.iter().take(count).cloned().collect()
}

/// How long a block may take before it counts as hung.
fn deadline(spec: &Spec, files: &[Stocked]) -> Duration {
    let copies = u64::from(spec.receivers) * 2;
    let bytes: u64 = files.iter().map(|file| file.bytes).sum::<u64>() * copies;
    let datagrams: u64 = match spec.payload_bytes() {
        Some(payload) => bytes / payload.max(1),
        None => 0,
    };
    let rate = match (spec.rate_bytes_per_s, spec.pace_bytes_per_s) {
        (0, 0) => SLOWEST_BYTES_PER_S,
        (0, slow) | (slow, 0) => slow.min(SLOWEST_BYTES_PER_S),
        (a, b) => a.min(b).min(SLOWEST_BYTES_PER_S),
    };
    let thinking = Duration::from_millis(spec.think_ms) * spec.files;
    PATIENCE
        + thinking
        + Duration::from_secs(bytes / (rate / 2).max(1))
        + Duration::from_secs(datagrams / SLOWEST_DATAGRAMS_PER_S)
}

/// The address under which a receiver that listens on all of its own is reached.
fn reached_at(station: &Station, listens: SocketAddr) -> SocketAddr {
    SocketAddr::from((station.address, listens.port()))
}

/// A group of the range for private use that follows from the seed: no two blocks hear each other.
fn group_of(seed: u64) -> Ipv4Addr {
    let [a, b, ..] = seed.to_le_bytes();
    Ipv4Addr::new(239, 77, a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_for_private_use_and_follow_from_the_seed() {
        assert_eq!(group_of(0x0201), Ipv4Addr::new(239, 77, 1, 2));
        assert!(group_of(u64::MAX).is_multicast());
    }
}
