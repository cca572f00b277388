//! Blocks that are made up: what is joined must add up, and pass the audit where nothing is wrong with it.

use super::*;
use crate::{
    fanout::told::{Counts, Flow, Reached, Worker},
    measure::usage::ProcessUse,
};
use ferrybench_data::{
    family::Family,
    fanout::{
        Batching, Content, Delivery, ETHERNET_MTU, Fanout, FetchWhere, Hosts, LEDGER_HEADER_BYTES,
        ReceiveOffload, Segmented,
    },
};

const MS: u64 = 1_000_000;
const START: u64 = 1_000 * MS;
/// The receivers' clock is that far ahead of the sender's.
const AHEAD: i64 = 5_000 * MS as i64;

fn spec(framing: Framing, delivery: Delivery, reliability: Reliability) -> Spec {
    Spec {
        sender_model: "thread-per-file".into(),
        pool_size: 0,
        delivery,
        assignment: Assignment::All,
        receivers: 2,
        files: 2,
        file_bytes: 14_000,
        datagram_bytes: 1400,
        framing,
        batching: Batching::One,
        reliability,
        fetch_where: FetchWhere::Local,
        think_ms: 0,
        segmented: Segmented::Never,
        hosts: Hosts::Namespaces,
        receive_offload: ReceiveOffload::Gro,
        pace_bytes_per_s: 0,
        mtu_bytes: ETHERNET_MTU,
        rate_bytes_per_s: 0,
        loss_percent: 0,
        duplicate_percent: 0,
        content: Content::BuiltIn,
    }
}

/// Ten datagrams of each file on each flow; by unicast a flow for each receiver, else one for both.
fn sent(spec: &Spec) -> Sent {
    let flow = |receivers: &[u32]| Flow {
        receivers: receivers
            .iter()
            .map(|&receiver| Reached { receiver, outcome: OK.into(), ..Reached::default() })
            .collect(),
        transmissions: 10,
        repeated: 0,
        bytes: 14_000,
    };
    let file = |number: u32| SentFile {
        file: number,
        name: format!("file-{number}"),
        bytes: 14_000,
        hash: format!("hash-{number}"),
        begun_ns: START,
        ended_ns: START + 9 * MS,
        first_ns: Some(START + u64::from(number) * MS),
        last_ns: Some(START + 7 * MS),
        flows: if spec.delivery == Delivery::Unicast {
            vec![flow(&[1]), flow(&[2])]
        } else {
            vec![flow(&[1, 2])]
        },
        outcome: OK.into(),
        ..SentFile::default()
    };
    let worker = |tid: u32| Worker { pid: 7, tid, ..Worker::default() };
    Sent {
        start_up_ns: 2 * MS,
        passed_barrier_ns: START,
        ended_ns: START + 10 * MS,
        workers: vec![worker(8), worker(9)],
        files: vec![file(1), file(2)],
        header_bytes: if spec.framing == Framing::Ledger { LEDGER_HEADER_BYTES as u32 } else { 0 },
        usage: ProcessUse { peak_anonymous_bytes: 1 << 20, ..ProcessUse::default() },
        ..Sent::default()
    }
}

/// What a receiver saw: everything, but for the first so many datagrams of its second file.
fn received(spec: &Spec, receiver: u32, missing: u64) -> Received {
    let on_its_clock = |ms: u64| Some((START + ms * MS).saturating_add_signed(AHEAD));
    let file = |number: u32, missing: u64| ReceivedFile {
        file: number,
        name: format!("file-{number}"),
        bytes: 14_000,
        counts: (spec.framing == Framing::Ledger).then_some(Counts {
            received: 10 - missing,
            unique: 10 - missing,
            ..Counts::default()
        }),
        datagrams: 10 - missing,
        received_bytes: 1400 * (10 - missing),
        sent: Some(10),
        socket_dropped: Some(missing),
        first_ns: on_its_clock(2),
        last_ns: on_its_clock(8),
        verified_ns: (missing == 0).then_some(on_its_clock(9)).flatten(),
        source_hash: format!("hash-{number}"),
        hash: if missing == 0 { format!("hash-{number}") } else { String::new() },
        outcome: if missing == 0 { OK.into() } else { format!("{missing} datagrams are missing") },
    };
    Received {
        receiver,
        address: format!("10.77.0.{}:5000", receiver + 1).parse().expect("an address"),
        receive_buffer_bytes: 1 << 20,
        files: vec![file(1, 0), file(2, missing)],
        foreign: 0,
        socket_dropped: Some(missing),
        control_datagrams: 3,
        usage: ProcessUse { peak_anonymous_bytes: u64::from(receiver) << 20, ..ProcessUse::default() },
    }
}

