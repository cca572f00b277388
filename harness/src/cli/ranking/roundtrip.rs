//! Round trips on the terminal.

use crate::cli::say;
use comfy_table::{CellAlignment, Table, presets};
use ferrybench_data::{
    dataset::{Dataset, TrialView},
    roundtrip::{BANDWIDTH, CPU_COST, Pattern, Peers, Placement, RATE, Source},
    stats::Estimate,
    units::Size,
};
use ferrybench_reports::format::{Unit, estimate};
use std::collections::BTreeMap;

/// Prints one table for each pattern and placement, at the size that most trials have.
pub(super) fn print(data: &Dataset) {
    let trials = data.trials();
    for (pattern, metric, unit, what) in [
        (Pattern::Rtt, RATE, Unit::PerSecond, "round trips a second"),
        (Pattern::Stream, BANDWIDTH, Unit::BytesPerSecond, "one way"),
    ] {
        for &placement in Placement::ALL {
            let Some(size) = usual_size(&trials, pattern, placement) else { continue };
            let rows = ranked(&trials, pattern, placement, size, metric);
            if rows.is_empty() {
                continue;
            }
            say(format_args!("\n{} messages, {placement}: {what}", Size(size)));
            say(table(&rows, unit).trim_fmt());
        }
    }
}

fn table(rows: &[(&TrialView<'_>, Estimate)], unit: Unit) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "",
        "mechanism",
        "peers",
        "wait",
        "median [95 % interval]",
        "CPU an exchange",
    ]);
    let mut rank = 0;
    for (trial, value) in rows {
        let spec = trial.spec;
        let place = match (spec.peers, spec.source) {
            (Peers::None, _) => "floor".to_owned(),
            (_, Source::Foreign) => "self-reported".to_owned(),
            _ => {
                rank += 1;
                rank.to_string()
            }
        };
        let producers = if spec.producers > 1 { format!(" x{}", spec.producers) } else { String::new() };
        let cpu = trial
            .estimate(CPU_COST)
            .map_or(String::new(), |cpu| estimate(cpu.value, None, Unit::CpuMicroseconds));
        table.add_row([
            place,
            format!("{}{producers}", spec.mechanism),
            spec.peers.to_string(),
            spec.wait.to_string(),
            estimate(value.value, value.interval, unit),
            cpu,
        ]);
    }
    for column in [4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The message size that most trials of a kind have, the smallest of those that tie.
fn usual_size(trials: &[TrialView<'_>], pattern: Pattern, placement: Placement) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for trial in
        trials.iter().filter(|trial| (trial.spec.pattern, trial.spec.placement) == (pattern, placement))
    {
        *counts.entry(trial.spec.message_bytes).or_default() += usize::from(trial.good().next().is_some());
    }
    counts
        .into_iter()
        .rev()
        .filter(|(_, count)| *count > 0)
        .max_by_key(|(_, count)| *count)
        .map(|(size, _)| size)
}

fn ranked<'a, 'd>(
    trials: &'a [TrialView<'d>],
    pattern: Pattern,
    placement: Placement,
    size: u64,
    metric: &str,
) -> Vec<(&'a TrialView<'d>, Estimate)> {
    let mut rows: Vec<_> = trials
        .iter()
        .filter(|trial| {
            let spec = trial.spec;
            (spec.pattern, spec.placement, spec.message_bytes) == (pattern, placement, size)
        })
        .filter_map(|trial| Some((trial, trial.estimate(metric)?)))
        .collect();
    rows.sort_by(|a, b| b.1.value.total_cmp(&a.1.value));
    rows
}
