//! Rows without a figure, and every trial.

use super::view::{View, cell};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
};
use ferrybench_data::{
    dataset::TrialView,
    family::Family,
    fanout::{COMPLETE, GOODPUT, LOSS, TOTAL},
    fileserver::{AGGREGATE, CLIENT_MEAN, CPU_A_GIB, OPERATIONS},
    record::Fate,
    roundtrip::{BANDWIDTH, CPU_COST, Pattern, RATE},
};
use std::collections::BTreeMap;

/// Trials that are named for one reason; the rest are counted.
const MOST_NAMED: usize = 3;

pub(super) fn without_figure(view: &View<'_>) -> Vec<Element> {
    let mut reasons: BTreeMap<(u8, &str, String), Vec<String>> = BTreeMap::new();
    for row in view.data.rows() {
        let (rank, what, why) = match row.fate() {
            Fate::Failed(why) => (0, "failed", why.to_owned()),
            Fate::Refused(why) => (1, "refused by its audit", why.join("; ")),
            Fate::Skipped(why) => (2, "skipped", why.to_owned()),
            Fate::Proved | Fate::SelfReported => continue,
        };
        let block = if rank == 2 { String::new() } else { format!(" block {}", row.block()) };
        reasons.entry((rank, what, why)).or_default().push(format!("`{}`{block}", row.trial()));
    }
    if reasons.is_empty() {
        return Vec::new();
    }
    let rows = reasons
        .into_iter()
        .map(|((_, what, why), trials)| {
            let more = trials.len().saturating_sub(MOST_NAMED);
            let mut named = trials[..trials.len().min(MOST_NAMED)].join(", ");
            if more > 0 {
                named += &format!(" and {more} more");
            }
            vec![Cell::text(what), Cell::text(why), Cell::Integer(trials.len() as u64), Cell::text(named)]
        })
        .collect();
    let columns =
        vec![Column::left("What"), Column::left("Why"), Column::right("Rows"), Column::left("Which")];
    vec![
        Element::heading(2, "Rows without a figure"),
        Element::Table(Table {
            columns,
            rows,
            caption: "Everything that was asked for and is not in the rankings, with its reason.".into(),
        }),
    ]
}

pub(super) fn every_trial(view: &View<'_>) -> Vec<Element> {
    let mut elements: Vec<Element> =
        [round_trips(view), transfers(view), fanouts(view)].into_iter().flatten().collect();
    if !elements.is_empty() {
        elements.insert(0, Element::heading(2, "Every trial"));
    }
    elements
}

fn round_trips(view: &View<'_>) -> Option<Element> {
    let columns = ["Rate or throughput", "p99", "CPU, both ends"];
    with_a_figure(view.measured(), &columns, "", |trial| {
        let (metric, unit) = if trial.spec.pattern == Pattern::Rtt {
            (RATE, Unit::PerSecond)
        } else {
            (BANDWIDTH, Unit::BytesPerSecond)
        };
        vec![
            cell(trial.estimate(metric), unit),
            trial.estimate("p99_ns").map_or(Cell::Empty, |at| Cell::exact(at.value, Unit::Nanoseconds)),
            trial
                .estimate(CPU_COST)
                .map_or(Cell::Empty, |cost| Cell::exact(cost.value, Unit::CpuMicroseconds)),
        ]
    })
}

fn transfers(view: &View<'_>) -> Option<Element> {
    let columns = ["Aggregate throughput or rate", "Time per client", "CPU a GiB, both sides"];
    with_a_figure(view.servers.iter(), &columns, " of the file server", |trial| {
        let (metric, unit) = if trial.spec.operation.moves_content() {
            (AGGREGATE, Unit::BytesPerSecond)
        } else {
            (OPERATIONS, Unit::PerSecond)
        };
        vec![
            cell(trial.estimate(metric), unit),
            cell(trial.estimate(CLIENT_MEAN), Unit::Seconds),
            trial.estimate(CPU_A_GIB).map_or(Cell::Empty, |cost| Cell::exact(cost.value, Unit::Seconds)),
        ]
    })
}

fn fanouts(view: &View<'_>) -> Option<Element> {
    let columns = ["Total", "Until all is verified", "Goodput", "Lost"];
    with_a_figure(view.fanouts.iter(), &columns, " of the UDP fan-out", |trial| {
        vec![
            cell(trial.estimate(TOTAL), Unit::Seconds),
            cell(trial.estimate(COMPLETE), Unit::Seconds),
            cell(trial.estimate(GOODPUT), Unit::BytesPerSecond),
            trial.estimate(LOSS).map_or(Cell::text("n/a"), |of| Cell::exact(of.value, Unit::Percent)),
        ]
    })
}

/// The trials of a family that have a figure, each with what `of` says of it under those columns.
fn with_a_figure<'t, 'a: 't, F: Family + 'static>(
    trials: impl Iterator<Item = &'t TrialView<'a, F>>,
    columns: &[&str],
    family: &str,
    of: impl Fn(&TrialView<'a, F>) -> Vec<Cell>,
) -> Option<Element> {
    let row = |trial: &TrialView<'a, F>| {
        let noisy = trial.good().filter(|(row, _)| row.noise.is_noisy()).count();
        let counts = [Cell::Integer(trial.good().count() as u64), Cell::Integer(noisy as u64)];
        [Cell::code(trial.id())].into_iter().chain(of(trial)).chain(counts).collect()
    };
    let rows: Vec<Vec<Cell>> = trials.filter(|trial| trial.good().next().is_some()).map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let right = columns.iter().chain(&["Blocks", "Disturbed"]).map(|name| Column::right(*name));
    let columns = [Column::left("Trial")].into_iter().chain(right).collect();
    let caption = format!(
        "Every trial{family} with a figure. Disturbed: blocks around which a probe saw other work on the machine; they are \
         kept."
    );
    let summary = format!("{}{family} with a figure", format::counted(rows.len(), "trial"));
    Some(Element::fold(summary, vec![Element::Table(Table { columns, rows, caption })]))
}
