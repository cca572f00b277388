//! The files that every host has at the end, with size and hash.

use super::view::{Group, Shown, Trial, cases, left_out, program, shown, title};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
    section::{ranking::capital, view::View},
};
use ferrybench_data::{
    fanout::{OK, ReceiverRow},
    run_info::FetchedSource,
};
use std::collections::HashMap;

/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 16;
/// Letters of a hash that a table shows.
const SHOWN: usize = 16;

/// What one host has of one file, in however many blocks.
struct Entry<'v> {
    first: &'v ReceiverRow,
    blocks: usize,
    programs: Vec<String>,
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut rows_of: HashMap<&str, Vec<&ReceiverRow>> = HashMap::new();
    for row in &view.data.receivers {
        rows_of.entry(row.trial.as_str()).or_default().push(row);
    }
    let cases = cases(view);
    let Shown { plainly, folded, left_out: rest } = shown(&cases);
    let of_case = |case: &Group<'_, '_>| {
        let entries = entries(view, &case.trials, &rows_of);
        let name = capital(&title(&case.spec));
        let table = || Element::Table(table(view, &case.trials, &entries, &name));
        match entries.len() {
            0 => None,
            count if count > MOST_ROWS => Some(Element::fold(format!("{name}: {count} rows"), vec![table()])),
            _ => Some(table()),
        }
    };
    let mut elements: Vec<Element> = plainly.into_iter().filter_map(of_case).collect();
    let others: Vec<Element> = folded.into_iter().filter_map(of_case).collect();
    if !others.is_empty() {
        elements
            .push(Element::fold(format!("Files of {}", format::counted(others.len(), "more case")), others));
    }
    if elements.is_empty() {
        return elements;
    }
    elements.extend(left_out(rest, "receivers.csv"));
    let mut all = vec![Element::heading(2, "UDP fan-out: the files on each host")];
    all.extend(fetched(view));
    all.push(
        Element::prose(
            "A receiver writes under a temporary name, hashes what it has, and gives the file its name only when it is whole and its \
             hash is the source's. So a file that is not intact is not there at all, and the reason stands in its place. Hosts with the \
             same file, hash and outcome in several blocks have one row.",
        ),
    );
    all.append(&mut elements);
    all
}

/// What was fetched once for hosts that reach nothing else.
fn fetched(view: &View<'_>) -> Vec<Element> {
    let files: Vec<&FetchedSource> = view.data.infos().flat_map(|info| &info.fetched).collect();
    if files.is_empty() {
        return Vec::new();
    }
    let columns = vec![
        Column::left("Fetched from"),
        Column::left("Sent as"),
        Column::left("Content type"),
        Column::right("Size"),
        Column::right("Fetched in"),
    ];
    let row = |file: &&FetchedSource| {
        vec![
            Cell::code(&file.url),
            Cell::text(&file.name),
            Cell::text(&file.content_type),
            Cell::text(format!("{} B", format::integer(file.bytes))),
            Cell::text(format::value(file.fetch_s, Unit::Seconds)),
        ]
    };
    let rows = files.iter().map(row).collect();
    let caption = "What was fetched before anything was measured.".to_owned();
    vec![
        Element::prose(
            "The test hosts are connected to nothing else. So what the plan names by address was fetched once, before anything was \
             measured, and the client's own server has it from then on: each block fetches it there.",
        ),
        Element::Table(Table { columns, rows, caption }),
    ]
}

