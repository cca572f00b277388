//! One row of a run: a trial and block, and what became of it.

use crate::{family::Family, table::Table};
use serde::{Deserialize, Serialize};

/// One row per trial and block.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<F: Family> {
    /// Number of the block, from 1. A skipped trial has one row, with block 1.
    pub block: u32,
    /// Place of the row in the order in which the run measured, from 1.
    pub order: u32,
    /// How quiet the machine was around the block.
    pub noise: Noise,
    /// Every axis of the trial.
    pub spec: F::Spec,
    /// Measured, failed or skipped.
    pub outcome: Outcome<F::Evidence>,
}

impl<F: Family> Record<F> {
    /// The trial's id.
    pub fn trial(&self) -> String {
        F::id(&self.spec)
    }

    /// The evidence of a row that may be ranked, compared and drawn: measured, and not refused by its audit.
    pub fn good(&self) -> Option<&F::Evidence> {
        match &self.outcome {
            Outcome::Measured { evidence, audit } if !matches!(audit, Audit::Fail(_)) => Some(evidence),
            _ => None,
        }
    }

    /// Whatever the workers saw, whether or not it may be believed: for tables that show every row.
    pub fn seen(&self) -> Option<&F::Evidence> {
        match &self.outcome {
            Outcome::Measured { evidence, .. } => Some(evidence),
            Outcome::Failed { seen, .. } => seen.as_ref(),
            Outcome::Skipped(_) => None,
        }
    }
}

/// A record of whatever family: what progress, warnings and run folders need of it.
pub trait Row {
    /// The family's name: the stem of its table.
    fn family(&self) -> &'static str;
    /// The trial's id.
    fn trial(&self) -> String;
    /// Number of the block, from 1.
    fn block(&self) -> u32;
    /// How quiet the machine was around the block.
    fn noise(&self) -> &Noise;
    /// What became of it, without the evidence.
    fn fate(&self) -> Fate<'_>;
    /// The header line of its table.
    fn header(&self) -> csv::Result<String>;
    /// Itself as a line of that table, with its line end.
    fn line(&self) -> csv::Result<String>;
}

/// What became of a row, of whatever family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate<'a> {
    /// Measured and proved.
    Proved,
    /// Measured, by somebody else's word.
    SelfReported,
    /// Measured and refused by its audit: the reasons.
    Refused(&'a [String]),
    /// Tried, and did not end well: the reason.
    Failed(&'a str),
    /// Not tried: the reason.
    Skipped(&'a str),
}

impl Fate<'_> {
    /// Whether the block ran to its end.
    pub fn is_measured(self) -> bool {
        matches!(self, Self::Proved | Self::SelfReported | Self::Refused(_))
    }
}

impl<F: Family> Row for Record<F> {
    fn family(&self) -> &'static str {
        F::NAME
    }

    fn trial(&self) -> String {
        Self::trial(self)
    }

    fn block(&self) -> u32 {
        self.block
    }

    fn noise(&self) -> &Noise {
        &self.noise
    }

    fn fate(&self) -> Fate<'_> {
        match &self.outcome {
            Outcome::Measured { audit: Audit::Pass, .. } => Fate::Proved,
            Outcome::Measured { audit: Audit::SelfReported, .. } => Fate::SelfReported,
            Outcome::Measured { audit: Audit::Fail(reasons), .. } => Fate::Refused(reasons),
            Outcome::Failed { reason, .. } => Fate::Failed(reason),
            Outcome::Skipped(reason) => Fate::Skipped(reason),
        }
    }

    fn header(&self) -> csv::Result<String> {
        Table::<F>::header(&self.spec)
    }

    fn line(&self) -> csv::Result<String> {
        Table::line(self)
    }
}

/// What became of a trial's block.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<E> {
    /// It ran to its end; the audit says whether to believe it.
    Measured {
        /// What the workers saw.
        evidence: E,
        /// Whether the row proved itself.
        audit: Audit,
    },
    /// It was tried and did not end well.
    Failed {
        /// Why, in one sentence.
        reason: String,
        /// What the workers saw all the same, where they could tell.
        seen: Option<E>,
    },
    /// It was not tried: the reason, in one sentence.
    Skipped(String),
}

/// The judgement of a measured row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audit {
    /// The evidence proves what the row claims.
    Pass,
    /// It does not: the reasons. The row is shown, and left out of rankings, ratios and charts.
    Fail(Vec<String>),
    /// Somebody else's program told its own figures; nothing was proved.
    SelfReported,
}

impl Audit {
    /// The judgement that a family's audit comes to.
    pub fn of<F: Family>(spec: &F::Spec, seen: &F::Evidence) -> Self {
        if F::is_self_reported(spec) {
            return Self::SelfReported;
        }
        match F::audit(spec, seen) {
            reasons if reasons.is_empty() => Self::Pass,
            reasons => Self::Fail(reasons),
        }
    }
}

/// How quiet the machine was, from probes that spin on every CPU at once before and after a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Share of the probe before the block that went to gaps over 5 us, 0 to 1.
    pub noise_before: Option<f64>,
    /// The same after the block.
    pub noise_after: Option<f64>,
    /// The longest gap of both probes, seconds.
    pub noise_gap_s: Option<f64>,
    /// Time that the workers were ready to run and waited for a CPU, seconds, both ends.
    pub run_delay_s: Option<f64>,
    /// One-way time of a cache line between two CPUs just before the block, nanoseconds.
    pub c2c_ns: Option<f64>,
}

impl Noise {
    /// The share of a probe above which a block is flagged.
    pub const SHARE_LIMIT: f64 = 0.04;
    /// The longest gap, in seconds, above which a block is flagged.
    pub const GAP_LIMIT_S: f64 = 0.000_5;

    /// Whether a probe around the block saw more than a quiet machine shows.
    pub fn is_noisy(&self) -> bool {
        let share = |noise: Option<f64>| noise.is_some_and(|share| share > Self::SHARE_LIMIT);
        share(self.noise_before)
            || share(self.noise_after)
            || self.noise_gap_s.is_some_and(|gap| gap > Self::GAP_LIMIT_S)
    }
}
