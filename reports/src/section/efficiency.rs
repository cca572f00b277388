//! Latency against what it costs in CPU time.

use super::view::{View, method, plotted, size, slug, spoken};
use crate::{
    chart::{Axis, Chart, Group, Scale, Scatter, ScatterPoint},
    element::{Element, Figure},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    roundtrip::{CPU_COST, MEAN, Pattern, Placement},
};
use std::collections::BTreeMap;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let Some(bytes) = view.usual_size(Pattern::Rtt) else { return Vec::new() };
    let figures: Vec<Element> =
        view.placements().into_iter().filter_map(|placement| figure(view, bytes, placement)).collect();
    if figures.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "Latency against CPU cost"),
        Element::prose(
            "To the left is faster, further down is cheaper: the CPU time of both ends together for one round trip. Who spins is \
             fast and pays with two whole CPUs; who blocks pays for wake-ups instead. \
             Points too close together to be labelled share one block of names; the ranking has their figures.",
        ),
    ];
    elements.extend(figures);
    elements
}

fn figure(view: &View<'_>, bytes: u64, placement: Placement) -> Option<Element> {
    let mut groups: BTreeMap<_, Vec<ScatterPoint>> = BTreeMap::new();
    let mut drawn: Vec<&TrialView<'_>> = Vec::new();
    for trial in view.natural(Pattern::Rtt, placement, bytes) {
        let (Some(group), Some(time), Some(cost)) =
            (view.group(&trial.spec.mechanism), trial.estimate(MEAN), trial.estimate(CPU_COST))
        else {
            continue;
        };
        let point = ScatterPoint { label: trial.spec.mechanism.clone(), x: plotted(time), y: plotted(cost) };
        groups.entry(group).or_default().push(point);
        drawn.push(trial);
    }
    let groups = groups.into_iter().map(|(group, points)| Group::new(group.title(), points)).collect();
    let x = Axis::new("Time of a round trip, mean", Scale::Log10, Unit::Nanoseconds);
    let y = Axis::new("CPU time of both ends", Scale::Log10, Unit::CpuMicroseconds);
    let chart = Scatter::new(x, y, groups)?;
    Some(Element::Figure(Figure {
        name: format!("latency-against-cpu-{}-{placement}", slug(bytes)),
        chart: Chart::Scatter(chart),
        alt: format!("Time of a round trip against its CPU cost, {}", spoken(placement)),
        caption: format!("Round trips of {}, {}. {}.", size(bytes), spoken(placement), method(drawn)),
    }))
}