fn joined(spec: &Spec, sent: &Sent, missing: u64) -> Block {
    let places =
        [1, 2].map(|number| Place { host: format!("server{number}"), ahead_ns: AHEAD, bound_ns: 20_000 });
    let around = Around { barrier_ns: START, hosts_distinct: 3, ..Around::default() };
    join(spec, sent, &[received(spec, 1, 0), received(spec, 2, missing)], &places, &around)
}

#[test]
fn whatever_arrived_whole_adds_up_and_passes_its_audit() {
    for delivery in Delivery::ALL {
        for framing in Framing::ALL {
            let spec = spec(*framing, *delivery, Reliability::Unrepaired);
            let block = joined(&spec, &sent(&spec), 0);
            assert_eq!(block.failure, None);
            let seen = &block.evidence;
            assert_eq!(Fanout::audit(&spec, seen), [""; 0], "{delivery} {framing}: {seen:?}");
            assert_eq!((seen.files_intact, seen.files_asked), (4, 4));
            assert_eq!((seen.sent, seen.received), (Some(40), Some(40)));
            let wire = if *delivery == Delivery::Unicast { 40 } else { 20 };
            assert_eq!(seen.wire_datagrams, wire);
            // First byte sent at 1 ms, the last file verified at 9 ms.
            assert_eq!(seen.complete_s, Some(0.008));
            assert!((seen.goodput_bytes_per_s - 4.0 * 14_000.0 / 0.008).abs() < 1.0);
            assert_eq!((seen.total_s, seen.send_s, seen.start_up_s), (0.010, 0.006, 0.002));
            assert_eq!((seen.sender_processes, seen.sender_threads), (1, 2));
            assert_eq!(seen.receiver_peak_rss_bytes, 2 << 20);
        }
    }
}

#[test]
fn times_of_receivers_are_on_the_sender_s_clock() {
    let spec = spec(Framing::Ledger, Delivery::Unicast, Reliability::Unrepaired);
    let row = &joined(&spec, &sent(&spec), 0).receivers[0];
    assert_eq!((row.first_s, row.last_s, row.verified_s), (Some(0.002), Some(0.008), Some(0.009)));
    assert_eq!((row.host.as_str(), row.file, row.receiver), ("server1", 1, 1));
}

#[test]
fn loss_is_counted_and_is_no_failure_where_nothing_is_repaired() {
    let lossy = spec(Framing::Ledger, Delivery::Multicast, Reliability::Unrepaired);
    let block = joined(&lossy, &sent(&lossy), 3);
    let seen = &block.evidence;
    assert_eq!((seen.unique, seen.lost, seen.socket_dropped), (Some(37), Some(3), Some(3)));
    assert_eq!((seen.files_intact, seen.complete_s, block.failure), (3, None, None));
    let repaired = Spec { reliability: Reliability::Repair, ..lossy };
    let block = joined(&repaired, &sent(&repaired), 3);
    assert_eq!(block.failure.as_deref(), Some("server2 lacks file-2: 3 datagrams are missing"));
}

#[test]
fn a_receiver_that_says_ok_of_other_content_is_not_believed() {
    let spec = spec(Framing::Ledger, Delivery::Unicast, Reliability::Unrepaired);
    let mut sent = sent(&spec);
    sent.files[0].hash = "another".into();
    let block = joined(&spec, &sent, 0);
    assert_eq!(block.evidence.files_intact, 2);
    assert!(block.failure.is_some_and(|why| why.contains("is not the source's")));
}

#[test]
fn a_file_that_could_not_be_fetched_fails_the_row_by_its_own_sentence() {
    let spec = spec(Framing::Ledger, Delivery::Unicast, Reliability::Unrepaired);
    let mut sent = sent(&spec);
    sent.files[1].outcome = "http://h/x: 404 Not Found".into();
    assert_eq!(joined(&spec, &sent, 0).failure.as_deref(), Some("file-2: http://h/x: 404 Not Found"));
}

#[test]
fn what_is_larger_than_the_mtu_goes_in_pieces() {
    let spec = spec(Framing::Bare, Delivery::Unicast, Reliability::Unrepaired);
    assert_eq!(packets(&spec, 2, 2 * 1472, 0), 2);
    assert_eq!(packets(&spec, 1, 1473, 0), 2);
    // 54 272 bytes and a UDP header in pieces of 1480.
    assert_eq!(packets(&spec, 1, 54_272, 0), 37);
}
