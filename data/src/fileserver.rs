//! A file server under pool sizes: what a trial is, what is seen, and its figures.

mod audit;

use crate::{
    axis::axis,
    family::{Better, Family, Metric, Source},
    units::Size,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    fmt::{self, Write},
    str::FromStr,
};

/// The family of files that a stress client moves to and from a file server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FileServer {}

/// Every axis of a file-server trial.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spec {
    /// What each client asks for.
    pub operation: Operation,
    /// Size of one file, bytes; 0 where volume means nothing to the operation.
    pub volume_bytes: u64,
    /// Name of the protocol in the registry.
    pub protocol: String,
    /// Name of the model of the client pool in the registry.
    pub client_model: String,
    /// Client workers, all released together by a barrier.
    pub client_pool: u32,
    /// Name of the model of the server in the registry, or the label of somebody else's server.
    pub server_model: String,
    /// Connections that the server serves at a time; 0 where it takes every one as it comes.
    pub server_pool: u32,
    /// How the workers of the server come to their connections.
    pub accept: Accept,
    /// Most bytes that either side asks the kernel for in one read.
    pub read_bytes: ReadBytes,
    /// Where the files lie.
    pub storage: Storage,
    /// Whether the pages of the files had been written before.
    pub pages: Pages,
    /// What becomes of content that arrives.
    #[serde(default)]
    pub received: Received,
    /// Transfers of each client worker, one after another, between one barrier and the next.
    #[serde(default = "one")]
    pub transfers: u32,
    /// Our own server, or somebody else's.
    #[serde(default)]
    pub source: Source,
    /// The hosts of the clients and of the server, as the plan names them: `client:server1`. Blank where both are here.
    #[serde(default)]
    pub hosts: String,
}

fn one() -> u32 {
    1
}

axis! {
    /// What a client asks for.
    Operation {
        /// A file from the server.
        Download = "download",
        /// A file to the server.
        Upload = "upload",
        /// The names of the files.
        List = "list",
        /// Removal of a file.
        Delete = "delete",
    }
}
axis! {
    /// How the workers of a server come to their connections.
    Accept {
        /// Every worker accepts from one listening socket.
        Shared = "shared",
        /// Each worker process has a listening socket of its own on the same port (`SO_REUSEPORT`).
        Reuseport = "reuseport",
        /// The parent accepts, and hands each connection to a free worker process (`SCM_RIGHTS`).
        Handoff = "handoff",
    }
}
axis! {
    /// Where files lie.
    Storage {
        /// In memory, on a tmpfs.
        Tmpfs = "tmpfs",
        /// On a disk's file system.
        Disk = "disk",
        /// Somebody else's server keeps them where it likes.
        Untold = "untold",
    }
}
axis! {
    /// Whether the pages of received files had been written before the row.
    Pages {
        /// They had: files are overwritten in place.
        Touched = "touched",
        /// They had not: the kernel finds and clears each page during the transfer.
        Fresh = "fresh",
    }
}
axis! {
    /// What becomes of content that arrives.
    Received {
        /// It is written to a file, and verified after the clock has stopped.
        Written = "written",
        /// It is hashed as it arrives, inside the measured time, and dropped.
        Discarded = "discarded",
        /// The kernel drops it unread: nothing of it is verified, so that such a row is never believed. For holding
        /// servers against each other where a client that reads would be the limit.
        Dropped = "dropped",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro cannot mark one variant")]
impl Default for Received {
    fn default() -> Self {
        Self::Written
    }
}

/// Most bytes of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ReadBytes {
    /// Whatever is best: 256 KiB, or no read at all where the kernel moves the bytes itself.
    #[default]
    Auto,
    /// So many, through a buffer of our own.
    Bytes(u32),
}

impl fmt::Display for ReadBytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => out.pad("auto"),
            Self::Bytes(bytes) => out.pad(&bytes.to_string()),
        }
    }
}

impl FromStr for ReadBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let expected = || format!("expected \"auto\" or 1 byte to 16 MiB, not \"{text}\"");
        let Size(bytes) = text.parse().map_err(|_| expected())?;
        if bytes > 16 << 20 { Err(expected()) } else { Ok(Self::Bytes(bytes as u32)) }
    }
}

impl Serialize for ReadBytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReadBytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;
        impl de::Visitor<'_> for Written {
            type Value = ReadBytes;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("\"auto\" or a size such as 16 or \"4KiB\"")
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ReadBytes, E> {
                bytes.to_string().parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ReadBytes, E> {
                bytes.to_string().parse().map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ReadBytes, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Written)
    }
}

