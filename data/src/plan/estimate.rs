//! What a plan will cost: time, memory and disk, before anything runs.
//!
//! The constants were fitted to real runs (METHODOLOGY.md, "What a plan costs"); they hold within 30 %.

use super::{Plan, Trial, fanout, fileserver, roundtrip};
use crate::stats::LEAST_BLOCKS;

/// What a run will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Wall time, seconds.
    pub seconds: f64,
    /// Largest resident memory of all processes together, and of files in memory, bytes.
    pub memory_bytes: u64,
    /// Size of the run folder with its report, and of files on disk while it runs, bytes.
    pub disk_bytes: u64,
}

/// What one family's part of a plan will take.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cost {
    /// Wall time of all blocks, seconds.
    pub(super) seconds: f64,
    /// Largest resident memory of the processes of a block, bytes.
    pub(super) processes_bytes: u64,
    /// Files in memory while the run lasts, bytes.
    pub(super) files_in_memory_bytes: u64,
    /// Files on disk while the run lasts, bytes.
    pub(super) files_on_disk_bytes: u64,
    /// Rows and detail rows, bytes.
    pub(super) record_bytes: u64,
    /// Figures and tables, where blocks carry intervals, bytes.
    pub(super) report_bytes: u64,
}

/// Starting, the first probe, and writing the report with its figures.
const AROUND_A_RUN_S: f64 = 1.0;
/// Drawing the report, which takes more than measuring unless messages are large.
const REPORT_MEMORY_BYTES: u64 = 50 << 20;
/// The report without what trials add: its prose and tables.
const REPORT_BYTES: u64 = 200_000;
/// What is left of a report whose blocks carry no interval: it has no figures of ratios.
const WITHOUT_INTERVALS: f64 = 0.55;

/// What the trials of a plan will take; trials that are skipped take nothing.
pub fn estimate(plan: &Plan, trials: &[Trial]) -> Estimate {
    let runs: Vec<&Trial> = trials.iter().filter(|trial| trial.skip.is_none()).collect();
    let parts = [
        roundtrip::estimate::cost(plan.blocks, &runs),
        fileserver::estimate::cost(plan.blocks, &runs),
        fanout::estimate::cost(plan.blocks, &runs),
    ];
    let sum = |of: fn(&Cost) -> u64| parts.iter().map(of).sum::<u64>();
    let processes = parts.iter().map(|part| part.processes_bytes).max().unwrap_or(0);
    let report = REPORT_BYTES + sum(|part| part.report_bytes);
    let carries_intervals = plan.blocks as usize >= LEAST_BLOCKS;
    let report = if carries_intervals { report } else { (report as f64 * WITHOUT_INTERVALS) as u64 };
    Estimate {
        seconds: AROUND_A_RUN_S + parts.iter().map(|part| part.seconds).sum::<f64>(),
        memory_bytes: REPORT_MEMORY_BYTES.max(processes) + sum(|part| part.files_in_memory_bytes),
        disk_bytes: sum(|part| part.record_bytes) + report + sum(|part| part.files_on_disk_bytes),
    }
}
