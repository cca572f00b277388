//! Which server moved most, at the load that most of them had.

use super::view::{Grid, Load, Trial, grids, is_ranked, median, pair, unusual};
use crate::{
    chart::{Axis, Chart, Group, Intervals, Row, Scale},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::{
        ranking::capital,
        view::{Standing, View, cell, method, plotted, standing, worded},
    },
};
use ferrybench_data::{
    family::Source,
    fileserver::{AGGREGATE, CLIENT_MEAN, CPU_A_GIB, Operation, WAIT},
    record::Fate,
};
use std::collections::BTreeMap;

/// A trial at the usual load.
type Entry<'v, 'a> = &'v Trial<'a>;

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let Some(load) = usual(view) else { return Vec::new() };
    let at = at(view, load);
    let mut elements = vec![
        Element::heading(2, format!("File server: ranking at a {}", load.what())),
        Element::prose(format!(
            "By the median of aggregate throughput, {}: the load that most servers of this run had{}. The best in bold. Where the \
             clients differ too it is the pair that has the rank, and the server has no claim to it alone. Somebody else's server \
             stands below, without a rank.",
            spoken(load),
            if has_one_load(view) { "" } else { " (the largest of such)" }
        )),
    ];
    let mut protocols: Vec<&str> = Vec::new();
    for trial in &at {
        if !protocols.contains(&trial.spec.protocol.as_str()) {
            protocols.push(&trial.spec.protocol);
        }
    }
    for protocol in protocols {
        let of: Vec<Entry<'_, '_>> =
            at.iter().copied().filter(|trial| trial.spec.protocol == protocol).collect();
        elements.extend(ranked(view, load, protocol, of));
    }
    elements
}

fn spoken(load: Load) -> String {
    let servers = match load.server_pool {
        0 => "a worker for everyone".to_owned(),
        size => format::counted(size as usize, "server worker"),
    };
    format!("{} and {servers}", format::counted(load.client_pool as usize, "client"))
}

fn has_one_load(view: &View<'_>) -> bool {
    grids(view).iter().all(|grid| !grid.has_pools() && grid.moves().len() < 2)
}

/// The load that most of our servers were measured at; of several the largest download.
fn usual(view: &View<'_>) -> Option<Load> {
    let mut counts: BTreeMap<Load, usize> = BTreeMap::new();
    for grid in grids(view).iter().filter(|grid| is_ranked(view, grid.spec)) {
        for trial in grid.content().filter(|trial| trial.good().next().is_some()) {
            *counts.entry(Load::of(trial.spec)).or_default() += 1;
        }
    }
    let weight = |load: &Load| {
        (load.operation == Operation::Download, load.volume_bytes, load.client_pool, load.server_pool)
    };
    counts.into_iter().max_by_key(|(load, count)| (*count, weight(load))).map(|(load, _)| load)
}

/// Trials at a load that have a figure; a server without a sized pool has only the clients' part of it.
fn at<'v, 'a>(view: &'v View<'a>, load: Load) -> Vec<Entry<'v, 'a>> {
    use ferrybench_data::plan::catalogue::Pool;
    let known = &view.data.info.catalogue.fileserver;
    let fits = |trial: &Trial<'_>| {
        let spec = trial.spec;
        let sized = known.server_model(&spec.server_model).is_none_or(|model| model.pool == Pool::Sized);
        let own = Load::of(spec);
        own == load || (!sized && Load { server_pool: load.server_pool, ..own } == load)
    };
    grids(view)
        .iter()
        .flat_map(Grid::content)
        .filter(|trial| fits(trial) && trial.estimate(AGGREGATE).is_some())
        .collect()
}

fn ranked(view: &View<'_>, load: Load, protocol: &str, of: Vec<Entry<'_, '_>>) -> Vec<Element> {
    let mut trials: Vec<(Entry<'_, '_>, f64)> =
        of.into_iter().filter_map(|trial| Some((trial, trial.estimate(AGGREGATE)?.value))).collect();
    trials.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (ranked, beside): (Vec<_>, Vec<_>) =
        trials.into_iter().partition(|(trial, _)| is_ranked(view, trial.spec));
    let mut rows: Vec<Vec<Cell>> =
        (1..).zip(&ranked).map(|(rank, (trial, _))| row(trial, Some(rank))).collect();
    rows.extend(beside.iter().map(|(trial, _)| row(trial, None)));
    let columns = vec![
        Column::right("Rank"),
        Column::left("Server"),
        Column::left("Clients"),
        Column::right("Server pool"),
        Column::right("Aggregate throughput"),
        Column::right("Time per client"),
        Column::right("Queue wait"),
        Column::right("CPU a GiB, both sides"),
        Column::right("Clients' share of CPU"),
        Column::right("Blocks"),
    ];
    let method = method(ranked.iter().chain(&beside).map(|(trial, _)| *trial));
    let caption = format!("{}, {}, protocol {protocol} ({method}).", capital(&load.what()), spoken(load));
    let mut elements = vec![
        Element::heading(3, format!("Protocol `{protocol}`")),
        Element::Table(Table { columns, rows, caption }),
    ];
    elements.extend(beside_best(&ranked).map(|names| {
        let best = ranked.first().map_or(String::new(), |(best, _)| pair(best.spec));
        Element::prose(if names.is_empty() {
            format!("All others have a lower throughput than **{best}**: no interval of a ratio holds 1.")
        } else {
            format!(
                "{} cannot be told apart from **{best}**: the interval of their ratio holds 1, or there is none.",
                names.join(", ")
            )
        })
    }));
    elements.extend(figure(&ranked, load, protocol, &method));
    elements
}

