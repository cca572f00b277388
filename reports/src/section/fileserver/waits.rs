//! Why clients wait: the queue for a worker against being served.

use super::{
    transfers,
    view::{Grid, Load, Trial, grids, median, pair, pool, what, workers},
};
use crate::{
    chart::{Chart, Group, Stacked, StackedRow},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::{ranking::capital, view::View},
};
use ferrybench_data::{
    family::Source,
    fileserver::{CLIENT_MEAN, Evidence, Operation},
};

/// What a client's time is made of, in the colours of every figure that shows it.
pub(super) const KINDS: [&str; 3] = ["connect", "queue wait", "service"];
/// Grids in one figure.
const GRIDS_OF_A_FIGURE: usize = 3;
/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 12;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let grids = grids(view);
    let told: Vec<&Grid<'_, '_>> =
        grids.iter().filter(|grid| grid.server_pools().len() > 1 && !rows(grid).is_empty()).collect();
    let falls = transfers::figures(view);
    if told.is_empty() && falls.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![Element::heading(2, "File server: why clients wait")];
    if !told.is_empty() {
        elements.push(Element::prose(
            "A client connects, waits until a worker has time for it, and is then served: its total time is the sum of the three. \
             A worker serves one connection at a time, so a pool smaller than the number of clients makes a queue. With a pool of 1, \
             the first of 50 clients waits for nobody and the last for 49 others; the mean client waits for about half of them. A \
             larger pool takes the wait away, but not the work: those that are served together share the CPUs and the memory.",
        ));
        elements.push(Element::List(told.iter().filter_map(|grid| sentence(view, grid)).collect()));
        // Somebody else's server may take a hundred times as long, and would leave ours no room on a common axis.
        let (foreign, ours): (Vec<_>, Vec<_>) =
            told.iter().partition(|grid| grid.spec.source == Source::Foreign);
        let figures = ours.chunks(GRIDS_OF_A_FIGURE).chain(foreign.chunks(1));
        for (number, grids) in (1..).zip(figures) {
            elements.extend(figure(grids, number));
        }
        elements.push(table(&told));
    }
    elements.extend(falls);
    elements
}

/// Trials at the grid's largest client pool of which the parts are known.
fn rows<'v, 'a>(grid: &Grid<'v, 'a>) -> Vec<(&'v Trial<'a>, Parts)> {
    let Some(most) = grid.client_pools().last().copied() else { return Vec::new() };
    let trials = grid.content().filter(|trial| trial.spec.client_pool == most);
    trials.filter_map(|trial| Some((trial, Parts::of(trial)?))).collect()
}

/// What the mean client's time is made of, medians over blocks, seconds.
struct Parts {
    connect: f64,
    wait: f64,
    service: f64,
    /// Clients waiting, and being served, on average over the time for all clients.
    waiting: f64,
    served: f64,
}

impl Parts {
    fn of(trial: &Trial<'_>) -> Option<Self> {
        // Every client comes and goes within the time for all, so that Little's law holds without a limit: the mean number
        // in a state is how many come a second, times the mean time that each is in it.
        let mean_number = |seen: &Evidence, time: f64| seen.transfers_ok as f64 / seen.elapsed_s * time;
        Some(Self {
            connect: median(trial, |seen| Some(seen.client_connect_mean_s))?,
            wait: median(trial, |seen| seen.client_wait_mean_s)?,
            service: median(trial, |seen| seen.client_service_mean_s)?,
            waiting: median(trial, |seen| Some(mean_number(seen, seen.client_wait_mean_s?)))?,
            served: median(trial, |seen| Some(mean_number(seen, seen.client_service_mean_s?)))?,
        })
    }

    fn sum(&self) -> f64 {
        self.connect + self.wait + self.service
    }
}

