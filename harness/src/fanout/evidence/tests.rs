//! Blocks made up by hand, and what follows from them.

use super::*;
use crate::{
    fanout::told::{Counts, Fetched, Worker},
    measure::usage::{ProcessUse, Usage},
};
use ferrybench_data::{
    family::Family,
    fanout::{Delivery, Fanout, Hosts, ReceiveOffload, Reliability},
};

const S: u64 = 1_000_000_000;

/// Three hosts, and nothing to be said of the network.
const AROUND: Around = Around {
    clock_bound_ns: 0,
    hosts_distinct: 3,
    interface_dropped: None,
    injected_drops: None,
    injected_duplicates: None,
};

fn spec() -> Spec {
    Spec {
        sender_model: "tokio".into(),
        file_bytes: 1000,
        datagram_bytes: 100,
        reliability: Reliability::Repair,
        hosts: Hosts::Named,
        receive_offload: ReceiveOffload::Off,
        ..Spec::default()
    }
}

fn used(user_ns: u64, system_ns: u64, peak_anonymous_bytes: u64) -> ProcessUse {
    ProcessUse { pid: 1, used: Usage { user_ns, system_ns, ..Usage::default() }, peak_anonymous_bytes }
}

fn reached_at(receiver: u32, verified_ns: u64) -> Reached {
    Reached { receiver, verified_ns: Some(verified_ns), counts: None, outcome: OK.into() }
}

/// One file of 1000 bytes in 10 datagrams to two receivers; two were sent again to the second.
fn sent() -> Sent {
    let flow = |receiver, repeated, verified_ns| Flow {
        receivers: vec![reached_at(receiver, verified_ns)],
        transmissions: 10 + repeated,
        repeated,
        bytes: 1000 + 100 * repeated,
    };
    Sent {
        start_up_ns: 5,
        passed_barrier_ns: 10 * S,
        ended_ns: 14 * S,
        workers: vec![
            Worker { pid: 7, tid: 7, ..Worker::default() },
            Worker { pid: 7, tid: 8, ..Worker::default() },
        ],
        files: vec![SentFile {
            file: 1,
            name: "a".into(),
            bytes: 1000,
            hash: "f00".into(),
            first_ns: Some(11 * S),
            last_ns: Some(12 * S),
            flows: vec![flow(1, 0, 12 * S), flow(2, 2, 13 * S)],
            rounds: 1,
            control_datagrams: 6,
            outcome: OK.into(),
            ..SentFile::default()
        }],
        header_bytes: 36,
        interface_dropped: Some(4),
        usage: used(S, 2 * S, 100),
        processes: vec![used(S, 0, 50)],
    }
}

fn heard(receiver: u32, counts: Counts, offset_ns: i64) -> Heard {
    let at = |ns: u64| Some((ns as i64 - offset_ns) as u64);
    Heard {
        receiver,
        host: format!("h{receiver}"),
        address: format!("10.0.0.{receiver}:9"),
        told: Ok(Received {
            receiver,
            address: ([10, 0, 0, 1], 9).into(),
            receive_buffer_bytes: 1000 * u64::from(receiver),
            passed_barrier_ns: at(10 * S + u64::from(receiver) * 1_000_000),
            files: vec![ReceivedFile {
                file: 1,
                name: "a".into(),
                bytes: 1000,
                counts: Some(counts),
                datagrams: counts.received,
                received_bytes: counts.received * 100,
                sent: None,
                socket_dropped: Some(0),
                first_ns: at(11 * S),
                last_ns: at(12 * S),
                verified_ns: at(12 * S),
                source_hash: "f00".into(),
                hash: "f00".into(),
                outcome: OK.into(),
            }],
            foreign: 1,
            socket_dropped: Some(2),
            interface_dropped: Some(u64::from(receiver)),
            control_datagrams: 3,
            usage: used(0, S, 70),
        }),
        offset_ns,
    }
}

fn whole() -> Counts {
    Counts { received: 10, unique: 10, ..Counts::default() }
}

fn patched() -> Counts {
    Counts { received: 12, unique: 10, duplicate: 2, reordered: 1, reorder_extent: 4, ..Counts::default() }
}

