//! What one block is made of, and what each of its workers is told. Pure.

use super::{Network, Station};
use crate::{
    fanout::{
        fetch,
        receive::{self, Expected, Group, Keep, Spares},
        send::{self, Destination, From, Source, Target},
        stock::{Stocked, Wanted},
    },
    host::room::TMPFS,
};
use ferrybench_data::fanout::{
    Assignment, Content, Delivery, FetchWhere, Framing, Hosts, MOST_DATAGRAM_BYTES, Spec,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Receive buffer that is asked for: what it got is in the record.
const RECEIVE_BUFFER: u32 = 8 << 20;
/// Longest that workers may take to start, and to tell.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Longest silence of one receiver before the sender gives it up.
const SILENCE_MS: u64 = 5_000;
/// Slowest network and slowest program that are worth measuring.
const SLOWEST_BYTES_PER_S: u64 = 4 << 20;
const SLOWEST_DATAGRAMS_PER_S: u64 = 20_000;

/// One block: the trial, its hosts and its files.
pub(super) struct Scene<'a> {
    pub(super) spec: &'a Spec,
    network: &'a Network,
    /// What its datagrams are known by.
    session: u64,
    files: Vec<Stocked>,
    /// Addresses of files that the sender fetches from elsewhere.
    urls: &'a [String],
    fetch_limit_bytes: u64,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        network: &'a Network,
        spec: &'a Spec,
        session: u64,
        urls: &'a [String],
        fetch_limit_bytes: u64,
    ) -> Self {
        // On test hosts what lay elsewhere is among the files already.
        let urls = if spec.content == Content::Own && network.bed.is_none() { urls } else { &[] };
        Self { spec, network, session, files: files_of(network, spec), urls, fetch_limit_bytes }
    }

    /// The sender's host, then the receivers'.
    pub(super) fn stations(&self) -> &'a [Station] {
        &self.network.stations[..=self.spec.receivers as usize]
    }

    /// What a receiver is told; port 0 takes any.
    pub(super) fn receiver_job(&self, number: u32, port: u16) -> receive::Job {
        let Self { spec, network, .. } = self;
        let station = &network.stations[number as usize];
        let to_one = spec.delivery == Delivery::Unicast;
        let address = if to_one { station.address } else { Ipv4Addr::UNSPECIFIED };
        receive::Job {
            receiver: number,
            listen: SocketAddr::from((address, port)),
            shares_port: spec.hosts == Hosts::Loopback && !to_one,
            group: (spec.delivery == Delivery::Multicast).then(|| Group {
                address: group_of(self.session),
                // On the loopback interface only its first address is an interface's own.
                interface: match spec.hosts {
                    Hosts::Loopback => network.stations[0].address,
                    Hosts::Namespaces | Hosts::Named => station.address,
                },
            }),
            into: station.folder.clone(),
            keep: Keep::Verified,
            spares: self.spares(station, number),
            framing: spec.framing,
            receive_offload: spec.receive_offload,
            buffer_bytes: RECEIVE_BUFFER,
            session: Some(self.session),
            expect: if spec.framing == Framing::Bare { self.expected(number) } else { Vec::new() },
            deadline_ms: (self.deadline() + PATIENCE).as_millis() as u64,
            until: None,
            has_barrier: true,
        }
    }

    /// Files that a receiver overwrites, where they lie in memory: new pages take there several times as long as the network
    /// does. On a disk a file is new in each block, as it would be by hand.
    fn spares(&self, station: &Station, receiver: u32) -> Option<Spares> {
        let is_its = |place: u32| {
            self.spec.assignment == Assignment::All || place % self.spec.receivers.max(1) == receiver - 1
        };
        let its: Vec<u64> =
            (0..).zip(&self.files).filter(|&(place, _)| is_its(place)).map(|(_, file)| file.bytes).collect();
        let bytes = its.iter().copied().max().filter(|_| station.folder.starts_with(TMPFS))?;
        let folder = station.folder.join(format!("spares-{bytes}"));
        Some(Spares { folder, files: its.len() as u32, bytes })
    }

    /// What the sender is told: its targets, and the port on which all of them hear what is for all.
    pub(super) fn sender_job(&self, targets: Vec<Target>, port: u16) -> send::Job {
        let Self { spec, network, .. } = self;
        let own = &network.stations[0];
        let to_all = |address: Ipv4Addr| {
            Some(Destination { address: SocketAddr::from((address, port)), interface: Some(own.address) })
        };
        let destination = match spec.delivery {
            Delivery::Unicast => None,
            Delivery::Broadcast => to_all(network.broadcast.unwrap_or(Ipv4Addr::BROADCAST)),
            Delivery::LimitedBroadcast => to_all(Ipv4Addr::BROADCAST),
            Delivery::Multicast => to_all(group_of(self.session)),
        };
        send::Job {
            spec: (*spec).clone(),
            session: self.session,
            targets,
            destination,
            sources: self.sources(),
            into: (spec.fetch_where != FetchWhere::Local).then(|| network.root.join("fetched")),
            // What is served by this machine was let in already.
            fetch_limit_bytes: if self.urls.is_empty() { u64::MAX } else { self.fetch_limit_bytes },
            patience_ms: SILENCE_MS,
            deadline_ms: self.deadline().as_millis() as u64,
        }
    }

    fn sources(&self) -> Vec<Source> {
        let elsewhere =
            self.urls.iter().map(|url| Source { from: From::Url(url.clone()), name: fetch::name_of(url) });
        let stocked = self.files.iter().map(|file| Source {
            from: match self.network.web {
                Some(web) if self.spec.fetch_where != FetchWhere::Local => {
                    From::Url(fetch::address_of(web, &file.name))
                }
                _ => From::Path(file.path.clone()),
            },
            name: file.name.clone(),
        });
        elsewhere.chain(stocked).collect()
    }

    /// Why a file of the plan's own cannot be sent as the trial wants it: where lengths are an axis, the plan says so.
    pub(super) fn limit(&self) -> Option<String> {
        let most = MOST_DATAGRAM_BYTES - self.spec.header_bytes();
        let Stocked { name, bytes, .. } =
            self.files.iter().find(|file| self.spec.datagram_bytes == 0 && file.bytes > most)?;
        Some(format!(
            "limit: {name}, which has {bytes} bytes, does not fit into a datagram of at most {most} bytes"
        ))
    }

    /// What datagrams without a header are held against. A file of unknown length cannot be.
    fn expected(&self, receiver: u32) -> Vec<Expected> {
        let spec = self.spec;
        let gets =
            |file: u32| spec.assignment == Assignment::All || (file - 1) % spec.receivers == receiver - 1;
        (1..)
            .zip(&self.files)
            .filter(|(number, _)| gets(*number))
            .map(|(number, file)| Expected {
                file: number,
                name: file.name.clone(),
                bytes: file.bytes,
                hash: file.hash.clone(),
            })
            .collect()
    }

    /// How long a block may take before it counts as hung.
    pub(super) fn deadline(&self) -> Duration {
        let spec = self.spec;
        let copies = u64::from(spec.receivers) * 2;
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum::<u64>() * copies;
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
}

/// The files of a trial.
fn files_of(network: &Network, spec: &Spec) -> Vec<Stocked> {
    let is_own = spec.content == Content::Own;
    let is_its = |wanted: &Wanted| match wanted {
        Wanted::Own { .. } => is_own,
        Wanted::Pictures(_) => !is_own && spec.file_bytes == 0,
        Wanted::Made { bytes, .. } => !is_own && *bytes == spec.file_bytes,
    };
    let found = network.stock.iter().find(|(wanted, _)| is_its(wanted));
    let all = found.map_or(&[][..], |(_, files)| files);
    let count = if is_own { all.len() } else { spec.files as usize };
    all.iter().take(count).cloned().collect()
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
