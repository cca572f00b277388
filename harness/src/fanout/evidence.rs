//! What one block comes to: what sender, receivers and network told, joined by receiver and file. Pure: no clock, no socket.

use super::told::{Fetched, Received, ReceivedFile, Sent, SentFile};
use ferrybench_data::fanout::{
    Assignment, Evidence, FetchRow, Framing, HEADERS_BYTES, OK, PACKET_HEADERS_BYTES, ReceiverRow,
    Reliability, Spec,
};

/// A receiver's place and clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What its host is called.
    pub host: String,
    /// By how much its clock is ahead of the sender's, nanoseconds.
    pub ahead_ns: i64,
    /// How far that may be wrong.
    pub bound_ns: u64,
}

/// What is known of a block beside what its two sides told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Around {
    /// When the sender was to pass the barrier, on its own clock, nanoseconds.
    pub barrier_ns: u64,
    /// Hosts of their own among those that took part.
    pub hosts_distinct: u32,
    /// Packets that interfaces and queues dropped; `None` where nobody can look.
    pub interface_dropped: Option<u64>,
    /// Packets dropped on purpose.
    pub injected_drops: Option<u64>,
    /// Packets delivered twice on purpose.
    pub injected_duplicates: Option<u64>,
}

/// A block, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// What everybody saw.
    pub evidence: Evidence,
    /// Each file at each receiver; trial and block are for the coordinator to fill in.
    pub receivers: Vec<ReceiverRow>,
    /// Each file that was fetched; likewise.
    pub fetches: Vec<FetchRow>,
    /// Why the row failed, where it did. Loss alone is no failure where nothing is repaired.
    pub failure: Option<String>,
}

/// Joins what was told. `received` and `places` are in the order of the receivers.
pub fn join(spec: &Spec, sent: &Sent, received: &[Received], places: &[Place], around: &Around) -> Block {
    let rows: Vec<ReceiverRow> = sent
        .files
        .iter()
        .flat_map(|file| asked(spec, file).into_iter().map(move |receiver| (file, receiver)))
        .filter_map(|(file, receiver)| {
            let place = receiver as usize - 1;
            Some(row(spec, sent, file, received.get(place)?, places.get(place)?))
        })
        .collect();
    let evidence = evidence(spec, sent, received, places, around, &rows);
    Block {
        failure: failure(spec, sent, &rows),
        fetches: sent.files.iter().filter_map(|file| fetch(sent, file)).collect(),
        evidence,
        receivers: rows,
    }
}

/// The receivers that a file is for.
fn asked(spec: &Spec, file: &SentFile) -> Vec<u32> {
    match spec.assignment {
        Assignment::Each => vec![(file.file.max(1) - 1) % spec.receivers.max(1) + 1],
        Assignment::All => (1..=spec.receivers).collect(),
    }
}

/// One file at one receiver.
fn row(spec: &Spec, sent: &Sent, file: &SentFile, at: &Received, place: &Place) -> ReceiverRow {
    let nothing = ReceivedFile::default();
    let arrived = at.files.iter().find(|arrived| arrived.file == file.file).unwrap_or(&nothing);
    let seconds = |time: Option<u64>| {
        time.map(|time| (time as i64 - place.ahead_ns - sent.passed_barrier_ns as i64) as f64 / 1e9)
    };
    let to_it =
        file.flows.iter().filter(|flow| reaches(flow.receivers.iter().map(|it| it.receiver), at.receiver));
    let transmissions = to_it.map(|flow| flow.transmissions).sum::<u64>();
    let counts = arrived.counts;
    let count = |pick: fn(&super::told::Counts) -> u64| match spec.framing {
        // A file of which nothing came has no account, and its counts are none.
        Framing::Ledger => Some(counts.as_ref().map_or(0, pick)),
        Framing::Bare => None,
    };
    let unique = count(|counts| counts.unique);
    ReceiverRow {
        trial: String::new(),
        block: 0,
        receiver: at.receiver,
        host: place.host.clone(),
        address: at.address.to_string(),
        file: file.file,
        name: file.name.clone(),
        bytes: file.bytes,
        sent: Some(transmissions),
        received: Some(counts.map_or(arrived.datagrams, |counts| counts.received)),
        unique,
        // More than was sent is for the audit to find.
        lost: unique.map(|unique| transmissions.saturating_sub(unique)),
        duplicate: count(|counts| counts.duplicate),
        reordered: count(|counts| counts.reordered),
        reorder_extent: count(|counts| counts.reorder_extent),
        corrupt: count(|counts| counts.corrupt),
        late: count(|counts| counts.late),
        received_bytes: arrived.received_bytes,
        socket_dropped: arrived.socket_dropped,
        first_s: seconds(arrived.first_ns),
        last_s: seconds(arrived.last_ns),
        verified_s: seconds(arrived.verified_ns),
        source_hash: file.hash.clone(),
        hash: arrived.hash.clone(),
        outcome: outcome(file, arrived),
    }
}

