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
