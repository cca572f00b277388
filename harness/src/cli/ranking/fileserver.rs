//! The file server on the terminal: one table for each operation and volume, the fastest pairs first.

use crate::cli::say;
use comfy_table::{CellAlignment, Table, presets};
use ferrybench_data::{
    dataset::{Dataset, TrialView},
    fileserver::{AGGREGATE, CLIENT_MEAN, FileServer, OPERATIONS},
    stats::Estimate,
    units::Size,
};
use ferrybench_reports::format::{Unit, estimate};
use std::collections::BTreeMap;

type View<'a> = TrialView<'a, FileServer>;

/// Rows of one table that are shown; the report has them all.
const MOST_ROWS: usize = 10;

pub(super) fn print(data: &Dataset) {
    let trials = data.fileserver_trials();
    let mut kinds: BTreeMap<_, Vec<(&View<'_>, Estimate)>> = BTreeMap::new();
    for trial in &trials {
        let metric = if trial.spec.operation.moves_content() { AGGREGATE } else { OPERATIONS };
        if let Some(value) = trial.estimate(metric) {
            kinds.entry((trial.spec.operation, trial.spec.volume_bytes)).or_default().push((trial, value));
        }
    }
    for ((operation, volume), mut rows) in kinds {
        rows.sort_by(|a, b| b.1.value.total_cmp(&a.1.value));
        let volume = if volume > 0 { format!(" of {}", Size(volume)) } else { String::new() };
        let more = match rows.len() {
            all if all > MOST_ROWS => format!(" (the first {MOST_ROWS} of {all})"),
            _ => String::new(),
        };
        let what = if operation.moves_content() { "all clients together" } else { "operations a second" };
        say(format_args!("\n{operation}{volume}: {what}{more}"));
        let unit = if operation.moves_content() { Unit::BytesPerSecond } else { Unit::PerSecond };
        rows.truncate(MOST_ROWS);
        say(table(&rows, unit).trim_fmt());
    }
}

fn table(rows: &[(&View<'_>, Estimate)], unit: Unit) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "",
        "protocol",
        "clients",
        "server",
        "median [95 % interval]",
        "a client's time",
    ]);
    for (rank, (trial, value)) in (1..).zip(rows) {
        let spec = trial.spec;
        let pool = match spec.server_pool {
            0 => String::new(),
            pool => format!(" x{pool}"),
        };
        // Blank where both are on this machine.
        let (clients_on, server_on) = match spec.hosts.split_once(':') {
            Some((clients, server)) => (format!(" on {clients}"), format!(" on {server}")),
            None => Default::default(),
        };
        let time = trial.estimate(CLIENT_MEAN);
        table.add_row([
            rank.to_string(),
            spec.protocol.clone(),
            format!("{} x{}{clients_on}", spec.client_model, spec.client_pool),
            format!("{}{pool}{server_on}", spec.server_model),
            estimate(value.value, value.interval, unit),
            time.map_or(String::new(), |time| estimate(time.value, None, Unit::Seconds)),
        ]);
    }
    for column in [4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
