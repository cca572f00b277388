//! Goodput and loss of each sender model against the size of its datagrams.

use super::view::{
    Group, Trial, any_program, batching, details, grouped, median, memory, payload, sender, shape, short, sum,
};
use crate::{
    chart::{self, Axis, Chart, Intervals, Lines, Panel, Point, Row, Scale, Series},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::{
        ranking::capital,
        view::{View, cell, method, plotted},
    },
};
use ferrybench_data::fanout::{Batching, DELIVERED, Framing, GOODPUT, LOSS, Segmented, Spec};
use std::collections::BTreeSet;

/// Settings with figures of their own; of more, only the tables are shown.
const MOST_SETTINGS: usize = 6;
/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 16;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let measured = view.fanouts.iter().filter(|trial| trial.good().next().is_some());
    let settings = grouped(measured, |spec| {
        any_program(spec);
        spec.datagram_bytes = 0;
        spec.batching = Batching::One;
        spec.segmented = Segmented::Never;
    });
    if settings.is_empty() {
        return Vec::new();
    }
    let mut folded = Vec::new();
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: goodput and loss"),
        Element::prose(
            "Goodput is the content of intact files over all receivers, per second until the last of them has verified its own; where a \
             file is not intact, the content that arrived over the time from the first datagram to the last. Loss is the share of \
             transmissions that never arrived: with repair, what is lost is sent again, so that a loss costs time and no file. `bare` \
             datagrams carry no number, so that their losses are not known.",
        ),
    ];
    // What differs in neither program nor size is told once, in one table; other sections are about the rest of it.
    let (several, alone): (Vec<_>, Vec<_>) = settings.iter().partition(|setting| is_compared(setting));
    for (number, setting) in (1..).zip(several) {
        if number <= MOST_SETTINGS {
            elements.push(Element::heading(3, heading(&setting.spec)));
            elements.extend(figures(setting, number));
            elements.push(folded_if_long(table(setting)));
        } else {
            folded.push(Element::prose(format!("**{}**", heading(&setting.spec))));
            folded.push(Element::Table(table(setting)));
        }
    }
    if !folded.is_empty() {
        elements.push(Element::fold("More sender models and sizes", folded));
    }
    let alone: Vec<&Trial<'_>> = alone.iter().flat_map(|setting| &setting.trials).copied().collect();
    if !alone.is_empty() {
        if elements.len() > 2 {
            elements.push(Element::heading(3, "One program, one size"));
        }
        elements.push(folded_if_long(table_of_cases(&alone)));
    }
    elements
}

/// Whether a setting has something to compare: several programs, or several sizes.
fn is_compared(setting: &Group<'_, '_>) -> bool {
    let differ = |of: fn(&Spec) -> (&str, u32, u32)| {
        setting.trials.windows(2).any(|pair| of(pair[0].spec) != of(pair[1].spec))
    };
    differ(|spec| (&spec.sender_model, spec.pool_size, spec.datagram_bytes))
}

fn heading(spec: &Spec) -> String {
    let framing = if spec.framing == Framing::Bare { ", bare" } else { "" };
    capital(&format!("{}{framing}{}", shape(spec), details(spec)))
}

fn figures(setting: &Group<'_, '_>, number: usize) -> Vec<Element> {
    let sizes: BTreeSet<u32> =
        setting.trials.iter().map(|trial| trial.spec.datagram_bytes).filter(|size| *size > 0).collect();
    let mut elements = Vec::new();
    if sizes.len() > 1 {
        let goodput = Axis::new("Goodput", Scale::Log10, Unit::BytesPerSecond);
        elements.extend(lines(setting, (GOODPUT, goodput), &format!("fanout-goodput-{number}")));
        let has_losses =
            setting.trials.iter().any(|trial| trial.estimate(LOSS).is_some_and(|loss| loss.value > 0.0));
        if has_losses {
            let axis = Axis::new("Lost transmissions", Scale::Linear, Unit::Percent);
            elements.extend(lines(setting, (LOSS, axis), &format!("fanout-loss-{number}")));
        }
    } else if setting.trials.len() > 1 {
        elements.extend(ranking(setting, &format!("fanout-goodput-{number}")));
    }
    elements.extend(lossless(setting).map(Element::prose));
    elements
}

/// Said once instead of a figure of zeros.
fn lossless(setting: &Group<'_, '_>) -> Option<String> {
    let sent: Option<u64> = setting.trials.iter().map(|trial| sum(trial, |seen| seen.sent)).sum();
    let lost: Option<u64> = setting.trials.iter().map(|trial| sum(trial, |seen| seen.lost)).sum();
    (lost? == 0).then_some(())?;
    Some(format!("None of the {} transmissions was lost.", format::integer(sent?)))
}

/// One line a sender model, one panel a way of batching.
fn lines(setting: &Group<'_, '_>, (metric, axis): (&str, Axis), name: &str) -> Option<Element> {
    let title = axis.title.clone();
    let mut panels: Vec<Panel<Series>> = Vec::new();
    for way in Batching::ALL {
        let mut series: Vec<Series> = Vec::new();
        for trial in setting.trials.iter().filter(|trial| trial.spec.batching == *way) {
            let Some(estimate) = trial.estimate(metric) else { continue };
            let point = Point { x: trial.spec.datagram_bytes.into(), y: plotted(estimate) };
            let name = sender(trial.spec);
            match series.iter_mut().find(|known| known.name == name) {
                Some(known) => known.points.push(point),
                None => series.push(Series { name, points: vec![point] }),
            }
        }
        panels.push(Panel::new(handed(*way).trim_end_matches(", datagrams"), series));
    }
    let x = Axis::new("Datagram payload", Scale::Log2, Unit::Bytes);
    let chart = Lines::new(x, axis, panels)?;
    Some(Element::Figure(Figure {
        name: name.to_owned(),
        chart: Chart::Lines(chart),
        alt: format!("{title} of each sender model against the size of its datagrams"),
        caption: format!(
            "{title} against the payload of a datagram, one panel for each way of handing datagrams to the kernel. {}.",
            method(setting.trials.iter().copied())
        ),
    }))
}

