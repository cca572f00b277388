//! Options that change a plan: each axis by its singular name.

use clap::Args;
use ferrybench_data::{
    fileserver::{Accept, Operation, ReadBytes, Received},
    plan::{FileServerOverrides, Overrides, RoundTripOverrides},
    roundtrip::{Pattern, Peers, Placement, Wait},
    units::{Size, Span},
};

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Instead of what the plan says")]
pub(super) struct Axes {
    /// Measured time of a block, such as 200ms
    #[arg(long, value_name = "TIME")]
    leg: Option<Span>,
    /// Blocks of each trial; 6 are the least that carry an interval
    #[arg(long, value_name = "COUNT")]
    blocks: Option<u32>,
    /// Seed of the order of blocks and of the payloads
    #[arg(long)]
    seed: Option<u64>,
    /// Only trials whose id matches, such as 'roundtrip/pipe/**'
    #[arg(long, value_name = "GLOB")]
    only: Option<String>,
    #[command(flatten)]
    roundtrip: RoundTripAxes,
    #[command(flatten)]
    fileserver: FileServerAxes,
}

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Round trips (leaves other families out)")]
struct RoundTripAxes {
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
    /// Measured exchanges of a block, instead of a time
    #[arg(long, value_name = "COUNT", conflicts_with = "leg")]
    exchanges: Option<u64>,
}

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "File server (leaves other families out)")]
struct FileServerAxes {
    /// `download`, `upload`, `list` or `delete`
    #[arg(long = "operation", alias = "operations", value_name = "OPERATION", value_delimiter = ',')]
    operations: Vec<Operation>,
    /// Size of a file, such as 10MiB
    #[arg(long, alias = "volume", value_name = "SIZE", value_delimiter = ',')]
    volume_bytes: Vec<Size>,
    /// Only these protocols
    #[arg(long = "protocol", value_name = "NAME", value_delimiter = ',')]
    protocols: Vec<String>,
    /// Only these models of the client
    #[arg(long = "client-model", value_name = "NAME", value_delimiter = ',')]
    client_models: Vec<String>,
    /// Client workers
    #[arg(long = "client-pool", value_name = "COUNT", value_delimiter = ',')]
    client_pools: Vec<u32>,
    /// Only these models of the server
    #[arg(long = "server-model", value_name = "NAME", value_delimiter = ',')]
    server_models: Vec<String>,
    /// Connections that the server serves at a time
    #[arg(long = "server-pool", value_name = "COUNT", value_delimiter = ',')]
    server_pools: Vec<u32>,
    /// How processes of a pool come to connections: `shared`, `reuseport` or `handoff`
    #[arg(long = "accept", value_name = "ACCEPT", value_delimiter = ',')]
    accepts: Vec<Accept>,
    /// Most bytes of one read, such as 4096, or `auto`
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    read_bytes: Vec<ReadBytes>,
    /// What becomes of content that arrives: `written`, `discarded` or `dropped`
    #[arg(long, value_name = "RECEIVED", value_delimiter = ',')]
    received: Vec<Received>,
    /// Transfers of each client worker in a round
    #[arg(long, value_name = "COUNT")]
    transfers: Option<u32>,
    /// Every client model of the plan against every server model of the plan
    #[arg(long)]
    cross: bool,
}

impl Axes {
    pub(super) fn overrides(&self) -> Overrides {
        let Self { leg, blocks, seed, only, roundtrip, fileserver } = self.clone();
        Overrides {
            roundtrip: roundtrip.overrides(),
            fileserver: fileserver.overrides(),
            leg,
            blocks,
            seed,
            only,
        }
    }
}

impl RoundTripAxes {
    fn overrides(self) -> RoundTripOverrides {
        let Self { mechanisms, patterns, message_bytes, peers, waits, placements, producers, exchanges } =
            self;
        RoundTripOverrides {
            mechanisms,
            patterns,
            message_bytes,
            peers,
            waits,
            placements,
            producers,
            exchanges,
        }
    }
}

impl FileServerAxes {
    fn overrides(self) -> FileServerOverrides {
        let Self { operations, volume_bytes, protocols, client_models, client_pools, server_models, .. } =
            self;
        let Self { server_pools, accepts, read_bytes, received, transfers, cross, .. } = self;
        FileServerOverrides {
            operations,
            volume_bytes,
            protocols,
            client_models,
            client_pools,
            server_models,
            server_pools,
            accepts,
            read_bytes,
            received,
            transfers,
            cross,
        }
    }
}
