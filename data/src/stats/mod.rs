//! Statistics over blocks, one method per file. Samples within a block are never pooled with another's.

pub mod quantile;
pub mod signed_rank;

/// The least number of blocks of which [min, max] covers the median with 95 %.
pub const LEAST_BLOCKS: usize = 6;

/// A value with its 95 % interval, where the blocks carry one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The middle: a median or a Hodges-Lehmann estimate.
    pub value: f64,
    /// Lower and upper bound; `None` below [`LEAST_BLOCKS`] blocks.
    pub interval: Option<(f64, f64)>,
    /// Blocks that it rests on.
    pub blocks: usize,
}
