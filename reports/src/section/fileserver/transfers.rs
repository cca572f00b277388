//! The single transfers of one round: a waterfall of all clients through each server pool.

use super::{
    view::{Grid, Load, Trial, grids, slug, title, what},
    waits::KINDS,
};
use crate::{
    chart::{Chart, Panel, Segment, Timeline, Waterfall},
    element::{Element, Figure},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::{
    fileserver::{OK, Operation, TransferRow, UNVERIFIED},
    record::Fate,
};

/// Panels of one waterfall.
const MOST_PANELS: usize = 3;
/// How far the waits and the services of others may be apart to be called the same.
const SAME: f64 = 0.05;

/// One waterfall for each pair of models that told of single transfers.
pub(super) fn figures(view: &View<'_>) -> Vec<Element> {
    let mut elements: Vec<Element> = grids(view).iter().filter_map(|grid| figure(view, grid)).collect();
    if !elements.is_empty() {
        elements.insert(0, Element::heading(3, "One round, client by client"));
        elements.insert(
            1,
            Element::prose(
                "Each row is one client, from the barrier that lets all go at once to its last byte. With few workers the clients are \
                 served in turn, a staircase; with as many workers as clients all are served at once, and all take long.",
            ),
        );
    }
    elements
}

/// The transfers of a trial's first round, of its first block that told of any and was not refused.
fn round<'a>(view: &View<'a>, trial: &Trial<'a>) -> Vec<&'a TransferRow> {
    use ferrybench_data::record::Row;
    let id = trial.id();
    let of = |block: u32| -> Vec<&'a TransferRow> {
        let rows = view.data.transfers.iter();
        rows.filter(|row| row.trial == id && row.block == block && row.round == 1).collect()
    };
    let tried = trial.rows.iter().filter(|row| !matches!(row.fate(), Fate::Refused(_) | Fate::Skipped(_)));
    tried.map(|row| of(row.block)).find(|rows| !rows.is_empty()).unwrap_or_default()
}

/// The largest volume, of downloads if there are any, of which most server pools told.
fn chosen<'v, 'a>(view: &View<'a>, grid: &Grid<'v, 'a>) -> Option<Vec<&'v Trial<'a>>> {
    let client_pool = grid.client_pools().last().copied()?;
    let mut best: Vec<&Trial<'a>> = Vec::new();
    for wanted in [Operation::Download, Operation::Upload] {
        let moves = grid.moves().into_iter().filter(|(operation, _)| *operation == wanted);
        for (operation, volume_bytes) in moves.rev() {
            let trials: Vec<&Trial<'a>> = grid
                .server_pools()
                .into_iter()
                .filter_map(|server_pool| {
                    grid.find(Load { operation, volume_bytes, client_pool, server_pool })
                })
                .filter(|trial| !round(view, trial).is_empty())
                .collect();
            if trials.len() > best.len() {
                best = trials;
            }
        }
    }
    (best.len() > 1 && client_pool > 1).then_some(best)
}

fn figure(view: &View<'_>, grid: &Grid<'_, '_>) -> Option<Element> {
    let trials = chosen(view, grid)?;
    let shown: Vec<&&Trial<'_>> = if trials.len() > MOST_PANELS {
        [0, trials.len() / 2, trials.len() - 1].map(|place| &trials[place]).to_vec()
    } else {
        trials.iter().collect()
    };
    let panels = shown.iter().map(|trial| {
        let workers = trial.spec.server_pool;
        let title = if workers == 0 {
            "A worker for everyone".to_owned()
        } else {
            format!("Server pool of {}", format::counted(workers as usize, "worker"))
        };
        Panel::new(title, timelines(&round(view, trial)))
    });
    let spec = shown.first()?.spec;
    let kinds = KINDS.iter().copied().chain(["wait and service"]).map(Into::into).collect();
    let chart =
        Waterfall::new("Time since the barrier's release", "Clients, by end", kinds, panels.collect())?;
    let what = what(spec.operation, spec.volume_bytes);
    let clients = format::counted(spec.client_pool as usize, "client");
    Some(Element::Figure(Figure {
        name: format!("fileserver-waterfall-{}", slug(grid.spec)),
        chart: Chart::Waterfall(chart.with_shared_time()),
        alt: format!("{clients} one by one, {what}, {}", title(grid.spec)),
        caption: format!(
            "{clients} through server pools of {}: {what}; {}. The first round of one block; clients in the order in which they \
             were done.",
            list(shown.iter().map(|trial| trial.spec.server_pool)),
            title(grid.spec)
        ),
    }))
}

