//! Options that change a plan: each axis by its singular name.

use clap::Args;
use ferrybench_data::{
    plan::Overrides,
    roundtrip::{Pattern, Peers, Placement, Wait},
    units::{Size, Span},
};

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Instead of what the plan says")]
pub(super) struct Axes {
    /// Only these mechanisms (`ferrybench list` shows them)
    #[arg(long = "mechanism", value_name = "NAME", value_delimiter = ',')]
    mechanisms: Vec<String>,
    /// `rtt` or `stream`
    #[arg(long = "pattern", value_name = "PATTERN", value_delimiter = ',')]
    patterns: Vec<Pattern>,
    /// Payload of a message, such as 64 or 4KiB
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    message_bytes: Vec<Size>,
    /// `process` or `thread`
    #[arg(long, value_name = "PEERS", value_delimiter = ',')]
    peers: Vec<Peers>,
    /// `block`, `spin` or `adaptive`
    #[arg(long = "wait", value_name = "WAIT", value_delimiter = ',')]
    waits: Vec<Wait>,
    /// `same-cpu`, `split` or `unpinned`
    #[arg(long = "placement", value_name = "PLACEMENT", value_delimiter = ',')]
    placements: Vec<Placement>,
    /// Sending workers of a stream: 1, 2 or 4
    #[arg(long, value_name = "COUNT", value_delimiter = ',')]
    producers: Vec<u32>,
    /// Measured time of a block, such as 200ms
    #[arg(long, value_name = "TIME")]
    leg: Option<Span>,
    /// Measured exchanges of a block, instead of a time
    #[arg(long, value_name = "COUNT", conflicts_with = "leg")]
    exchanges: Option<u64>,
    /// Blocks of each trial; 6 are the least that carry an interval
    #[arg(long, value_name = "COUNT")]
    blocks: Option<u32>,
    /// Seed of the order of blocks and of the payloads
    #[arg(long)]
    seed: Option<u64>,
    /// Only trials whose id matches, such as 'roundtrip/pipe/**'
    #[arg(long, value_name = "GLOB")]
    only: Option<String>,
}

impl Axes {
    pub(super) fn overrides(&self) -> Overrides {
        let Self { mechanisms, patterns, message_bytes, peers, waits, placements, producers, .. } =
            self.clone();
        let Self { leg, exchanges, blocks, seed, only, .. } = self.clone();
        Overrides {
            mechanisms,
            patterns,
            message_bytes,
            peers,
            waits,
            placements,
            producers,
            leg,
            exchanges,
            blocks,
            seed,
            only,
        }
    }
}
