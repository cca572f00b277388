//! Ways of waiting, and threads instead of processes, where a run has both.

use super::view::{View, cell, size};
use crate::{
    element::{Cell, Column, Element, Table},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    roundtrip::{CPU_COST, MEAN, Pattern, Spec},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let rows: Vec<Vec<Cell>> = view
        .ranked()
        .filter(|trial| trial.spec.pattern == Pattern::Rtt && !view.is_natural(trial.spec))
        .filter_map(|trial| Some(row(natural(view, trial)?, trial)))
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let columns = vec![
        Column::left("Mechanism"),
        Column::right("Message"),
        Column::left("Placement"),
        Column::left("By nature"),
        Column::right("Time"),
        Column::left("Instead"),
        Column::right("Time"),
        Column::right("Times as fast"),
        Column::right("CPU cost, by nature"),
        Column::right("CPU cost, instead"),
    ];
    vec![
        Element::heading(2, "Waiting and ends"),
        Element::prose(
            "The same mechanism with another way of waiting, or between threads instead of processes. Spinning buys latency with CPU \
             time, and only where each end has a CPU of its own; `adaptive` spins for a bounded while, then blocks.",
        ),
        Element::Table(Table {
            columns,
            rows,
            caption: "Mean time of a round trip and CPU time of both ends, medians over blocks; ratios with 95 % intervals by signed \
                      rank over blocks of the same round."
                .into(),
        }),
    ]
}

/// The natural trial that differs from this one in its wait and ends alone.
fn natural<'v, 'a>(view: &'v View<'a>, trial: &TrialView<'a>) -> Option<&'v TrialView<'a>> {
    let mechanism = view.mechanism(&trial.spec.mechanism)?;
    let spec =
        Spec { wait: *mechanism.waits.first()?, peers: *mechanism.peers.first()?, ..trial.spec.clone() };
    view.ranked().find(|other| *other.spec == spec)
}

fn row(natural: &TrialView<'_>, other: &TrialView<'_>) -> Vec<Cell> {
    let spec = other.spec;
    let how = |spec: &Spec| Cell::text(format!("{}, {}", spec.peers, spec.wait));
    let cost = |trial: &TrialView<'_>| {
        trial.estimate(CPU_COST).map_or(Cell::Empty, |cost| Cell::exact(cost.value, Unit::CpuMicroseconds))
    };
    let time = |trial: &TrialView<'_>| {
        trial.estimate(MEAN).map_or(Cell::Empty, |at| Cell::exact(at.value, Unit::Nanoseconds))
    };
    vec![
        Cell::text(&spec.mechanism),
        Cell::text(size(spec.message_bytes)),
        Cell::text(spec.placement.word()),
        how(natural.spec),
        time(natural),
        how(spec),
        time(other),
        cell(natural.ratio(other, MEAN), Unit::Ratio),
        cost(natural),
        cost(other),
    ]
}
