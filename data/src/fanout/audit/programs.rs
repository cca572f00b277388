//! The sending program: its workers are what its model claims, and they paused as they should.

use crate::fanout::{Evidence, FetchWhere, Spec};

/// A pause from which on an idle worker has surely taken a file before a pausing one comes back, milliseconds.
const LONG_PAUSE_MS: u64 = 200;

/// Each model has workers of its own kind, and as many as it says. A pool's fast worker may take another's file.
pub(super) fn workers(spec: &Spec, seen: &Evidence) -> Option<String> {
    let (processes, threads) = (seen.sender_processes, seen.sender_threads);
    let most = spec.pool_size.min(spec.files);
    let least = if overlaps(spec) { most.min(2) } else { 1 };
    let (fits, claim) = match spec.sender_model.as_str() {
        "single-thread" => (processes == 1 && threads == 1, "one thread".to_owned()),
        "thread-per-file" => {
            (processes == 1 && threads == spec.files, format!("{} threads of one process", spec.files))
        }
        "process-per-file" => (processes == spec.files, format!("{} processes", spec.files)),
        "thread-pool" => (
            processes == 1 && (least..=most).contains(&threads),
            format!("{least} to {most} threads of one process"),
        ),
        "process-pool" => ((least..=most).contains(&processes), format!("{least} to {most} processes")),
        "tokio" => (processes == 1 && threads >= 1, "one process".to_owned()),
        _ => (processes >= 1 && threads >= 1, "a worker".to_owned()),
    };
    (!fits).then(|| {
        format!(
            "{} claims {claim}, and its workers are {threads} threads of {processes} processes",
            spec.sender_model
        )
    })
}

/// Each file was paused for; with fewer workers than files the pauses follow each other.
pub(super) fn pause(spec: &Spec, seen: &Evidence) -> Option<String> {
    let one_after_another = match (spec.sender_model.as_str(), spec.fetch_where) {
        ("single-thread", FetchWhere::InWorker) => spec.files,
        ("thread-pool" | "process-pool", FetchWhere::InWorker) => spec.files.div_ceil(spec.pool_size.max(1)),
        _ => 1,
    };
    let least_s = spec.think_ms as f64 / 1e3 * f64::from(one_after_another);
    // A sleep never ends early, but clocks are read in steps.
    (seen.total_s < least_s * 0.999)
        .then(|| format!("the program pauses for {least_s} s, and ended after {} s", seen.total_s))
}

/// Whether a pool's pauses are so long that one worker cannot have taken every file.
fn overlaps(spec: &Spec) -> bool {
    spec.fetch_where == FetchWhere::InWorker && spec.think_ms >= LONG_PAUSE_MS
}
