//! Options that change a plan: each axis by its singular name.

use clap::Args;
use ferrybench_data::{
    fanout::{Assignment, Batching, Delivery, FetchWhere, Framing, ReceiveOffload, Reliability, Segmented},
    fileserver::{Accept, Operation, ReadBytes, Received},
    plan::{
        BytesPerSecond, DatagramBytes, FanoutOverrides, FileBytes, FileServerOverrides, Overrides, Pause,
        RoundTripOverrides,
    },
    roundtrip::{Pattern, Peers, Placement, Wait},
    units::{Size, Span},
};
use std::path::PathBuf;

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
    #[command(flatten)]
    fanout: FanoutAxes,
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

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Fan-out over UDP (leaves other families out)")]
struct FanoutAxes {
    /// Only these sender models
    #[arg(long = "sender-model", value_name = "NAME", value_delimiter = ',')]
    sender_models: Vec<String>,
    /// Workers of a sender's pool
    #[arg(long = "pool-size", value_name = "COUNT", value_delimiter = ',')]
    pool_sizes: Vec<u32>,
    /// `unicast`, `broadcast`, `limited-broadcast` or `multicast`
    #[arg(long = "delivery", value_name = "DELIVERY", value_delimiter = ',')]
    deliveries: Vec<Delivery>,
    /// `each` (file i to receiver i) or `all`
    #[arg(long = "assignment", value_name = "ASSIGNMENT", value_delimiter = ',')]
    assignments: Vec<Assignment>,
    /// Receiving hosts
    #[arg(long, value_name = "COUNT", value_delimiter = ',')]
    receivers: Vec<u32>,
    /// Files to send
    #[arg(long = "file-count", value_name = "COUNT", value_delimiter = ',')]
    file_counts: Vec<u32>,
    /// Size of a file, such as 1MiB, or `pictures`
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    file_bytes: Vec<FileBytes>,
    /// Payload of a datagram, such as 1400, or `whole-file`
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    datagram_bytes: Vec<DatagramBytes>,
    /// `ledger` (our header in each datagram) or `bare`
    #[arg(long = "framing", value_name = "FRAMING", value_delimiter = ',')]
    framings: Vec<Framing>,
    /// `one`, `sendmmsg` or `gso`
    #[arg(long = "batching", value_name = "BATCHING", value_delimiter = ',')]
    batchings: Vec<Batching>,
    /// `none` or `repair`
    #[arg(long = "reliability", value_name = "RELIABILITY", value_delimiter = ',')]
    reliabilities: Vec<Reliability>,
    /// Who fetches the files: `local` (nobody), `parent-serial` or `in-worker`
    #[arg(long, value_name = "WHERE", value_delimiter = ',')]
    fetch_where: Vec<FetchWhere>,
    /// Pause between fetching a file and sending it, such as 2s, or `none`
    #[arg(long, value_name = "TIME", value_delimiter = ',')]
    think: Vec<Pause>,
    /// Where a batch of `gso` becomes single datagrams: `never`, `stack` or `device`
    #[arg(long, value_name = "WHERE", value_delimiter = ',')]
    segmented: Vec<Segmented>,
    /// Whether receivers take a batch of `gso` as one: `gro` or `off`
    #[arg(long = "receive-offload", value_name = "OFFLOAD", value_delimiter = ',')]
    receive_offloads: Vec<ReceiveOffload>,
    /// Most payload that the sender sends in a second, such as 100MB, or `none`
    #[arg(long = "pace", value_name = "SIZE", value_delimiter = ',')]
    paces: Vec<BytesPerSecond>,
    /// Largest packet of the network between the hosts
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    mtu_bytes: Vec<u32>,
    /// What the link to each receiver carries in a second, such as 10MB, or `none`
    #[arg(long = "rate", value_name = "SIZE", value_delimiter = ',')]
    rates: Vec<BytesPerSecond>,
    /// Datagrams that the network loses at random, percent
    #[arg(long = "loss-percent", value_name = "PERCENT", value_delimiter = ',')]
    loss_percents: Vec<u32>,
    /// Datagrams that the network delivers twice at random, percent
    #[arg(long = "duplicate-percent", value_name = "PERCENT", value_delimiter = ',')]
    duplicate_percents: Vec<u32>,
    /// Fetch this file over HTTP or HTTPS and send it; may be given several times
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
    /// Send this file, or the files of this folder; may be given several times
    #[arg(long = "file", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Largest file that is fetched
    #[arg(long, value_name = "SIZE")]
    fetch_limit: Option<Size>,
}

impl Axes {
    pub(super) fn overrides(&self) -> Overrides {
        let Self { leg, blocks, seed, only, roundtrip, fileserver, fanout } = self.clone();
        Overrides {
            roundtrip: roundtrip.overrides(),
            fileserver: fileserver.overrides(),
            fanout: fanout.overrides(),
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

impl FanoutAxes {
    fn overrides(self) -> FanoutOverrides {
        let Self { sender_models, pool_sizes, deliveries, assignments, receivers, file_counts, .. } = self;
        let Self { file_bytes, datagram_bytes, framings, batchings, reliabilities, fetch_where, .. } = self;
        let Self { think, segmented, receive_offloads, paces, mtu_bytes, rates, .. } = self;
        let Self { loss_percents, duplicate_percents, urls, paths, fetch_limit, .. } = self;
        FanoutOverrides {
            sender_models,
            pool_sizes,
            deliveries,
            assignments,
            receivers,
            files: file_counts,
            file_bytes,
            datagram_bytes,
            framings,
            batchings,
            reliabilities,
            fetch_where,
            think,
            segmented,
            receive_offloads,
            paces,
            mtu_bytes,
            rates,
            loss_percents,
            duplicate_percents,
            urls,
            paths,
            fetch_limit,
        }
    }
}
