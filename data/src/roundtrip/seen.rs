//! What was seen of one block of a round-trip trial.

use serde::{Deserialize, Serialize};

/// What the two ends saw in one block. `near` sends first and keeps the clock; `far` answers or receives.
/// In a stream of several producers the CPU time and switches of all senders are summed under `near`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Messages (round trips, or one-way sends of all producers) that the orders asked for.
    pub ordered: u64,
    /// What the near end counted.
    pub exchanges: u64,
    /// What the far end counted.
    pub far_exchanges: u64,
    /// Answers that the near end verified: sequence number and checksum over the whole message.
    pub verified: u64,
    /// Messages that the far end verified.
    pub far_verified: u64,
    /// Payload bytes sent by the near end.
    pub bytes_sent: u64,
    /// Payload bytes received by the far end.
    pub bytes_received: u64,
    /// Messages sent and never received.
    pub lost: u64,
    /// Whether the mechanism may lose messages.
    pub loss_legal: bool,
    /// Orders that the leg was a chain of.
    pub orders: u32,
    /// Wall time of the leg's orders together, seconds.
    pub elapsed_s: f64,
    /// Round trips, or messages received, per second of wall time.
    pub rate_per_s: f64,
    /// Payload bytes delivered one way per second of wall time.
    pub bytes_per_s: f64,
    /// Exchanges that one sample times: 1, or a batch where an exchange is short against the clock.
    pub batch: u32,
    /// Samples in the histogram.
    pub samples: u64,
    /// Median of the samples, nanoseconds an exchange; blank where the sample does not carry it.
    pub p50_ns: Option<f64>,
    /// 90th percentile.
    pub p90_ns: Option<f64>,
    /// 99th percentile.
    pub p99_ns: Option<f64>,
    /// 99.9th percentile.
    pub p999_ns: Option<f64>,
    /// The longest sample.
    pub max_ns: Option<f64>,
    /// CPU time of both ends in user mode during the leg, seconds.
    pub cpu_user_s: f64,
    /// CPU time of both ends in the kernel, seconds.
    pub cpu_system_s: f64,
    /// CPU time of the near end alone, seconds.
    pub near_cpu_s: f64,
    /// CPU time of the far end alone, seconds.
    pub far_cpu_s: f64,
    /// Context switches of both ends where the end had to wait.
    pub voluntary_switches: u64,
    /// Context switches of both ends where the kernel took the CPU away.
    pub involuntary_switches: u64,
    /// The near end's share of the voluntary ones.
    pub near_voluntary: u64,
    /// The near end's share of the involuntary ones.
    pub near_involuntary: u64,
    /// Process of the near end.
    pub near_pid: u32,
    /// Thread of the near end.
    pub near_tid: u32,
    /// Process of the far end.
    pub far_pid: u32,
    /// Thread of the far end.
    pub far_tid: u32,
    /// CPU of the near end when the leg began.
    pub near_cpu_first: u32,
    /// CPU of the near end when the leg ended.
    pub near_cpu_last: u32,
    /// CPU of the far end when the leg began.
    pub far_cpu_first: u32,
    /// CPU of the far end when the leg ended.
    pub far_cpu_last: u32,
    /// Median exchange before the leg with the kernel's usual timer slack, nanoseconds.
    pub plain_ns: Option<f64>,
    /// The same with a slack of milliseconds at both ends: only who waits by timers becomes slower.
    pub slack_ns: Option<f64>,
    /// Signals that an end catches or holds back, beyond those that it was started with.
    pub signals: String,
    /// Kernel or ring buffer really used in each direction, bytes, where the mechanism has one.
    pub buffer_bytes: Option<u64>,
    /// From the start of the processes to the first order, seconds.
    pub start_up_s: f64,
}

impl Evidence {
    /// Wall time over exchanges, nanoseconds.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.exchanges > 0).then(|| self.elapsed_s * 1e9 / self.exchanges as f64)
    }

    /// CPU time of both ends together, microseconds an exchange; `None` where a foreign peer did not tell.
    pub fn cpu_us_per_exchange(&self) -> Option<f64> {
        let cpu_s = self.cpu_user_s + self.cpu_system_s;
        (self.exchanges > 0 && cpu_s > 0.0).then(|| cpu_s * 1e6 / self.exchanges as f64)
    }

    /// Context switches of any kind, both ends, an exchange.
    pub fn switches_per_exchange(&self) -> Option<f64> {
        let switches = self.voluntary_switches + self.involuntary_switches;
        (self.exchanges > 0).then(|| switches as f64 / self.exchanges as f64)
    }
}
