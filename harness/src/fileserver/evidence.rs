//! From what workers, server and verification said to the evidence of a block. Pure: nothing is asked of the system.

use super::{
    conduct::Job,
    protocols,
    service::{Report, Taken, Told},
    transfer::Done,
};
use crate::{
    measure::usage::{ProcessUse, Usage},
    pool::Round,
};
use ferrybench_data::fileserver::{Evidence, OK, Operation, Spec, TransferRow, UNVERIFIED, Verified};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
};

/// What verification found of one transfer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sighting {
    /// There is no content, and nothing is amiss.
    Nothing,
    /// The content is the source's.
    Content(Verified),
    /// The server's worker hashed it as it arrived, and will tell.
    ByTheServer,
    /// It is not, or something else is amiss.
    Wrong(String),
    /// Nobody could look.
    Unverified,
}

impl Sighting {
    pub(super) fn wrong_content() -> Self {
        Self::Wrong("the content is not the source's".into())
    }
}

/// What was seen so far in a block.
pub(super) struct Seen {
    spec: Spec,
    server_start_s: f64,
    rounds: Vec<(Round<Done>, Vec<Vec<Sighting>>)>,
    elapsed_ns: u64,
    /// The client's own process, as it was after the last round.
    client: ProcessUse,
    failed: bool,
}

impl Seen {
    /// Nothing yet.
    pub(super) fn new(spec: &Spec, server_start_s: f64) -> Self {
        Self {
            spec: spec.clone(),
            server_start_s,
            rounds: Vec::new(),
            elapsed_ns: 0,
            client: ProcessUse::default(),
            failed: false,
        }
    }

    /// Rounds so far.
    pub(super) fn rounds(&self) -> u32 {
        self.rounds.len() as u32
    }

    /// Measured time so far.
    pub(super) fn elapsed_ns(&self) -> u64 {
        self.elapsed_ns
    }

    /// Whether a transfer has failed: then more rounds would not make the row any better.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// A round, with what became of its content.
    pub(super) fn add(&mut self, round: Round<Done>, client: ProcessUse, sightings: Vec<Vec<Sighting>>) {
        let last = round.workers.iter().flatten().flatten().map(|done| done.ended_ns).max();
        self.elapsed_ns += last.unwrap_or(round.released_ns).saturating_sub(round.released_ns);
        self.failed |= round.workers.iter().any(|worker| match worker {
            Ok(done) => done.iter().any(|done| done.failure.is_some()),
            Err(_) => true,
        });
        self.failed |= sightings.iter().flatten().any(|sighting| matches!(sighting, Sighting::Wrong(_)));
        self.client = client;
        self.rounds.push((round, sightings));
    }

    /// Evidence, transfers, why the row failed, and the delay of the clients in seconds.
    pub(super) fn judge(
        self,
        job: &Job,
        told: &io::Result<Report>,
    ) -> (Evidence, Vec<TransferRow>, Option<String>, f64) {
        let spec = &self.spec;
        let bound_ns = job.there.as_ref().map_or(0, |there| there.bound_ns);
        let server = Server::new(told.as_ref().ok(), bound_ns);
        let source = job.expected();
        let mut rows = Vec::new();
        let mut clients = Clients::default();
        let mut used = Usage::default();
        for ((round, sightings), number) in self.rounds.iter().zip(1..) {
            used += round.used;
            clients.processes_of(round);
            for ((worker, sightings), client) in round.workers.iter().zip(sightings).zip(1..) {
                let at = Place { round: number, client, released_ns: round.released_ns };
                let of_worker = match worker {
                    Ok(done) => done
                        .iter()
                        .zip(sightings)
                        .zip(1..)
                        .map(|((done, sighting), transfer)| {
                            row(spec, source, at, transfer, done, sighting, &server)
                        })
                        .collect(),
                    Err(how) => vec![dead(at, how)],
                };
                clients.add(at, worker, &of_worker);
                rows.extend(of_worker);
            }
        }
        let elapsed_s = self.elapsed_ns as f64 / 1e9;
        let mut evidence = clients.evidence(spec, &rows, elapsed_s);
        evidence.rounds = self.rounds.len() as u32;
        evidence.transfers_asked =
            u64::from(evidence.rounds) * u64::from(spec.client_pool) * u64::from(spec.transfers);
        evidence.bytes_expected = evidence.transfers_asked * spec.volume_bytes;
        evidence.server_start_s = Some(self.server_start_s);
        evidence.verified = self.verified(&server, source);
        let peak_of = |processes: &[ProcessUse]| -> u64 {
            processes.iter().map(|process| process.peak_anonymous_bytes).sum()
        };
        let members = self.rounds.last().map_or(&[][..], |(round, _)| &round.processes);
        evidence.client_peak_rss_bytes = self.client.peak_anonymous_bytes + peak_of(members);
        evidence.peak_rss_bytes = evidence.client_peak_rss_bytes;
        evidence.client_cpu_s = used.cpu_ns() as f64 / 1e9;
        (evidence.cpu_user_s, evidence.cpu_system_s) =
            (used.user_ns as f64 / 1e9, used.system_ns as f64 / 1e9);
        if let Ok(report) = told {
            tell(&mut evidence, spec, report, &peak_of);
        }
        let failure = match told {
            Err(error) => Some(format!("the server: {error}")),
            Ok(_) => reasons(&rows),
        };
        (evidence, rows, failure, used.run_delay_ns as f64 / 1e9)
    }