/// What the clients, the server and whoever verified saw in one block. A block is a chain of rounds: in each, every
/// client worker makes its transfers after a barrier; content is verified between rounds, outside the measured time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Barriers released.
    pub rounds: u32,
    /// Transfers asked for, over all workers and rounds.
    pub transfers_asked: u64,
    /// Transfers that ended well by the client's word, and whose content was not found wrong.
    pub transfers_ok: u64,
    /// Client workers with no failed transfer.
    pub clients_ok: u32,
    /// Client workers with a failed transfer, or that died.
    pub clients_failed: u32,
    /// Server workers, by their own word, with at least one transfer and no failure; blank where they do not tell.
    pub servers_ok: Option<u32>,
    /// Server workers with a failed transfer, or that died.
    pub servers_failed: Option<u32>,
    /// Server workers that served nobody.
    pub servers_idle: Option<u32>,
    /// Transfers that server workers say they finished well.
    pub server_transfers_ok: Option<u64>,
    /// Transfers that the busiest server worker served.
    pub busiest_transfers: Option<u64>,
    /// Threads and processes of somebody else's server that were seen at once from outside, at most.
    pub servers_seen: Option<u32>,
    /// Processes of somebody else's server that ended during the block.
    pub servers_died: Option<u32>,
    /// Wall time from the barrier's release to the last byte of the last client, summed over rounds, seconds.
    pub elapsed_s: f64,
    /// Mean over transfers that ended well, from the barrier's release to the last byte, seconds.
    pub client_mean_s: f64,
    /// The longest of them.
    pub client_max_s: f64,
    /// Mean time to connect.
    pub client_connect_mean_s: f64,
    /// Mean wait from the connection to the first byte of the reply, or until a worker took the connection where the
    /// protocol replies only at the end; blank where nobody tells.
    pub client_wait_mean_s: Option<f64>,
    /// Mean time from then to the last byte.
    pub client_service_mean_s: Option<f64>,
    /// Mean over clients of verified bytes / own time.
    pub client_throughput_bytes_per_s: f64,
    /// Verified bytes / `elapsed_s`.
    pub aggregate_bytes_per_s: f64,
    /// Operations that ended well / `elapsed_s`.
    pub operations_per_s: f64,
    /// Content bytes that were to move.
    pub bytes_expected: u64,
    /// Content bytes that the clients counted.
    pub bytes_client: u64,
    /// Content bytes that the server's workers counted, in transfers that they finished well.
    pub bytes_server: Option<u64>,
    /// Content bytes whose hash was found equal to the source's.
    pub bytes_verified: u64,
    /// How content was verified.
    pub verified: Verified,
    /// Longest time from the barrier's release to a worker's first action, seconds.
    pub barrier_skew_s: f64,
    /// CPU time of clients and server in user mode during the rounds, seconds.
    pub cpu_user_s: f64,
    /// The same in the kernel.
    pub cpu_system_s: f64,
    /// CPU time of the clients alone, seconds.
    pub client_cpu_s: f64,
    /// CPU time of the server alone, seconds; blank where it cannot be seen.
    pub server_cpu_s: Option<f64>,
    /// The clients' share of that CPU time, 0 to 1.
    pub client_cpu_share: Option<f64>,
    /// Anonymous resident memory of all clients and server processes, bytes: the sum of each one's own peak; of somebody
    /// else's server the largest sum that was sampled.
    pub peak_rss_bytes: u64,
    /// The same of the clients alone.
    pub client_peak_rss_bytes: u64,
    /// The same of the server alone; blank where it cannot be seen.
    pub server_peak_rss_bytes: Option<u64>,
    /// Distinct processes among the client's workers.
    pub client_processes: u32,
    /// Distinct threads among the client's workers.
    pub client_threads: u32,
    /// Distinct processes among the server's workers.
    pub server_processes: Option<u32>,
    /// From the start of the server to its first accepted connection being possible, seconds.
    pub server_start_s: Option<f64>,
}

