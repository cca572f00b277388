//! What a plan will cost: time, memory and disk, before anything runs.
//!
//! The constants were fitted to real runs (METHODOLOGY.md, "What a plan costs"); they hold within 30 %.

use super::{Plan, Trial, Work};
use crate::roundtrip::{Pattern, Placement, Source};

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
const AROUND_A_BLOCK_S: f64 = 0.032;
/// Starting, the first probe, and writing the report with its figures.
const AROUND_A_RUN_S: f64 = 1.5;
/// A round trip where a trial counts exchanges: one CPU, across CPUs.
const EXCHANGE_S: [f64; 2] = [10e-6, 50e-6];
/// A Python peer: start of two interpreters, then its round trips.
const PYTHON_START_S: f64 = 0.15;
const PYTHON_EXCHANGE_S: [f64; 2] = [60e-6, 130e-6];
/// Coordinator, agent and two workers before any payload.
const PROCESSES_BYTES: u64 = 32 << 20;
/// Copies of a message that two workers keep: bodies, buffers, and the ring or the socket between them.
const COPIES_OF_A_MESSAGE: u64 = 16;
const ROW_BYTES: u64 = 480;
const HISTOGRAM_BYTES: u64 = 700;
const REPORT_BYTES: u64 = 2_000_000;

/// What the trials of a plan will take; trials that are skipped take nothing.
pub fn estimate(plan: &Plan, trials: &[Trial]) -> Estimate {
    let runs: Vec<&Trial> = trials.iter().filter(|trial| trial.skip.is_none()).collect();
    let blocks = f64::from(plan.blocks);
    let largest = runs.iter().map(|trial| trial.spec.message_bytes).max().unwrap_or(0);
    let histograms = runs.iter().filter(|trial| trial.spec.pattern == Pattern::Rtt).count() as u64;
    let rows = trials.len() as u64 * u64::from(plan.blocks);
    Estimate {
        seconds: AROUND_A_RUN_S + blocks * runs.iter().map(|trial| block_seconds(trial)).sum::<f64>(),
        memory_bytes: PROCESSES_BYTES + COPIES_OF_A_MESSAGE * largest,
        disk_bytes: REPORT_BYTES + rows * ROW_BYTES + histograms * u64::from(plan.blocks) * HISTOGRAM_BYTES,
    }
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
