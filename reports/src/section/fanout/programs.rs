//! The programs of the assignment: start-up, fetch, send and total of each, case by case.

use super::{
    best::{best, too_few},
    published::{datagram_bytes, is_of},
    view::{
        Group, Shown, Trial, cases, left_out, median, model, outcome, payload, program, shown, sum, title,
    },
};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
    section::{
        ranking::capital,
        view::{View, cell, method},
    },
};
use ferrybench_data::{
    fanout::{COMPLETE, FetchRow, Framing, GOODPUT, OK, TOTAL},
    published::{self, FanoutRun},
    stats::quantile,
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let cases = cases(view);
    let published = published::fanout();
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: the programs"),
        Element::prose(
            "Each under the name that the assignment gives it, with the sender model of ours that it is. Start-up is that of the \
             pool, before the clock; fetch is the sum over the files; send lasts from the first datagram to the last; the total runs \
             from the start of the program's clock to the end of its last worker.",
        ),
    ];
    let Shown { plainly, folded, left_out: rest } = shown(&cases);
    for case in plainly {
        elements.push(Element::heading(3, capital(&title(&case.spec))));
        elements.extend(of_case(view, case, &published));
    }
    if !folded.is_empty() {
        let more = format::counted(folded.len(), "more case");
        let inside = folded.into_iter().flat_map(|case| {
            let name = Element::prose(format!("**{}**", capital(&title(&case.spec))));
            std::iter::once(name).chain(of_case(view, case, &published))
        });
        elements.push(Element::fold(more, inside.collect()));
    }
    elements.extend(left_out(rest, "fanout.csv"));
    elements.extend(fetched(view));
    elements
}

fn of_case(view: &View<'_>, case: &Group<'_, '_>, published: &[FanoutRun]) -> Vec<Element> {
    let beside = |trial: &Trial<'_>| published.iter().find(|row| is_of(row, trial.spec));
    let known: Vec<&FanoutRun> = case.trials.iter().filter_map(|trial| beside(trial)).collect();
    let mut columns = vec![
        Column::left("Program"),
        Column::left("Sender model"),
        Column::left("Its workers"),
        Column::right("Start-up"),
        Column::right("Fetch"),
        Column::right("Send"),
        Column::right("Total"),
    ];
    if !known.is_empty() {
        columns.extend([Column::right("Published fetch"), Column::right("Published total")]);
    }
    columns.extend([
        Column::right("Until all is verified"),
        Column::right("Goodput"),
        Column::right("Files intact"),
        Column::left("Blocks"),
    ]);
    let rows = case
        .trials
        .iter()
        .map(|trial| {
            let of = |metric| cell(trial.estimate(metric), Unit::Seconds);
            let mut row = vec![
                Cell::text(format!("**{}**", program(view, trial.spec))),
                Cell::code(&trial.spec.sender_model),
                Cell::text(workers(view, trial)),
                of("start_up_s"),
                of("fetch_s"),
                of("send_s"),
                of(TOTAL),
            ];
            if !known.is_empty() {
                let shown = |value: Option<f64>| {
                    value.map_or(Cell::text("–"), |time| Cell::exact(time, Unit::Seconds))
                };
                let row_of = beside(trial);
                row.push(shown(row_of.and_then(FanoutRun::fetch_s)));
                row.push(shown(row_of.map(|row| row.total_s)));
            }
            let intact = sum(trial, |seen| Some(seen.files_intact.into()));
            let asked = sum(trial, |seen| Some(seen.files_asked.into()));
            row.extend([
                of(COMPLETE),
                cell(trial.estimate(GOODPUT), Unit::BytesPerSecond),
                intact
                    .zip(asked)
                    .map_or(Cell::Empty, |(intact, asked)| Cell::text(format!("{intact} of {asked}"))),
                Cell::text(outcome(trial)),
            ]);
            row
        })
        .collect();
    let mut elements = vec![Element::Table(Table { columns, rows, caption: caption(case, &known) })];
    let words = best(view, &case.trials).map(|words| capital(&words)).or_else(|| too_few(&case.trials));
    elements.extend(words.map(Element::prose));
    elements
}

fn caption(case: &Group<'_, '_>, published: &[&FanoutRun]) -> String {
    let mut text = format!(
        "{}. Files intact: over receivers and blocks.",
        method(case.trials.iter().copied().filter(|trial| trial.good().next().is_some()))
    );
    if let Some(first) = published.first() {
        let own = case.spec.datagram_bytes;
        let bare = case.spec.framing == Framing::Bare;
        text += " Published: one run of each program on other machines, to be read beside ours, not held against them";
        if !bare || datagram_bytes(first) != own {
            text += &format!("; its datagrams hold {} and no header", payload(datagram_bytes(first)));
        }
        text += ".";
    }
    text
}

/// Processes or threads that a program's workers were, as they proved.
fn workers(view: &View<'_>, trial: &Trial<'_>) -> String {
    let processes = model(view, &trial.spec.sender_model).is_some_and(|model| model.processes);
    let count = median(trial, |seen| {
        Some(f64::from(if processes { seen.sender_processes } else { seen.sender_threads }))
    });
    let noun = if processes { "process" } else { "thread" };
    match count.map(|count| count.round() as u64) {
        None => String::new(),
        Some(1) => format!("1 {noun}"),
        Some(count) => format!("{} {noun}{}", format::integer(count), if processes { "es" } else { "s" }),
    }
}

/// What was fetched, file by file, over all programs and blocks.
fn fetched(view: &View<'_>) -> Vec<Element> {
    let mut files: Vec<(&FetchRow, Vec<&FetchRow>)> = Vec::new();
    for row in &view.data.fetches {
        match files.iter_mut().find(|(first, _)| (&first.name, &first.url) == (&row.name, &row.url)) {
            Some((_, rows)) => rows.push(row),
            None => files.push((row, vec![row])),
        }
    }
    if files.is_empty() {
        return Vec::new();
    }
    let rows = files
        .iter()
        .map(|(first, rows)| {
            let mut times: Vec<f64> =
                rows.iter().filter(|row| row.outcome == OK).map(|row| row.fetch_s).collect();
            times.sort_by(f64::total_cmp);
            let at =
                |time: Option<&f64>| time.map_or(Cell::text("–"), |time| Cell::exact(*time, Unit::Seconds));
            let failed = rows.iter().find(|row| row.outcome != OK);
            vec![
                Cell::text(&first.name),
                Cell::text(&first.url),
                Cell::text(&first.content_type),
                Cell::text(format!("{} B", format::integer(first.bytes))),
                at(times.first()),
                at(quantile::median(&times).as_ref()),
                at(times.last()),
                Cell::text(format!("{} of {}", times.len(), rows.len())),
                failed.map_or(Cell::Empty, |row| Cell::text(&row.outcome)),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("File"),
        Column::left("Fetched from"),
        Column::left("Type"),
        Column::right("Size"),
        Column::right("Shortest"),
        Column::right("Median"),
        Column::right("Longest"),
        Column::right("Fetched"),
        Column::left("What failed"),
    ];
    vec![
        Element::heading(3, "What was fetched"),
        Element::Table(Table {
            columns,
            rows,
            caption: "Each file that the client fetched over HTTP before it was sent: type and size by the server's word, times over \
                      all programs and blocks."
                .into(),
        }),
    ]
}
