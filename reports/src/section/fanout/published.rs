//! The published runs of the assignment beside this one, and how much of them the fetch and the pause explain.

use super::view::{Trial, model, payload, program, span};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::{
    fanout::{Assignment, Delivery, Framing, Spec, TOTAL},
    published::{FanoutRun, ONE_BY_BROADCAST, TWO_TO_TWO, fanout},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let published = fanout();
    if !view.fanouts.iter().any(|trial| published.iter().any(|row| is_of(row, trial.spec))) {
        return Vec::new();
    }
    vec![
        Element::heading(2, "UDP fan-out: the published results beside ours"),
        Element::prose(
            "Somebody's results of this assignment have been published: other machines, another network, another program, pictures \
             from the Internet. Nothing here says which is better; the figures are shown to be read with what explains them.",
        ),
        Element::Table(table(view, &published)),
        Element::prose("**What explains the published times:**"),
        Element::List(remarks(view, &published)),
    ]
}

fn table(view: &View<'_>, published: &[FanoutRun]) -> Table {
    let columns = vec![
        Column::left("Published run"),
        Column::left("Program"),
        Column::right("Fetch"),
        Column::right("Share of the total"),
        Column::right("Pause"),
        Column::right("Share of the total"),
        Column::right("What is left"),
        Column::right("Published total"),
        Column::right("Ours, bare as published"),
        Column::right("Ours, with our header"),
    ];
    let seconds = |time: Option<f64>| time.map_or(Cell::text("–"), |time| Cell::exact(time, Unit::Seconds));
    let share =
        |share: Option<f64>| share.map_or(Cell::text("–"), |share| Cell::exact(share, Unit::Percent));
    let rows = published
        .iter()
        .map(|row| {
            let ours = |fits: &dyn Fn(&Trial<'_>) -> bool| {
                let trial = view
                    .fanouts
                    .iter()
                    .find(|trial| is_of(row, trial.spec) && fits(trial) && trial.good().next().is_some())?;
                Some(trial.estimate(TOTAL)?.value)
            };
            let as_published = |trial: &Trial<'_>| {
                (trial.spec.framing, trial.spec.datagram_bytes) == (Framing::Bare, datagram_bytes(row))
            };
            vec![
                Cell::text(case(&row.case)),
                Cell::text(format!("**{}**", row.program)),
                seconds(row.fetch_s()),
                share(row.fetch_share()),
                seconds((row.think_s > 0.0).then_some(row.think_s)),
                share((row.think_s > 0.0).then(|| think_share(row))),
                Cell::exact(left(row), Unit::Seconds),
                Cell::exact(row.total_s, Unit::Seconds),
                seconds(ours(&as_published)),
                seconds(ours(&|trial| trial.spec.framing == Framing::Ledger)),
            ]
        })
        .collect();
    let bytes: Vec<String> = [TWO_TO_TWO, ONE_BY_BROADCAST]
        .into_iter()
        .filter_map(|case| published.iter().find(|row| row.case == case))
        .map(|row| format!("{} in the case of {}", payload(datagram_bytes(row)), case(&row.case)))
        .collect();
    let caption = format!(
        "Published: one run of each. A datagram holds {}, without a header. What is left: the total without fetch and pause. Ours: \
         medians of the same case; – where this run has none.",
        bytes.join(", and ")
    );
    Table { columns, rows, caption }
}

/// Whether a trial asks for the same, but for what its datagrams hold: the same program, files and receivers. The file of
/// the broadcast was a picture that fits one datagram; ours may be another of that size.
pub(super) fn is_of(run: &FanoutRun, spec: &Spec) -> bool {
    let is_broadcast = |delivery| matches!(delivery, Delivery::Broadcast | Delivery::LimitedBroadcast);
    let assignment = if run.case == TWO_TO_TWO { Assignment::Each } else { Assignment::All };
    run.sender_model == spec.sender_model
        && (run.files(), run.receivers) == (spec.files, spec.receivers)
        && (spec.receivers == 1 || assignment == spec.assignment)
        && run.fetch_where == spec.fetch_where
        && (run.think_s * 1e3).round() as u64 == spec.think_ms
        && (run.delivery == spec.delivery || (is_broadcast(run.delivery) && is_broadcast(spec.delivery)))
}

/// Payload of a published datagram, bytes; 0 for a whole file in one, as in our own axes.
pub(super) fn datagram_bytes(run: &FanoutRun) -> u32 {
    run.datagram_bytes.parse().unwrap_or(0)
}

/// The share of the total that was a pause, 0 to 1: each worker had one file, so that pauses overlapped.
fn think_share(run: &FanoutRun) -> f64 {
    run.think_s / run.total_s
}

/// A published case in words.
fn case(of: &str) -> &str {
    match of {
        TWO_TO_TWO => "two pictures to two servers",
        ONE_BY_BROADCAST => "one picture to both by broadcast",
        other => other,
    }
}

fn left(row: &FanoutRun) -> f64 {
    row.total_s - row.fetch_s().unwrap_or(0.0) - row.think_s
}

