//! One thing held against another, alternating in one run, or against a limit: a Markdown table whose rows say whether a
//! bar holds, and an exit code that says whether any was missed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is the result of a benchmark")]
#![allow(dead_code, reason = "not every benchmark needs all of it")]

mod bar;

pub(crate) use bar::{Bar, Verdict};

use ferrybench_data::stats::{Estimate, quantile, signed_rank};
use std::process::ExitCode;

/// The table, as far as it was printed.
pub(crate) struct Table {
    missed: Vec<String>,
}

impl Table {
    /// Begins it.
    pub(crate) fn begin() -> Self {
        println!("| what | ratio or figure [95 %] | n | bar | |");
        println!("|---|---|---|---|---|");
        Self { missed: Vec::new() }
    }

    /// One row: what was held against what, the ratio of the first of each pair to its second with its interval, and the bar.
    pub(crate) fn ratio(&mut self, what: &str, pairs: &[(f64, f64)], bar: Bar) {
        eprintln!("{what}: {:?}", pairs.iter().take(4).collect::<Vec<_>>());
        self.row(what, signed_rank::ratio(pairs), "", bar);
    }

    /// One row: the median of figures of one kind, with its interval, and the limit to it.
    pub(crate) fn figure(&mut self, what: &str, values: &[f64], unit: &str, bar: Bar) {
        self.row(what, quantile::median_interval(values), unit, bar);
    }

    /// A row of what cannot be held against anything here: no verdict.
    pub(crate) fn skipped(&mut self, what: &str, why: &str, bar: Bar) {
        self.line(what, &format!("skipped: {why}"), 0, &bar.words(""), None);
    }

    /// A row of what came to nothing that could be measured: where there is a bar, it is missed.
    pub(crate) fn failed(&mut self, what: &str, why: &str, bar: Bar, unit: &str) {
        let verdict = bar.verdict(f64::NAN, None);
        self.line(what, why, 0, &bar.words(unit), verdict);
    }

    /// Ends it: exit code 1 where any bar was missed by all of its interval.
    pub(crate) fn end(self) -> ExitCode {
        match self.missed.as_slice() {
            [] => ExitCode::SUCCESS,
            missed => {
                eprintln!("missed: {}", missed.join("; "));
                ExitCode::FAILURE
            }
        }
    }

    fn row(&mut self, what: &str, estimate: Option<Estimate>, unit: &str, bar: Bar) {
        let Some(Estimate { value, interval, blocks }) = estimate else {
            return self.failed(what, "nothing could be measured", bar, unit);
        };
        // A bar near 1 is a matter of thousandths.
        let digits = if value < 2.0 { 3 } else { 2 };
        let interval_words =
            interval.map_or(String::new(), |(low, high)| format!(" [{low:.digits$}, {high:.digits$}]"));
        let unit_words = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let shown = format!("{value:.digits$}{interval_words}{unit_words}");
        self.line(what, &shown, blocks, &bar.words(unit), bar.verdict(value, interval));
    }

    fn line(&mut self, what: &str, shown: &str, count: usize, bar: &str, verdict: Option<Verdict>) {
        let words = verdict.map_or(String::new(), |verdict| verdict.to_string());
        let count = if count == 0 { String::new() } else { count.to_string() };
        println!("| {what} | {shown} | {count} | {bar} | {words} |");
        if verdict == Some(Verdict::Missed) {
            self.missed.push(what.to_owned());
        }
    }
}

/// Pairs of figures; which one goes first changes from pair to pair. The first pair is warm-up.
pub(crate) fn alternating(
    pairs: usize,
    ours: &mut dyn FnMut() -> f64,
    theirs: &mut dyn FnMut() -> f64,
) -> Vec<(f64, f64)> {
    let one = |place: usize| {
        if place.is_multiple_of(2) {
            let own = ours();
            (own, theirs())
        } else {
            let other = theirs();
            (ours(), other)
        }
    };
    (0..=pairs).map(one).skip(1).collect()
}
