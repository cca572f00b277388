//! How benchmarks decide about their bars, and what their exit code says: the files that they share, with their tests.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../benches/held/mod.rs"]
mod held;

use held::{
    Bar, Table,
    Verdict::{self, HeldByTheMedian, Holds, Missed, MissedByTheMedian},
};
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

#[track_caller]
fn is(bar: Bar, value: f64, interval: Option<(f64, f64)>, verdict: Verdict) {
    assert_eq!(bar.verdict(value, interval), Some(verdict), "{bar:?} {value} {interval:?}");
}

#[test]
fn an_interval_on_one_side_decides() {
    is(Bar::AtLeast(4.0), 9.0, Some((8.7, 9.7)), Holds);
    is(Bar::AtLeast(4.0), 4.5, Some((4.0, 5.0)), Holds);
    is(Bar::AtLeast(4.0), 3.0, Some((2.0, 3.9)), Missed);
    is(Bar::AtMost(1.03), 1.02, Some((1.01, 1.03)), Holds);
    is(Bar::AtMost(1.03), 1.05, Some((1.04, 1.06)), Missed);
    is(Bar::Between(0.9, 1.1), 1.0, Some((0.95, 1.05)), Holds);
    is(Bar::Between(0.9, 1.1), 1.2, Some((1.15, 1.3)), Missed);
    is(Bar::Between(0.9, 1.1), 0.8, Some((0.7, 0.85)), Missed);
}

#[test]
fn an_interval_that_spans_the_bar_leaves_it_undecided() {
    is(Bar::AtLeast(5.0), 5.07, Some((4.04, 5.21)), HeldByTheMedian);
    is(Bar::AtLeast(1.8), 1.741, Some((1.646, 1.837)), MissedByTheMedian);
    is(Bar::AtMost(1.03), 1.032, Some((1.025, 1.038)), MissedByTheMedian);
    is(Bar::AtMost(1.03), 1.02, Some((1.01, 1.04)), HeldByTheMedian);
    is(Bar::Between(0.9, 1.1), 1.0, Some((0.8, 1.2)), HeldByTheMedian);
    is(Bar::Between(0.9, 1.1), 1.15, Some((1.05, 1.2)), MissedByTheMedian);
    assert_eq!(HeldByTheMedian.to_string(), "undecided, held by the median");
    assert_eq!(MissedByTheMedian.to_string(), "undecided, missed by the median");
}

#[test]
fn a_figure_without_an_interval_decides_by_itself() {
    is(Bar::AtMost(64.0), 64.0, None, Holds);
    is(Bar::AtMost(64.0), 64.1, None, Missed);
    is(Bar::AtLeast(2.0), 1.9, None, Missed);
    is(Bar::AtLeast(2.0), f64::NAN, None, Missed);
    assert_eq!(Bar::Context.verdict(0.0, None), None);
}

#[test]
fn a_bar_names_its_unit() {
    assert_eq!(Bar::AtMost(64.0).words("MiB"), "at most 64 MiB");
    assert_eq!(Bar::AtLeast(1.8).words(""), "at least 1.8");
    assert_eq!(Bar::Between(0.9, 1.1).words(""), "0.9 to 1.1");
}