fn entries<'v>(
    view: &View<'_>,
    trials: &[&Trial<'_>],
    rows_of: &HashMap<&str, Vec<&'v ReceiverRow>>,
) -> Vec<Entry<'v>> {
    let mut entries: Vec<Entry<'v>> = Vec::new();
    for trial in trials {
        let program = program(view, trial.spec);
        for row in rows_of.get(trial.id().as_str()).into_iter().flatten() {
            let is_it = |entry: &&mut Entry<'_>| {
                let known = entry.first;
                (known.receiver, &known.host, known.file, &known.name, known.bytes)
                    == (row.receiver, &row.host, row.file, &row.name, row.bytes)
                    && (&known.source_hash, &known.hash, &known.outcome)
                        == (&row.source_hash, &row.hash, &row.outcome)
            };
            match entries.iter_mut().find(is_it) {
                Some(entry) => {
                    entry.blocks += 1;
                    if !entry.programs.contains(&program) {
                        entry.programs.push(program.clone());
                    }
                }
                None => entries.push(Entry { first: row, blocks: 1, programs: vec![program.clone()] }),
            }
        }
    }
    entries.sort_by_key(|entry| {
        (entry.first.receiver, entry.first.file, entry.first.outcome != OK, &entry.first.outcome)
    });
    entries
}

fn table(view: &View<'_>, trials: &[&Trial<'_>], entries: &[Entry<'_>], name: &str) -> Table {
    let client = view
        .data
        .infos()
        .find_map(|info| info.participants.first())
        .map_or("the client", |host| host.name.as_str());
    let mut sources: Vec<&ReceiverRow> = Vec::new();
    for entry in entries {
        let is_it = |known: &&&ReceiverRow| {
            (known.file, &known.name, &known.source_hash)
                == (entry.first.file, &entry.first.name, &entry.first.source_hash)
        };
        if !sources.iter().any(|known| is_it(&known)) {
            sources.push(entry.first);
        }
    }
    sources.sort_by_key(|row| row.file);
    let bytes = |row: &ReceiverRow| Cell::text(format!("{} B", format::integer(row.bytes)));
    let mut rows: Vec<Vec<Cell>> = sources
        .iter()
        .map(|row| {
            vec![
                Cell::text(format!("{client} (source)")),
                Cell::text(&row.name),
                bytes(row),
                Cell::code(short(&row.source_hash)),
                Cell::Empty,
                Cell::Empty,
                Cell::Empty,
            ]
        })
        .collect();
    rows.extend(entries.iter().map(|entry| {
        let row = entry.first;
        let is_whole = row.outcome == OK;
        let same = if !is_whole {
            "–"
        } else if row.hash == row.source_hash {
            "yes"
        } else {
            "**no**"
        };
        vec![
            Cell::text(&row.host),
            Cell::text(&row.name),
            if is_whole { bytes(row) } else { Cell::text("–") },
            if row.hash.is_empty() { Cell::text("–") } else { Cell::code(short(&row.hash)) },
            Cell::text(same),
            Cell::text(format!("{}: {}", format::counted(entry.blocks, "block"), whose(entry, trials.len()))),
            if is_whole { Cell::Empty } else { Cell::text(&row.outcome) },
        ]
    }));
    let columns = vec![
        Column::left("Host"),
        Column::left("File"),
        Column::right("Size"),
        Column::left("Hash"),
        Column::left("The source's"),
        Column::left("In"),
        Column::left("What is wrong"),
    ];
    let caption = format!("{name}. Of a hash its first {SHOWN} letters are shown; all were compared.");
    Table { columns, rows, caption }
}

/// The programs whose files they are, by name where they are not all.
fn whose(entry: &Entry<'_>, all: usize) -> String {
    if entry.programs.len() == all && all > 1 {
        format!("all {all} programs")
    } else {
        entry.programs.join("; ")
    }
}

/// The beginning of a hash; what kind of hash it is stays in front.
fn short(hash: &str) -> String {
    let (kind, digits) = hash.split_once(':').map_or(("", hash), |(kind, digits)| (kind, digits));
    let shown: String = digits.chars().take(SHOWN).collect();
    let rest = if digits.chars().count() > SHOWN { "…" } else { "" };
    if kind.is_empty() { format!("{shown}{rest}") } else { format!("{kind}:{shown}{rest}") }
}
