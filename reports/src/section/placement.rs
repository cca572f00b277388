//! Both ends on one CPU against a CPU for each.

use super::view::{View, cell, differs, method, plotted, size, slug};
use crate::{
    chart::{Axis, Chart, Dumbbell, DumbbellRow, Group, Scale},
    element::{Cell, Column, Element, Figure, Table},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    roundtrip::{MEAN, Pattern, Placement},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let Some(bytes) = view.usual_size(Pattern::Rtt) else { return Vec::new() };
    let pairs: Vec<(&TrialView<'_>, &TrialView<'_>)> = view
        .natural(Pattern::Rtt, Placement::SameCpu, bytes)
        .filter_map(|same| {
            let split = view
                .natural(Pattern::Rtt, Placement::Split, bytes)
                .find(|split| split.spec.mechanism == same.spec.mechanism)?;
            Some((same, split))
        })
        .collect();
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "One CPU against two"),
        Element::prose(
            "The only place where figures are held against each other across placements. On one CPU a blocking exchange is two \
             context switches; across two it is two wake-ups of a CPU that may be asleep, which costs more wherever waking is \
             dear, as in virtual machines. Who spins needs the second CPU: on one, each waits for the other's time slice or yield.",
        ),
    ];
    elements.extend(figure(view, &pairs, bytes));
    elements.push(table(&pairs));
    elements
}

fn figure(view: &View<'_>, pairs: &[(&TrialView<'_>, &TrialView<'_>)], bytes: u64) -> Option<Element> {
    let mut groups: Vec<(&str, Vec<DumbbellRow>)> = Vec::new();
    for (same, split) in pairs {
        let title = view.group(&same.spec.mechanism).map_or("", |group| group.title());
        let values = [same, split].map(|trial| trial.estimate(MEAN).map(plotted)).to_vec();
        let row = DumbbellRow { label: same.spec.mechanism.clone(), values };
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((title, vec![row])),
        }
    }
    let groups = groups.into_iter().map(|(title, rows)| Group::new(title, rows)).collect();
    let axis = Axis::new("Time of a round trip, mean", Scale::Log10, Unit::Nanoseconds);
    let chart = Dumbbell::new(axis, vec!["both ends on one CPU".into(), "a CPU for each".into()], groups)?;
    Some(Element::Figure(Figure {
        name: format!("one-cpu-against-two-{}", slug(bytes)),
        chart: Chart::Dumbbell(chart),
        alt: "Mean time of a round trip on one CPU and across two".into(),
        caption: format!(
            "Mean time of a round trip of {}; less is better. {}.",
            size(bytes),
            method(pairs.iter().flat_map(|(same, split)| [*same, *split]))
        ),
    }))
}

fn table(pairs: &[(&TrialView<'_>, &TrialView<'_>)]) -> Element {
    let rows = pairs
        .iter()
        .map(|(same, split)| {
            let ratio = split.ratio(same, MEAN);
            let verdict = match ratio {
                Some(ratio) if ratio.interval.is_none() => "no interval",
                Some(ratio) if !differs(ratio) => "not told apart",
                Some(ratio) if ratio.value > 1.0 => "one CPU is faster",
                Some(_) => "two CPUs are faster",
                None => "",
            };
            vec![
                Cell::text(&same.spec.mechanism),
                cell(same.estimate(MEAN), Unit::Nanoseconds),
                cell(split.estimate(MEAN), Unit::Nanoseconds),
                cell(ratio, Unit::Ratio),
                Cell::text(verdict),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("Mechanism"),
        Column::right("One CPU"),
        Column::right("Two CPUs"),
        Column::right("Two over one"),
        Column::left("So"),
    ];
    let method = method(pairs.iter().flat_map(|(same, split)| [*same, *split]));
    Element::Table(Table {
        columns,
        rows,
        caption: format!(
            "Mean time of a round trip. {method}; ratios by signed rank over blocks of the same round."
        ),
    })
}
