//! The round-trip assignment: printed as it asks, in three readings, and held against the published run.

use super::view::View;
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
};
use ferrybench_data::{
    dataset::TrialView,
    published::{self, RoundTripRun, assignment_figure},
    roundtrip::Evidence,
};

/// The plan that feeds this section.
const PLAN: &str = "lab-roundtrip";

/// What the assignment calls a mechanism, by the end of its name: the queue is high level, the socket low level.
fn label(mechanism: &str) -> Option<&'static str> {
    match mechanism {
        name if name.ends_with("queue") => Some("High Level"),
        name if name.ends_with("tcp") => Some("Low Level"),
        _ => None,
    }
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    if view.data.info.plan != PLAN {
        return Vec::new();
    }
    let trials: Vec<&TrialView<'_>> =
        view.measured().filter(|trial| label(&trial.spec.mechanism).is_some()).collect();
    let mut elements = vec![
        Element::heading(2, "The assignment: a queue against a socket"),
        Element::prose(
            "An integer is passed between a parent and a child process, each adding one and sending it back, 10 000 times: once \
             through a queue, once through a TCP socket on localhost. The runs alternate. There is one queue for each direction, so \
             that no end takes back its own item, and each answer is made from what was received.",
        ),
    ];
    for ours in [true, false] {
        let of: Vec<&TrialView<'_>> = trials
            .iter()
            .copied()
            .filter(|trial| view.mechanism(&trial.spec.mechanism).is_some() == ours)
            .collect();
        if !of.is_empty() {
            let who = if ours {
                "Ferrybench's own queue and socket"
            } else {
                "Python's multiprocessing.Queue and socket (self-reported)"
            };
            elements.push(Element::heading(3, who));
            elements.push(Element::Code { language: "text".into(), text: printed(view, &of) });
            elements.push(readings(&of));
        }
    }
    elements.extend(held_against(&published::roundtrip(), &trials, view));
    elements
}

/// Runs in the order in which they ran: block by block, each trial once.
fn runs<'v, 'a>(trials: &[&'v TrialView<'a>]) -> Vec<(&'v TrialView<'a>, u32, &'a Evidence)> {
    let mut runs: Vec<_> = trials
        .iter()
        .flat_map(|trial| trial.good().map(|(row, seen)| (*trial, row.block, row.order, seen)))
        .collect();
    runs.sort_by_key(|(_, _, order, _)| *order);
    runs.into_iter().map(|(trial, block, _, seen)| (trial, block, seen)).collect()
}

/// The output as the assignment prints it, in reading (a).
fn printed(view: &View<'_>, trials: &[&TrialView<'_>]) -> String {
    let host = view.data.info.hosts.first();
    let mut text = format!(
        "Operating system: {}\nNumber of cores: {}\n",
        host.map_or("Linux".to_owned(), |host| format!("Linux {}", host.kernel)),
        host.map_or(0, |host| host.cpus_online)
    );
    for (trial, block, seen) in runs(trials) {
        let figure = assignment_figure(seen.exchanges, seen.near_cpu_s);
        let figure = if figure.is_finite() {
            format!("{figure:.0}")
        } else {
            "the program did not tell its CPU time".into()
        };
        text += &format!("{} {block}: {figure}\n", label(&trial.spec.mechanism).unwrap_or_default());
    }
    text.trim_end().to_owned()
}