    /// The same for a server of somebody else, which tells nothing by itself.
    pub(super) fn judge_outside(self, job: &Job) -> (Evidence, Vec<TransferRow>, Option<String>, f64) {
        let (mut evidence, rows, failure, run_delay_s) = self.judge(job, &Ok(Report::default()));
        (evidence.servers_ok, evidence.servers_failed, evidence.servers_idle) = (None, None, None);
        (evidence.server_transfers_ok, evidence.busiest_transfers, evidence.bytes_server) =
            (None, None, None);
        (evidence.server_processes, evidence.servers_died) = (None, None);
        (evidence.server_cpu_s, evidence.client_cpu_share, evidence.server_peak_rss_bytes) =
            (None, None, None);
        (evidence, rows, failure, run_delay_s)
    }

    fn verified(&self, server: &Server<'_>, source: &str) -> Verified {
        let mut how = Verified::Nothing;
        for sighting in self.rounds.iter().flat_map(|(_, sightings)| sightings).flatten() {
            match sighting {
                Sighting::Content(kind) => how = *kind,
                Sighting::ByTheServer => {
                    how = if server.hashed(source) { Verified::Inside } else { Verified::Unverified };
                }
                Sighting::Unverified => return Verified::Unverified,
                Sighting::Nothing | Sighting::Wrong(_) => {}
            }
        }
        how
    }
}

/// Where in a block a transfer was.
#[derive(Clone, Copy)]
struct Place {
    round: u32,
    client: u32,
    released_ns: u64,
}

/// What the server's workers said, by the port of the client.
struct Server<'a> {
    connections: HashMap<u16, Vec<(u32, &'a Taken)>>,
    /// By how much its times may be wrong on the clients' clock, nanoseconds.
    bound_ns: u64,
}

impl<'a> Server<'a> {
    fn new(report: Option<&'a Report>, bound_ns: u64) -> Self {
        let mut connections: HashMap<u16, Vec<(u32, &Taken)>> = HashMap::new();
        for told in report.into_iter().flat_map(|report| &report.workers) {
            for taken in &told.connections {
                connections.entry(taken.port).or_default().push((told.worker, taken));
            }
        }
        Self { connections, bound_ns }
    }

    /// Who served a transfer. A port may come again in a later round: the times tell which it was.
    fn of(&self, done: &Done) -> Option<(u32, &'a Taken)> {
        let connected = done.connected_ns?;
        let candidates = self.connections.get(&done.port)?;
        // The connection is there for the server a moment before the client knows of it.
        let near = |taken: &Taken| {
            taken.taken_ns + 1_000_000_000 > connected && taken.taken_ns <= done.ended_ns + self.bound_ns
        };
        // Of two that are near, the earlier one had ended before this one could have the port.
        candidates.iter().filter(|(_, taken)| near(taken)).max_by_key(|(_, taken)| taken.taken_ns).copied()
    }

