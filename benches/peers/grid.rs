//! What the grid of the assignment takes, from the command line to the last row.

use super::held::{Bar, Table};
use ferrybench::measure::clock;
use ferrybench_data::dataset::Dataset;
use std::{
    path::Path,
    process::{Command, Stdio},
};

const BINARY: &str = env!("CARGO_BIN_EXE_ferrybench");

/// All 54 rows of one pair of models.
pub(super) fn rows(table: &mut Table) {
    grid(table, "raw, received files written and verified", &["--protocol", "raw"], 60.0);
    grid(
        table,
        "raw, content verified as it arrives and dropped",
        &["--protocol", "raw", "--received", "discarded"],
        40.0,
    );
    grid(table, "course, received files written and verified", &["--protocol", "course"], 100.0);
}

fn grid(table: &mut Table, what: &str, axes: &[&str], bar_s: f64) {
    let what = format!("lab-fileserver, threads x threads, {what}: all 54 rows");
    let bar = Bar::AtMost(bar_s);
    let Ok(folder) = tempfile::tempdir() else {
        return table.failed(&what, "there is no temporary folder", bar, "s");
    };
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
    match complete(&run) {
        (54, 54) if status.is_ok_and(|status| status.success()) => table.figure(&what, &[took_s], "s", bar),
        (good, all) => table.failed(&what, &format!("{good} of {all} rows are good"), bar, "s"),
    }
}

/// Rows that may be believed, and rows in all.
fn complete(run: &Path) -> (usize, usize) {
    let Ok(data) = Dataset::read(run) else { return (0, 0) };
    (data.fileserver.iter().filter(|row| row.good().is_some()).count(), data.fileserver.len())
}
