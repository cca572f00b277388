//! What a plan will cost: time, memory and disk, before anything runs.
//!
//! The constants were fitted to real runs (METHODOLOGY.md, "What a plan costs"); they hold within 30 %.

use super::{Plan, Trial, Work};
use crate::{
    roundtrip::{Pattern, Placement, Source},
    stats::LEAST_BLOCKS,
};
use std::collections::BTreeMap;

/// What a run will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Wall time, seconds.
    pub seconds: f64,
    /// Largest resident memory of all processes together, bytes.
    pub memory_bytes: u64,
    /// Size of the run folder with its report, bytes.
    pub disk_bytes: u64,
}

/// Probes, two fresh processes, hand-shakes and the row itself.
const AROUND_A_BLOCK_S: f64 = 0.030;
/// Starting, the first probe, and writing the report with its figures.
const AROUND_A_RUN_S: f64 = 1.0;
/// A round trip where a trial counts exchanges: one CPU, across CPUs.
const EXCHANGE_S: [f64; 2] = [5e-6, 55e-6];
/// A Python peer: start of two interpreters, then its round trips.
const PYTHON_START_S: f64 = 0.1;
const PYTHON_EXCHANGE_S: [f64; 2] = [20e-6, 90e-6];
/// Drawing the report, which takes more than measuring unless messages are large.
const REPORT_MEMORY_BYTES: u64 = 50 << 20;
/// Coordinator, agent and two workers before any payload.
const PROCESSES_BYTES: u64 = 8 << 20;
/// Copies of a message that two workers keep: bodies, buffers, and the ring or the socket between them.
const COPIES_OF_A_MESSAGE: u64 = 16;
const ROW_BYTES: u64 = 460;
const HISTOGRAM_BYTES: u64 = 380;
/// The report: its prose and tables, then what a trial adds to figures and tables, more where it is ranked.
const REPORT_BYTES: u64 = 200_000;
const RANKED_BYTES: u64 = 33_000;
const BESIDE_BYTES: u64 = 12_000;
/// What is left of a report whose blocks carry no interval: it has no figures of ratios.
const WITHOUT_INTERVALS: f64 = 0.55;

/// What the trials of a plan will take; trials that are skipped take nothing.
pub fn estimate(plan: &Plan, trials: &[Trial]) -> Estimate {
    let runs: Vec<&Trial> = trials.iter().filter(|trial| trial.skip.is_none()).collect();
    let largest = runs.iter().map(|trial| trial.spec.message_bytes).max().unwrap_or(0);
    Estimate {
        seconds: AROUND_A_RUN_S
            + f64::from(plan.blocks) * runs.iter().map(|trial| block_seconds(trial)).sum::<f64>(),
        memory_bytes: REPORT_MEMORY_BYTES.max(PROCESSES_BYTES + COPIES_OF_A_MESSAGE * largest),
        disk_bytes: record_bytes(plan, &runs) + report_bytes(plan, &runs),
    }
}

fn record_bytes(plan: &Plan, runs: &[&Trial]) -> u64 {
    let histograms = runs.iter().filter(|trial| trial.spec.pattern == Pattern::Rtt).count() as u64;
    u64::from(plan.blocks) * (runs.len() as u64 * ROW_BYTES + histograms * HISTOGRAM_BYTES)
}

fn report_bytes(plan: &Plan, runs: &[&Trial]) -> u64 {
    let mut of_size: BTreeMap<u64, u64> = BTreeMap::new();
    for trial in runs.iter().filter(|trial| trial.spec.pattern == Pattern::Rtt) {
        *of_size.entry(trial.spec.message_bytes).or_default() += 1;
    }
    // Round trips of the size that most trials have are what is ranked and drawn.
    let ranked = of_size.into_values().max().unwrap_or(0);
    let whole = REPORT_BYTES + ranked * RANKED_BYTES + (runs.len() as u64 - ranked) * BESIDE_BYTES;
    if plan.blocks as usize >= LEAST_BLOCKS { whole } else { (whole as f64 * WITHOUT_INTERVALS) as u64 }
}

fn block_seconds(trial: &Trial) -> f64 {
    let across = usize::from(trial.spec.placement != Placement::SameCpu);
    let work = match (trial.work, trial.spec.source) {
        (Work::For(leg), _) => trial.warm_up().seconds() + leg.seconds(),
        (Work::Exactly(count), Source::BuiltIn) => {
            trial.warm_up().seconds() + count as f64 * EXCHANGE_S[across]
        }
        (Work::Exactly(count), Source::Foreign) => PYTHON_START_S + count as f64 * PYTHON_EXCHANGE_S[across],
    };
    AROUND_A_BLOCK_S + work
}
