//! A file server under pool sizes: what a trial is, what is seen, and its figures.

mod audit;
mod seen;
mod spec;

pub use seen::{Evidence, TransferRow, Verified};
pub use spec::{Accept, Operation, Pages, ReadBytes, Received, Spec, Storage};

use crate::{
    family::{Better, Family, Metric, Source},
    units::Size,
};
use std::fmt::{self, Write};

/// The family of files that a stress client moves to and from a file server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FileServer {}

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
            protocol: "course".into(),
            client_pool: 5,
            server_model: "process-pool".into(),
            server_pool: 50,
            accept: Accept::Handoff,
            ..Spec::default()
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