fn row(trial: &Trial<'_>, rank: Option<u64>) -> Vec<Cell> {
    let spec = trial.spec;
    let best = rank == Some(1);
    let name = format!("{}{}", spec.server_model, unusual(spec));
    let rate = match cell(trial.estimate(AGGREGATE), Unit::BytesPerSecond) {
        Cell::Estimate { value, interval, unit, .. } => Cell::Estimate { value, interval, unit, best },
        other => other,
    };
    let told =
        |value: Option<f64>, unit| value.map_or(Cell::text("not told"), |value| Cell::exact(value, unit));
    let value = |metric| trial.estimate(metric).map(|of| of.value);
    vec![
        rank.map_or(Cell::text("–"), Cell::Integer),
        if best { Cell::text(format!("**{name}**")) } else { Cell::text(name) },
        Cell::text(&spec.client_model),
        if spec.server_pool == 0 { Cell::text("unbounded") } else { Cell::Integer(spec.server_pool.into()) },
        rate,
        told(value(CLIENT_MEAN), Unit::Seconds),
        told(value(WAIT), Unit::Seconds),
        told(value(CPU_A_GIB), Unit::Seconds),
        told(median(trial, |seen| seen.client_cpu_share), Unit::Percent),
        Cell::Integer(trial.good().count() as u64),
    ]
}

fn figure(ranked: &[(Entry<'_, '_>, f64)], load: Load, protocol: &str, method: &str) -> Option<Element> {
    if ranked.len() < 2 {
        return None;
    }
    let rows: Option<Vec<Row>> = ranked
        .iter()
        .map(|(trial, _)| {
            Some(Row { label: pair(trial.spec), estimate: plotted(trial.estimate(AGGREGATE)?) })
        })
        .collect();
    let axis = Axis::new("Aggregate throughput", Scale::Log10, Unit::BytesPerSecond);
    let chart = Intervals::new(axis, vec![Group::unnamed(rows?)])?;
    Some(Element::Figure(Figure {
        name: format!("fileserver-ranking-{protocol}"),
        chart: Chart::Intervals(chart),
        alt: format!("Aggregate throughput of every pair of models, protocol {protocol}"),
        caption: format!(
            "{}, {}, protocol {protocol}: clients × server; more is better. {}.",
            capital(&load.what()),
            spoken(load),
            method
        ),
    }))
}

/// Which cannot be told apart from the first; `None` where no interval tells.
fn beside_best(trials: &[(Entry<'_, '_>, f64)]) -> Option<Vec<String>> {
    let ((best, _), others) = trials.split_first()?;
    let others = others.iter().map(|(other, _)| (*other, pair(other.spec)));
    match standing((*best, &pair(best.spec)), others, AGGREGATE) {
        Standing::Unknown => None,
        Standing::Beside(names) => Some(names),
    }
}

/// What the summary says of the file server: what there is, and who moved most where intervals tell.
pub(super) fn headline(view: &View<'_>) -> Vec<String> {
    if !view.has_servers() {
        return Vec::new();
    }
    let mut found = vec![coverage(view)];
    found.extend(best(view));
    found
}

fn coverage(view: &View<'_>) -> String {
    let (mut proved, mut others) = (0, BTreeMap::new());
    for trial in &view.servers {
        use ferrybench_data::record::Row;
        let worst = trial.rows.iter().find_map(|row| match row.fate() {
            Fate::Failed(_) => Some((0, "failed")),
            Fate::Refused(_) => Some((1, "refused by the audit")),
            Fate::Skipped(_) => Some((2, "skipped")),
            Fate::Proved | Fate::SelfReported => None,
        });
        match worst {
            Some(word) => *others.entry(word).or_insert(0) += 1,
            None => proved += 1,
        }
    }
    let others: Vec<String> = others.iter().map(|((_, word), count)| format!("{count} {word}")).collect();
    let others = if others.is_empty() { "nothing failed".to_owned() } else { others.join(", ") };
    format!(
        "File server: of {} of operation, volume, pools and models, **{proved}** ended with every byte proved in every block; {others}.",
        format::counted(view.servers.len(), "combination")
    )
}

/// The best at the usual load, over the assignment's protocol if it is there.
fn best(view: &View<'_>) -> Option<String> {
    let load = usual(view)?;
    let at = at(view, load);
    let ours = || {
        at.iter().copied().filter(|trial| is_ranked(view, trial.spec) && trial.spec.source == Source::BuiltIn)
    };
    let course = ours().find(|trial| trial.spec.protocol == "course").or_else(|| ours().next())?;
    let mut trials: Vec<(Entry<'_, '_>, f64)> = ours()
        .filter(|trial| trial.spec.protocol == course.spec.protocol)
        .filter_map(|trial| Some((trial, trial.estimate(AGGREGATE)?.value)))
        .collect();
    trials.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (best, _) = trials.first()?;
    let but = match beside_best(&trials)? {
        names if names.is_empty() => ".".to_owned(),
        names => format!("; {} cannot be told apart from it.", names.join(", ")),
    };
    Some(format!(
        "At a {} by {}, protocol `{}`, the highest median of aggregate throughput is that of **{}** (clients × server): {}{but}",
        load.what(),
        spoken(load),
        best.spec.protocol,
        pair(best.spec),
        worded(best.estimate(AGGREGATE)?, Unit::BytesPerSecond)
    ))
}
