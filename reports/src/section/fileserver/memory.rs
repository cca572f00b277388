//! Memory against pool size, and who used the CPUs.

use super::view::{Grid, Load, Trial, grids, median, pair, pool, what};
use crate::{
    chart::{Axis, Chart, Lines, Panel, Point, Scale, Series},
    element::{Cell, Column, Element, Figure, Table},
    format::Unit,
    section::view::{View, cell, method, plotted},
};
use ferrybench_data::{
    family::Source,
    fileserver::{CPU_A_GIB, Evidence, Operation},
    stats::{Estimate, quantile},
};

/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 12;
/// Lines of one panel that stay apart.
const MOST_SERIES: usize = 7;

/// One of the two sides.
type Side = (&'static str, fn(&Evidence) -> Option<f64>);
const SIDES: [Side; 2] = [
    ("Clients", |seen| Some(seen.client_peak_rss_bytes as f64)),
    ("Server", |seen| seen.server_peak_rss_bytes.map(|bytes| bytes as f64)),
];

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let grids = grids(view);
    let rows: Vec<Vec<Cell>> =
        grids.iter().flat_map(|grid| shown(grid).into_iter().map(|trial| row(grid, trial))).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "File server: memory and CPU time"),
        Element::prose(
            "Memory is the anonymous resident memory of all processes of a side, each at its own peak (of somebody else's server, \
             the largest sum of many looks): what the \
             programs keep for themselves, without the pages of the files. A program that keeps a whole file for each client needs \
             the volume times the pool; one that streams needs a buffer for each worker, whatever the volume. The clients' share of \
             the CPU time says who was busy: far above a half, the clients were the limit, and a faster server would not show.",
        ),
    ];
    elements.extend(figure(&grids));
    let columns = vec![
        Column::left("Clients × server"),
        Column::left("Protocol"),
        Column::left("Asked"),
        Column::right("Client × server pool"),
        Column::right("Memory, clients"),
        Column::right("Memory, server"),
        Column::right("CPU a GiB, both sides"),
        Column::right("CPU, clients"),
        Column::right("CPU, server"),
        Column::right("Clients' share"),
    ];
    let caption = "Memory and CPU time of both sides, where the pools are of one size; medians over blocks. CPU in seconds of CPU \
                   time, of one block."
        .to_owned();
    let count = rows.len();
    let table = Element::Table(Table { columns, rows, caption });
    elements.push(if count > MOST_ROWS {
        Element::fold(format!("Memory and CPU time of {count} combinations"), vec![table])
    } else {
        table
    });
    elements
}

/// Trials with pools of one size, or all where a grid has none.
fn shown<'v, 'a>(grid: &Grid<'v, 'a>) -> Vec<&'v Trial<'a>> {
    let measured = || grid.content().filter(|trial| trial.good().next().is_some());
    let square: Vec<&Trial<'a>> =
        measured().filter(|trial| trial.spec.client_pool == trial.spec.server_pool).collect();
    if square.is_empty() { measured().collect() } else { square }
}

fn row(grid: &Grid<'_, '_>, trial: &Trial<'_>) -> Vec<Cell> {
    let Load { operation, volume_bytes, client_pool, server_pool } = Load::of(trial.spec);
    let told =
        |value: Option<f64>, unit| value.map_or(Cell::text("not told"), |value| Cell::exact(value, unit));
    let [clients, server] = SIDES.map(|(_, of)| memory(trial, of));
    vec![
        Cell::text(pair(grid.spec)),
        Cell::text(&grid.spec.protocol),
        Cell::text(what(operation, volume_bytes)),
        Cell::text(format!("{client_pool} × {}", pool(server_pool))),
        clients,
        server,
        cell(trial.estimate(CPU_A_GIB), Unit::Seconds),
        told(median(trial, |seen| Some(seen.client_cpu_s)), Unit::Seconds),
        told(median(trial, |seen| seen.server_cpu_s), Unit::Seconds),
        told(median(trial, |seen| seen.client_cpu_share), Unit::Percent),
    ]
}

/// Memory at one decimal, as far as peaks repeat.
fn memory(trial: &Trial<'_>, of: fn(&Evidence) -> Option<f64>) -> Cell {
    median(trial, of).map_or(Cell::text("not told"), |bytes| {
        Cell::text(format!("{:.1}\u{a0}MiB", bytes / f64::from(1 << 20)))
    })
}

/// Memory of each side over the size of both pools, at the largest volume of each operation.
fn figure(grids: &[Grid<'_, '_>]) -> Option<Element> {
    let mut panels = Vec::new();
    let mut drawn: Vec<&Trial<'_>> = Vec::new();
    for operation in [Operation::Download, Operation::Upload] {
        for (side, of) in SIDES {
            let mut series = Vec::new();
            let mut largest = 0;
            // Somebody else's server does not tell, and its clients are ours.
            let ours = grids.iter().filter(|grid| grid.spec.source == Source::BuiltIn);
            for grid in ours.take(MOST_SERIES) {
                let moves = grid.moves();
                let Some((_, volume)) = moves.iter().rev().find(|(moved, _)| *moved == operation) else {
                    continue;
                };
                let at = |trial: &&&Trial<'_>| {
                    (trial.spec.operation, trial.spec.volume_bytes) == (operation, *volume)
                        && trial.spec.client_pool == trial.spec.server_pool
                };
                let trials = shown(grid);
                let trials: Vec<&Trial<'_>> = trials.iter().filter(at).copied().collect();
                let points: Vec<Point> = trials
                    .iter()
                    .filter_map(|trial| {
                        let y = plotted(estimate(trial, of)?);
                        Some(Point { x: f64::from(trial.spec.client_pool), y })
                    })
                    .collect();
                if points.len() > 1 {
                    largest = largest.max(*volume);
                    drawn.extend(trials);
                    series.push(Series { name: pair(grid.spec), points });
                }
            }
            if !series.is_empty() {
                panels.push(Panel::new(format!("{side}, {}", what(operation, largest)), series));
            }
        }
    }
    let method = method(drawn);
    let x = Axis::new("Size of both pools", Scale::Log2, Unit::Plain);
    let y = Axis::new("Largest memory", Scale::Log2, Unit::Bytes);
    let chart = Lines::new(x, y, panels)?;
    Some(Element::Figure(Figure {
        name: "fileserver-memory".into(),
        chart: Chart::Lines(chart),
        alt: "Memory of the clients and of the server over the size of both pools".into(),
        caption: format!(
            "Memory of all clients and of the server against the size of both pools, n clients and n workers. {method}."
        ),
    }))
}

fn estimate(trial: &Trial<'_>, of: fn(&Evidence) -> Option<f64>) -> Option<Estimate> {
    let values: Vec<f64> = trial.good().filter_map(|(_, seen)| of(seen)).collect();
    quantile::median_interval(&values)
}
