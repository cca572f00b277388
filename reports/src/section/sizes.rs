//! Rate and throughput against message size.

use super::view::{View, method, plotted, size, spoken};
use crate::{
    chart::{Axis, Chart, Lines, Panel, Point, Scale, Series},
    element::{Cell, Column, Element, Figure, Table},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    plan::catalogue::Group,
    roundtrip::{BANDWIDTH, Pattern, Placement, RATE},
    stats::quantile,
};
use std::collections::{BTreeMap, BTreeSet};

/// Series that stay apart in one panel.
const MOST_SERIES: usize = 7;

pub(super) fn round_trips(view: &View<'_>) -> Vec<Element> {
    let figures =
        figures(view, Pattern::Rtt, RATE, ("Round trips per second", Unit::PerSecond), "rate-against-size");
    titled(
        figures,
        "Round trips against message size",
        "More is better; both axes are logarithmic. Small messages cost a wake-up and \
        a few system calls whatever they carry; from some kilobytes on, copying decides.",
    )
}

pub(super) fn streams(view: &View<'_>) -> Vec<Element> {
    let figures = figures(
        view,
        Pattern::Stream,
        BANDWIDTH,
        ("Bytes per second", Unit::BytesPerSecond),
        "throughput-against-size",
    );
    let table = best_sizes(view);
    if figures.is_empty() && table.is_none() {
        return Vec::new();
    }
    let mut elements = titled(
        figures,
        "One-way throughput against message size",
        "One sender, one receiver; the receiver verifies every byte, \
        and the clock stops when it has. Where loss is legal, only what arrived is counted.",
    );
    if elements.is_empty() {
        elements.push(Element::heading(2, "One-way throughput"));
    }
    elements.extend(table);
    elements.extend(producers(view));
    elements
}

fn titled(figures: Vec<Element>, title: &str, words: &str) -> Vec<Element> {
    if figures.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![Element::heading(2, title), Element::prose(words)];
    elements.extend(figures);
    elements
}

/// One figure for each placement that has a mechanism at two sizes or more.
fn figures(
    view: &View<'_>,
    pattern: Pattern,
    metric: &str,
    (title, unit): (&str, Unit),
    name: &str,
) -> Vec<Element> {
    view.placements()
        .into_iter()
        .filter_map(|placement| figure(view, (pattern, placement), metric, (title, unit), name))
        .collect()
}

fn figure(
    view: &View<'_>,
    (pattern, placement): (Pattern, Placement),
    metric: &str,
    (title, unit): (&str, Unit),
    name: &str,
) -> Option<Element> {
    let mut panels: BTreeMap<(u8, &str), BTreeMap<&str, Vec<Point>>> = BTreeMap::new();
    let mut drawn: Vec<&TrialView<'_>> = Vec::new();
    for trial in view.ranked().filter(|trial| {
        (trial.spec.pattern, trial.spec.placement) == (pattern, placement) && view.is_natural(trial.spec)
    }) {
        let (Some(group), Some(estimate)) = (view.group(&trial.spec.mechanism), trial.estimate(metric))
        else {
            continue;
        };
        let point = Point { x: trial.spec.message_bytes as f64, y: plotted(estimate) };
        panels.entry(panel(group)).or_default().entry(&trial.spec.mechanism).or_default().push(point);
        drawn.push(trial);
    }
    let panels: Vec<Panel<Series>> = panels
        .into_iter()
        .flat_map(|((_, panel), series)| {
            let series: Vec<Series> = series
                .into_iter()
                .filter(|(_, points)| points.len() > 1)
                .map(|(name, points)| Series { name: name.to_owned(), points })
                .collect();
            let some = |some: &[Series]| Panel::new(panel, some.to_vec());
            series.chunks(MOST_SERIES).map(some).collect::<Vec<_>>()
        })
        .collect();
    let x = Axis::new("Message size", Scale::Log2, Unit::Bytes);
    let chart = Lines::new(x, Axis::new(title, Scale::Log10, unit), panels)?.with_context();
    Some(Element::Figure(Figure {
        name: format!("{name}-{placement}"),
        chart: Chart::Lines(chart),
        alt: format!("{title} against message size, {}", spoken(placement)),
        caption: format!(
            "{title} against message size, {}. {}. Grey: the lines of the other panels.",
            spoken(placement),
            method(drawn)
        ),
    }))
}