    fn hashed(&self, source: &str) -> bool {
        self.connections.values().flatten().all(|(_, taken)| taken.hash.as_deref() == Some(source))
    }
}

fn row(
    spec: &Spec,
    source: &str,
    at: Place,
    transfer: u32,
    done: &Done,
    sighting: &Sighting,
    server: &Server<'_>,
) -> TransferRow {
    let seconds = |ns: u64| ns as f64 / 1e9;
    let since = |ns: u64| seconds(ns.saturating_sub(at.released_ns));
    let by = server.of(done);
    let goes_ahead = protocols::find(&spec.protocol).is_some_and(|protocol| protocol.goes_ahead);
    let begun = if spec.operation == Operation::Upload && !goes_ahead {
        by.map(|(_, taken)| taken.taken_ns)
    } else {
        done.begun_ns
    };
    let connected = done.connected_ns.unwrap_or(done.ended_ns);
    let begun = begun.map(|ns| ns.clamp(connected, done.ended_ns.max(connected)));
    let outcome = match (&done.failure, sighting) {
        (Some(why), _) | (None, Sighting::Wrong(why)) => why.clone(),
        (None, Sighting::Unverified) => UNVERIFIED.to_owned(),
        (None, Sighting::ByTheServer) => match by.and_then(|(_, taken)| taken.hash.as_deref()) {
            Some(hash) if hash == source => OK.to_owned(),
            Some(_) => "the content is not the source's".to_owned(),
            None => UNVERIFIED.to_owned(),
        },
        (None, Sighting::Nothing | Sighting::Content(_)) => OK.to_owned(),
    };
    TransferRow {
        round: at.round,
        client: at.client,
        transfer,
        worker: by.map(|(worker, _)| worker),
        start_s: since(done.started_ns),
        connect_s: seconds(connected.saturating_sub(done.started_ns)),
        wait_s: begun.map(|ns| seconds(ns - connected)),
        service_s: begun.map(|ns| seconds(done.ended_ns.saturating_sub(ns))),
        end_s: since(done.ended_ns),
        bytes: done.bytes,
        bytes_verified: if outcome == OK && spec.operation.moves_content() { done.bytes } else { 0 },
        outcome,
        ..TransferRow::default()
    }
}

/// A worker that died made at least one transfer that nobody can tell anything about.
fn dead(at: Place, how: &str) -> TransferRow {
    TransferRow {
        round: at.round,
        client: at.client,
        transfer: 1,
        outcome: how.to_owned(),
        ..TransferRow::default()
    }
}

/// The clients' side of the evidence, as it gathers.
#[derive(Default)]
struct Clients {
    /// Workers with a failed transfer.
    failed: BTreeSet<u32>,
    seen: BTreeSet<u32>,
    processes: BTreeSet<u32>,
    threads: BTreeSet<u32>,
    /// Of each worker and round without a failure: own time in seconds, and verified bytes.
    times: Vec<(f64, u64)>,
}

impl Clients {
    fn processes_of(&mut self, round: &Round<Done>) {
        for done in round.workers.iter().flatten().flatten() {
            self.processes.insert(done.pid);
            self.threads.insert(done.tid);
        }
    }

    fn add(&mut self, at: Place, worker: &Result<Vec<Done>, String>, rows: &[TransferRow]) {
        self.seen.insert(at.client);
        let good = |row: &TransferRow| row.outcome == OK || row.outcome == UNVERIFIED;
        if worker.is_err() || !rows.iter().all(good) {
            self.failed.insert(at.client);
            return;
        }
        let own = rows.iter().map(|row| row.end_s).fold(0.0, f64::max);
        self.times.push((own, rows.iter().map(|row| row.bytes_verified).sum()));
    }

