//! Unicast, broadcast and multicast as receivers grow: bytes on the wire, time to completion, and where lines cross.

mod words;

use super::view::{
    Group, Trial, brief, datagrams, delivery, details, files, grouped, left_out, median, memory, sender,
};
use crate::{
    chart::{Axis, Chart, Lines, Panel, Point, Scale, Series},
    element::{Cell, Column, Element, Figure, Table},
    format::Unit,
    section::{
        ranking::capital,
        view::{View, cell, method, plotted},
    },
};
use ferrybench_data::{
    fanout::{Assignment, COMPLETE, Delivery, Spec, WIRE},
    stats::{Estimate, LEAST_BLOCKS},
};
use std::collections::BTreeSet;

/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 16;
/// Settings with figures of their own, and those that are shown on demand.
const MOST_SETTINGS: usize = 4;
const MOST_FOLDED: usize = 30;
/// Programs in one figure.
const MOST_PANELS: usize = 4;
/// How far the bytes on the wire of two programs may be apart and still be one line.
const SAME: f64 = 0.01;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let measured = view.fanouts.iter().filter(|trial| trial.good().next().is_some());
    let settings = grouped(measured, |spec| {
        spec.sender_model.clear();
        spec.pool_size = 0;
        spec.delivery = Delivery::Unicast;
        spec.receivers = 0;
    });
    let grows = |group: &&Group<'_, '_>| receivers(group).len() > 1 || deliveries(group).len() > 1;
    let settings: Vec<&Group<'_, '_>> = settings.iter().filter(grows).collect();
    if settings.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: unicast, broadcast and multicast"),
        Element::prose(
            "By unicast every receiver has a copy of its own: what leaves the sender grows with their number. A broadcast or a multicast \
             leaves once for all, and the switch copies it; but with repair it has to answer for the receiver that lost most, and the \
             slowest holds up the others. Bytes on the wire are those that left the sender, headers of UDP, IP and Ethernet included.",
        ),
    ];
    let (drawn, folded) = settings.split_at(settings.len().min(MOST_SETTINGS));
    for (number, setting) in (1..).zip(drawn) {
        elements.push(Element::heading(3, heading(&setting.spec)));
        elements.extend(compared(setting));
        if receivers(setting).len() > 1 {
            elements.extend(figures(setting, number));
        }
        elements.push(table(setting));
    }
    if !folded.is_empty() {
        let inside = folded.iter().take(MOST_FOLDED).flat_map(|setting| {
            let name = Element::prose(format!("**{}**", heading(&setting.spec)));
            std::iter::once(name).chain(compared(setting)).chain([table(setting)])
        });
        let more = format!("{} more of the kind", folded.len().min(MOST_FOLDED));
        elements.push(Element::fold(more, inside.collect()));
        elements.extend(left_out(folded.len().saturating_sub(MOST_FOLDED), "fanout.csv"));
    }
    elements
}

fn heading(spec: &Spec) -> String {
    let to = match spec.assignment {
        Assignment::All => "to every receiver",
        Assignment::Each => "shared out to the receivers",
    };
    capital(&format!("{} {to}; {}{}", files(spec), datagrams(spec), details(spec)))
}

fn receivers(group: &Group<'_, '_>) -> BTreeSet<u32> {
    group.trials.iter().map(|trial| trial.spec.receivers).collect()
}

fn deliveries(group: &Group<'_, '_>) -> BTreeSet<Delivery> {
    group.trials.iter().map(|trial| trial.spec.delivery).collect()
}

/// The trials of one program in a setting.
struct Program<'v, 'a> {
    name: String,
    trials: Vec<&'v Trial<'a>>,
}

impl<'v, 'a> Program<'v, 'a> {
    fn find(&self, delivery: Delivery, receivers: u32) -> Option<&'v Trial<'a>> {
        let is_it =
            |trial: &&&Trial<'_>| (trial.spec.delivery, trial.spec.receivers) == (delivery, receivers);
        self.trials.iter().find(is_it).copied()
    }
}

fn programs<'v, 'a>(setting: &Group<'v, 'a>) -> Vec<Program<'v, 'a>> {
    let mut programs: Vec<Program<'v, 'a>> = Vec::new();
    for trial in &setting.trials {
        let name = sender(trial.spec);
        match programs.iter_mut().find(|program| program.name == name) {
            Some(program) => program.trials.push(trial),
            None => programs.push(Program { name, trials: vec![trial] }),
        }
    }
    programs
}

/// What is said of the setting, where intervals tell.
fn compared(setting: &Group<'_, '_>) -> Option<Element> {
    if deliveries(setting).len() < 2 {
        return None;
    }
    let blocks = setting.trials.iter().map(|trial| trial.good().count()).max()?;
    if blocks < LEAST_BLOCKS {
        return Some(Element::prose(format!("No interval (n = {blocks}), so nothing is compared in words.")));
    }
    let programs = programs(setting);
    let mut items: Vec<String> = Vec::new();
    let shared = programs.len() > 1 && one_line_for_all(&programs, WIRE);
    for (place, program) in programs.iter().enumerate() {
        let whose = if shared { "every program".to_owned() } else { format!("`{}`", program.name) };
        if place == 0 || !shared {
            items.extend(words::sentences(program, WIRE, ("Bytes on the wire", &whose), ["fewer", "more"]));
        }
    }
    for program in &programs {
        let whose = format!("`{}`", program.name);
        items.extend(words::sentences(
            program,
            COMPLETE,
            ("Time to completion", &whose),
            ["shorter", "longer"],
        ));
    }
    (!items.is_empty()).then_some(Element::List(items))
}

