//! The assignment's table: every combination with its columns in its order, failures included.

use super::{
    line::{self, Line, lines},
    view::{Grid, grids, pair, title},
};
use crate::{
    element::{Attachment, Cell, Column, Element, Table},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::fileserver::{Operation, Received};

/// More tables than these are shown one by one on demand.
const MOST_OPEN: usize = 4;
/// Rows of the assignment as it counts them, and as its own axes come to.
const SAID: usize = 81;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let grids = grids(view);
    let blocks = view.data.infos().map(|info| info.blocks).max().unwrap_or(1);
    let (wide, single): (Vec<_>, Vec<_>) = grids.iter().partition(|grid| grid.has_pools());
    let mut elements = vec![
        Element::heading(2, "File server: the assignment's table"),
        Element::prose(
            "Every combination of operation, volume, client worker pool and server worker pool, one table for each pair of \
             models and protocol. Nothing is left out: what failed, was refused by its audit or was skipped stands in its place \
             with its reason.",
        ),
    ];
    let fold = wide.len() > MOST_OPEN;
    let mut without_content = Vec::new();
    for grid in &wide {
        let [content, rest] = lines(grid);
        without_content.extend(rest.into_iter().map(|line| (*grid, line)));
        let table = Element::Table(of_content(grid, &content, blocks));
        if fold {
            elements.push(Element::fold(title(grid.spec), vec![table]));
        } else {
            elements.extend([Element::heading(3, capital_title(grid)), table]);
        }
    }
    let mut others = Vec::new();
    for grid in &single {
        let [content, rest] = lines(grid);
        without_content.extend(rest.into_iter().map(|line| (*grid, line)));
        others.extend(content.into_iter().map(|line| (*grid, line)));
    }
    elements.extend(other_combinations(&others, blocks));
    elements.extend(column_meanings(view, &wide));
    elements.extend(names(&without_content, blocks));
    elements.extend(attachment(&grids));
    elements
}

fn capital_title(grid: &Grid<'_, '_>) -> String {
    crate::section::ranking::capital(&title(grid.spec))
}

/// The columns that the assignment asks for, in its order, then ours.
fn columns(blocks: u32, before: &[&str]) -> Vec<Column> {
    let mut columns = vec![Column::right("No.")];
    columns.extend(before.iter().map(|title| Column::left(*title)));
    columns.extend([
        Column::left("Operation"),
        Column::right("Volume"),
        Column::right("Client worker pool"),
        Column::right("Server worker pool"),
        Column::right("Total time per client"),
        Column::right("Throughput per client"),
        Column::right("Client workers succeeded / failed"),
        Column::right("Server workers succeeded / failed"),
        Column::right("Server workers idle"),
        Column::right("Time for all clients"),
        Column::right("Aggregate throughput"),
        Column::left("Verified"),
    ]);
    columns.extend((blocks > 1).then(|| Column::right("n")));
    columns.push(Column::left("Outcome"));
    columns
}

fn cells(line: &Line<'_, '_>, blocks: u32, before: Vec<Cell>) -> Vec<Cell> {
    let spec = line.spec();
    let mut cells = vec![Cell::Integer(u64::from(line.number))];
    cells.extend(before);
    cells.extend([
        Cell::text(spec.operation.word()),
        volume(spec.volume_bytes),
        Cell::Integer(u64::from(spec.client_pool)),
        pool(spec.server_pool),
        line.time_cell(),
        line.throughput_cell(),
        line.clients_cell(),
        line.servers_cell(),
        line.idle_cell(),
        line.all_clients_cell(),
        line.aggregate_cell(),
        line.verified_cell(),
    ]);
    cells.extend((blocks > 1).then(|| line.blocks_cell()));
    cells.push(Cell::text(line.outcome()));
    cells
}

fn volume(bytes: u64) -> Cell {
    Cell::exact(bytes as f64, Unit::Bytes)
}

/// A pool of the server; one that takes every connection as it comes has no size.
fn pool(workers: u32) -> Cell {
    if workers == 0 { Cell::text("unbounded") } else { Cell::Integer(u64::from(workers)) }
}

/// How the figures of several blocks became one.
fn method(blocks: u32) -> String {
    if blocks > 1 {
        format!("Medians over {blocks} blocks; n is how many of them may be compared")
    } else {
        "One run of each combination (n = 1), so no interval".to_owned()
    }
}

fn of_content(grid: &Grid<'_, '_>, lines: &[Line<'_, '_>], blocks: u32) -> Table {
    let rows = lines.iter().map(|line| cells(line, blocks, Vec::new())).collect();
    let caption =
        format!("{}: {}. {}.", capital_title(grid), format::counted(lines.len(), "row"), method(blocks));
    Table { columns: columns(blocks, &[]), rows, caption }
}

/// Trials of pairs that have but one size of each pool.
fn other_combinations(lines: &[(&Grid<'_, '_>, Line<'_, '_>)], blocks: u32) -> Option<Element> {
    if lines.is_empty() {
        return None;
    }
    let row = |(number, (grid, line)): (u64, &(&Grid<'_, '_>, Line<'_, '_>))| {
        let before = vec![Cell::text(pair(grid.spec)), Cell::text(&grid.spec.protocol)];
        let mut row = cells(line, blocks, before);
        row[0] = Cell::Integer(number);
        row
    };
    let table = Table {
        columns: columns(blocks, &["Clients × server", "Protocol"]),
        rows: (1..).zip(lines).map(row).collect(),
        caption: format!("Pairs of models with one size of each pool. {}.", method(blocks)),
    };
    let summary = format!("{} at one size of each pool", format::counted(lines.len(), "combination"));
    Some(Element::fold(summary, vec![Element::Table(table)]))
}

