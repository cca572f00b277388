//! What a fan-out trial cannot do: by its nature, by UDP, or on this machine.

use crate::{
    fanout::{
        Batching, Content, ETHERNET_MTU, Framing, Hosts, MOST_DATAGRAM_BYTES, PACKET_HEADERS_BYTES,
        Reliability, Segmented, Spec,
    },
    plan::{NamedHost, catalogue::Fanouts},
};

/// Largest packet of the loopback interface, bytes.
const LOOPBACK_MTU: u64 = 65_536;

/// Why a trial is not run, if there is a reason.
pub(super) fn skip(spec: &Spec, named: &[NamedHost], known: &Fanouts) -> Option<String> {
    nature(spec)
        .or_else(|| datagram(spec))
        .or_else(|| segmentation(spec))
        .or_else(|| too_few_hosts(spec, named))
        .or_else(|| network(spec, known))
}

fn nature(spec: &Spec) -> Option<String> {
    (spec.framing == Framing::Bare && spec.reliability == Reliability::Repair).then(|| {
        "bare datagrams cannot be told apart, so that nobody can say which of them is missing".into()
    })
}

/// What one datagram can carry. A datagram above the MTU is no limit: IP cuts it into fragments.
fn datagram(spec: &Spec) -> Option<String> {
    let most = MOST_DATAGRAM_BYTES - spec.header_bytes();
    let why =
        |what: &str| Some(format!("limit: {what} does not fit into a datagram of at most {most} bytes"));
    match (spec.payload_bytes(), spec.datagram_bytes) {
        (None, _) if spec.content == Content::BuiltIn => why("a whole picture"),
        (Some(payload), 0) if payload > most => why(&format!("a whole file of {payload} bytes")),
        (Some(payload), _) if payload > most => why(&format!("a payload of {payload} bytes")),
        _ => None,
    }
}

/// Segmentation offload cuts a buffer into packets: none of them may itself need cutting.
fn segmentation(spec: &Spec) -> Option<String> {
    if spec.batching != Batching::Gso {
        return None;
    }
    let here = match (spec.hosts, spec.segmented) {
        (_, Segmented::Never) | (Hosts::Namespaces, Segmented::Stack) | (Hosts::Named, Segmented::Device) => {
            None
        }
        (Hosts::Namespaces, Segmented::Device) => {
            Some("limit: between namespaces there is no device that cuts up a batch")
        }
        (Hosts::Loopback, Segmented::Stack | Segmented::Device) => {
            Some("limit: the loopback interface passes a batch as it is")
        }
        (Hosts::Named, Segmented::Stack) => Some("limit: the interfaces of named hosts are left as they are"),
    };
    if let Some(why) = here {
        return Some(why.into());
    }
    let mtu = if spec.hosts == Hosts::Loopback { LOOPBACK_MTU } else { spec.mtu_bytes.into() };
    let Some(payload) = spec.payload_bytes() else {
        return Some("limit: segmentation offload needs datagrams of one known size".into());
    };
    let most = mtu.saturating_sub(PACKET_HEADERS_BYTES + spec.header_bytes());
    (payload > most).then(|| {
        format!(
            "limit: with segmentation offload a datagram carries at most {most} bytes where packets are of {mtu}, \
             not {payload}"
        )
    })
}

fn too_few_hosts(spec: &Spec, named: &[NamedHost]) -> Option<String> {
    let there = (named.len() as u32).saturating_sub(1);
    (spec.hosts == Hosts::Named && spec.receivers > there).then(|| {
        format!(
            "limit: {} receivers are asked for, the plan names {} hosts and the first of them sends",
            spec.receivers,
            named.len()
        )
    })
}

/// Losses, duplicates, rates and packet sizes are made in the network, and only one that we made is ours to change.
fn network(spec: &Spec, known: &Fanouts) -> Option<String> {
    let impaired = spec.loss_percent > 0 || spec.duplicate_percent > 0;
    let limited = spec.rate_bytes_per_s > 0;
    let resized = spec.mtu_bytes != ETHERNET_MTU;
    match spec.hosts {
        Hosts::Namespaces => {
            let impairment = known.impairment_lacking.clone().filter(|_| impaired);
            impairment.or_else(|| known.rate_lacking.clone().filter(|_| limited))
        }
        Hosts::Loopback if impaired || limited || resized => Some(
            known
                .namespaces_lacking
                .clone()
                .unwrap_or_else(|| "the loopback interface is left as it is".into()),
        ),
        Hosts::Named if impaired || limited => {
            Some("limit: the network between named hosts is left as it is".into())
        }
        Hosts::Loopback | Hosts::Named => None,
    }
}