fn list(sizes: impl Iterator<Item = u32>) -> String {
    let words: Vec<String> =
        sizes.map(|size| if size == 0 { "any size".into() } else { size.to_string() }).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// One row for each client, in the order in which they were done.
fn timelines(rows: &[&TransferRow]) -> Vec<Timeline> {
    let mut clients: Vec<(f64, Timeline)> = Vec::new();
    let mut numbers: Vec<u32> = rows.iter().map(|row| row.client).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for client in numbers {
        let own = || rows.iter().filter(|row| row.client == client);
        let end = own().map(|row| row.end_s).fold(0.0, f64::max);
        let failed = own().any(|row| ![OK, UNVERIFIED].contains(&row.outcome.as_str()));
        clients.push((end, Timeline { segments: own().flat_map(|row| segments(row)).collect(), failed }));
    }
    clients.sort_by(|a, b| a.0.total_cmp(&b.0));
    clients.into_iter().map(|(_, timeline)| timeline).collect()
}

fn segments(row: &TransferRow) -> Vec<Segment> {
    let connected = row.start_s + row.connect_s;
    let mut segments = vec![Segment { start: row.start_s, end: connected, kind: 0 }];
    match row.wait_s {
        Some(wait) => {
            let taken = connected + wait;
            segments.push(Segment { start: connected, end: taken, kind: 1 });
            segments.push(Segment { start: taken, end: row.end_s.max(taken), kind: 2 });
        }
        None => segments.push(Segment { start: connected, end: row.end_s.max(connected), kind: 3 }),
    }
    segments
}

/// How long the last of the queue waited, and for how long the others were served meanwhile, where one worker served all.
pub(super) fn last_of_the_queue(view: &View<'_>, trial: &Trial<'_>) -> Option<String> {
    if trial.spec.server_pool != 1 || trial.spec.transfers != 1 || trial.spec.client_pool < 2 {
        return None;
    }
    let rows = round(view, trial);
    let last = rows.iter().max_by(|a, b| a.wait_s.unwrap_or(0.0).total_cmp(&b.wait_s.unwrap_or(0.0)))?;
    let wait = last.wait_s?;
    let others = rows.iter().filter(|row| row.client != last.client);
    let served: f64 = others.clone().map(|row| row.service_s).sum::<Option<f64>>()?;
    let seconds = |time| format::value(time, Unit::Seconds);
    let ending = if (wait / served - 1.0).abs() < SAME { ": its wait is their service" } else { "" };
    Some(format!(
        "In one round the last of the {} waited {}, and the {} others were served for {} in all{ending}.",
        trial.spec.client_pool,
        seconds(wait),
        others.count(),
        seconds(served)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_told_apart_is_one_segment() {
        let row = TransferRow { connect_s: 0.1, end_s: 1.0, ..TransferRow::default() };
        let kinds: Vec<usize> = segments(&row).iter().map(|segment| segment.kind).collect();
        assert_eq!(kinds, [0, 3]);
        let row = TransferRow { wait_s: Some(0.2), ..row };
        let kinds: Vec<usize> = segments(&row).iter().map(|segment| segment.kind).collect();
        assert_eq!(kinds, [0, 1, 2]);
    }

    #[test]
    fn sizes_in_a_sentence() {
        assert_eq!(list([1, 5, 50].into_iter()), "1, 5 and 50");
        assert_eq!(list([0].into_iter()), "any size");
    }
}
