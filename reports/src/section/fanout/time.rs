//! What each program's time is made of.

use super::{
    phases::{Fetches, KINDS, Phases},
    view::{Group, Trial, cases, program, short, span, title},
};
use crate::{
    chart::{self, Chart, Stacked, StackedRow},
    element::{Cell, Column, Element, Figure, Table},
    format::Unit,
    section::{ranking::capital, view::View},
};

/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 12;
/// Cases with a figure of their own.
const MOST_FIGURES: usize = 8;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let fetches = Fetches::of(view);
    // Without a fetch and a pause a program's time is the sending, which other sections are about.
    let cases: Vec<(Group<'_, '_>, Vec<Row<'_, '_>>)> = cases(view)
        .into_iter()
        .map(|case| {
            let rows = rows(&case, &fetches);
            (case, rows)
        })
        .filter(|(_, rows)| rows.iter().any(|(_, [_, fetch, pause, ..])| fetch + pause > 0.0))
        .collect();
    if cases.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: where the time goes"),
        Element::prose(
            "A pool is started before the program's clock; the clock then runs over the fetches, the pauses, the sending and the \
             end of the last worker. Where workers fetch or pause at the same time, that time is counted once: the bars are what a \
             watch shows, not the work of all workers added up. So a program that overlaps its files' pauses has one pause where \
             another has several.",
        ),
        Element::List(
            cases.iter().take(MOST_FIGURES).filter_map(|(case, rows)| sentence(case, rows)).collect(),
        ),
    ];
    for (number, (case, rows)) in (1..).zip(cases.iter().take(MOST_FIGURES)) {
        elements.extend(figure(view, case, rows, number));
    }
    elements.push(table(view, &cases));
    elements
}

type Row<'v, 'a> = (&'v Trial<'a>, Phases);

fn rows<'v, 'a>(case: &Group<'v, 'a>, fetches: &Fetches<'_>) -> Vec<Row<'v, 'a>> {
    case.trials.iter().filter_map(|trial| Some((*trial, fetches.phases(trial)?))).collect()
}

fn total([_, parts @ ..]: &Phases) -> f64 {
    parts.iter().sum()
}

/// How much of each total is fetch, and how much pause.
fn sentence(case: &Group<'_, '_>, rows: &[Row<'_, '_>]) -> Option<String> {
    let share = |kind: usize| {
        let shares = rows.iter().map(move |(_, parts)| parts[kind] / total(parts));
        span(shares, Unit::Percent)
    };
    let has = |kind: usize| rows.iter().any(|(_, parts)| parts[kind] > 0.0);
    let mut words = Vec::new();
    if has(1) {
        words.push(format!("the fetch is {} of the total", share(1)?));
    }
    if has(2) {
        words.push(format!("the pause is {} of the total", share(2)?));
    }
    words.push(format!("sending is {}", share(3)?));
    Some(format!("**{}:** over the programs, {}.", capital(&title(&case.spec)), words.join(", ")))
}

/// One case has one axis: a pause of seconds would leave another's milliseconds no room.
fn figure(view: &View<'_>, case: &Group<'_, '_>, rows: &[Row<'_, '_>], number: usize) -> Option<Element> {
    let row =
        |(trial, parts): &Row<'_, '_>| StackedRow { label: program(view, trial.spec), parts: parts.to_vec() };
    let groups = vec![chart::Group::unnamed(rows.iter().map(row).collect())];
    let chart =
        Stacked::new("Time, start-up included", Unit::Seconds, KINDS.map(Into::into).to_vec(), groups)?;
    Some(Element::Figure(Figure {
        name: format!("fanout-time-{number}"),
        chart: Chart::Stacked(chart),
        alt: format!("Start-up, fetch, pause, sending and rest of each program: {}", short(&case.spec)),
        caption: format!(
            "{}: what each program's time is made of. Means over blocks, what overlaps counted once; beside each bar start-up and \
             total together.",
            capital(&title(&case.spec))
        ),
    }))
}

fn table(view: &View<'_>, cases: &[(Group<'_, '_>, Vec<Row<'_, '_>>)]) -> Element {
    let mut cells = Vec::new();
    for (case, rows) in cases {
        for (trial, parts) in rows {
            let mut row = vec![Cell::text(short(&case.spec)), Cell::text(program(view, trial.spec))];
            row.extend(parts.iter().map(|part| Cell::exact(*part, Unit::Seconds)));
            row.push(Cell::exact(total(parts), Unit::Seconds));
            row.push(Cell::Integer(trial.good().count() as u64));
            cells.push(row);
        }
    }
    let mut columns = vec![Column::left("Case"), Column::left("Program")];
    columns.extend(KINDS.map(|kind| Column::right(capital(kind))));
    columns.extend([Column::right("Total without start-up"), Column::right("Blocks")]);
    let count = cells.len();
    let caption = "Means over blocks, so that the parts add up; what overlaps is counted once.".into();
    let table = Element::Table(Table { columns, rows: cells, caption });
    if count > MOST_ROWS {
        Element::fold(format!("The parts of {count} programs' time"), vec![table])
    } else {
        table
    }
}
