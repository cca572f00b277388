//! Joins what the sender and the receivers of a block told into its evidence and its rows. Pure.

use super::told::{Flow, Reached, Received, ReceivedFile, Sent, SentFile};
use ferrybench_data::fanout::{
    Assignment, Evidence, FetchRow, Framing, HEADERS_BYTES, OK, ReceiverRow, Reliability, Spec,
};
use std::collections::BTreeSet;

const IP_HEADER_BYTES: u64 = 20;
const UDP_HEADER_BYTES: u64 = 8;

/// A receiver and what it told.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The receiver, from 1.
    pub receiver: u32,
    /// What its host is called.
    pub host: String,
    /// Where it listened.
    pub address: String,
    /// What it told; or why nothing, in one sentence.
    pub told: Result<Received, String>,
    /// What is to be added to its host's clock to have the sender's, nanoseconds.
    pub offset_ns: i64,
}

/// What neither side can know of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Around {
    /// How far two clocks may be apart after correction, at most, nanoseconds.
    pub clock_bound_ns: u64,
    /// Distinct (boot, network namespace) pairs.
    pub hosts_distinct: u32,
    /// Packets that interfaces and queues dropped, where the network between the hosts is ours and counts them.
    pub interface_dropped: Option<u64>,
    /// Packets that the firewall was told to drop.
    pub injected_drops: Option<u64>,
    /// Packets that the firewall was told to deliver twice.
    pub injected_duplicates: Option<u64>,
}

/// The evidence of a block, and its rows. Trial and block of the rows are left blank: whoever records them fills them in.
pub fn join(
    spec: &Spec,
    sent: &Sent,
    heard: &[Heard],
    around: &Around,
) -> (Evidence, Vec<ReceiverRow>, Vec<FetchRow>) {
    let rows: Vec<_> = heard
        .iter()
        .flat_map(|heard| sent.files.iter().filter_map(|file| row(spec, sent, heard, file)))
        .collect();
    let fetches: Vec<_> = sent.files.iter().filter_map(|file| fetch_row(sent, file)).collect();
    let evidence = evidence(spec, sent, heard, around, &rows, &fetches);
    (evidence, rows, fetches)
}

/// Why a row failed, where it did: the sender could not send, or a receiver lacks a file for another reason than loss. Loss
/// alone is no failure where nothing is sent again.
pub fn failure(spec: &Spec, sent: &Sent, rows: &[ReceiverRow]) -> Option<String> {
    if let Some(file) = sent.files.iter().find(|file| file.outcome != OK) {
        return Some(format!("{}: {}", file.name, file.outcome));
    }
    let is_loss = |row: &&ReceiverRow| {
        spec.reliability == Reliability::Unrepaired
            && match (row.sent, row.unique) {
                (Some(sent), Some(unique)) => unique < sent,
                _ => row.received_bytes < row.bytes || row.outcome != OK,
            }
    };
    let lacking = rows.iter().filter(|row| row.outcome != OK).find(|row| !is_loss(row))?;
    Some(format!("{} lacks {}: {}", lacking.host, lacking.name, lacking.outcome))
}

/// Packets that interfaces of sender and receivers dropped, by each host's own count; `None` where one does not say. For
/// hosts that are hosts of their own: on one that is shared everybody would tell of the same packets.
pub fn dropped_by_hosts(sent: &Sent, heard: &[Heard]) -> Option<u64> {
    let received = heard.iter().map(|heard| heard.told.as_ref().ok()?.interface_dropped);
    std::iter::once(sent.interface_dropped).chain(received).sum()
}

/// What receivers told the sender, where nobody else heard them: the ledger of their last answer, and no times.
pub fn by_answers(sent: &Sent, targets: &[super::send::Target]) -> Vec<Heard> {
    let of_file = |file: &SentFile, receiver: u32| {
        let reached = file.flows.iter().find_map(|flow| reached(flow, receiver))?;
        let counts = reached.counts?;
        let is_whole = reached.outcome == OK;
        Some(ReceivedFile {
            file: file.file,
            name: file.name.clone(),
            bytes: file.bytes,
            counts: Some(counts),
            datagrams: counts.received,
            received_bytes: if is_whole { file.bytes } else { 0 },
            source_hash: file.hash.clone(),
            hash: if is_whole { file.hash.clone() } else { String::new() },
            outcome: reached.outcome.clone(),
            ..ReceivedFile::default()
        })
    };
    let heard = |target: &super::send::Target| {
        let files = sent.files.iter().filter_map(|file| of_file(file, target.receiver)).collect();
        let told = Received {
            receiver: target.receiver,
            address: target.address,
            receive_buffer_bytes: 0,
            passed_barrier_ns: None,
            files,
            foreign: 0,
            socket_dropped: None,
            interface_dropped: None,
            control_datagrams: 0,
            usage: crate::measure::usage::ProcessUse::default(),
        };
        let address = target.address.to_string();
        Heard { receiver: target.receiver, host: address.clone(), address, told: Ok(told), offset_ns: 0 }
    };
    targets.iter().map(heard).collect()
}

