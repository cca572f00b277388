//! Other people's programs beside ours.

use super::view::{View, cell, method, size, worded};
use crate::{
    element::{Cell, Column, Element, Table},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    roundtrip::{CPU_COST, Peers, RATE, Source},
};

/// Our counterpart of what a peer's name ends in.
const COUNTERPARTS: &[(&str, &str)] = &[("mp-queue", "queue"), ("mp-pipe", "pipe"), ("tcp", "tcp")];

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let foreign: Vec<&TrialView<'_>> =
        view.measured().filter(|trial| trial.spec.source == Source::Foreign).collect();
    if foreign.is_empty() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut sentences = Vec::new();
    for trial in &foreign {
        let ours = counterpart(view, trial);
        let ratio = ours.and_then(|ours| ours.ratio(trial, RATE));
        if let (Some(ours), Some(ratio)) = (ours, ratio)
            && super::view::differs(ratio)
        {
            sentences.push(format!(
                "At {}, placed `{}`, our `{}` makes {} the round trips that `{}` reports of itself.",
                size(trial.spec.message_bytes),
                trial.spec.placement,
                ours.spec.mechanism,
                worded(ratio, Unit::Ratio),
                trial.spec.mechanism
            ));
        }
        rows.push(vec![
            Cell::text(format!("{} (self-reported)", trial.spec.mechanism)),
            Cell::text(size(trial.spec.message_bytes)),
            Cell::text(trial.spec.placement.word()),
            cell(trial.estimate(RATE), Unit::PerSecond),
            trial
                .estimate(CPU_COST)
                .map_or(Cell::Empty, |cost| Cell::exact(cost.value, Unit::CpuMicroseconds)),
            Cell::text(ours.map_or("–", |ours| ours.spec.mechanism.as_str())),
            cell(ratio, Unit::Ratio),
        ]);
    }
    let columns = vec![
        Column::left("Program"),
        Column::right("Message"),
        Column::left("Placement"),
        Column::right("Round trips"),
        Column::right("CPU, both ends"),
        Column::left("Our counterpart"),
        Column::right("Ours over theirs"),
    ];
    let mut elements = vec![
        Element::heading(2, "Other programs beside ours"),
        Element::prose(
            "These programs were told rounds and size, and reported their own figures: self-reported, not audited. Nothing of them \
             was verified, so they have no rank.",
        ),
    ];
    if !sentences.is_empty() {
        elements.push(Element::List(sentences));
    }
    let caption = format!("{}; ratios by signed rank over blocks of the same round.", method(foreign));
    elements.push(Element::Table(Table { columns, rows, caption }));
    elements
}

fn counterpart<'v, 'a>(view: &'v View<'a>, trial: &TrialView<'a>) -> Option<&'v TrialView<'a>> {
    let (_, name) = COUNTERPARTS.iter().find(|(suffix, _)| trial.spec.mechanism.ends_with(suffix))?;
    view.ranked().find(|ours| {
        let (ours, theirs) = (ours.spec, trial.spec);
        ours.mechanism == *name
            && ours.peers == Peers::Process
            && view.is_natural(ours)
            && (ours.pattern, ours.message_bytes, ours.placement)
                == (theirs.pattern, theirs.message_bytes, theirs.placement)
    })
}