/// The mean client's time at each server pool, for the largest download (or upload).
fn sentence(view: &View<'_>, grid: &Grid<'_, '_>) -> Option<String> {
    let rows = rows(grid);
    let operations = [Operation::Download, Operation::Upload];
    let operation = operations
        .into_iter()
        .find(|operation| rows.iter().any(|(trial, _)| trial.spec.operation == *operation))?;
    let volume = rows
        .iter()
        .filter(|(trial, _)| trial.spec.operation == operation)
        .map(|(trial, _)| trial.spec.volume_bytes)
        .max()?;
    let at: Vec<_> = rows
        .iter()
        .filter(|(trial, _)| (trial.spec.operation, trial.spec.volume_bytes) == (operation, volume))
        .collect();
    let seconds = |time| format::value(time, Unit::Seconds);
    let pools: Vec<String> = at
        .iter()
        .map(|(trial, parts)| {
            format!(
                "with {} the mean client waits {} of its {} ({:.0} %) and is served for {}",
                workers(trial.spec.server_pool),
                seconds(parts.wait),
                seconds(parts.sum()),
                parts.wait / parts.sum() * 100.0,
                seconds(parts.service)
            )
        })
        .collect();
    let (first, _) = at.first()?;
    let last = transfers::last_of_the_queue(view, first).map_or(String::new(), |words| format!(" {words}"));
    Some(format!(
        "**{}, {}, {} clients:** {}.{last}",
        capital(&pair(grid.spec)),
        what(operation, volume),
        first.spec.client_pool,
        pools.join("; ")
    ))
}

/// Parts at each server pool, of each operation's largest volume.
fn figure(grids: &[&Grid<'_, '_>], number: u32) -> Option<Element> {
    let mut groups = Vec::new();
    let mut clients = 0;
    for grid in grids {
        let rows = rows(grid);
        for operation in [Operation::Download, Operation::Upload] {
            let of = || rows.iter().filter(|(trial, _)| trial.spec.operation == operation);
            let Some(volume) = of().map(|(trial, _)| trial.spec.volume_bytes).max() else { continue };
            let items = of()
                .filter(|(trial, _)| trial.spec.volume_bytes == volume)
                .map(|(trial, parts)| {
                    clients = clients.max(trial.spec.client_pool);
                    StackedRow {
                        label: workers(trial.spec.server_pool),
                        parts: vec![parts.connect, parts.wait, parts.service],
                    }
                })
                .collect();
            groups.push(Group::new(format!("{}: {}", pair(grid.spec), what(operation, volume)), items));
        }
    }
    let kinds = KINDS.map(Into::into).to_vec();
    let chart = Stacked::new("Mean time per client", Unit::Seconds, kinds, groups)?;
    Some(Element::Figure(Figure {
        name: format!("fileserver-waits-{number}"),
        chart: Chart::Stacked(chart),
        alt: format!("Connecting, waiting and being served, with {clients} clients, for each server pool"),
        caption: format!(
            "What the time of one client is made of, with {clients} clients, for each server worker pool; means over the clients, \
             medians over blocks."
        ),
    }))
}

fn table(grids: &[&Grid<'_, '_>]) -> Element {
    let mut cells = Vec::new();
    for grid in grids {
        for (trial, parts) in rows(grid) {
            let Load { operation, volume_bytes, client_pool, server_pool } = Load::of(trial.spec);
            let seconds = |time| Cell::exact(time, Unit::Seconds);
            cells.push(vec![
                Cell::text(pair(grid.spec)),
                Cell::text(what(operation, volume_bytes)),
                Cell::text(format!("{client_pool} × {}", pool(server_pool))),
                seconds(parts.connect),
                seconds(parts.wait),
                seconds(parts.service),
                seconds(parts.sum()),
                trial.estimate(CLIENT_MEAN).map_or(Cell::Empty, |mean| seconds(mean.value)),
                Cell::exact(parts.wait / parts.sum(), Unit::Percent),
                Cell::text(format!("{:.1}", parts.waiting)),
                Cell::text(format!("{:.1}", parts.served)),
            ]);
        }
    }
    let columns = vec![
        Column::left("Clients × server"),
        Column::left("Asked"),
        Column::right("Client × server pool"),
        Column::right("Connect"),
        Column::right("Queue wait"),
        Column::right("Service"),
        Column::right("Sum"),
        Column::right("Time per client"),
        Column::right("Share waited"),
        Column::right("Waiting, on average"),
        Column::right("Served, on average"),
    ];
    let caption = "Means over the clients, medians over blocks. The time per client begins at the barrier, a moment before its first \
                   action. On average: clients in that state at any moment until the last is done, by Little's law (clients that \
                   come a second × mean time in the state; exact, for all come and go within that time). Served on average cannot \
                   be more than the workers, up to what the kernel still holds for a client when its worker is done.";
    let count = cells.len();
    let table = Element::Table(Table { columns, rows: cells, caption: caption.into() });
    if count > MOST_ROWS {
        Element::fold(format!("Queue wait and service of {count} combinations"), vec![table])
    } else {
        table
    }
}