/// One file at one receiver; `None` where it was not to go there.
fn row(spec: &Spec, sent: &Sent, heard: &Heard, file: &SentFile) -> Option<ReceiverRow> {
    let flow = file.flows.iter().find_map(|flow| Some((flow, reached(flow, heard.receiver)?)));
    if flow.is_none() && !is_for(spec, file.file, heard.receiver) {
        return None;
    }
    let told = heard.told.as_ref().ok().map(|told| told.files.iter().find(|told| told.file == file.file));
    let here = told.flatten();
    let has_ledger = spec.framing == Framing::Ledger;
    // A receiver that told, and never heard of the file, had none of it.
    let counts = match (told.is_some(), here) {
        (true, Some(here)) => here.counts,
        (true, None) => has_ledger.then(Default::default),
        (false, _) => None,
    };
    let transmissions = flow.map_or(0, |(flow, _)| flow.transmissions);
    let at = |ns: Option<u64>| {
        let ns = ns? as i64 + heard.offset_ns - sent.passed_barrier_ns as i64;
        Some(ns as f64 / 1e9)
    };
    Some(ReceiverRow {
        receiver: heard.receiver,
        host: heard.host.clone(),
        address: heard.address.clone(),
        file: file.file,
        name: file.name.clone(),
        bytes: file.bytes,
        sent: Some(transmissions),
        received: here.map(|here| here.datagrams).or(counts.map(|counts| counts.received)),
        unique: counts.map(|counts| counts.unique),
        lost: counts.map(|counts| transmissions.saturating_sub(counts.unique)),
        duplicate: counts.map(|counts| counts.duplicate),
        reordered: counts.map(|counts| counts.reordered),
        reorder_extent: counts.map(|counts| counts.reorder_extent),
        corrupt: counts.map(|counts| counts.corrupt),
        late: counts.map(|counts| counts.late),
        received_bytes: here.map_or(0, |here| here.received_bytes),
        socket_dropped: here.and_then(|here| here.socket_dropped),
        first_s: at(here.and_then(|here| here.first_ns)),
        last_s: at(here.and_then(|here| here.last_ns)),
        verified_s: at(here.and_then(|here| here.verified_ns)),
        source_hash: file.hash.clone(),
        hash: here.map(|here| here.hash.clone()).unwrap_or_default(),
        outcome: outcome(file, flow.map(|(_, reached)| reached), &heard.told, here),
        ..ReceiverRow::default()
    })
}

fn reached(flow: &Flow, receiver: u32) -> Option<&Reached> {
    flow.receivers.iter().find(|reached| reached.receiver == receiver)
}

/// Whether a file that got no flow would have gone to a receiver.
fn is_for(spec: &Spec, file: u32, receiver: u32) -> bool {
    spec.assignment == Assignment::All || (file - 1) % spec.receivers.max(1) + 1 == receiver
}

/// The receiver's word counts where there is one; then the sender's.
fn outcome(
    file: &SentFile,
    reached: Option<&Reached>,
    told: &Result<Received, String>,
    here: Option<&ReceivedFile>,
) -> String {
    let by_sender = if file.outcome == OK {
        reached.map(|reached| reached.outcome.clone()).filter(|outcome| outcome != OK)
    } else {
        Some(file.outcome.clone())
    };
    match (told, here) {
        (Err(why), _) => why.clone(),
        (Ok(_), Some(here)) if here.outcome != OK => here.outcome.clone(),
        (Ok(_), Some(here)) if !here.hash.is_empty() && here.hash != file.hash => {
            "its content is not the source's: the hashes are unlike".to_owned()
        }
        (Ok(_), Some(_)) => OK.to_owned(),
        (Ok(_), None) => by_sender.unwrap_or_else(|| "nothing of it arrived".to_owned()),
    }
}

fn fetch_row(sent: &Sent, file: &SentFile) -> Option<FetchRow> {
    let fetch = file.fetch.as_ref()?;
    let start_ns = fetch.start_ns.saturating_sub(sent.passed_barrier_ns);
    Some(FetchRow {
        file: file.file,
        name: file.name.clone(),
        url: fetch.url.clone(),
        content_type: fetch.content_type.clone(),
        bytes: file.bytes,
        start_s: seconds(start_ns),
        fetch_s: seconds(fetch.ended_ns.saturating_sub(fetch.start_ns)),
        outcome: fetch.outcome.clone(),
        ..FetchRow::default()
    })
}

