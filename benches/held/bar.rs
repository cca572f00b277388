//! What a figure should be, and whether it is: the interval decides, not the figure alone.

use std::fmt;

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    Between(f64, f64),
    /// Nothing: the row is there for context.
    Context,
}

/// Whether a figure is what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of its interval is on the good side; the figure itself where it has no interval.
    Holds,
    /// None of it is.
    Missed,
    /// The interval spans the bar, and the figure is on the good side.
    HeldByTheMedian,
    /// The interval spans the bar, and the figure is on the bad side.
    MissedByTheMedian,
}

impl Bar {
    /// The verdict on a figure with its 95 % interval; `None` where nothing is asked of it.
    pub(crate) fn verdict(self, value: f64, interval: Option<(f64, f64)>) -> Option<Verdict> {
        let (least, most) = match self {
            Self::AtLeast(least) => (least, f64::INFINITY),
            Self::AtMost(most) => (f64::NEG_INFINITY, most),
            Self::Between(least, most) => (least, most),
            Self::Context => return None,
        };
        let is_good = |value: f64| (least..=most).contains(&value);
        let (low, high) = interval.unwrap_or((value, value));
        Some(if is_good(low) && is_good(high) {
            Verdict::Holds
        } else if interval.is_none() || high < least || low > most {
            Verdict::Missed
        } else if is_good(value) {
            Verdict::HeldByTheMedian
        } else {
            Verdict::MissedByTheMedian
        })
    }

    /// The bar in words, with the unit of its figure.
    pub(crate) fn words(self, unit: &str) -> String {
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        match self {
            Self::AtLeast(least) => format!("at least {least}{unit}"),
            Self::AtMost(most) => format!("at most {most}{unit}"),
            Self::Between(least, most) => format!("{least} to {most}{unit}"),
            Self::Context => String::new(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Holds => "holds",
            Self::Missed => "MISSED",
            Self::HeldByTheMedian => "undecided, held by the median",
            Self::MissedByTheMedian => "undecided, missed by the median",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bar, Verdict::*, *};

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
}