/// What became of a file at a receiver: its own word, where it has one, and whether that is the source's content.
fn outcome(file: &SentFile, arrived: &ReceivedFile) -> String {
    if arrived.outcome.is_empty() {
        let why = if file.outcome == OK { "nothing of it arrived" } else { &file.outcome };
        return why.to_owned();
    }
    if arrived.outcome == OK && arrived.hash != file.hash {
        return "its hash is not the source's, although the receiver says that it is whole".to_owned();
    }
    arrived.outcome.clone()
}

fn evidence(
    spec: &Spec,
    sent: &Sent,
    received: &[Received],
    places: &[Place],
    around: &Around,
    rows: &[ReceiverRow],
) -> Evidence {
    let flows = || sent.files.iter().flat_map(|file| &file.flows);
    let first_ns = sent.files.iter().filter_map(|file| file.first_ns).min();
    let last_ns = sent.files.iter().filter_map(|file| file.last_ns).max();
    let since_barrier = |time: u64| time.saturating_sub(sent.passed_barrier_ns) as f64 / 1e9;
    let first_s = first_ns.map_or(0.0, since_barrier);
    let intact: Vec<&ReceiverRow> = rows.iter().filter(|row| row.outcome == OK).collect();
    let complete_s = (intact.len() == rows.len() && !rows.is_empty())
        .then(|| rows.iter().filter_map(|row| complete_at(sent, row)).fold(0.0, f64::max) - first_s)
        .filter(|complete_s| *complete_s > 0.0);
    let last_arrived_s = rows.iter().filter_map(|row| row.last_s).fold(first_s, f64::max);
    let (bytes, during_s) = match complete_s {
        Some(complete_s) => (intact.iter().map(|row| row.bytes).sum::<u64>(), complete_s),
        None => (rows.iter().map(|row| row.received_bytes).sum(), last_arrived_s - first_s),
    };
    let wire_datagrams = flows().map(|flow| flow.transmissions).sum();
    let content: u64 = flows().map(|flow| flow.bytes).sum();
    let used = |uses: &mut dyn Iterator<Item = u64>| uses.sum::<u64>() as f64 / 1e9;
    let senders = || std::iter::once(&sent.usage).chain(&sent.processes);
    let all = || senders().chain(received.iter().map(|at| &at.usage));
    let distinct = |numbers: &mut dyn Iterator<Item = u32>| {
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len() as u32
    };
    Evidence {
        start_up_s: sent.start_up_ns as f64 / 1e9,
        fetch_s: sent.files.iter().filter_map(|file| file.fetch.as_ref()).map(fetch_s).sum(),
        send_s: last_ns.zip(first_ns).map_or(0.0, |(last, first)| last.saturating_sub(first) as f64 / 1e9),
        total_s: since_barrier(sent.ended_ns),
        complete_s,
        goodput_bytes_per_s: if during_s > 0.0 { bytes as f64 / during_s } else { 0.0 },
        delivered_per_s: delivered_per_s(spec, rows, first_s),
        sent: sum(rows, |row| row.sent),
        unique: sum(rows, |row| row.unique),
        lost: sum(rows, |row| row.lost),
        duplicate: sum(rows, |row| row.duplicate),
        reordered: sum(rows, |row| row.reordered),
        reorder_extent: rows.iter().filter_map(|row| row.reorder_extent).max(),
        corrupt: sum(rows, |row| row.corrupt),
        late: sum(rows, |row| row.late),
        received: sum(rows, |row| row.received),
        foreign: received.iter().map(|at| at.foreign).sum(),
        repeated: flows().map(|flow| flow.repeated * flow.receivers.len() as u64).sum(),
        repair_rounds: sent.files.iter().map(|file| file.rounds).max().unwrap_or(0),
        wire_datagrams,
        wire_bytes: content
            + wire_datagrams * u64::from(sent.header_bytes)
            + flows()
                .map(|flow| packets(spec, flow.transmissions, flow.bytes, sent.header_bytes))
                .sum::<u64>()
                * HEADERS_BYTES,
        control_datagrams: sent.files.iter().map(|file| file.control_datagrams).sum::<u64>()
            + received.iter().map(|at| at.control_datagrams).sum::<u64>(),
        sent_bytes: flows().map(|flow| flow.bytes * flow.receivers.len() as u64).sum(),
        received_bytes: rows.iter().map(|row| row.received_bytes).sum(),
        socket_dropped: received.iter().map(|at| at.socket_dropped).sum(),
        interface_dropped: around.interface_dropped,
        injected_drops: around.injected_drops,
        injected_duplicates: around.injected_duplicates,
        files_asked: spec_files(spec, sent),
        files_intact: intact.len() as u32,
        hosts_distinct: around.hosts_distinct,
        sender_processes: distinct(&mut sent.workers.iter().map(|worker| worker.pid)),
        sender_threads: distinct(&mut sent.workers.iter().map(|worker| worker.tid)),
        start_skew_s: sent.passed_barrier_ns.abs_diff(around.barrier_ns) as f64 / 1e9,
        clock_bound_s: places.iter().map(|place| place.bound_ns).max().unwrap_or(0) as f64 / 1e9,
        receive_buffer_bytes: received.iter().map(|at| at.receive_buffer_bytes).min().unwrap_or(0),
        cpu_user_s: used(&mut all().map(|process| process.used.user_ns)),
        cpu_system_s: used(&mut all().map(|process| process.used.system_ns)),
        sender_cpu_s: used(&mut senders().map(|process| process.used.cpu_ns())),
        sender_peak_rss_bytes: senders().map(|process| process.peak_anonymous_bytes).sum(),
        receiver_peak_rss_bytes: received.iter().map(|at| at.usage.peak_anonymous_bytes).max().unwrap_or(0),
    }
}