    fn evidence(&self, spec: &Spec, rows: &[TransferRow], elapsed_s: f64) -> Evidence {
        let good: Vec<&TransferRow> =
            rows.iter().filter(|row| row.outcome == OK || row.outcome == UNVERIFIED).collect();
        let mean = |of: &dyn Fn(&TransferRow) -> Option<f64>| {
            let values: Vec<f64> = good.iter().filter_map(|row| of(row)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let times = self.times.len().max(1) as f64;
        let verified = rows.iter().map(|row| row.bytes_verified).sum::<u64>();
        let per_second = |amount: f64| if elapsed_s > 0.0 { amount / elapsed_s } else { 0.0 };
        Evidence {
            transfers_ok: good.len() as u64,
            clients_ok: (self.seen.len() - self.failed.len()) as u32,
            clients_failed: self.failed.len() as u32,
            elapsed_s,
            client_mean_s: self.times.iter().map(|(own, _)| own).sum::<f64>() / times,
            client_max_s: self.times.iter().map(|(own, _)| *own).fold(0.0, f64::max),
            client_connect_mean_s: mean(&|row| Some(row.connect_s)).unwrap_or(0.0),
            client_wait_mean_s: mean(&|row| row.wait_s),
            client_service_mean_s: mean(&|row| row.service_s),
            client_throughput_bytes_per_s: self
                .times
                .iter()
                .filter(|(own, _)| *own > 0.0)
                .map(|(own, bytes)| *bytes as f64 / own)
                .sum::<f64>()
                / times,
            aggregate_bytes_per_s: per_second(verified as f64),
            operations_per_s: per_second(good.len() as f64),
            bytes_client: if spec.operation.moves_content() {
                rows.iter().map(|row| row.bytes).sum()
            } else {
                0
            },
            bytes_verified: verified,
            barrier_skew_s: rows
                .iter()
                .filter(|row| row.transfer == 1)
                .map(|row| row.start_s)
                .fold(0.0, f64::max),
            client_processes: self.processes.len() as u32,
            client_threads: self.threads.len() as u32,
            ..Evidence::default()
        }
    }
}

/// The server's side of the evidence, by its workers' own word.
fn tell(evidence: &mut Evidence, spec: &Spec, report: &Report, peak_of: &dyn Fn(&[ProcessUse]) -> u64) {
    let count = |is: fn(&Told) -> bool| Some(report.workers.iter().filter(|told| is(told)).count() as u32);
    evidence.servers_failed = count(|told| told.failed > 0);
    evidence.servers_ok = count(|told| told.failed == 0 && told.ok > 0);
    evidence.servers_idle = count(|told| told.failed == 0 && told.ok == 0);
    evidence.server_transfers_ok = Some(report.workers.iter().map(|told| told.ok).sum());
    evidence.busiest_transfers = report.workers.iter().map(|told| told.ok).max();
    let bytes: u64 = report.workers.iter().map(|told| told.bytes).sum();
    evidence.bytes_server = spec.operation.moves_content().then_some(bytes);
    evidence.servers_died = Some(0);
    let processes: BTreeSet<u32> = report
        .workers
        .iter()
        .filter(|told| told.ok + told.failed > 0 || told.pid > 0)
        .map(|told| told.pid)
        .collect();
    evidence.server_processes = Some(processes.len() as u32);
    let mut used = Usage::default();
    report.processes.iter().for_each(|process| used += process.used);
    let cpu_s = used.cpu_ns() as f64 / 1e9;
    evidence.server_cpu_s = Some(cpu_s);
    evidence.cpu_user_s += used.user_ns as f64 / 1e9;
    evidence.cpu_system_s += used.system_ns as f64 / 1e9;
    let both = evidence.client_cpu_s + cpu_s;
    evidence.client_cpu_share = (both > 0.0).then(|| evidence.client_cpu_s / both);
    let peak = peak_of(&report.processes);
    evidence.server_peak_rss_bytes = Some(peak);
    evidence.peak_rss_bytes += peak;
}

/// Why a row failed: how many transfers, and each reason with its count, the most frequent first.
fn reasons(rows: &[TransferRow]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.outcome != OK && row.outcome != UNVERIFIED) {
        *counts.entry(&row.outcome).or_default() += 1;
    }
    let failed: usize = counts.values().sum();
    if failed == 0 {
        return None;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words: Vec<String> = counts.iter().map(|(why, count)| format!("{why} ({count})")).collect();
    Some(format!("{failed} of {} transfers failed: {}", rows.len(), words.join("; ")))
}

#[cfg(test)]
mod tests;
