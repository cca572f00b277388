//! What the sizes of the pools do: heat maps of throughput and of time, and ratios between the ends of each axis.

use super::{
    effects,
    view::{Grid, Load, Trial, grids, mishaps, pool, slug, title, what},
};
use crate::{
    chart::{self, Axis, Categories, Chart, HeatMap, Panel, Scale},
    element::{Element, Figure},
    format::Unit,
    section::{
        ranking::capital,
        view::{View, method},
    },
};
use ferrybench_data::{
    fileserver::{AGGREGATE, CLIENT_MEAN},
    stats::LEAST_BLOCKS,
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut elements = Vec::new();
    for grid in grids(view).iter().filter(|grid| grid.has_pools()) {
        let figures: Vec<Element> = MEASURES.iter().filter_map(|measure| figure(grid, measure)).collect();
        if !figures.is_empty() {
            elements.push(Element::heading(3, capital(&title(grid.spec))));
            elements.extend(figures);
            elements.extend(effects::of_server_pool(grid));
        }
    }
    if !elements.is_empty() {
        elements.insert(0, Element::heading(2, "File server: throughput and time over the pools"));
        let mut words =
            "Two maps for each pair of models and protocol, of throughput and of time. All panels of a map share one scale of colours."
                .to_owned();
        let blocks = view.servers.iter().map(|trial| trial.good().count()).max().unwrap_or(0);
        words += &if blocks < LEAST_BLOCKS {
            format!(" No interval (n = {blocks}), so nothing is said about what a larger pool brings.")
        } else {
            " Below each, what a larger server pool brings at the largest client pool: blocks of the same round divided by each \
             other, told only where the interval excludes 1."
                .to_owned()
        };
        elements.insert(1, Element::prose(words));
    }
    elements
}

struct Measure {
    metric: &'static str,
    name: &'static str,
    axis: &'static str,
    what: &'static str,
    unit: Unit,
    good: &'static str,
}

const MEASURES: &[Measure] = &[
    Measure {
        metric: AGGREGATE,
        name: "throughput",
        axis: "Aggregate throughput",
        what: "Verified bytes of all clients / time until the last of them has its last byte",
        unit: Unit::BytesPerSecond,
        good: "more",
    },
    Measure {
        metric: CLIENT_MEAN,
        name: "time",
        axis: "Mean time per client",
        what: "From the barrier's release to a client's last byte, the mean over the clients",
        unit: Unit::Seconds,
        good: "less",
    },
];

fn figure(grid: &Grid<'_, '_>, measure: &Measure) -> Option<Element> {
    let (clients, servers) = (grid.client_pools(), grid.server_pools());
    let panels = grid.moves().into_iter().map(|(operation, volume_bytes)| {
        let cell = |client_pool: u32, server_pool: u32| {
            let load = Load { operation, volume_bytes, client_pool, server_pool };
            grid.find(load).map_or(chart::Cell::Absent("–".into()), |trial| cell(trial, measure.metric))
        };
        let row = |client: &u32| servers.iter().map(|server| cell(*client, *server)).collect();
        Panel::new(capital(&what(operation, volume_bytes)), clients.iter().map(row).collect())
    });
    let map = HeatMap::new(
        Axis::new(measure.axis, Scale::Log10, measure.unit),
        Categories::new("Server worker pool", servers.iter().map(|size| pool(*size))),
        Categories::new("Client worker pool", clients.iter().map(ToString::to_string)),
        panels.collect(),
    )?;
    Some(Element::Figure(Figure {
        name: format!("fileserver-{}-{}", measure.name, slug(grid.spec)),
        chart: Chart::HeatMap(map),
        alt: format!("{} over client and server pools; {}", measure.axis, title(grid.spec)),
        caption: format!(
            "{}; {}. {}: {} is better. Hatched is no figure, and why. {}.",
            measure.axis,
            title(grid.spec),
            measure.what,
            measure.good,
            method(grid.content().filter(|trial| trial.good().next().is_some()))
        ),
    }))
}

/// The figure of a trial, or in a word why there is none.
fn cell(trial: &Trial<'_>, metric: &str) -> chart::Cell {
    match (trial.estimate(metric), mishaps(trial).first()) {
        (Some(estimate), _) => chart::Cell::Value(estimate.value),
        (None, Some(mishap)) => chart::Cell::Absent(mishap.word.into()),
        (None, None) => chart::Cell::Absent("–".into()),
    }
}
