//! How benchmarks decide about their bars, and what their exit code says: the files that they share, with their tests.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../benches/held/mod.rs"]
mod held;

use held::{Bar, Table};
use std::process::ExitCode;

/// Ratios around 2, with an interval.
const PAIRS: [(f64, f64); 8] =
    [(1.9, 1.0), (2.1, 1.0), (2.0, 1.0), (1.95, 1.0), (2.05, 1.0), (1.97, 1.0), (2.03, 1.0), (2.0, 1.0)];

#[track_caller]
fn ends(rows: impl FnOnce(&mut Table), code: ExitCode) {
    let mut table = Table::begin();
    rows(&mut table);
    assert_eq!(table.end(), code);
}

#[test]
fn only_a_bar_that_is_missed_wholly_fails_a_benchmark() {
    ends(|table| table.ratio("held", &PAIRS, Bar::AtLeast(1.5)), ExitCode::SUCCESS);
    ends(|table| table.ratio("undecided, held", &PAIRS, Bar::AtLeast(1.99)), ExitCode::SUCCESS);
    ends(|table| table.ratio("undecided, missed", &PAIRS, Bar::AtLeast(2.01)), ExitCode::SUCCESS);
    ends(|table| table.ratio("context", &PAIRS, Bar::Context), ExitCode::SUCCESS);
    ends(
        |table| table.skipped("nobody is there", "it is not installed", Bar::AtLeast(9.0)),
        ExitCode::SUCCESS,
    );
    ends(|table| table.ratio("missed", &PAIRS, Bar::AtLeast(2.5)), ExitCode::FAILURE);
    ends(|table| table.figure("too much", &[65.0], "MiB", Bar::AtMost(64.0)), ExitCode::FAILURE);
    ends(|table| table.figure("little enough", &[63.0], "MiB", Bar::AtMost(64.0)), ExitCode::SUCCESS);
}

#[test]
fn a_later_row_does_not_make_up_for_a_missed_one() {
    let rows = |table: &mut Table| {
        table.ratio("missed", &PAIRS, Bar::AtMost(1.0));
        table.ratio("held", &PAIRS, Bar::AtMost(3.0));
    };
    ends(rows, ExitCode::FAILURE);
}

#[test]
fn a_bar_without_a_measurement_is_missed() {
    ends(|table| table.ratio("nothing", &[], Bar::AtLeast(1.0)), ExitCode::FAILURE);
    ends(|table| table.ratio("no ratio", &[(0.0, 1.0)], Bar::AtLeast(1.0)), ExitCode::FAILURE);
    ends(|table| table.failed("broken", "it ended", Bar::AtMost(1.0), "s"), ExitCode::FAILURE);
    ends(|table| table.ratio("nothing, for context", &[], Bar::Context), ExitCode::SUCCESS);
}
