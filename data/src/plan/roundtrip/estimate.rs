//! What round trips will cost.

use crate::{
    plan::{
        estimate::Cost,
        expand::{Trial, Work},
    },
    roundtrip::{Pattern, Placement, Source, Spec},
};
use std::collections::BTreeMap;

/// Probes, two fresh processes, hand-shakes and the row itself.
const AROUND_A_BLOCK_S: f64 = 0.030;
/// A round trip where a trial counts exchanges: one CPU, across CPUs.
const EXCHANGE_S: [f64; 2] = [5e-6, 55e-6];
/// A Python peer: start of two interpreters, then its round trips.
const PYTHON_START_S: f64 = 0.1;
const PYTHON_EXCHANGE_S: [f64; 2] = [20e-6, 90e-6];
/// Coordinator, agent and two workers before any payload.
const PROCESSES_BYTES: u64 = 8 << 20;
/// Copies of a message that two workers keep: bodies, buffers, and the ring or the socket between them.
const COPIES_OF_A_MESSAGE: u64 = 16;
const ROW_BYTES: u64 = 460;
const HISTOGRAM_BYTES: u64 = 380;
/// What a trial adds to figures and tables, more where it is ranked.
const RANKED_BYTES: u64 = 33_000;
const BESIDE_BYTES: u64 = 12_000;

/// What the round trips among the trials that run will take.
pub(in crate::plan) fn cost(blocks: u32, runs: &[&Trial]) -> Cost {
    let runs: Vec<(&Spec, Work)> =
        runs.iter().filter_map(|trial| Some((trial.cell.roundtrip()?, trial.work))).collect();
    let largest = runs.iter().map(|(spec, _)| spec.message_bytes).max().unwrap_or(0);
    let seconds: f64 = runs.iter().map(|(spec, work)| block_seconds(spec, *work)).sum();
    Cost {
        seconds: f64::from(blocks) * seconds,
        processes_bytes: PROCESSES_BYTES + COPIES_OF_A_MESSAGE * largest,
        record_bytes: record_bytes(blocks, &runs),
        report_bytes: report_bytes(&runs),
        ..Cost::default()
    }
}

fn record_bytes(blocks: u32, runs: &[(&Spec, Work)]) -> u64 {
    let histograms = runs.iter().filter(|(spec, _)| spec.pattern == Pattern::Rtt).count() as u64;
    u64::from(blocks) * (runs.len() as u64 * ROW_BYTES + histograms * HISTOGRAM_BYTES)
}

fn report_bytes(runs: &[(&Spec, Work)]) -> u64 {
    let mut of_size: BTreeMap<u64, u64> = BTreeMap::new();
    for (spec, _) in runs.iter().filter(|(spec, _)| spec.pattern == Pattern::Rtt) {
        *of_size.entry(spec.message_bytes).or_default() += 1;
    }
    // Round trips of the size that most trials have are what is ranked and drawn.
    let ranked = of_size.into_values().max().unwrap_or(0);
    ranked * RANKED_BYTES + (runs.len() as u64 - ranked) * BESIDE_BYTES
}

fn block_seconds(spec: &Spec, work: Work) -> f64 {
    let across = usize::from(spec.placement != Placement::SameCpu);
    let warm_up = spec.warm_up().seconds();
    let measured = match (work, spec.source) {
        (Work::For(leg), _) => warm_up + leg.seconds(),
        (Work::Exactly(count), Source::BuiltIn) => warm_up + count as f64 * EXCHANGE_S[across],
        (Work::Exactly(count), Source::Foreign) => PYTHON_START_S + count as f64 * PYTHON_EXCHANGE_S[across],
        (Work::Once, _) => warm_up,
    };
    AROUND_A_BLOCK_S + measured
}
