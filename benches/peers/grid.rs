//! What the grid of the assignment takes, from the command line to the last row.

use ferrybench::measure::clock;
use ferrybench_data::dataset::Dataset;
use std::{
    path::Path,
    process::{Command, Stdio},
};

const BINARY: &str = env!("CARGO_BIN_EXE_ferrybench");

/// All 54 rows of one pair of models.
pub(super) fn rows() {
    grid("raw, received files written and verified", &["--protocol", "raw"], 60.0);
    grid(
        "raw, content verified as it arrives and dropped",
        &["--protocol", "raw", "--received", "discarded"],
        40.0,
    );
    grid("course, received files written and verified", &["--protocol", "course"], 100.0);
}

fn grid(what: &str, axes: &[&str], bar_s: f64) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let run = folder.path().join("run");
    let begun = clock::now();
    let status = Command::new(BINARY)
        .args(["run", "lab-fileserver", "--client-model", "thread-pool", "--server-model", "thread-pool"])
        .args(["--operation", "download,upload", "--out"])
        .arg(&run)
        .args(axes)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let took_s = (clock::now() - begun) as f64 / 1e9;
    let complete = complete(&run);
    let good = status.is_ok_and(|status| status.success()) && complete == (54, 54);
    let verdict = if good && took_s <= bar_s { "holds" } else { "MISSED" };
    println!(
        "| lab-fileserver, threads x threads, {what}: {} of {} rows | {took_s:.1} s | 1 | at most {bar_s} s | {verdict} |",
        complete.0, complete.1
    );
}

/// Rows that may be believed, and rows in all.
fn complete(run: &Path) -> (usize, usize) {
    let Ok(data) = Dataset::read(run) else { return (0, 0) };
    (data.fileserver.iter().filter(|row| row.good().is_some()).count(), data.fileserver.len())
}