fn evidence(
    spec: &Spec,
    sent: &Sent,
    heard: &[Heard],
    around: &Around,
    rows: &[ReceiverRow],
    fetches: &[FetchRow],
) -> Evidence {
    let flows: Vec<&Flow> = sent.files.iter().flat_map(|file| &file.flows).collect();
    let told: Vec<&Received> = heard.iter().filter_map(|heard| heard.told.as_ref().ok()).collect();
    let has_ledger = spec.framing == Framing::Ledger;
    let sum = |of: fn(&ReceiverRow) -> Option<u64>| {
        if has_ledger { rows.iter().map(of).sum::<Option<u64>>() } else { None }
    };
    let first_ns = sent.files.iter().filter_map(|file| file.first_ns).min();
    let last_ns = sent.files.iter().filter_map(|file| file.last_ns).max();
    let files_asked = match spec.assignment {
        Assignment::All => sent.files.len() * heard.len(),
        Assignment::Each => sent.files.len(),
    };
    let intact: Vec<_> = rows.iter().filter(|row| row.outcome == OK).collect();
    let received_bytes: u64 = rows.iter().map(|row| row.received_bytes).sum();
    let complete_s = (intact.len() == files_asked).then(|| complete_s(sent, rows, first_ns)).flatten();
    let goodput_bytes_per_s = if let Some(time) = complete_s {
        per_second(intact.iter().map(|row| row.bytes).sum(), time)
    } else {
        let start = first_ns.map_or(0.0, |first| seconds(first.saturating_sub(sent.passed_barrier_ns)));
        let end = rows.iter().filter_map(|row| row.last_s).fold(start, f64::max);
        per_second(received_bytes, end - start)
    };
    let wire_datagrams: u64 = flows.iter().map(|flow| flow.transmissions).sum();
    let content: u64 = flows.iter().map(|flow| flow.bytes).sum();
    let workers = || sent.workers.iter();
    let own_cpu = |part: fn(&crate::measure::usage::Usage) -> u64| {
        part(&sent.usage.used) + sent.processes.iter().map(|process| part(&process.used)).sum::<u64>()
    };
    let all_cpu = |part: fn(&crate::measure::usage::Usage) -> u64| {
        own_cpu(part) + told.iter().map(|told| part(&told.usage.used)).sum::<u64>()
    };
    Evidence {
        start_up_s: seconds(sent.start_up_ns),
        fetch_s: fetches.iter().fold(0.0, |sum, fetch| sum + fetch.fetch_s),
        send_s: seconds(last_ns.unwrap_or(0).saturating_sub(first_ns.unwrap_or(0))),
        total_s: seconds(sent.ended_ns.saturating_sub(sent.passed_barrier_ns)),
        complete_s,
        goodput_bytes_per_s,
        delivered_per_s: delivered_per_s(rows, heard, has_ledger),
        sent: rows.iter().map(|row| row.sent).sum(),
        unique: sum(|row| row.unique),
        lost: sum(|row| row.lost),
        duplicate: sum(|row| row.duplicate),
        reordered: sum(|row| row.reordered),
        reorder_extent: if has_ledger {
            rows.iter().filter_map(|row| row.reorder_extent).max()
        } else {
            None
        },
        corrupt: sum(|row| row.corrupt),
        late: sum(|row| row.late),
        received: rows.iter().map(|row| row.received).sum(),
        foreign: told.iter().map(|told| told.foreign).sum(),
        repeated: flows.iter().map(|flow| flow.repeated * flow.receivers.len() as u64).sum(),
        repair_rounds: sent.files.iter().map(|file| file.rounds).max().unwrap_or(0),
        wire_datagrams,
        wire_bytes: content + sent.files.iter().map(|file| headers_bytes(spec, sent, file)).sum::<u64>(),
        control_datagrams: sent.files.iter().map(|file| file.control_datagrams).sum::<u64>()
            + told.iter().map(|told| told.control_datagrams).sum::<u64>(),
        sent_bytes: flows.iter().map(|flow| flow.bytes * flow.receivers.len() as u64).sum(),
        received_bytes,
        socket_dropped: if told.len() == heard.len() {
            told.iter().map(|told| told.socket_dropped).sum()
        } else {
            None
        },
        interface_dropped: around.interface_dropped,
        injected_drops: around.injected_drops,
        injected_duplicates: around.injected_duplicates,
        files_asked: files_asked as u32,
        files_intact: intact.len() as u32,
        hosts_distinct: around.hosts_distinct,
        sender_processes: workers().map(|worker| worker.pid).collect::<BTreeSet<_>>().len() as u32,
        sender_threads: workers().map(|worker| worker.tid).collect::<BTreeSet<_>>().len() as u32,
        start_skew_s: start_skew_s(sent, heard),
        clock_bound_s: seconds(around.clock_bound_ns),
        receive_buffer_bytes: told.iter().map(|told| told.receive_buffer_bytes).min().unwrap_or(0),
        cpu_user_s: seconds(all_cpu(|used| used.user_ns)),
        cpu_system_s: seconds(all_cpu(|used| used.system_ns)),
        sender_cpu_s: seconds(own_cpu(|used| used.user_ns + used.system_ns)),
        sender_peak_rss_bytes: sent.usage.peak_anonymous_bytes
            + sent.processes.iter().map(|process| process.peak_anonymous_bytes).sum::<u64>(),
        receiver_peak_rss_bytes: told.iter().map(|told| told.usage.peak_anonymous_bytes).max().unwrap_or(0),
    }
}