fn remarks(view: &View<'_>, published: &[FanoutRun]) -> Vec<String> {
    let of = |case: &'static str| published.iter().filter(move |row| row.case == case);
    let mut items = Vec::new();
    items.extend(fetches(&of(TWO_TO_TWO).collect::<Vec<_>>()));
    items.extend(pauses(&of(ONE_BY_BROADCAST).collect::<Vec<_>>()));
    items.extend([TWO_TO_TWO, ONE_BY_BROADCAST].into_iter().filter_map(|which| {
        let missing = missing(view, &of(which).collect::<Vec<_>>());
        (!missing.is_empty())
            .then(|| format!("**Not published:** in the case of {}, {}.", case(which), missing.join(" and ")))
    }));
    items.push(
        "**Nobody counted.** The published programs send datagrams without a number or an end mark, and their servers compare \
         nothing with the source: how many were lost, and whether a picture arrived whole, is not known."
            .into(),
    );
    items
}

/// How much of the totals, and of the difference between them, is the fetch.
fn fetches(rows: &[&FanoutRun]) -> Option<String> {
    let shares = span(rows.iter().filter_map(|row| row.fetch_share()), Unit::Percent)?;
    let by_total = |a: &&&FanoutRun, b: &&&FanoutRun| a.total_s.total_cmp(&b.total_s);
    let (quickest, slowest) = (rows.iter().min_by(by_total)?, rows.iter().max_by(by_total)?);
    let apart = slowest.total_s - quickest.total_s;
    let fetch = slowest.fetch_s()? - quickest.fetch_s()?;
    let seconds = |time| format::value(time, Unit::Seconds);
    let rest = span(rows.iter().map(|row| left(row)), Unit::Seconds)?;
    let alone: Vec<f64> = rows.iter().filter_map(|row| row.fetch_s()).collect();
    Some(format!(
        "**The fetch.** It is {shares} of every published total of {} ({}), and the parent makes it before any worker has begun: it \
         tells how fast the network was at that moment, not the program. Between the quickest total (**{}**) and the slowest (**{}**) lie {}; {} of that, {}, is \
         the fetch. Without it {rest} are left of each.",
        case(&quickest.case),
        span(alone, Unit::Seconds)?,
        quickest.program,
        slowest.program,
        seconds(apart),
        seconds(fetch),
        format::value(fetch / apart, Unit::Percent)
    ))
}

/// How much of the totals is the pause.
fn pauses(rows: &[&FanoutRun]) -> Option<String> {
    let paused = || rows.iter().filter(|row| row.think_s > 0.0);
    let shares = span(paused().map(|row| think_share(row)), Unit::Percent)?;
    let first = paused().next()?;
    Some(format!(
        "**The pause.** Of every published total of {}, {shares} is the {} that a worker pauses between fetch and sending. What is left, {}, \
         holds the fetch, the start of the workers and the sending together; with one file there is nothing to overlap.",
        case(&first.case),
        format::tick(first.think_s, Unit::Seconds),
        span(paused().map(|row| left(row)), Unit::Seconds)?
    ))
}

/// Programs of the assignment without a published row, by this run's own list of programs.
fn missing(view: &View<'_>, rows: &[&FanoutRun]) -> Vec<String> {
    let mut names = Vec::new();
    for trial in &view.fanouts {
        let assigned =
            model(view, &trial.spec.sender_model).is_some_and(|model| !model.assignment_name.is_empty());
        let is_there = rows.iter().any(|row| row.sender_model == trial.spec.sender_model);
        let name = format!("**{}**", program(view, &Spec { pool_size: 0, ..trial.spec.clone() }));
        if assigned && !is_there && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_explains_the_published_times_follows_from_them() {
        let published = fanout();
        let of = |case: &'static str| published.iter().filter(|row| row.case == case).collect::<Vec<_>>();
        let words = [fetches(&of(TWO_TO_TWO)).unwrap(), pauses(&of(ONE_BY_BROADCAST)).unwrap()];
        insta::assert_snapshot!(words.join("\n"), @"
        **The fetch.** It is 72.9 to 74.1 % of every published total of two pictures to two servers (4.12 to 6.36 s), and the parent makes it before any worker has begun: it tells how fast the network was at that moment, not the program. Between the quickest total (**multi thread**) and the slowest (**multi process asynchronous**) lie 3.14 s; 2.24 s of that, 71.3 %, is the fetch. Without it 1.46 to 2.36 s are left of each.
        **The pause.** Of every published total of one picture to both by broadcast, 89.4 to 95.6 % is the 2 s that a worker pauses between fetch and sending. What is left, 91.5 to 238 ms, holds the fetch, the start of the workers and the sending together; with one file there is nothing to overlap.
        ");
        assert_eq!(fetches(&of(ONE_BY_BROADCAST)), None, "its fetches were not printed");
        assert_eq!(pauses(&of(TWO_TO_TWO)), None, "it does not pause");
    }
}
