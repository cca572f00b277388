//! What the families of trials have in common: round trips now, the file server and UDP fan-out beside them.

use crate::axis::axis;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Debug, hash::Hash};

/// One kind of trial: what it is (`Spec`), what was seen (`Evidence`), and the pure functions between them.
pub trait Family: Sized + 'static {
    /// The family's name: first part of each trial id, and the stem of its table in a run folder.
    const NAME: &'static str;
    /// Every axis of one trial. Its fields are columns of the table.
    type Spec: Serialize + DeserializeOwned + Clone + Debug + Ord + Hash;
    /// What the workers saw in one block, without opinion. Its fields are columns of the table.
    type Evidence: Serialize + DeserializeOwned + Clone + Debug + Default + PartialEq;

    /// Every axis in fixed order; unlike specs have unlike ids. Never parsed: columns hold the axes.
    fn id(spec: &Self::Spec) -> String;
    /// The reasons not to believe the evidence; none means that the row has proved itself.
    fn audit(spec: &Self::Spec, seen: &Self::Evidence) -> Vec<String>;
    /// Whether somebody else's program told its own figures, so that there is nothing to audit.
    fn is_self_reported(_: &Self::Spec) -> bool {
        false
    }
    /// The figures that follow from a row which passed its audit.
    fn metrics() -> &'static [Metric<Self>];
}

/// One figure derived from a measured row.
pub struct Metric<F: Family> {
    /// Name with its unit as suffix, such as `p50_ns`.
    pub name: &'static str,
    /// Which direction is the good one.
    pub better: Better,
    /// The figure, or `None` where the row does not carry it.
    pub value: fn(&F::Spec, &F::Evidence) -> Option<f64>,
}

/// The direction in which a figure improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Rates and bandwidths.
    Higher,
    /// Times and costs.
    Lower,
}

axis! {
    /// Whose code a row is.
    Source {
        /// Our own, of a registry: audited.
        BuiltIn = "built-in",
        /// Somebody else's program.
        Foreign = "foreign",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro cannot mark one variant")]
impl Default for Source {
    fn default() -> Self {
        Self::BuiltIn
    }
}