axis! {
    /// How content was verified.
    Verified {
        /// There is no content.
        Nothing = "nothing",
        /// The received file was hashed after the clock had stopped.
        After = "after",
        /// It was hashed as it arrived, inside the measured time.
        Inside = "inside",
        /// Uploads were downloaded again after the clock had stopped, and hashed.
        Again = "downloaded-again",
        /// Nobody could look at it.
        Unverified = "unverified",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro cannot mark one variant")]
impl Default for Verified {
    fn default() -> Self {
        Self::Nothing
    }
}

/// One file transfer, as the client worker that made it tells: a row of `transfers.csv`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TransferRow {
    /// The trial's id.
    pub trial: String,
    /// The block, from 1.
    pub block: u32,
    /// The round of the block, from 1.
    pub round: u32,
    /// The client worker, from 1.
    pub client: u32,
    /// Which of the worker's transfers of the round, from 1.
    pub transfer: u32,
    /// The server worker that served it, from 1, by its own word; blank where nobody tells.
    pub worker: Option<u32>,
    /// From the barrier's release to the first action, seconds.
    pub start_s: f64,
    /// Time to connect, seconds.
    pub connect_s: f64,
    /// From the connection to the first byte of the reply (see [`Evidence::client_wait_mean_s`]), seconds.
    pub wait_s: Option<f64>,
    /// From then to the last byte, seconds.
    pub service_s: Option<f64>,
    /// From the barrier's release to the last byte, seconds.
    pub end_s: f64,
    /// Content bytes that the client counted.
    pub bytes: u64,
    /// Content bytes whose hash was found equal to the source's.
    pub bytes_verified: u64,
    /// `ok`, `unverified`, or why it failed, in one sentence.
    pub outcome: String,
}

/// The outcome of a transfer that is beyond doubt.
pub const OK: &str = "ok";
/// The outcome of a transfer that ended well by the reply, and whose content nobody could look at.
pub const UNVERIFIED: &str = "unverified";

impl Family for FileServer {
    const NAME: &'static str = "fileserver";
    type Spec = Spec;
    type Evidence = Evidence;

    fn id(spec: &Spec) -> String {
        let Spec { operation, volume_bytes, protocol, client_model, client_pool, .. } = spec;
        let Spec { server_model, server_pool, accept, read_bytes, storage, pages, .. } = spec;
        let volume = match volume_bytes {
            0 => "-".to_owned(),
            bytes => Size(*bytes).to_string(),
        };
        let mut id = format!(
            "{}/{operation}/{volume}/{protocol}/{client_model}/{client_pool}/{server_model}/{server_pool}/{accept}/\
             {read_bytes}/{storage}/{pages}",
            Self::NAME
        );
        let mut add = |name: &str, value: &dyn fmt::Display| {
            write!(id, "+{name}={value}").expect("writing to memory cannot fail");
        };
        if spec.received != Received::default() {
            add("received", &spec.received);
        }
        if spec.transfers != 1 {
            add("transfers", &spec.transfers);
        }
        if spec.source != Source::default() {
            add("source", &spec.source);
        }
        if !spec.hosts.is_empty() {
            add("hosts", &spec.hosts);
        }
        id
    }

    fn audit(spec: &Spec, seen: &Evidence) -> Vec<String> {
        audit::reasons(spec, seen)
    }

    fn metrics() -> &'static [Metric<Self>] {
        METRICS
    }
}

/// Name of the metric that ranks transfers.
pub const AGGREGATE: &str = "aggregate_bytes_per_s";
/// Name of the mean time of a client from the barrier's release to its last byte.
pub const CLIENT_MEAN: &str = "client_mean_s";
/// Name of a client's mean queue wait.
pub const WAIT: &str = "client_wait_mean_s";
/// Name of a client's mean service time.
pub const SERVICE: &str = "client_service_mean_s";
/// Name of the mean throughput of one client.
pub const CLIENT_THROUGHPUT: &str = "client_throughput_bytes_per_s";
/// Name of the metric that ranks listing and deleting.
pub const OPERATIONS: &str = "operations_per_s";
/// Name of the largest anonymous memory of clients and server.
pub const MEMORY: &str = "peak_rss_bytes";
/// Name of the CPU time that a gibibyte costs both sides.
pub const CPU_A_GIB: &str = "cpu_s_per_gib";

