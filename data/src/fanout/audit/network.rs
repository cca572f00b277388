//! The hosts and the network between them: they are what the row says, by the kernel's own counters.

use crate::fanout::{
    Batching, Evidence, Framing, Hosts, MOST_DATAGRAM_BYTES, MOST_SEGMENTS, Reliability, Segmented, Spec,
};

const IP_HEADER_BYTES: u64 = 20;
const UDP_HEADER_BYTES: u64 = 8;

/// So many are expected that none at all cannot be chance: e^-50.
const SURELY: f64 = 50.0;
/// How far clocks may be apart: those of one machine are one clock, and its readings travel through pipes.
const ONE_MACHINE_BOUND_S: f64 = 0.05;
const MACHINES_BOUND_S: f64 = 1.0;
/// What a paced sender may be ahead: by a share, and by the burst of a sleep that ended late.
const AHEAD: f64 = 1.1;
const AHEAD_S: f64 = 0.1;

/// As many hosts as the trial says, each with a network of its own.
pub(super) fn hosts(spec: &Spec, seen: &Evidence) -> Option<String> {
    let asked = match spec.hosts {
        Hosts::Namespaces => spec.receivers + 1,
        Hosts::Loopback => 1,
        // Whether two of them may be one is the plan's to say; the run refuses it otherwise.
        Hosts::Named => return (seen.hosts_distinct == 0).then(|| "no host proved where it is".into()),
    };
    (seen.hosts_distinct != asked)
        .then(|| format!("{} hosts took part, {asked} were asked for", seen.hosts_distinct))
}

/// Times of different hosts are brought to one clock well enough to be told.
pub(super) fn clocks(spec: &Spec, seen: &Evidence) -> Option<String> {
    let most = if spec.hosts == Hosts::Named { MACHINES_BOUND_S } else { ONE_MACHINE_BOUND_S };
    (seen.clock_bound_s > most)
        .then(|| format!("the clocks of two hosts may be {} s apart, at most {most} s", seen.clock_bound_s))
}

/// What the network was told to lose is lost, by its own counter and by the ledger.
pub(super) fn losses(spec: &Spec, seen: &Evidence) -> Option<String> {
    let asked = spec.loss_percent;
    if asked == 0 {
        let told = seen.injected_drops.unwrap_or(0);
        return (told > 0)
            .then(|| format!("the network dropped {told} packets at random, and was not told to"));
    }
    let Some(drops) = seen.injected_drops else {
        return Some(format!("the network was to lose {asked} %, and does not tell what it dropped"));
    };
    let sure = expected(spec, seen, asked) >= SURELY;
    if sure && drops == 0 {
        return Some(format!("the network was to lose {asked} % of the datagrams, and dropped none"));
    }
    (sure && drops > 0 && seen.lost == Some(0))
        .then(|| format!("the network dropped {drops} packets, and the ledger has none that is lost"))
}

/// Nothing arrives twice unless the network was told to deliver it twice.
pub(super) fn duplicates(spec: &Spec, seen: &Evidence) -> Option<String> {
    let asked = spec.duplicate_percent;
    let told = seen.injected_duplicates;
    if asked == 0 {
        if let Some(told) = told.filter(|told| *told > 0) {
            return Some(format!(
                "the network delivered {told} packets twice at random, and was not told to"
            ));
        }
        return too_many(spec, seen);
    }
    let Some(told) = told else {
        return Some(format!("the network was to deliver {asked} % twice, and does not tell what it did"));
    };
    if expected(spec, seen, asked) < SURELY {
        return None;
    }
    if told == 0 {
        return Some(format!(
            "the network was to deliver {asked} % of the datagrams twice, and delivered none"
        ));
    }
    // A lossy network may lose one of two, and a full buffer as well: some of so many still arrive.
    (seen.duplicate == Some(0) && spec.loss_percent == 0 && seen.lost == Some(0))
        .then(|| format!("the network delivered {told} packets twice, and the ledger has no duplicate"))
}