/// Largest difference between the instants at which sender and receivers passed the barrier, on the sender's clock;
/// `None` where a receiver had none, or nobody knows.
fn start_skew_s(sent: &Sent, heard: &[Heard]) -> Option<f64> {
    let passed = |heard: &Heard| {
        let passed_ns = heard.told.as_ref().ok()?.passed_barrier_ns?;
        Some(passed_ns.saturating_add_signed(heard.offset_ns))
    };
    let all = heard.iter().map(passed).collect::<Option<Vec<u64>>>()?;
    let (first, last) =
        all.into_iter().fold((sent.passed_barrier_ns, sent.passed_barrier_ns), |(first, last), at| {
            (first.min(at), last.max(at))
        });
    Some(seconds(last - first))
}

/// Bytes around the content of a file on the wire. A datagram that is larger than a packet goes as several.
fn headers_bytes(spec: &Spec, sent: &Sent, file: &SentFile) -> u64 {
    let payload = match spec.datagram_bytes {
        0 => file.bytes,
        bytes => u64::from(bytes).min(file.bytes),
    };
    let of_a_packet = (u64::from(spec.mtu_bytes).saturating_sub(IP_HEADER_BYTES) / 8 * 8).max(8);
    let packets = (payload + u64::from(sent.header_bytes) + UDP_HEADER_BYTES).div_ceil(of_a_packet);
    let datagrams: u64 = file.flows.iter().map(|flow| flow.transmissions).sum();
    let more = (packets - 1) * (HEADERS_BYTES - UDP_HEADER_BYTES);
    datagrams * (u64::from(sent.header_bytes) + HEADERS_BYTES + more)
}

/// From the first data byte to the last word that all is verified: the sender's clock heard it; where nothing is answered
/// the receivers' own times tell, brought to that clock.
fn complete_s(sent: &Sent, rows: &[ReceiverRow], first_ns: Option<u64>) -> Option<f64> {
    // Files without a byte have no first datagram: they count from the barrier.
    let first_ns = first_ns.unwrap_or(sent.passed_barrier_ns);
    let words = sent.files.iter().flat_map(|file| &file.flows).flat_map(|flow| &flow.receivers);
    let heard: Option<Vec<u64>> = words.map(|reached| reached.verified_ns).collect();
    if let Some(last) = heard.and_then(|all| all.into_iter().max()) {
        return Some(seconds(last.saturating_sub(first_ns)));
    }
    let verified: Option<Vec<f64>> = rows.iter().map(|row| row.verified_s).collect();
    let last = verified?.into_iter().fold(f64::MIN, f64::max);
    Some(last - seconds(first_ns.saturating_sub(sent.passed_barrier_ns))).filter(|time| *time > 0.0)
}

/// Of each receiver, what arrived over the time from its first datagram to its last; then the mean.
fn delivered_per_s(rows: &[ReceiverRow], heard: &[Heard], has_ledger: bool) -> f64 {
    let rate = |receiver: u32| {
        let own = || rows.iter().filter(move |row| row.receiver == receiver);
        let count = |row: &ReceiverRow| if has_ledger { row.unique } else { row.received };
        let arrived: u64 = own().filter_map(count).sum();
        let first = own().filter_map(|row| row.first_s).fold(f64::MAX, f64::min);
        let last = own().filter_map(|row| row.last_s).fold(f64::MIN, f64::max);
        if last > first { arrived as f64 / (last - first) } else { 0.0 }
    };
    let rates: f64 = heard.iter().map(|heard| rate(heard.receiver)).sum();
    rates / (heard.len().max(1) as f64)
}

fn per_second(bytes: u64, time: f64) -> f64 {
    if time > 0.0 { bytes as f64 / time } else { 0.0 }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests;
