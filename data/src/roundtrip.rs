//! Round trips and one-way streams between two workers: what a trial is, what is seen, and its figures.

mod audit;

pub use crate::family::Source;
use crate::{
    axis::axis,
    family::{Better, Family, Metric},
    units::{Size, Span},
};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The family of round trips and one-way streams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RoundTrip {}

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

impl Spec {
    /// Warm-up before the leg: a split pipe changes its pace after its first 40 ms.
    pub fn warm_up(&self) -> Span {
        Span::from_millis(if self.placement == Placement::SameCpu { 50 } else { 100 })
    }
}

impl Family for RoundTrip {
    const NAME: &'static str = "roundtrip";
    type Spec = Spec;
    type Evidence = Evidence;

    fn id(spec: &Spec) -> String {
        let Spec { mechanism, pattern, message_bytes, peers, wait, placement, producers, source, hosts } =
            spec;
        let size = Size(*message_bytes);
        let mut id = format!("{}/{mechanism}/{pattern}/{size}/{peers}/{wait}/{placement}", Self::NAME);
        if *producers != 1 {
            write!(id, "+producers={producers}").expect("writing to memory cannot fail");
        }
        if *source != Source::default() {
            write!(id, "+source={source}").expect("writing to memory cannot fail");
        }
        if !hosts.is_empty() {
            write!(id, "+hosts={hosts}").expect("writing to memory cannot fail");
        }
        id
    }

    fn audit(spec: &Spec, seen: &Evidence) -> Vec<String> {
        audit::reasons(spec, seen)
    }

    fn is_self_reported(spec: &Spec) -> bool {
        spec.source == Source::Foreign
    }

    fn metrics() -> &'static [Metric<Self>] {
        METRICS
    }
}

/// Name of the metric that ranks round trips.
pub const RATE: &str = "rate_per_s";
/// Name of the metric that ranks streams.
pub const BANDWIDTH: &str = "bytes_per_s";
/// Name of the metric for what an exchange costs both ends together.
pub const CPU_COST: &str = "cpu_us_per_exchange";
/// Name of the mean time of an exchange.
pub const MEAN: &str = "mean_ns";

const METRICS: &[Metric<RoundTrip>] = &[
    Metric { name: RATE, better: Better::Higher, value: |_, seen| Some(seen.rate_per_s) },
    Metric { name: BANDWIDTH, better: Better::Higher, value: |_, seen| Some(seen.bytes_per_s) },
    Metric { name: MEAN, better: Better::Lower, value: |spec, seen| only_rtt(spec, seen.mean_ns()) },
    Metric { name: "p50_ns", better: Better::Lower, value: |_, seen| seen.p50_ns },
    Metric { name: "p90_ns", better: Better::Lower, value: |_, seen| seen.p90_ns },
    Metric { name: "p99_ns", better: Better::Lower, value: |_, seen| seen.p99_ns },
    Metric { name: "p999_ns", better: Better::Lower, value: |_, seen| seen.p999_ns },
    Metric { name: CPU_COST, better: Better::Lower, value: |_, seen| seen.cpu_us_per_exchange() },
];

fn only_rtt(spec: &Spec, value: Option<f64>) -> Option<f64> {
    value.filter(|_| spec.pattern == Pattern::Rtt)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};

    fn any_spec() -> impl Strategy<Value = Spec> {
        let axes = (
            select(vec!["pipe", "unix-stream", "unix", "stream"]),
            select(Pattern::ALL),
            1_u64..5_000_000,
            select(Peers::ALL),
            select(Wait::ALL),
            select(Placement::ALL),
            select(vec![1_u32, 2, 4]),
            select(Source::ALL),
            select(vec!["", "a:b", "a-b:c", "a:b-c"]),
        );
        axes.prop_map(
            |(mechanism, pattern, message_bytes, peers, wait, placement, producers, source, hosts)| Spec {
                mechanism: mechanism.to_owned(),
                pattern,
                message_bytes,
                peers,
                wait,
                placement,
                producers,
                source,
                hosts: hosts.to_owned(),
            },
        )
    }

    proptest! {
        #[test]
        fn unlike_specs_have_unlike_ids(a in any_spec(), b in any_spec()) {
            prop_assert_eq!(a == b, RoundTrip::id(&a) == RoundTrip::id(&b));
            let resized = Spec { message_bytes: a.message_bytes + 1, ..a.clone() };
            prop_assert_ne!(RoundTrip::id(&a), RoundTrip::id(&resized));
        }
    }

    #[test]
    fn an_id_names_every_axis_in_order() {
        let spec = Spec {
            mechanism: "pipe".into(),
            pattern: Pattern::Rtt,
            message_bytes: 4096,
            peers: Peers::Process,
            wait: Wait::Block,
            placement: Placement::Split,
            producers: 1,
            source: Source::BuiltIn,
            hosts: String::new(),
        };
        assert_eq!(RoundTrip::id(&spec), "roundtrip/pipe/rtt/4KiB/process/block/split");
        let between = Spec { hosts: "client:server1".into(), ..spec.clone() };
        assert!(RoundTrip::id(&between).ends_with("/split+hosts=client:server1"));
        let many = Spec { producers: 4, source: Source::Foreign, ..spec };
        assert_eq!(
            RoundTrip::id(&many),
            "roundtrip/pipe/rtt/4KiB/process/block/split+producers=4+source=foreign"
        );
    }
}