/// What the columns mean, and what was inside the measured time.
fn column_meanings(view: &View<'_>, grids: &[&Grid<'_, '_>]) -> Vec<Element> {
    let received = |received| view.servers.iter().any(|trial| trial.spec.received == received);
    let mut inside =
        "**Inside the measured time:** connecting, sending the request, waiting for a worker, the transfer"
            .to_owned();
    inside += match (received(Received::Written), received(Received::Discarded)) {
        (true, true) => {
            ", and writing the received file or, where `received` is `discarded`, hashing what arrives"
        }
        (false, true) => ", and hashing what arrives (`received` is `discarded`: it is not stored)",
        _ => ", and writing the received file",
    };
    inside += ". **Outside it:** starting the server and the pools, which have come to a barrier before the clock starts; making the \
               source files; and verifying by hash what was written.";
    let mut items: Vec<String> = MEANINGS.iter().map(|item| (*item).to_owned()).collect();
    items.push(inside);
    items.extend(grids.iter().find_map(|grid| count(grid)));
    vec![Element::prose("**What the columns mean.**"), Element::List(items)]
}

const MEANINGS: &[&str] = &[
    "**Total time per client**: from the barrier's release, which lets all clients go at once, to a client's last byte; the mean \
     over the clients, and the longest in brackets. A client that waits for a worker is waiting within its time.",
    "**Throughput per client**: bytes whose hash was found equal to the source's / the client's own time, in bytes per second as \
     the assignment asks, with a readable unit beside it; the mean over the clients.",
    "**Client workers succeeded / failed**: *failed* is any failed transfer, or the worker's death.",
    "**Server workers succeeded / failed**: by the server workers' own word, not copied from the clients. *Succeeded* is at least \
     one transfer and no failure, *failed* any failure or death, **idle** no transfer at all. Somebody else's server does not \
     tell; what was seen of it from outside stands in brackets.",
    "**Time for all clients**: from the barrier's release to the last byte of the last client. **Aggregate throughput**: all \
     verified bytes / that time.",
    "**–** stands for a figure that does not exist: a row that failed has counts, and no times.",
];

/// How many rows the axes come to, where they are the assignment's.
fn count(grid: &Grid<'_, '_>) -> Option<String> {
    let moves = grid.moves();
    let operations = [Operation::Download, Operation::Upload];
    let of = |operation| moves.iter().filter(|(of, _)| *of == operation).count();
    let [volumes, others] = operations.map(of);
    let (clients, servers) = (grid.client_pools().len(), grid.server_pools().len());
    let rows = 2 * volumes * clients * servers;
    let is_whole = volumes == others && rows == grid.content().count();
    // Listing as a third operation is what makes the assignment's number out of its axes.
    (is_whole && 3 * volumes * clients * servers == SAID).then(|| {
        format!(
            "**{rows} rows, not {SAID}.** The assignment says {SAID} rows, but 2 operations × {volumes} volumes × {clients} client \
             pools × {servers} server pools = {rows}. {SAID} comes out with LIST as a third operation \
             (`--operations download,upload,list`). Volume means nothing to it, so here it is measured once for each pair of pools."
        )
    })
}

/// LIST and DELETE, which move no content.
fn names(lines: &[(&Grid<'_, '_>, Line<'_, '_>)], blocks: u32) -> Vec<Element> {
    if lines.is_empty() {
        return Vec::new();
    }
    let row = |(number, (grid, line)): (u64, &(&Grid<'_, '_>, Line<'_, '_>))| {
        let spec = line.spec();
        let mut row = vec![
            Cell::Integer(number),
            Cell::text(pair(grid.spec)),
            Cell::text(&spec.protocol),
            Cell::text(spec.operation.word()),
            Cell::Integer(u64::from(spec.client_pool)),
            pool(spec.server_pool),
            line.time_cell(),
            line.operations_cell(),
            line.clients_cell(),
            line.servers_cell(),
            line.idle_cell(),
            line.all_clients_cell(),
        ];
        row.extend((blocks > 1).then(|| line.blocks_cell()));
        row.push(Cell::text(line.outcome()));
        row
    };
    let mut columns = vec![
        Column::right("No."),
        Column::left("Clients × server"),
        Column::left("Protocol"),
        Column::left("Operation"),
        Column::right("Client worker pool"),
        Column::right("Server worker pool"),
        Column::right("Total time per client"),
        Column::right("Operations a second"),
        Column::right("Client workers succeeded / failed"),
        Column::right("Server workers succeeded / failed"),
        Column::right("Server workers idle"),
        Column::right("Time for all clients"),
    ];
    columns.extend((blocks > 1).then(|| Column::right("n")));
    columns.push(Column::left("Outcome"));
    let caption = format!("Operations without content: volume means nothing to them. {}.", method(blocks));
    let rows = (1..).zip(lines).map(row).collect();
    vec![Element::heading(3, "Listing and deleting"), Element::Table(Table { columns, rows, caption })]
}

/// The same rows as a file.
fn attachment(grids: &[Grid<'_, '_>]) -> Option<Element> {
    let all: Vec<Line<'_, '_>> = grids.iter().flat_map(|grid| lines(grid).into_iter().flatten()).collect();
    let text = line::csv(&all)?;
    let caption = format!(
        "these tables as one CSV file, {} with every axis, unrounded.",
        format::counted(all.len(), "row")
    );
    Some(Element::Attachment(Attachment { name: "assignment.csv".into(), text, caption }))
}
