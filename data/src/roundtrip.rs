//! Round trips and one-way streams between two workers: what a trial is, what is seen, and its figures.

mod audit;
mod seen;
mod spec;

pub use crate::family::Source;
pub use seen::Evidence;
pub use spec::{Pattern, Peers, Placement, Spec, Wait};

use crate::{
    family::{Better, Family, Metric},
    units::Size,
};
use std::fmt::Write;

/// The family of round trips and one-way streams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RoundTrip {}

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
