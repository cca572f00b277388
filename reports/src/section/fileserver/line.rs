//! A row of the assignment's table: one trial over its blocks, as words and as a line of CSV.

use super::view::{Grid, Mishap, Trial, median, mishaps, unbroken};
use crate::{
    element::Cell,
    format::{self, Unit},
};
use ferrybench_data::{
    fileserver::{Evidence, Spec, Verified},
    stats::quantile,
    table,
};
use serde::Serialize;

/// One trial as a row.
pub(super) struct Line<'v, 'a> {
    /// Its number within its table, from 1.
    pub(super) number: u32,
    pub(super) trial: &'v Trial<'a>,
    mishaps: Vec<Mishap<'a>>,
}

/// The rows of a grid: first what moves content, then what does not, each numbered from 1.
pub(super) fn lines<'v, 'a>(grid: &Grid<'v, 'a>) -> [Vec<Line<'v, 'a>>; 2] {
    [true, false].map(|moves| {
        let trials = grid.trials.iter().filter(|trial| trial.spec.operation.moves_content() == moves);
        (1..).zip(trials).map(|(number, trial)| Line { number, trial, mishaps: mishaps(trial) }).collect()
    })
}

impl Line<'_, '_> {
    pub(super) fn spec(&self) -> &Spec {
        self.trial.spec
    }

    /// Blocks that may be compared.
    fn good(&self) -> usize {
        self.trial.good().count()
    }

    /// The median of something over the blocks that may be compared.
    fn median(&self, of: fn(&Evidence) -> f64) -> Option<f64> {
        median(self.trial, |seen| Some(of(seen)))
    }

    /// A count: its median over the good blocks, or what was seen of the first bad one.
    fn count(&self, of: impl Fn(&Evidence) -> Option<f64>) -> Option<u64> {
        let good: Vec<f64> = self.trial.good().filter_map(|(_, seen)| of(seen)).collect();
        let value =
            quantile::median(&good).or_else(|| of(self.mishaps.iter().find_map(|bad| bad.seen)?))?;
        Some(value.round() as u64)
    }

    fn clients(&self) -> Option<(u64, u64)> {
        Some((
            self.count(|seen| Some(f64::from(seen.clients_ok)))?,
            self.count(|seen| Some(f64::from(seen.clients_failed)))?,
        ))
    }

    fn servers(&self) -> Option<(u64, u64)> {
        Some((
            self.count(|seen| seen.servers_ok.map(f64::from))?,
            self.count(|seen| seen.servers_failed.map(f64::from))?,
        ))
    }

    fn idle(&self) -> Option<u64> {
        self.count(|seen| seen.servers_idle.map(f64::from))
    }

    /// Succeeded and failed client workers.
    pub(super) fn clients_cell(&self) -> Cell {
        self.clients().map_or(Cell::text("–"), |(ok, failed)| Cell::text(format!("{ok} / {failed}")))
    }

    /// Succeeded and failed server workers; where nobody tells, what was seen from outside.
    pub(super) fn servers_cell(&self) -> Cell {
        if let Some((ok, failed)) = self.servers() {
            return Cell::text(format!("{ok} / {failed}"));
        }
        let number = |of: fn(&Evidence) -> Option<u32>| self.count(|seen| of(seen).map(f64::from));
        let mut seen = Vec::new();
        seen.extend(number(|seen| seen.servers_seen).map(|count| format!("{count} seen at once")));
        seen.extend(number(|seen| seen.servers_died).map(|count| format!("{count} died")));
        let is_tried = self.count(|_| Some(0.0)).is_some();
        Cell::text(match (seen.is_empty(), is_tried) {
            (true, false) => "–".to_owned(),
            (true, true) => "not told".to_owned(),
            (false, _) => format!("not told ({})", seen.join(", ")),
        })
    }

    pub(super) fn idle_cell(&self) -> Cell {
        self.idle().map_or(Cell::text("–"), Cell::Integer)
    }

    /// The mean over clients, and the longest of them in brackets.
    pub(super) fn time_cell(&self) -> Cell {
        let (mean, longest) = (self.median(mean_s), self.median(longest_s));
        match (mean, longest) {
            (Some(mean), Some(longest)) => Cell::text(unbroken(&format!(
                "{} ({})",
                format::value(mean, Unit::Seconds),
                format::value(longest, Unit::Seconds)
            ))),
            _ => Cell::text("–"),
        }
    }

    /// In bytes per second as the assignment asks, and readable beside it.
    pub(super) fn throughput_cell(&self) -> Cell {
        self.median(throughput).map_or(Cell::text("–"), |rate| {
            Cell::text(unbroken(&format!(
                "{} B/s ({})",
                format::integer(rate.round() as u64),
                format::value(rate, Unit::BytesPerSecond)
            )))
        })
    }

    pub(super) fn all_clients_cell(&self) -> Cell {
        number(self.median(all_clients_s), Unit::Seconds)
    }

    pub(super) fn aggregate_cell(&self) -> Cell {
        number(self.median(aggregate), Unit::BytesPerSecond)
    }

    pub(super) fn operations_cell(&self) -> Cell {
        number(self.median(|seen| seen.operations_per_s), Unit::PerSecond)
    }

    /// How content was verified, in words.
    pub(super) fn verified_cell(&self) -> Cell {
        Cell::text(match self.verified() {
            None => "–",
            Some(Verified::Nothing) => "no content",
            Some(Verified::After) => "hash, after the clock",
            Some(Verified::Inside) => "hash, within the time",
            Some(Verified::Again) => "downloaded again, hash",
            Some(Verified::Unverified) => "not verified",
        })
    }

