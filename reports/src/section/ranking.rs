//! The ranking: round trips of one size, for each placement.

use super::view::{View, cell, is_ranked, method, plotted, size, slug, spoken};
use crate::{
    chart::{Axis, Chart, Group, Intervals, Row, Scale},
    element::{Cell, Column, Element, Figure, Table},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    roundtrip::{CPU_COST, Pattern, Placement, RATE, Source},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let Some(bytes) = view.usual_size(Pattern::Rtt) else { return Vec::new() };
    let mut elements = vec![
        Element::heading(2, format!("Ranking: round trips of {}", size(bytes))),
        Element::prose(
            "By the median rate; the best in bold. Floors are no mechanisms, and what other programs said of themselves was \
             not proved: both stand below, without a rank.",
        ),
    ];
    for placement in view.placements() {
        elements.extend(placed(view, bytes, placement));
    }
    elements
}

fn placed(view: &View<'_>, bytes: u64, placement: Placement) -> Vec<Element> {
    let mut trials: Vec<(&TrialView<'_>, f64)> = view
        .measured()
        .filter(|trial| {
            (trial.spec.pattern, trial.spec.message_bytes, trial.spec.placement)
                == (Pattern::Rtt, bytes, placement)
        })
        .filter_map(|trial| Some((trial, trial.estimate(RATE)?.value)))
        .collect();
    trials.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (ranked, beside): (Vec<_>, Vec<_>) = trials.into_iter().partition(|(trial, _)| is_ranked(trial.spec));
    if ranked.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<Vec<Cell>> =
        ranked.iter().zip(1..).map(|((trial, _), rank)| row(view, trial, Some(rank))).collect();
    rows.extend(beside.iter().map(|(trial, _)| row(view, trial, None)));
    let columns = vec![
        Column::right("Rank"),
        Column::left("Mechanism"),
        Column::left("Kind"),
        Column::left("Ends"),
        Column::left("Wait"),
        Column::right("Round trips"),
        Column::right("p50"),
        Column::right("p99"),
        Column::right("p99.9"),
        Column::right("CPU, both ends"),
        Column::right("Switches an exchange"),
        Column::right("Blocks"),
    ];
    let method = method(ranked.iter().map(|(trial, _)| *trial));
    let caption = format!(
        "Round trips of {}, {} ({method}; closed loop). Percentiles are medians of the blocks' own.",
        size(bytes),
        spoken(placement)
    );
    let mut elements = vec![
        Element::heading(3, capital(spoken(placement))),
        Element::Table(Table { columns, rows, caption }),
    ];
    elements.extend(figure(view, &ranked, bytes, placement, &method));
    elements
}

fn row(view: &View<'_>, trial: &TrialView<'_>, rank: Option<u64>) -> Vec<Cell> {
    let spec = trial.spec;
    let best = rank == Some(1);
    let name = if best { Cell::text(format!("**{}**", spec.mechanism)) } else { Cell::text(&spec.mechanism) };
    let kind = match (spec.source, view.group(&spec.mechanism)) {
        (Source::Foreign, _) => "self-reported",
        (_, Some(group)) => group.title(),
        (_, None) => "",
    };
    let rate = match cell(trial.estimate(RATE), Unit::PerSecond) {
        Cell::Estimate { value, interval, unit, .. } => Cell::Estimate { value, interval, unit, best },
        other => other,
    };
    let percentile =
        |metric| trial.estimate(metric).map_or(Cell::Empty, |at| Cell::exact(at.value, Unit::Nanoseconds));
    let cpu =
        trial.estimate(CPU_COST).map_or(Cell::Empty, |cpu| Cell::exact(cpu.value, Unit::CpuMicroseconds));
    vec![
        rank.map_or(Cell::text("–"), Cell::Integer),
        name,
        Cell::text(kind),
        Cell::text(spec.peers.word()),
        Cell::text(if spec.source == Source::Foreign { "" } else { spec.wait.word() }),
        rate,
        percentile("p50_ns"),
        percentile("p99_ns"),
        percentile("p999_ns"),
        cpu,
        switches(trial),
        Cell::Integer(trial.good().count() as u64),
    ]
}

/// Context switches of both ends an exchange, the median over blocks.
fn switches(trial: &TrialView<'_>) -> Cell {
    if trial.spec.source == Source::Foreign {
        return Cell::Empty;
    }
    let values: Vec<f64> = trial.good().filter_map(|(_, seen)| seen.switches_per_exchange()).collect();
    let median = ferrybench_data::stats::quantile::median(&values);
    median.map_or(Cell::Empty, |switches| Cell::text(format!("{switches:.2}")))
}

fn figure(
    view: &View<'_>,
    ranked: &[(&TrialView<'_>, f64)],
    bytes: u64,
    placement: Placement,
    method: &str,
) -> Option<Element> {
    let mut groups: Vec<(String, Vec<Row>)> = Vec::new();
    for (trial, _) in ranked {
        let title = view.group(&trial.spec.mechanism).map_or("", |group| group.title()).to_owned();
        let row = Row { label: view.label(trial.spec), estimate: plotted(trial.estimate(RATE)?) };
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((title, vec![row])),
        }
    }
    let groups = groups.into_iter().map(|(title, rows)| Group::new(title, rows)).collect();
    let chart = Intervals::new(Axis::new("Round trips per second", Scale::Log10, Unit::PerSecond), groups)?;
    Some(Element::Figure(Figure {
        name: format!("ranking-{}-{placement}", slug(bytes)),
        chart: Chart::Intervals(chart),
        alt: format!("Round trips per second of every mechanism, {}", spoken(placement)),
        caption: format!(
            "Round trips of {} per second, {}; more is better. {method}.",
            size(bytes),
            spoken(placement)
        ),
    }))
}

/// A sentence's beginning.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
