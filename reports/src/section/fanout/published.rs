//! The published runs of the assignment beside this one, and how much of them the fetch and the pause explain.

use super::view::{Trial, model, payload, program, span};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::{
    fanout::{Framing, Spec, TOTAL},
    published::fanout::{Case, PublishedRow, rows},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let published = rows();
    if !view.fanouts.iter().any(|trial| published.iter().any(|row| row.is_of(trial.spec))) {
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

fn table(view: &View<'_>, published: &[PublishedRow]) -> Table {
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
                    .find(|trial| row.is_of(trial.spec) && fits(trial) && trial.good().next().is_some())?;
                Some(trial.estimate(TOTAL)?.value)
            };
            let as_published = |trial: &Trial<'_>| {
                (trial.spec.framing, trial.spec.datagram_bytes) == (Framing::Bare, row.datagram_bytes)
            };
            vec![
                Cell::text(case(row.case)),
                Cell::text(format!("**{}**", row.program)),
                seconds(row.fetch_s()),
                share(row.fetch_share()),
                seconds((row.think_s > 0.0).then_some(row.think_s)),
                share((row.think_s > 0.0).then(|| row.think_share())),
                Cell::exact(left(row), Unit::Seconds),
                Cell::exact(row.total_s, Unit::Seconds),
                seconds(ours(&as_published)),
                seconds(ours(&|trial| trial.spec.framing == Framing::Ledger)),
            ]
        })
        .collect();
    let bytes: Vec<String> = [Case::TwoImages, Case::OneImage]
        .into_iter()
        .filter_map(|case| published.iter().find(|row| row.case == case))
        .map(|row| format!("{} in the case of {}", payload(row.datagram_bytes), case(row.case)))
        .collect();
    let caption = format!(
        "Published: one run of each. A datagram holds {}, without a header. What is left: the total without fetch and pause. Ours: \
         medians of the same case; – where this run has none.",
        bytes.join(", and ")
    );
    Table { columns, rows, caption }
}

const fn case(of: Case) -> &'static str {
    match of {
        Case::TwoImages => "two pictures to two servers",
        Case::OneImage => "one picture to both by broadcast",
    }
}

fn left(row: &PublishedRow) -> f64 {
    row.total_s - row.fetch_s().unwrap_or(0.0) - row.think_s
}

fn remarks(view: &View<'_>, published: &[PublishedRow]) -> Vec<String> {
    let of = |case: Case| published.iter().filter(move |row| row.case == case);
    let mut items = Vec::new();
    items.extend(fetches(&of(Case::TwoImages).collect::<Vec<_>>()));
    items.extend(pauses(&of(Case::OneImage).collect::<Vec<_>>()));
    items.extend([Case::TwoImages, Case::OneImage].into_iter().filter_map(|which| {
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
fn fetches(rows: &[&PublishedRow]) -> Option<String> {
    let shares = span(rows.iter().filter_map(|row| row.fetch_share()), Unit::Percent)?;
    let by_total = |a: &&&PublishedRow, b: &&&PublishedRow| a.total_s.total_cmp(&b.total_s);
    let (quickest, slowest) = (rows.iter().min_by(by_total)?, rows.iter().max_by(by_total)?);
    let apart = slowest.total_s - quickest.total_s;
    let fetch = slowest.fetch_s()? - quickest.fetch_s()?;
    let seconds = |time| format::value(time, Unit::Seconds);
    let rest = span(rows.iter().map(|row| left(row)), Unit::Seconds)?;
    let alone: Vec<f64> = rows.iter().filter_map(|row| row.fetch_s()).collect();
    Some(format!(
        "**The fetch.** It is {shares} of every published total of {}, {} of it, and the parent makes it before any worker has begun: it \
         tells how fast the network was at that moment, not the program. Between the quickest total (**{}**) and the slowest (**{}**) lie {}; {} of that, {}, is \
         the fetch. Without it {rest} are left of each.",
        case(quickest.case),
        span(alone, Unit::Seconds)?,
        quickest.program,
        slowest.program,
        seconds(apart),
        seconds(fetch),
        format::value(fetch / apart, Unit::Percent)
    ))
}

/// How much of the totals is the pause.
fn pauses(rows: &[&PublishedRow]) -> Option<String> {
    let paused = || rows.iter().filter(|row| row.think_s > 0.0);
    let shares = span(paused().map(|row| row.think_share()), Unit::Percent)?;
    let first = paused().next()?;
    Some(format!(
        "**The pause.** Of every published total of {}, {shares} is the {} that a worker pauses between fetch and sending. What is left, {}, \
         holds the fetch, the start of the workers and the sending together; with one file there is nothing to overlap.",
        case(first.case),
        format::tick(first.think_s, Unit::Seconds),
        span(paused().map(|row| left(row)), Unit::Seconds)?
    ))
}

/// Programs of the assignment without a published row, by this run's own list of programs.
fn missing(view: &View<'_>, rows: &[&PublishedRow]) -> Vec<String> {
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
        let published = rows();
        let of = |case: Case| published.iter().filter(|row| row.case == case).collect::<Vec<_>>();
        let words = [fetches(&of(Case::TwoImages)).unwrap(), pauses(&of(Case::OneImage)).unwrap()];
        insta::assert_snapshot!(words.join("\n"), @"");
        assert_eq!(fetches(&of(Case::OneImage)), None, "its fetches were not printed");
        assert_eq!(pauses(&of(Case::TwoImages)), None, "it does not pause");
    }
}
