//! Files from one host to many over UDP: what a trial is, what is seen, and its figures.

mod audit;
mod seen;
mod spec;
#[cfg(test)]
mod tests;

pub use seen::{Evidence, FetchRow, ReceiverRow};
pub use spec::{
    Assignment, Batching, Content, Delivery, ETHERNET_MTU, FetchWhere, Framing, Hosts, ReceiveOffload,
    Reliability, Segmented, Spec,
};

use crate::{
    family::{Better, Family, Metric},
    units::Size,
};
use std::fmt::{self, Write};

/// The family of files that one host sends to others over UDP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fanout {}

/// The outcome of a file that is beyond doubt.
pub const OK: &str = "ok";

/// Bytes of Ethernet, IPv4 and UDP headers around one datagram.
pub const HEADERS_BYTES: u64 = 14 + 20 + 8;
/// Bytes of our own header in each data datagram of the `ledger` framing; `bare` has none.
pub const LEDGER_HEADER_BYTES: u32 = 36;
/// Bytes of IPv4 and UDP headers, which an MTU counts.
pub const PACKET_HEADERS_BYTES: u64 = 20 + 8;
/// Most bytes that one UDP datagram carries over IPv4: 65 535 less those headers.
pub const MOST_DATAGRAM_BYTES: u64 = 65_535 - PACKET_HEADERS_BYTES;
/// Most datagrams of one batch of ours: what older kernels cut one buffer into at most.
pub const BATCH_DATAGRAMS: u64 = 64;
/// Most datagrams that the kernel cuts one buffer into (`UDP_MAX_SEGMENTS`).
pub const MOST_SEGMENTS: u64 = 128;

impl Family for Fanout {
    const NAME: &'static str = "fanout";
    type Spec = Spec;
    type Evidence = Evidence;

    fn id(spec: &Spec) -> String {
        let Spec { sender_model, pool_size, delivery, assignment, receivers, files, .. } = spec;
        let Spec { framing, batching, reliability, fetch_where, segmented, .. } = spec;
        let sized = |bytes: u64, zero: &str| match bytes {
            0 => zero.to_owned(),
            bytes => Size(bytes).to_string(),
        };
        let as_they_are = match spec.content {
            Content::BuiltIn => "pictures",
            Content::Own => "own",
        };
        let mut id = format!(
            "{}/{sender_model}/{pool_size}/{delivery}/{assignment}/{receivers}/{files}/{}/{}/{framing}/{batching}/\
             {reliability}/{fetch_where}/{}ms/{segmented}",
            Self::NAME,
            sized(spec.file_bytes, as_they_are),
            sized(spec.datagram_bytes.into(), "whole-file"),
            spec.think_ms,
        );
        let mut add = |name: &str, is_default: bool, value: &dyn fmt::Display| {
            if !is_default {
                write!(id, "+{name}={value}").expect("writing to memory cannot fail");
            }
        };
        add("hosts", spec.hosts == Hosts::default(), &spec.hosts);
        add("receive-offload", spec.receive_offload == ReceiveOffload::default(), &spec.receive_offload);
        add("pace", spec.pace_bytes_per_s == 0, &spec.pace_bytes_per_s);
        add("mtu", spec.mtu_bytes == ETHERNET_MTU, &spec.mtu_bytes);
        add("rate", spec.rate_bytes_per_s == 0, &spec.rate_bytes_per_s);
        add("loss", spec.loss_percent == 0, &spec.loss_percent);
        add("duplicate", spec.duplicate_percent == 0, &spec.duplicate_percent);
        add("content", spec.content == Content::default() || spec.file_bytes == 0, &spec.content);
        id
    }

    fn audit(spec: &Spec, seen: &Evidence) -> Vec<String> {
        audit::reasons(spec, seen)
    }

    fn metrics() -> &'static [Metric<Self>] {
        METRICS
    }
}

/// Name of the metric that ranks trials.
pub const GOODPUT: &str = "goodput_bytes_per_s";
/// Name of the rate of datagrams that arrived.
pub const DELIVERED: &str = "delivered_per_s";
/// Name of a program's whole time.
pub const TOTAL: &str = "total_s";
/// Name of the time until every receiver has verified every file.
pub const COMPLETE: &str = "complete_s";
/// Name of the share of transmissions that never arrived.
pub const LOSS: &str = "loss_share";
/// Name of the bytes that left the sender.
pub const WIRE: &str = "wire_bytes";

const METRICS: &[Metric<Fanout>] = &[
    Metric { name: GOODPUT, better: Better::Higher, value: |_, seen| Some(seen.goodput_bytes_per_s) },
    Metric { name: DELIVERED, better: Better::Higher, value: |_, seen| Some(seen.delivered_per_s) },
    Metric { name: TOTAL, better: Better::Lower, value: |_, seen| Some(seen.total_s) },
    Metric { name: "start_up_s", better: Better::Lower, value: |_, seen| Some(seen.start_up_s) },
    Metric { name: "fetch_s", better: Better::Lower, value: |_, seen| Some(seen.fetch_s) },
    Metric { name: "send_s", better: Better::Lower, value: |_, seen| Some(seen.send_s) },
    Metric { name: COMPLETE, better: Better::Lower, value: |_, seen| seen.complete_s },
    Metric {
        name: LOSS,
        better: Better::Lower,
        value: |_, seen| Some(seen.lost? as f64 / (seen.sent? as f64).max(1.0)),
    },
    Metric { name: WIRE, better: Better::Lower, value: |_, seen| Some(seen.wire_bytes as f64) },
];
