//! The distribution of single round trips.

use super::view::{View, size, slug, spoken};
use crate::{
    chart::{Axis, Chart, Curve, Ecdf, Panel, Scale},
    element::{Element, Figure},
    format::{self, Unit},
};
use ferrybench_data::{
    dataset::TrialView,
    plan::catalogue::Group,
    roundtrip::{Pattern, Placement},
};
use std::collections::BTreeMap;

/// What lies beyond would stretch the axis for a handful of samples.
const LAST_SHARE: f64 = 0.999;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let Some(bytes) = view.usual_size(Pattern::Rtt) else { return Vec::new() };
    let figures: Vec<Element> =
        view.placements().into_iter().filter_map(|placement| figure(view, bytes, placement)).collect();
    if figures.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "The distribution of a round trip"),
        Element::prose(
            "A median hides what happens to one exchange in a hundred. A steep curve is a steady mechanism; a step to the \
             right is a second way in which exchanges happen, often a wake-up that took another path.",
        ),
    ];
    elements.extend(figures);
    elements
}

fn figure(view: &View<'_>, bytes: u64, placement: Placement) -> Option<Element> {
    let mut panels: BTreeMap<(u8, &str), Vec<Curve>> = BTreeMap::new();
    let (mut samples, mut drawn): (u64, Vec<&TrialView<'_>>) = (0, Vec::new());
    for trial in view.natural(Pattern::Rtt, placement, bytes) {
        // Batch means would look steadier than exchanges are.
        if trial.good().any(|(_, seen)| seen.batch > 1) {
            continue;
        }
        let (Some(histogram), Some(group)) =
            (view.data.merged_histogram(trial), view.group(&trial.spec.mechanism))
        else {
            continue;
        };
        samples += histogram.len();
        let mut points: Vec<(f64, f64)> = Vec::new();
        let mut below = 0;
        for step in histogram.iter_recorded() {
            below += step.count_at_value();
            points.push((step.value_iterated_to() as f64, below as f64 / histogram.len() as f64));
            if points.last().is_some_and(|(_, share)| *share >= LAST_SHARE) {
                break;
            }
        }
        panels.entry(panel(group)).or_default().push(Curve { name: trial.spec.mechanism.clone(), points });
        drawn.push(trial);
    }
    let panels = panels.into_iter().map(|((_, title), curves)| Panel::new(title, curves)).collect();
    let chart = Ecdf::new(Axis::new("Time of a round trip", Scale::Log10, Unit::Nanoseconds), panels)?;
    let blocks = drawn.iter().map(|trial| trial.good().count()).max().unwrap_or(0);
    Some(Element::Figure(Figure {
        name: format!("distribution-{}-{placement}", slug(bytes)),
        chart: Chart::Ecdf(chart),
        alt: format!("Distribution of the time of a round trip of {}, {}", size(bytes), spoken(placement)),
        caption: format!(
            "Share of round trips of {} that took at most so long, {}. {} samples of up to {}, merged for drawing \
             only: no interval follows from this figure. Drawn up to 99.9 %; mechanisms whose exchanges are timed in batches are \
             left out.",
            size(bytes),
            spoken(placement),
            format::integer(samples),
            format::counted(blocks, "block")
        ),
    }))
}

/// Kin that share a panel, with its place among them.
const fn panel(group: Group) -> (u8, &'static str) {
    match group {
        Group::Pipe => (0, "pipes and tokens"),
        Group::Queue | Group::SharedMemory => (1, "queues and shared memory"),
        Group::UnixSocket | Group::Loopback => (2, "sockets"),
        Group::InProcess | Group::Floor => (4, "channels between threads"),
    }
}