#[test]
fn both_sides_are_joined_and_pass_the_audit() {
    let around = Around { injected_drops: Some(2), ..AROUND };
    let heard = [heard(1, whole(), 0), heard(2, patched(), 5_000_000_000)];
    let spec = Spec { loss_percent: 10, ..spec() };
    let (seen, rows, fetches) = join(&spec, &sent(), &heard, &around);
    assert_eq!(Fanout::audit(&spec, &seen), Vec::<String>::new());
    // Receivers passed the barrier 1 and 2 ms after the sender, by clocks that are 5 s apart.
    assert_eq!(seen.start_skew_s, Some(0.002));
    assert_eq!((seen.sent, seen.unique, seen.lost), (Some(22), Some(20), Some(2)));
    assert_eq!((seen.received, seen.duplicate, seen.reordered), (Some(22), Some(2), Some(1)));
    assert_eq!((seen.reorder_extent, seen.foreign, seen.repeated, seen.repair_rounds), (Some(4), 2, 2, 1));
    assert_eq!((seen.files_asked, seen.files_intact), (2, 2));
    assert_eq!((seen.send_s, seen.total_s, seen.complete_s), (1.0, 4.0, Some(2.0)));
    assert_eq!((seen.goodput_bytes_per_s, seen.delivered_per_s), (1000.0, 10.0));
    assert_eq!((seen.wire_datagrams, seen.wire_bytes), (22, 2200 + 22 * (36 + 42)));
    assert_eq!((seen.control_datagrams, seen.sent_bytes, seen.received_bytes), (12, 2200, 2200));
    assert_eq!((seen.socket_dropped, seen.injected_drops), (Some(4), Some(2)));
    assert_eq!((seen.sender_processes, seen.sender_threads), (1, 2));
    assert_eq!((seen.receive_buffer_bytes, seen.receiver_peak_rss_bytes), (1000, 70));
    assert_eq!((seen.cpu_user_s, seen.cpu_system_s, seen.sender_cpu_s), (2.0, 4.0, 4.0));
    assert_eq!(seen.sender_peak_rss_bytes, 150);
    // The second receiver's clock is 5 s behind: its times are brought to the sender's.
    assert!(rows.iter().all(|row| (row.first_s, row.last_s) == (Some(1.0), Some(2.0)) && row.outcome == OK));
    assert_eq!((rows.len(), rows[1].host.as_str(), rows[1].sent), (2, "h2", Some(12)));
    assert!(fetches.is_empty());
}

#[test]
fn a_receiver_that_counts_duplicates_as_unique_fails_the_audit() {
    let wrong = Counts { unique: 13, received: 13, ..Counts::default() };
    let (seen, ..) = join(&spec(), &sent(), &[heard(1, whole(), 0), heard(2, wrong, 0)], &AROUND);
    let reasons = Fanout::audit(&spec(), &seen);
    assert!(reasons.iter().any(|why| why.contains("23 unique and 0 lost of 22 sent")), "{reasons:?}");
}

#[test]
fn a_receiver_whose_counts_do_not_add_up_fails_the_audit() {
    let wrong = Counts { received: 15, ..patched() };
    let (seen, ..) = join(&spec(), &sent(), &[heard(1, whole(), 0), heard(2, wrong, 0)], &AROUND);
    assert!(Fanout::audit(&spec(), &seen).iter().any(|why| why.contains("of 25 received")));
}

#[test]
fn by_broadcast_each_datagram_was_sent_to_every_receiver() {
    let mut spec = spec();
    spec.delivery = Delivery::Broadcast;
    let mut sent = sent();
    let flow = Flow {
        receivers: vec![reached_at(1, 12 * S), reached_at(2, 12 * S)],
        transmissions: 10,
        repeated: 0,
        bytes: 1000,
    };
    sent.files[0].flows = vec![flow];
    let heard = [heard(1, whole(), 0), heard(2, whole(), 0)];
    let (seen, ..) = join(&spec, &sent, &heard, &AROUND);
    assert_eq!(Fanout::audit(&spec, &seen), Vec::<String>::new());
    assert_eq!((seen.sent, seen.wire_datagrams), (Some(20), 10));
}

#[test]
fn each_host_counts_what_its_interfaces_drop() {
    let mut heard = [heard(1, whole(), 0), heard(2, whole(), 0)];
    assert_eq!(dropped_by_hosts(&sent(), &heard), Some(4 + 1 + 2));
    heard[1].told = Err("its host is gone".into());
    assert_eq!(dropped_by_hosts(&sent(), &heard), None);
}

#[test]
fn a_lost_receiver_leaves_no_ledger_to_believe() {
    let mut lost = heard(2, whole(), 0);
    lost.told = Err("its host is gone".into());
    let (seen, rows, _) = join(&spec(), &sent(), &[heard(1, whole(), 0), lost], &AROUND);
    assert_eq!((seen.unique, seen.lost, seen.files_intact, seen.complete_s), (None, None, 1, None));
    assert_eq!(
        (rows[1].outcome.as_str(), rows[1].unique, rows[1].sent),
        ("its host is gone", None, Some(12))
    );
    assert!(!Fanout::audit(&spec(), &seen).is_empty());
}

#[test]
fn a_file_that_a_receiver_never_heard_of_is_lost_there() {
    let mut deaf = heard(2, whole(), 0);
    deaf.told.as_mut().unwrap().files.clear();
    let mut sent = sent();
    sent.files[0].flows[1].receivers[0].outcome = "it never answered, for 300 ms".into();
    let (seen, rows, _) = join(&spec(), &sent, &[heard(1, whole(), 0), deaf], &AROUND);
    assert_eq!((rows[1].unique, rows[1].lost, rows[1].received), (Some(0), Some(12), Some(0)));
    assert_eq!(rows[1].outcome, "it never answered, for 300 ms");
    assert_eq!((seen.sent, seen.unique, seen.lost), (Some(22), Some(10), Some(12)));
}