/// Where each packet is a datagram and nobody else drops any, ledger and firewall agree to the datagram: copies are made
/// before the loss, so what arrived is what was sent, less what was dropped, with what was copied.
pub(super) fn counted(spec: &Spec, seen: &Evidence) -> Option<String> {
    let is_impaired = spec.loss_percent > 0 || spec.duplicate_percent > 0;
    let is_ours = spec.hosts == Hosts::Namespaces && spec.framing == Framing::Ledger;
    let is_single = spec.batching != Batching::Gso || spec.segmented == Segmented::Stack;
    let others = [seen.socket_dropped?, seen.interface_dropped?, seen.foreign];
    if !(is_impaired && is_ours && is_single) || packets_of_a_datagram(spec) > 1 || others != [0; 3] {
        return None;
    }
    let (drops, copies) = (seen.injected_drops?, seen.injected_duplicates?);
    let (sent, received) = (seen.sent?, seen.received?);
    (u128::from(received) + u128::from(drops) != u128::from(sent) + u128::from(copies)).then(|| {
        format!(
            "the network dropped {drops} of {sent} datagrams and copied {copies}, and the ledger has {received} that arrived"
        )
    })
}

/// More cannot arrive than was sent. Networks that we did not make may deliver twice by themselves.
fn too_many(spec: &Spec, seen: &Evidence) -> Option<String> {
    if spec.hosts == Hosts::Named {
        return None;
    }
    if let Some(duplicate) = seen.duplicate.filter(|duplicate| *duplicate > 0) {
        return Some(format!("{duplicate} datagrams arrived twice, over a network that delivers none twice"));
    }
    let more = |what: &str, arrived: u64, sent: u64| {
        (arrived > sent).then(|| format!("{arrived} {what} arrived, and {sent} were sent"))
    };
    let datagrams = match (spec.framing, seen.received, seen.sent) {
        (Framing::Bare, Some(received), Some(sent)) => more("datagrams", received, sent),
        _ => None,
    };
    datagrams.or_else(|| more("bytes", seen.received_bytes, seen.sent_bytes))
}

/// A paced sender took the time that its pace asks for.
pub(super) fn pace(spec: &Spec, seen: &Evidence) -> Option<String> {
    let pace = spec.pace_bytes_per_s as f64;
    let least = seen.sent_bytes / spec.audience();
    (pace > 0.0 && least as f64 > pace * (seen.send_s * AHEAD + AHEAD_S)).then(|| {
        format!("{least} bytes left within {} s, although the pace is {pace} bytes a second", seen.send_s)
    })
}

/// Packets that so many datagrams are at least: a batch that nobody cuts up is one.
pub(super) fn packets_least(spec: &Spec, datagrams: u64) -> u64 {
    match (spec.batching, spec.segmented) {
        (Batching::Gso, Segmented::Never) => datagrams.div_ceil(MOST_SEGMENTS),
        _ => datagrams,
    }
}

/// Packets that a full datagram is at most: IP cuts up what is above the MTU.
pub(super) fn packets_of_a_datagram(spec: &Spec) -> u64 {
    let payload = spec.payload_bytes().unwrap_or(MOST_DATAGRAM_BYTES);
    let bytes = payload + spec.header_bytes() + UDP_HEADER_BYTES;
    // Each fragment has an IPv4 header of its own, and all but the last a multiple of 8 bytes.
    let of_a_fragment = u64::from(spec.mtu_bytes).saturating_sub(IP_HEADER_BYTES) / 8 * 8;
    bytes.div_ceil(of_a_fragment.max(8))
}

/// Packets of which a share of so many percent was to be hit, over all receivers.
fn expected(spec: &Spec, seen: &Evidence, percent: u32) -> f64 {
    let first = match spec.reliability {
        Reliability::Unrepaired => seen.wire_datagrams,
        Reliability::Repair => seen.wire_datagrams.saturating_sub(seen.repeated),
    };
    packets_least(spec, first) as f64 * spec.audience() as f64 * f64::from(percent) / 100.0
}