/// Kin that share a panel, so that four hold them all, with its place among them.
const fn panel(group: Group) -> (u8, &'static str) {
    match group {
        Group::Pipe | Group::Queue => (0, "pipes and queues"),
        Group::UnixSocket | Group::Loopback => (2, "sockets"),
        Group::SharedMemory => (3, "shared memory"),
        Group::InProcess | Group::Floor => (4, "channels between threads"),
    }
}

/// For each mechanism and placement the size that carries most, with losses.
fn best_sizes(view: &View<'_>) -> Option<Element> {
    let streams: Vec<&TrialView<'_>> = view
        .ranked()
        .filter(|trial| trial.spec.pattern == Pattern::Stream && view.is_natural(trial.spec))
        .collect();
    let keys: BTreeSet<Placement> = streams.iter().map(|trial| trial.spec.placement).collect();
    let mut rows = Vec::new();
    for placement in keys {
        let mut best: Vec<(&TrialView<'_>, ferrybench_data::stats::Estimate)> = Vec::new();
        for trial in streams.iter().filter(|trial| trial.spec.placement == placement) {
            let Some(estimate) = trial.estimate(BANDWIDTH) else { continue };
            match best.iter_mut().find(|(known, _)| known.spec.mechanism == trial.spec.mechanism) {
                Some(known) if known.1.value < estimate.value => *known = (trial, estimate),
                Some(_) => {}
                None => best.push((trial, estimate)),
            }
        }
        best.sort_by(|a, b| b.1.value.total_cmp(&a.1.value));
        for (place, (trial, estimate)) in best.into_iter().enumerate() {
            rows.push(vec![
                Cell::text(placement.word()),
                Cell::text(&trial.spec.mechanism),
                Cell::text(size(trial.spec.message_bytes)),
                Cell::Estimate {
                    value: estimate.value,
                    interval: estimate.interval,
                    unit: Unit::BytesPerSecond,
                    best: place == 0,
                },
                lost(trial),
            ]);
        }
    }
    let columns = vec![
        Column::left("Placement"),
        Column::left("Mechanism"),
        Column::right("Best size"),
        Column::right("Throughput"),
        Column::right("Messages lost"),
    ];
    let caption = format!(
        "One-way throughput at the size that carried most; the best of each placement in bold. {}.",
        method(streams)
    );
    (!rows.is_empty()).then_some(Element::Table(Table { columns, rows, caption }))
}

/// Share of the messages that were lost, the median over blocks; nothing where loss is not legal.
fn lost(trial: &TrialView<'_>) -> Cell {
    let shares: Vec<f64> = trial
        .good()
        .filter(|(_, seen)| seen.loss_legal)
        .map(|(_, seen)| seen.lost as f64 / seen.exchanges.max(1) as f64)
        .collect();
    quantile::median(&shares).map_or(Cell::Empty, |share| Cell::exact(share, Unit::Percent))
}

/// Several producers into one queue, where the run has them.
fn producers(view: &View<'_>) -> Option<Element> {
    let many: Vec<&TrialView<'_>> = view.ranked().filter(|trial| trial.spec.producers > 1).collect();
    let with = |trial: &TrialView<'_>, producers| {
        let spec = ferrybench_data::roundtrip::Spec { producers, ..trial.spec.clone() };
        view.ranked().find(|other| *other.spec == spec).and_then(|other| other.estimate(RATE))
    };
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for trial in &many {
        let single = ferrybench_data::roundtrip::Spec { producers: 1, ..trial.spec.clone() };
        if !seen.insert(single) {
            continue;
        }
        let mut row = vec![
            Cell::text(view.label(&ferrybench_data::roundtrip::Spec { producers: 1, ..trial.spec.clone() })),
            Cell::text(size(trial.spec.message_bytes)),
            Cell::text(trial.spec.placement.word()),
        ];
        row.extend([1, 2, 4].map(|count| super::view::cell(with(trial, count), Unit::PerSecond)));
        rows.push(row);
    }
    let columns = vec![
        Column::left("Mechanism"),
        Column::right("Message"),
        Column::left("Placement"),
        Column::right("1 producer"),
        Column::right("2 producers"),
        Column::right("4 producers"),
    ];
    let caption =
        format!("Messages received per second from several producers through one queue. {}.", method(many));
    (!rows.is_empty()).then_some(Element::Table(Table { columns, rows, caption }))
}
