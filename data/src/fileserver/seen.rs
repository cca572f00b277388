//! What was seen of one block of a file-server trial.

use crate::axis::axis;
use serde::{Deserialize, Serialize};

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
