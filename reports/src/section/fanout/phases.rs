//! What a program's time is made of: the stretches of its clock, without any counted twice.

use super::view::Trial;
use crate::section::view::View;
use ferrybench_data::fanout::{Evidence, FetchRow, OK, Spec};
use std::collections::HashMap;

/// What a program's time is made of, in the colours of every figure that shows it.
pub(super) const KINDS: [&str; 5] = ["start-up of the pool", "fetch", "pause", "send", "rest"];

/// Parts of a program's time, seconds, in the order of [`KINDS`].
pub(super) type Phases = [f64; KINDS.len()];

/// Fetches of every block.
pub(super) struct Fetches<'v>(HashMap<(&'v str, u32), Vec<&'v FetchRow>>);

impl<'v> Fetches<'v> {
    pub(super) fn of(view: &'v View<'_>) -> Self {
        let mut blocks: HashMap<(&str, u32), Vec<&FetchRow>> = HashMap::new();
        for row in &view.data.fetches {
            blocks.entry((row.trial.as_str(), row.block)).or_default().push(row);
        }
        Self(blocks)
    }

    /// Those of a block that came to their end.
    fn done(&self, trial: &str, block: u32) -> Vec<&'v FetchRow> {
        let all = self.0.get(&(trial, block)).map_or(&[][..], Vec::as_slice);
        all.iter().copied().filter(|row| row.outcome == OK).collect()
    }

    /// The parts of a trial's time: means over its good blocks, so that they add up. `None` without a good block.
    pub(super) fn phases(&self, trial: &Trial<'_>) -> Option<Phases> {
        let id = trial.id();
        let blocks: Vec<Phases> =
            trial.good().map(|(row, seen)| phases(&row.spec, seen, &self.done(&id, row.block))).collect();
        let mean = |kind: usize| blocks.iter().map(|of| of[kind]).sum::<f64>() / blocks.len() as f64;
        (!blocks.is_empty()).then(|| std::array::from_fn(mean))
    }
}

/// Where files are fetched or paused for at the same time, that time counts once; where both go on, it is the fetch's.
/// What is left of the total is sending, as long as there were datagrams to send, and then the rest.
fn phases(spec: &Spec, seen: &Evidence, fetches: &[&FetchRow]) -> Phases {
    let think = spec.think_ms as f64 / 1e3;
    let fetching: Vec<(f64, f64)> =
        fetches.iter().map(|row| (row.start_s, row.start_s + row.fetch_s)).collect();
    let with_pauses: Vec<(f64, f64)> = fetching.iter().map(|(start, end)| (*start, end + think)).collect();
    let (fetch, pause) = if fetching.is_empty() {
        let fetch = seen.fetch_s.min(seen.total_s);
        (fetch, think.min((seen.total_s - fetch - seen.send_s).max(0.0)))
    } else {
        let fetch = covered(fetching).min(seen.total_s);
        (fetch, (covered(with_pauses) - fetch).clamp(0.0, seen.total_s - fetch))
    };
    let left = (seen.total_s - fetch - pause).max(0.0);
    let send = seen.send_s.min(left);
    [seen.start_up_s, fetch, pause, send, left - send]
}

/// How much of a line some stretches cover, each place once.
fn covered(mut stretches: Vec<(f64, f64)>) -> f64 {
    stretches.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut sum, mut reached) = (0.0, f64::NEG_INFINITY);
    for (start, end) in stretches {
        sum += (end - start.max(reached)).max(0.0);
        reached = end.max(reached);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_covered_once() {
        let is = |stretches: Vec<(f64, f64)>, length: f64| (covered(stretches) - length).abs() < 1e-12;
        assert!(is(vec![(4.0, 5.0), (0.0, 2.0), (1.0, 3.0), (1.5, 2.5)], 4.0));
        assert!(is(Vec::new(), 0.0));
    }
}