    fn verified(&self) -> Option<Verified> {
        let good = self.trial.good().map(|(_, seen)| seen).next();
        good.or_else(|| self.mishaps.iter().find_map(|bad| bad.seen)).map(|seen| seen.verified)
    }

    /// What became of the row: every block that came to no figure is named, with its reason.
    pub(super) fn outcome(&self) -> String {
        if self.mishaps.is_empty() {
            return "ok".into();
        }
        let mut kinds: Vec<(String, String, Vec<String>)> = Vec::new();
        for bad in &self.mishaps {
            let why = self.why(bad);
            let block = bad.block.to_string();
            match kinds.iter_mut().find(|(word, known, _)| word == bad.word && *known == why) {
                Some((.., blocks)) => blocks.push(block),
                None => kinds.push((bad.word.to_owned(), why, vec![block])),
            }
        }
        let told = |(word, why, blocks): &(String, String, Vec<String>)| match blocks.as_slice() {
            _ if self.trial.rows.len() == 1 => format!("{word}{why}"),
            [block] => format!("{word} in block {block}{why}"),
            several => format!("{word} in blocks {}{why}", several.join(", ")),
        };
        kinds.iter().map(told).collect::<Vec<_>>().join("; ")
    }

    /// The reason; and how the client workers fared, where the row's own columns tell of its good blocks.
    fn why(&self, bad: &Mishap<'_>) -> String {
        let counts = bad.seen.map(|seen| (seen.clients_ok, seen.clients_failed));
        let counts = counts.filter(|(_, failed)| self.good() > 0 && *failed > 0);
        let counts =
            counts.map_or(String::new(), |(ok, failed)| format!(" (client workers {ok} / {failed})"));
        format!("{counts}: {}", bad.why)
    }

    pub(super) fn blocks_cell(&self) -> Cell {
        Cell::Integer(self.good() as u64)
    }
}

fn number(value: Option<f64>, unit: Unit) -> Cell {
    value.map_or(Cell::text("–"), |value| Cell::exact(value, unit))
}

/// From the barrier's release to a client's last byte, the mean over transfers.
fn mean_s(seen: &Evidence) -> f64 {
    seen.client_mean_s
}

fn longest_s(seen: &Evidence) -> f64 {
    seen.client_max_s
}

fn throughput(seen: &Evidence) -> f64 {
    seen.client_throughput_bytes_per_s
}

fn aggregate(seen: &Evidence) -> f64 {
    seen.aggregate_bytes_per_s
}

/// Wall time of one round, from the barrier's release to the last byte of the last client.
pub(super) fn all_clients_s(seen: &Evidence) -> f64 {
    seen.elapsed_s / f64::from(seen.rounds.max(1))
}

/// A line of the attached CSV: the table's columns in its order, and every axis.
#[derive(Serialize)]
struct Csv<'a> {
    number: u32,
    operation: &'a str,
    volume_bytes: u64,
    client_pool: u32,
    server_pool: u32,
    total_time_per_client_s: Option<f64>,
    longest_time_per_client_s: Option<f64>,
    throughput_per_client_bytes_per_s: Option<f64>,
    client_workers_succeeded: Option<u64>,
    client_workers_failed: Option<u64>,
    server_workers_succeeded: Option<u64>,
    server_workers_failed: Option<u64>,
    server_workers_idle: Option<u64>,
    time_for_all_clients_s: Option<f64>,
    aggregate_throughput_bytes_per_s: Option<f64>,
    operations_per_s: Option<f64>,
    verified: &'a str,
    blocks: usize,
    outcome: String,
    client_model: &'a str,
    server_model: &'a str,
    protocol: &'a str,
    accept: &'a str,
    trial: String,
}

/// All lines as CSV, with a header.
pub(super) fn csv(lines: &[Line<'_, '_>]) -> Option<String> {
    let rows: Vec<Csv<'_>> = lines.iter().map(row).collect();
    let sound = "rows of numbers and words always serialize";
    let mut text = table::header_line(rows.first()?).expect(sound);
    for row in &rows {
        text += &table::row_line(row).expect(sound);
    }
    Some(text)
}

fn row<'a>(line: &'a Line<'_, '_>) -> Csv<'a> {
    let spec = line.spec();
    let of_content = |value: Option<f64>| value.filter(|_| spec.operation.moves_content());
    Csv {
        number: line.number,
        operation: spec.operation.word(),
        volume_bytes: spec.volume_bytes,
        client_pool: spec.client_pool,
        server_pool: spec.server_pool,
        total_time_per_client_s: line.median(mean_s),
        longest_time_per_client_s: line.median(longest_s),
        throughput_per_client_bytes_per_s: of_content(line.median(throughput)),
        client_workers_succeeded: line.clients().map(|(ok, _)| ok),
        client_workers_failed: line.clients().map(|(_, failed)| failed),
        server_workers_succeeded: line.servers().map(|(ok, _)| ok),
        server_workers_failed: line.servers().map(|(_, failed)| failed),
        server_workers_idle: line.idle(),
        time_for_all_clients_s: line.median(all_clients_s),
        aggregate_throughput_bytes_per_s: of_content(line.median(aggregate)),
        operations_per_s: line.median(|seen| seen.operations_per_s),
        verified: line.verified().map_or("", Verified::word),
        blocks: line.good(),
        outcome: line.outcome(),
        client_model: &spec.client_model,
        server_model: &spec.server_model,
        protocol: &spec.protocol,
        accept: spec.accept.word(),
        trial: line.trial.id(),
    }
}