const METRICS: &[Metric<FileServer>] = &[
    Metric {
        name: AGGREGATE,
        better: Better::Higher,
        value: |spec, seen| moved(spec, seen.aggregate_bytes_per_s),
    },
    Metric {
        name: CLIENT_THROUGHPUT,
        better: Better::Higher,
        value: |spec, seen| moved(spec, seen.client_throughput_bytes_per_s),
    },
    Metric { name: CLIENT_MEAN, better: Better::Lower, value: |_, seen| Some(seen.client_mean_s) },
    Metric { name: "client_max_s", better: Better::Lower, value: |_, seen| Some(seen.client_max_s) },
    Metric { name: WAIT, better: Better::Lower, value: |_, seen| seen.client_wait_mean_s },
    Metric { name: SERVICE, better: Better::Lower, value: |_, seen| seen.client_service_mean_s },
    Metric { name: OPERATIONS, better: Better::Higher, value: |_, seen| Some(seen.operations_per_s) },
    Metric {
        name: CPU_A_GIB,
        better: Better::Lower,
        value: |spec, seen| {
            let both = seen.client_cpu_s + seen.server_cpu_s?;
            moved(spec, both / (seen.bytes_verified as f64 / f64::from(1 << 30)))
        },
    },
    Metric { name: MEMORY, better: Better::Lower, value: |_, seen| Some(seen.peak_rss_bytes as f64) },
];

/// Figures of content exist only where an operation moves some.
fn moved(spec: &Spec, value: f64) -> Option<f64> {
    spec.operation.moves_content().then_some(value).filter(|value| value.is_finite())
}

impl Spec {
    /// Whether clients and server are on this machine.
    pub fn is_here(&self) -> bool {
        self.hosts.is_empty()
    }
}

impl Operation {
    /// Whether it moves a file's content.
    pub const fn moves_content(self) -> bool {
        matches!(self, Self::Download | Self::Upload)
    }
}

/// Whether a model's workers are processes, by its name.
pub fn is_made_of_processes(model: &str) -> bool {
    model.starts_with("process")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_spec() -> impl Strategy<Value = Spec> {
        let names =
            || prop_oneof![Just("course"), Just("thread-pool"), Just("process-pool")].prop_map(str::to_owned);
        let axes = (
            proptest::sample::select(Operation::ALL),
            prop_oneof![Just(0_u64), Just(10 << 20), 1_u64..1 << 30],
            names(),
            (names(), 1_u32..100),
            (names(), 0_u32..100),
            proptest::sample::select(Accept::ALL),
            prop_oneof![Just(ReadBytes::Auto), (1_u32..1 << 24).prop_map(ReadBytes::Bytes)],
            (proptest::sample::select(Storage::ALL), proptest::sample::select(Pages::ALL)),
            (
                proptest::sample::select(Received::ALL),
                1_u32..4,
                proptest::sample::select(Source::ALL),
                prop_oneof![Just(""), Just("a:b")],
            ),
        );
        axes.prop_map(|(operation, volume_bytes, protocol, client, server, accept, read_bytes, lie, rest)| {
            Spec {
                operation,
                volume_bytes,
                protocol,
                client_model: client.0,
                client_pool: client.1,
                server_model: server.0,
                server_pool: server.1,
                accept,
                read_bytes,
                storage: lie.0,
                pages: lie.1,
                received: rest.0,
                transfers: rest.1,
                source: rest.2,
                hosts: rest.3.into(),
            }
        })
    }

    proptest! {
        #[test]
        fn unlike_specs_have_unlike_ids(a in any_spec(), b in any_spec()) {
            prop_assert_eq!(a == b, FileServer::id(&a) == FileServer::id(&b));
        }
    }

    #[test]
    fn an_id_names_every_axis_in_order() {
        let spec = Spec {
            operation: Operation::Download,
            volume_bytes: 10 << 20,
            protocol: "course".into(),
            client_model: "thread-pool".into(),
            client_pool: 5,
            server_model: "process-pool".into(),
            server_pool: 50,
            accept: Accept::Handoff,
            read_bytes: ReadBytes::Auto,
            storage: Storage::Tmpfs,
            pages: Pages::Touched,
            received: Received::Written,
            transfers: 1,
            source: Source::BuiltIn,
            hosts: String::new(),
        };
        assert_eq!(
            FileServer::id(&spec),
            "fileserver/download/10MiB/course/thread-pool/5/process-pool/50/handoff/auto/tmpfs/touched"
        );
        let other = Spec {
            operation: Operation::List,
            volume_bytes: 0,
            transfers: 3,
            hosts: "client:server1".into(),
            ..spec
        };
        assert_eq!(
            FileServer::id(&other),
            "fileserver/list/-/course/thread-pool/5/process-pool/50/handoff/auto/tmpfs/touched+transfers=3\
             +hosts=client:server1"
        );
    }
}