/// When it was known that a file is whole: by the word that reached the sender, else when the receiver had verified it.
fn complete_at(sent: &Sent, row: &ReceiverRow) -> Option<f64> {
    let file = sent.files.iter().find(|file| file.file == row.file)?;
    let reached = file.flows.iter().flat_map(|flow| &flow.receivers).filter(|it| it.receiver == row.receiver);
    let word_ns = reached.filter_map(|it| it.verified_ns).max();
    word_ns.map(|time| time.saturating_sub(sent.passed_barrier_ns) as f64 / 1e9).or(row.verified_s)
}

/// Datagrams that arrived at one receiver in a second, the mean over receivers.
fn delivered_per_s(spec: &Spec, rows: &[ReceiverRow], first_s: f64) -> f64 {
    let of = |receiver: u32| {
        let own = || rows.iter().filter(move |row| row.receiver == receiver);
        let arrived: u64 = own().filter_map(|row| row.unique.or(row.received)).sum();
        let during_s = own().filter_map(|row| row.last_s).fold(first_s, f64::max) - first_s;
        if during_s > 0.0 { arrived as f64 / during_s } else { 0.0 }
    };
    (1..=spec.receivers).map(of).sum::<f64>() / f64::from(spec.receivers.max(1))
}

/// Packets that datagrams travel in: what is larger than the MTU goes in pieces, each with headers of its own.
fn packets(spec: &Spec, datagrams: u64, content: u64, header_bytes: u32) -> u64 {
    if datagrams == 0 {
        return 0;
    }
    let udp_header = PACKET_HEADERS_BYTES - 20;
    let each = content.div_ceil(datagrams) + u64::from(header_bytes) + udp_header;
    // Pieces hold multiples of 8 bytes.
    let piece = (u64::from(spec.mtu_bytes).saturating_sub(20) / 8 * 8).max(8);
    if each + 20 <= u64::from(spec.mtu_bytes) { datagrams } else { datagrams * each.div_ceil(piece) }
}

/// Files times receivers that were to arrive; of a source of somebody else's, as many as there were.
fn spec_files(spec: &Spec, sent: &Sent) -> u32 {
    sent.files.iter().map(|file| asked(spec, file).len() as u32).sum()
}

/// The sum over rows; `None` where a row does not tell.
fn sum(rows: &[ReceiverRow], pick: impl Fn(&ReceiverRow) -> Option<u64>) -> Option<u64> {
    rows.iter().map(pick).sum()
}

fn reaches(mut receivers: impl Iterator<Item = u32>, receiver: u32) -> bool {
    receivers.any(|it| it == receiver)
}

fn fetch_s(fetch: &Fetched) -> f64 {
    fetch.ended_ns.saturating_sub(fetch.start_ns) as f64 / 1e9
}

fn fetch(sent: &Sent, file: &SentFile) -> Option<FetchRow> {
    let fetch = file.fetch.as_ref()?;
    Some(FetchRow {
        trial: String::new(),
        block: 0,
        file: file.file,
        name: file.name.clone(),
        url: fetch.url.clone(),
        content_type: fetch.content_type.clone(),
        bytes: file.bytes,
        start_s: fetch.start_ns.saturating_sub(sent.passed_barrier_ns) as f64 / 1e9,
        fetch_s: fetch_s(fetch),
        outcome: fetch.outcome.clone(),
    })
}

/// Why a row failed: the sender could not send, or a receiver lacks a file for another reason than loss.
fn failure(spec: &Spec, sent: &Sent, rows: &[ReceiverRow]) -> Option<String> {
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

#[cfg(test)]
mod tests;