/// How datagrams come to the kernel, as a heading has it.
const fn handed(batching: Batching) -> &'static str {
    match batching {
        Batching::One => "Single datagrams",
        Batching::Sendmmsg => "Several by one call (sendmmsg), datagrams",
        Batching::Gso => "One large buffer (gso), datagrams",
    }
}

/// Goodput in rows, where all datagrams have one size.
fn ranking(setting: &Group<'_, '_>, name: &str) -> Option<Element> {
    let mut groups: Vec<chart::Group<Row>> = Vec::new();
    for trial in &setting.trials {
        let Some(goodput) = trial.estimate(GOODPUT) else { continue };
        let spec = trial.spec;
        let heading = format!("{} of {}", handed(spec.batching), payload(spec.datagram_bytes));
        let row = Row { label: sender(spec), estimate: plotted(goodput) };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.items.push(row),
            None => groups.push(chart::Group::new(heading, vec![row])),
        }
    }
    let chart = Intervals::new(Axis::new("Goodput", Scale::Log10, Unit::BytesPerSecond), groups)?;
    Some(Element::Figure(Figure {
        name: name.to_owned(),
        chart: Chart::Intervals(chart),
        alt: "Goodput of each sender model".into(),
        caption: format!(
            "Goodput of each sender model; more is better. {}.",
            method(setting.trials.iter().copied())
        ),
    }))
}

/// The figures of a setting, as read beside its chart: by batching, then size; models stay in the catalogue's order.
fn table(setting: &Group<'_, '_>) -> Table {
    let mut trials = setting.trials.clone();
    trials.sort_by_key(|trial| (trial.spec.batching, trial.spec.segmented, trial.spec.datagram_bytes));
    let rows = trials.iter().map(|trial| row(trial)).collect();
    Table { columns: columns(), rows, caption: caption(&trials) }
}

/// The figures of trials whose cases are not alike.
fn table_of_cases(trials: &[&Trial<'_>]) -> Table {
    let case = |trial: &Trial<'_>| Cell::text(short(trial.spec));
    let rows = trials.iter().map(|trial| std::iter::once(case(trial)).chain(row(trial)).collect()).collect();
    let columns = std::iter::once(Column::left("Case")).chain(columns()).collect();
    Table { columns, rows, caption: caption(trials) }
}

fn folded_if_long(table: Table) -> Element {
    match table.rows.len() {
        count if count > MOST_ROWS => {
            Element::fold(format!("All {count} trials"), vec![Element::Table(table)])
        }
        _ => Element::Table(table),
    }
}

fn caption(trials: &[&Trial<'_>]) -> String {
    format!(
        "{}. Delivered: datagrams that arrived at one receiver in a second, the mean over receivers. Content that arrived: bytes, repeats \
         included, over those that were sent. Memory: the largest anonymous memory in any block, of the sender with its workers and of the \
         receiver that held most.",
        method(trials.iter().copied())
    )
}

fn columns() -> Vec<Column> {
    vec![
        Column::left("Sender model"),
        Column::left("Batching"),
        Column::right("Datagram"),
        Column::right("Goodput"),
        Column::right("Delivered to one receiver"),
        Column::right("Lost"),
        Column::right("Content that arrived"),
        Column::right("Rounds of repair"),
        Column::right("CPU of the sender"),
        Column::right("Memory of the sender"),
        Column::right("Memory of a receiver"),
        Column::right("Files intact"),
        Column::right("Blocks"),
    ]
}

fn row(trial: &Trial<'_>) -> Vec<Cell> {
    let spec = trial.spec;
    let counted =
        |value: Option<u64>| value.map_or(Cell::text("n/a"), |count| Cell::text(format::integer(count)));
    let arrived = median(trial, |seen| Some(seen.received_bytes as f64 / (seen.sent_bytes as f64).max(1.0)));
    let intact = sum(trial, |seen| Some(seen.files_intact.into()));
    let asked = sum(trial, |seen| Some(seen.files_asked.into()));
    let [of_sender, of_receiver] = memory(trial);
    vec![
        Cell::code(sender(spec)),
        Cell::text(batching(spec)),
        Cell::text(payload(spec.datagram_bytes)),
        cell(trial.estimate(GOODPUT), Unit::BytesPerSecond),
        cell(trial.estimate(DELIVERED), Unit::PerSecond),
        trial.estimate(LOSS).map_or(Cell::text("n/a"), |loss| cell(Some(loss), Unit::Percent)),
        arrived.map_or(Cell::Empty, |share| Cell::exact(share, Unit::Percent)),
        counted(
            median(trial, |seen| Some(f64::from(seen.repair_rounds))).map(|rounds| rounds.round() as u64),
        ),
        median(trial, |seen| Some(seen.sender_cpu_s))
            .map_or(Cell::Empty, |time| Cell::exact(time, Unit::Seconds)),
        of_sender,
        of_receiver,
        intact.zip(asked).map_or(Cell::Empty, |(intact, asked)| Cell::text(format!("{intact} of {asked}"))),
        Cell::Integer(trial.good().count() as u64),
    ]
}