#[test]
fn bare_rows_have_bytes_and_no_ledger() {
    let mut spec = spec();
    (spec.framing, spec.reliability) = (Framing::Bare, Reliability::Unrepaired);
    let mut sent = sent();
    sent.header_bytes = 0;
    let mut heard = [heard(1, whole(), 0), heard(2, whole(), 0)];
    for heard in &mut heard {
        let file = &mut heard.told.as_mut().unwrap().files[0];
        (file.counts, file.verified_ns) = (None, None);
    }
    sent.files[0].rounds = 0;
    for flow in &mut sent.files[0].flows {
        flow.receivers[0].verified_ns = None;
        (flow.transmissions, flow.repeated, flow.bytes) = (10, 0, 1000);
    }
    let (seen, rows, _) = join(&spec, &sent, &heard, &AROUND);
    assert_eq!((seen.sent, seen.unique, seen.reorder_extent), (Some(20), None, None));
    assert_eq!((seen.received, seen.received_bytes, seen.complete_s), (Some(20), 2000, None));
    // 2000 bytes from the first datagram sent to the last received.
    assert_eq!((seen.goodput_bytes_per_s, seen.delivered_per_s), (2000.0, 10.0));
    assert!(rows.iter().all(|row| row.unique.is_none() && row.received == Some(10)));
    assert_eq!(Fanout::audit(&spec, &seen), Vec::<String>::new());
}

#[test]
fn files_of_each_receiver_have_one_row_and_fetches_theirs() {
    let mut spec = spec();
    spec.assignment = Assignment::Each;
    let mut sent = sent();
    sent.files[0].flows.truncate(1);
    sent.files[0].fetch = Some(Fetched {
        url: "http://h/a".into(),
        content_type: "image/png".into(),
        start_ns: 10 * S + S / 2,
        ended_ns: 11 * S,
        outcome: OK.into(),
    });
    sent.files.push(SentFile {
        file: 2,
        name: "b".into(),
        outcome: "http://h/b cannot be fetched: nobody answers there".into(),
        ..SentFile::default()
    });
    let mut second = heard(2, whole(), 0);
    second.told.as_mut().unwrap().files.clear();
    let (seen, rows, fetches) = join(&spec, &sent, &[heard(1, whole(), 0), second], &AROUND);
    assert_eq!((seen.files_asked, seen.files_intact, seen.fetch_s), (2, 1, 0.5));
    assert_eq!(rows.iter().map(|row| (row.receiver, row.file)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert!(rows[1].outcome.contains("nobody answers there"));
    assert_eq!((fetches.len(), fetches[0].start_s, fetches[0].fetch_s), (1, 0.5, 0.5));
}

#[test]
fn loss_fails_a_row_only_where_it_is_to_be_repaired() {
    let file = SentFile { file: 1, name: "a.bin".into(), outcome: OK.into(), ..SentFile::default() };
    let sent = Sent { files: vec![file.clone()], ..Sent::default() };
    let row = |sent, unique, outcome: &str| ReceiverRow {
        host: "server1".into(),
        name: "a.bin".into(),
        sent: Some(sent),
        unique: Some(unique),
        outcome: outcome.into(),
        ..ReceiverRow::default()
    };
    let forgotten = Spec { reliability: Reliability::Unrepaired, ..spec() };
    let repaired = Spec { reliability: Reliability::Repair, ..spec() };
    assert_eq!(failure(&forgotten, &sent, &[row(10, 10, OK)]), None);
    assert_eq!(failure(&forgotten, &sent, &[row(10, 9, "1 datagram is missing")]), None);
    let why = Some("server1 lacks a.bin: 1 datagram is missing".to_owned());
    assert_eq!(failure(&repaired, &sent, &[row(10, 9, "1 datagram is missing")]), why);
    let full = Some("server1 lacks a.bin: No space left on device".to_owned());
    assert_eq!(failure(&forgotten, &sent, &[row(10, 10, "No space left on device")]), full);
    let gone = SentFile { outcome: "http://h/a: 404 Not Found".into(), ..file };
    let sent = Sent { files: vec![gone], ..Sent::default() };
    assert_eq!(failure(&forgotten, &sent, &[]), Some("a.bin: http://h/a: 404 Not Found".to_owned()));
}

#[test]
fn a_datagram_larger_than_a_packet_has_headers_for_each() {
    let mut spec = spec();
    (spec.datagram_bytes, spec.mtu_bytes) = (1000, 500);
    let mut sent = sent();
    sent.files[0].flows.truncate(1);
    // 1000 bytes, our 36 and 8 of UDP in fragments of at most 480: three.
    assert_eq!(headers_bytes(&spec, &sent, &sent.files[0]), 10 * (36 + 42 + 2 * 34));
}
