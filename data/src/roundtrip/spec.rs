//! The axes of a round-trip trial.

use crate::{axis::axis, family::Source, units::Span};
use serde::{Deserialize, Serialize};

/// Every axis of a round-trip trial.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spec {
    /// Name of the mechanism in the registry, or of a foreign peer in the plan.
    pub mechanism: String,
    /// Round trips or a one-way stream.
    pub pattern: Pattern,
    /// Payload of one message, bytes.
    pub message_bytes: u64,
    /// What the two ends are.
    pub peers: Peers,
    /// How an end waits for its message.
    pub wait: Wait,
    /// Where the two ends run.
    pub placement: Placement,
    /// Sending workers; above 1 only in streams through queue-like mechanisms.
    #[serde(default = "one")]
    pub producers: u32,
    /// Our own mechanism, or somebody else's program.
    #[serde(default)]
    pub source: Source,
    /// The hosts of the near and of the far end, as the plan names them: `client:server1`. Blank where both are here.
    #[serde(default)]
    pub hosts: String,
}

fn one() -> u32 {
    1
}

impl Spec {
    /// Warm-up before the leg: a split pipe changes its pace after its first 40 ms.
    pub fn warm_up(&self) -> Span {
        Span::from_millis(if self.placement == Placement::SameCpu { 50 } else { 100 })
    }
}

axis! {
    /// What travels.
    Pattern {
        /// A message there and its answer back, one at a time (closed loop).
        Rtt = "rtt",
        /// Messages one way, as fast as the receiver takes them.
        Stream = "stream",
    }
}
axis! {
    /// What the two ends are.
    Peers {
        /// Two processes.
        Process = "process",
        /// Two threads of one process.
        Thread = "thread",
        /// No second end: a floor, the loop without a mechanism.
        None = "none",
    }
}
axis! {
    /// How an end waits.
    Wait {
        /// It sleeps in the kernel until it is woken.
        Block = "block",
        /// It tries again until it succeeds, and burns its CPU.
        Spin = "spin",
        /// It spins for a bounded while, then blocks.
        Adaptive = "adaptive",
    }
}
axis! {
    /// Where the two ends run.
    Placement {
        /// Both pinned to one CPU.
        SameCpu = "same-cpu",
        /// Each pinned to a CPU of its own.
        Split = "split",
        /// Wherever the scheduler puts them.
        Unpinned = "unpinned",
    }
}