/// Whether all programs have the same figure wherever they have one.
fn one_line_for_all(programs: &[Program<'_, '_>], metric: &str) -> bool {
    let Some((first, others)) = programs.split_first() else { return false };
    first.trials.iter().all(|trial| {
        let own = trial.estimate(metric).map(|of| of.value);
        others.iter().filter_map(|other| other.find(trial.spec.delivery, trial.spec.receivers)).all(|other| {
            match (own, other.estimate(metric).map(|of| of.value)) {
                (Some(own), Some(value)) => (value / own - 1.0).abs() <= SAME,
                (own, value) => own.is_none() && value.is_none(),
            }
        })
    })
}

fn figures(setting: &Group<'_, '_>, number: usize) -> Vec<Element> {
    let programs = programs(setting);
    let (wire, whose) = if programs.len() > 1 && one_line_for_all(&programs, WIRE) {
        (&programs[..1], " Every program puts the same on it, within one per cent.")
    } else {
        (programs.as_slice(), "")
    };
    let method = method(setting.trials.iter().copied());
    let wire_axis = Axis::new("Bytes that left the sender", Scale::Log2, Unit::Bytes);
    let time_axis = Axis::new("Time until every file is verified", Scale::Log10, Unit::Seconds);
    let single = wire.len() == 1 && programs.len() > 1;
    let mut elements = Vec::new();
    for (part, chunk) in (1..).zip(wire.chunks(MOST_PANELS)) {
        let name = format!("fanout-growth-{number}-wire-{part}");
        let caption = format!("Bytes on the wire against the number of receivers.{whose} {method}.");
        elements.extend(lines(chunk, (WIRE, wire_axis.clone()), name, caption, !single));
    }
    for (part, chunk) in (1..).zip(programs.chunks(MOST_PANELS)) {
        let name = format!("fanout-growth-{number}-time-{part}");
        let caption = format!("Time to completion against the number of receivers. {method}.");
        elements.extend(lines(chunk, (COMPLETE, time_axis.clone()), name, caption, true));
    }
    elements
}

fn lines(
    programs: &[Program<'_, '_>],
    (metric, axis): (&str, Axis),
    name: String,
    caption: String,
    titled: bool,
) -> Option<Element> {
    let panels = programs
        .iter()
        .map(|program| {
            let series = Delivery::ALL.iter().map(|way| {
                let of = program.trials.iter().filter(|trial| trial.spec.delivery == *way);
                let points = of.filter_map(|trial| {
                    Some(Point { x: trial.spec.receivers.into(), y: plotted(trial.estimate(metric)?) })
                });
                Series { name: brief(*way).to_owned(), points: points.collect() }
            });
            Panel::new(if titled { program.name.as_str() } else { "" }, series.collect())
        })
        .collect();
    let title = axis.title.clone();
    let chart = Lines::new(Axis::new("Receivers", Scale::Log2, Unit::Plain), axis, panels)?;
    Some(Element::Figure(Figure {
        name,
        chart: Chart::Lines(chart),
        alt: format!("{title} by unicast, broadcast and multicast against the number of receivers"),
        caption,
    }))
}

fn table(setting: &Group<'_, '_>) -> Element {
    let mut trials = setting.trials.clone();
    trials.sort_by_key(|trial| (trial.spec.receivers, trial.spec.delivery));
    let rows: Vec<Vec<Cell>> = trials
        .iter()
        .map(|trial| {
            let datagrams = median(trial, |seen| Some(seen.wire_datagrams as f64));
            let repeated = median(trial, |seen| Some(seen.repeated as f64));
            let count =
                |value: Option<f64>| value.map_or(Cell::Empty, |count| Cell::Integer(count.round() as u64));
            let complete = trial.estimate(COMPLETE);
            let [of_sender, of_receiver] = memory(trial);
            vec![
                Cell::Integer(trial.spec.receivers.into()),
                Cell::text(delivery(trial.spec.delivery)),
                Cell::code(sender(trial.spec)),
                count(datagrams),
                cell(trial.estimate(WIRE), Unit::Bytes),
                count(repeated),
                complete.map_or(Cell::text("not complete"), |time| cell(Some(time), Unit::Seconds)),
                complete.map_or(Cell::Empty, |time| {
                    cell(Some(shared(time, trial.spec.receivers)), Unit::Seconds)
                }),
                of_sender,
                of_receiver,
                Cell::Integer(trial.good().count() as u64),
            ]
        })
        .collect();
    let columns = vec![
        Column::right("Receivers"),
        Column::left("Delivery"),
        Column::left("Sender model"),
        Column::right("Datagrams on the wire"),
        Column::right("Bytes on the wire"),
        Column::right("Sent again"),
        Column::right("Time to completion"),
        Column::right("Time a receiver"),
        Column::right("Memory of the sender"),
        Column::right("Memory of a receiver"),
        Column::right("Blocks"),
    ];
    let count = rows.len();
    let caption = format!(
        "{}. Sent again: transmissions of content that had been sent before. Not complete: no good block had every file intact at every \
         receiver. Time a receiver: time to completion over their number. Memory: the largest anonymous memory in any block, of the sender \
         with its workers and of the receiver that held most.",
        method(setting.trials.iter().copied())
    );
    let table = Element::Table(Table { columns, rows, caption });
    if count > MOST_ROWS { Element::fold(format!("All {count} trials"), vec![table]) } else { table }
}

/// What each of so many costs, where all together take that long.
fn shared(time: Estimate, among: u32) -> Estimate {
    let share = |time: f64| time / f64::from(among.max(1));
    Estimate {
        value: share(time.value),
        interval: time.interval.map(|(low, high)| (share(low), share(high))),
        ..time
    }
}
