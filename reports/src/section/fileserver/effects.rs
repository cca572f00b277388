//! What more server workers bring, where the intervals tell.

use super::view::{Grid, Load, Trial, what, workers};
use crate::{
    element::Element,
    format::{self, Unit},
    section::{
        ranking::capital,
        view::{differs, worded},
    },
};
use ferrybench_data::{
    fileserver::AGGREGATE,
    stats::{Estimate, LEAST_BLOCKS},
};

/// Each server pool against the smallest, at the largest client pool; one sentence for each operation and volume.
pub(super) fn of_server_pool(grid: &Grid<'_, '_>) -> Option<Element> {
    let ratios: Vec<_> = grid
        .moves()
        .into_iter()
        .filter_map(|(operation, volume)| {
            let ratios = ratios(
                grid,
                Load {
                    operation,
                    volume_bytes: volume,
                    client_pool: grid.client_pools().last().copied()?,
                    server_pool: grid.server_pools().first().copied()?,
                },
            )?;
            Some((capital(&what(operation, volume)), ratios))
        })
        .collect();
    let blocks = ratios.iter().flat_map(|(_, (_, ratios))| ratios).map(|(_, ratio)| ratio.blocks).max()?;
    let items = ratios.iter().filter_map(|(asked, (base, ratios))| sentence(asked, base, ratios)).collect();
    (blocks >= LEAST_BLOCKS).then_some(Element::List(items))
}

/// The trial of the smallest server pool, and every larger pool over it.
fn ratios<'v, 'a>(grid: &Grid<'v, 'a>, least: Load) -> Option<(&'v Trial<'a>, Vec<(u32, Estimate)>)> {
    let base = grid.find(least)?;
    let larger = grid.server_pools().into_iter().filter(|size| *size != least.server_pool);
    let ratios: Vec<(u32, Estimate)> = larger
        .filter_map(|server_pool| {
            Some((server_pool, grid.find(Load { server_pool, ..least })?.ratio(base, AGGREGATE)?))
        })
        .collect();
    (!ratios.is_empty()).then_some((base, ratios))
}

fn sentence(asked: &str, base: &Trial<'_>, ratios: &[(u32, Estimate)]) -> Option<String> {
    let (mut apart, mut beside) = (Vec::new(), Vec::new());
    for (size, ratio) in ratios {
        let Some((low, high)) = ratio.interval else { continue };
        if differs(*ratio) {
            apart.push(format!("{} move **{}**", workers(*size), worded(*ratio, Unit::Ratio)));
        } else {
            let [low, high] = [low, high].map(|bound| format::value(bound, Unit::Ratio));
            beside.push(format!("{} ({low} to {high})", workers(*size)));
        }
    }
    let least = workers(base.spec.server_pool);
    let clients = format::counted(base.spec.client_pool as usize, "client");
    let mut words = Vec::new();
    if !apart.is_empty() {
        words.push(format!("{} the bytes of {least} a second", apart.join(", ")));
    }
    if !beside.is_empty() {
        words.push(format!("cannot be told apart from {least}: {}", beside.join(", ")));
    }
    (!words.is_empty()).then(|| format!("{asked} by {clients}: {}.", words.join("; ")))
}