fn readings(trials: &[&TrialView<'_>]) -> Element {
    let rows = runs(trials)
        .into_iter()
        .map(|(trial, block, seen)| {
            vec![
                Cell::text(format!("{} {block}", label(&trial.spec.mechanism).unwrap_or_default())),
                Cell::text(&trial.spec.mechanism),
                Cell::exact(assignment_figure(seen.exchanges, seen.near_cpu_s), Unit::PerSecond),
                Cell::exact(seen.rate_per_s, Unit::PerSecond),
                Cell::exact(seen.near_cpu_s, Unit::Seconds),
                Cell::exact(seen.far_cpu_s, Unit::Seconds),
                Cell::exact(seen.near_cpu_s + seen.far_cpu_s, Unit::Seconds),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("Run"),
        Column::left("Through"),
        Column::right("(a) the assignment's figure"),
        Column::right("(b) exchanges a second"),
        Column::right("(c) CPU, parent"),
        Column::right("(c) CPU, child"),
        Column::right("(c) CPU, both"),
    ];
    let blocks = trials.iter().map(|trial| trial.good().count()).max().unwrap_or(0);
    let caption = format!(
        "Three readings of the same runs: (a) half the exchanges and one, per CPU second of the parent; (b) exchanges per second of \
         wall time; (c) CPU time of the ends. {} of each, as the assignment asks: no interval (n = {blocks}).",
        format::counted(blocks, "run")
    );
    Element::Table(Table { columns, rows, caption })
}

fn held_against(runs: &[RoundTripRun], trials: &[&TrialView<'_>], view: &View<'_>) -> Vec<Element> {
    let rows = runs
        .iter()
        .map(|run| {
            vec![
                Cell::text(format!("{} {}", run.label, run.run)),
                Cell::text(&run.mechanism),
                Cell::exact(run.published_figure_per_s, Unit::PerSecond),
                Cell::Integer(u64::from(run.cpu_ticks_of_15_625_ms)),
                Cell::exact(run.parent_cpu_s(), Unit::Seconds),
                Cell::exact(assignment_figure(10_000, run.parent_cpu_s()), Unit::PerSecond),
                Cell::exact(run.parent_cpu_s() / 10_000.0 * 1e6, Unit::CpuMicroseconds),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("Published run"),
        Column::left("Through"),
        Column::right("Published figure"),
        Column::right("Ticks"),
        Column::right("CPU, parent"),
        Column::right("Recomputed"),
        Column::right("CPU an exchange, parent"),
    ];
    let by_round: Vec<f64> = (1..=3)
        .filter_map(|round| {
            let figure = |label: &str| {
                runs.iter()
                    .find(|run| run.run == round && run.label == label)
                    .map(|run| run.published_figure_per_s)
            };
            Some(figure("Low Level")? / figure("High Level")?)
        })
        .collect();
    let (least, most) = by_round
        .iter()
        .fold((f64::MAX, 0.0_f64), |(least, most), ratio| (least.min(*ratio), most.max(*ratio)));
    let first = runs.first();
    let mut elements = vec![
        Element::heading(3, "Held against the published run"),
        Element::Table(Table {
            columns,
            rows,
            caption: format!(
                "The published run ({}, {} cores), recomputed from its own clock ticks of 15.625 ms.",
                first.map_or("", |run| run.os.as_str()),
                first.map_or(0, |run| run.cores)
            ),
        }),
        Element::prose(
            "**What the published program measured.** It divides 5 001 by the CPU seconds of the parent: half the exchanges, per CPU \
             second, of one end. That is neither a rate nor a latency. Waiting costs no CPU time, so a slow exchange that sleeps counts \
             as a fast one. Its six values are whole ticks of the process clock, so each is uncertain by up to a tick either way, 1 to \
             4 %. Neither end uses the number that it receives, and one queue carries both directions, so an end can take back its own \
             item: nothing shows that an exchange took place at all.",
        ),
        Element::prose(format!(
            "**What its own figures say.** The write-up concludes that the queue is faster. More per CPU second is better, and the \
             socket's figure is {least:.1} to {most:.1} times the queue's in the three runs: by its own measure, the socket is."
        )),
    ];
    elements.extend(here(trials, view));
    elements
}

/// The same comparison in this run, like with like, as the readings have it.
fn here(trials: &[&TrialView<'_>], view: &View<'_>) -> Option<Element> {
    let median = |label_wanted: &str, ours: bool, of: fn(&Evidence) -> f64| {
        let trial = trials.iter().find(|trial| {
            label(&trial.spec.mechanism) == Some(label_wanted)
                && view.mechanism(&trial.spec.mechanism).is_some() == ours
        })?;
        let values: Vec<f64> = trial.good().map(|(_, seen)| of(seen)).collect();
        ferrybench_data::stats::quantile::median(&values)
    };
    let mut lines = Vec::new();
    for (ours, who) in [(true, "Through our own queue and socket"), (false, "In Python")] {
        for (what, of, unit) in [
            (
                "(a) the assignment's figure",
                (|seen| assignment_figure(seen.exchanges, seen.near_cpu_s)) as fn(&Evidence) -> f64,
                Unit::PerSecond,
            ),
            ("(b) exchanges a second", |seen| seen.rate_per_s, Unit::PerSecond),
            ("(c) CPU time of both ends", |seen| seen.near_cpu_s + seen.far_cpu_s, Unit::Seconds),
        ] {
            if let (Some(queue), Some(socket)) =
                (median("High Level", ours, of), median("Low Level", ours, of))
            {
                lines.push(format!(
                    "{who}, {what}: {} by queue, {} by socket.",
                    format::value(queue, unit),
                    format::value(socket, unit)
                ));
            }
        }
    }
    (!lines.is_empty()).then_some(Element::List(lines))
}
