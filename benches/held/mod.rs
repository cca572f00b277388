//! One thing held against another, alternating in one run: pairs of measurements, their ratio, and a row of a Markdown
//! table that says whether a bar holds.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is the result of a benchmark")]
#![allow(dead_code, reason = "not every benchmark needs all of it")]

use ferrybench_data::stats::signed_rank;
use std::fmt;

/// What a ratio should be.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
    Between(f64, f64),
    /// Nothing: the row is there for context.
    Context,
}

impl Bar {
    fn verdict(self, ratio: f64) -> &'static str {
        let holds = match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
            Self::Between(least, most) => (least..=most).contains(&ratio),
            Self::Context => return "",
        };
        if holds { "holds" } else { "MISSED" }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(out, "at least {least}"),
            Self::AtMost(most) => write!(out, "at most {most}"),
            Self::Between(least, most) => write!(out, "{least} to {most}"),
            Self::Context => Ok(()),
        }
    }
}

/// Begins the table.
pub fn head() {
    println!("| what | ratio [95 %] | pairs | bar | |");
    println!("|---|---|---|---|---|");
}

/// One row: what was held against what, the ratio of the first of each pair to its second with its interval, and the bar.
pub fn row(what: &str, pairs: &[(f64, f64)], bar: Bar) {
    eprintln!("{what}: {:?}", pairs.iter().take(4).collect::<Vec<_>>());
    let Some(ratio) = signed_rank::ratio(pairs) else { return };
    // A bar near 1 is a matter of thousandths.
    let digits = if ratio.value < 2.0 { 3 } else { 2 };
    let interval =
        ratio.interval.map_or(String::new(), |(low, high)| format!(" [{low:.digits$}, {high:.digits$}]"));
    println!(
        "| {what} | {:.digits$}{interval} | {} | {bar} | {} |",
        ratio.value,
        ratio.blocks,
        bar.verdict(ratio.value)
    );
}

/// A row of what cannot be held against anything here.
pub fn skipped(what: &str, why: &str, bar: Bar) {
    println!("| {what} | skipped: {why} | | {bar} | |");
}

/// Pairs of figures; which one goes first changes from pair to pair. The first pair is warm-up.
pub fn alternating(
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
