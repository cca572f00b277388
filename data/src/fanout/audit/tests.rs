use super::*;
use crate::fanout::{Batching, Content, Hosts, LEDGER_HEADER_BYTES, Segmented};
use proptest::prelude::*;

/// Bytes of our own header.
const OURS: u64 = LEDGER_HEADER_BYTES as u64;

/// Two files of 2900 bytes to two receivers: three datagrams each.
fn spec() -> Spec {
    Spec { sender_model: "thread-pool".into(), pool_size: 4, files: 2, file_bytes: 2900, ..Spec::default() }
}

/// Twelve datagrams; one is lost, and with it one file.
fn sound() -> Evidence {
    Evidence {
        send_s: 0.5,
        total_s: 1.0,
        goodput_bytes_per_s: 8700.0,
        delivered_per_s: 11.0,
        sent: Some(12),
        unique: Some(11),
        lost: Some(1),
        duplicate: Some(0),
        reordered: Some(2),
        reorder_extent: Some(1),
        corrupt: Some(0),
        late: Some(0),
        received: Some(11),
        wire_datagrams: 12,
        wire_bytes: 11_600 + 12 * (OURS + HEADERS_BYTES),
        sent_bytes: 11_600,
        received_bytes: 10_200,
        socket_dropped: Some(1),
        files_asked: 4,
        files_intact: 3,
        hosts_distinct: 3,
        sender_processes: 1,
        sender_threads: 2,
        clock_bound_s: 0.000_05,
        receive_buffer_bytes: 1 << 22,
        ..Evidence::default()
    }
}

/// Nothing was lost.
fn whole() -> Evidence {
    Evidence {
        unique: Some(12),
        received: Some(12),
        lost: Some(0),
        received_bytes: 11_600,
        files_intact: 4,
        complete_s: Some(0.6),
        ..sound()
    }
}

type Defect = (&'static str, fn(&mut Spec, &mut Evidence));

fn each_alone(from: fn() -> Evidence, defects: &[Defect]) {
    for (reason, break_it) in defects {
        let (mut spec, mut seen) = (spec(), from());
        break_it(&mut spec, &mut seen);
        assert_eq!(reasons(&spec, &seen), [*reason]);
    }
}

#[test]
fn sound_evidence_passes() {
    assert_eq!(reasons(&spec(), &sound()), [""; 0]);
    assert_eq!(reasons(&spec(), &whole()), [""; 0]);
}

#[test]
fn bare_datagrams_need_not_tell() {
    let spec = Spec { framing: Framing::Bare, ..spec() };
    let bare = |seen: Evidence| Evidence {
        unique: None,
        lost: None,
        duplicate: None,
        reordered: None,
        reorder_extent: None,
        corrupt: None,
        late: None,
        wire_bytes: 11_600 + 12 * HEADERS_BYTES,
        ..seen
    };
    assert_eq!(reasons(&spec, &bare(sound())), [""; 0]);
    let told = Evidence { lost: Some(1), ..bare(sound()) };
    assert_eq!(reasons(&spec, &told), ["bare datagrams cannot be told apart, and lost is told"]);
    let more = Evidence { received: Some(13), ..bare(sound()) };
    assert_eq!(reasons(&spec, &more), ["13 datagrams arrived, and 12 were sent"]);
}

#[test]
fn each_defect_of_the_ledger_is_named_alone() {
    each_alone(
        sound,
        &[
            ("total_s is NaN", |_, seen| seen.total_s = f64::NAN),
            ("send_s is -1", |_, seen| seen.send_s = -1.0),
            ("the ledger is not told", |_, seen| seen.lost = None),
            ("what was received is not told", |_, seen| seen.corrupt = None),
            ("the ledger does not add up: 11 unique and 2 lost of 12 sent", |_, seen| seen.lost = Some(2)),
            ("the ledger does not add up: 11 unique, 0 duplicate and 0 corrupt of 12 received", |_, seen| {
                seen.received = Some(12);
            }),
            ("12 datagrams came out of order, and 11 came", |_, seen| seen.reordered = Some(12)),
            ("2 datagrams came out of order, by up to 0 places", |_, seen| seen.reorder_extent = None),
            ("12 datagrams came late, and 11 came", |_, seen| seen.late = Some(12)),
            ("nothing was sent", |_, seen| {
                *seen = Evidence {
                    sent: Some(0),
                    unique: Some(0),
                    lost: Some(0),
                    received: Some(0),
                    reordered: Some(0),
                    reorder_extent: Some(0),
                    wire_datagrams: 0,
                    wire_bytes: 0,
                    sent_bytes: 0,
                    received_bytes: 0,
                    files_intact: 0,
                    ..sound()
                }
            }),
        ],
    );
}

#[test]
fn empty_files_of_one_s_own_take_no_datagram() {
    let own = Spec { content: Content::Own, file_bytes: 0, ..spec() };
    let seen = Evidence {
        sent: Some(0),
        unique: Some(0),
        lost: Some(0),
        received: Some(0),
        reordered: Some(0),
        reorder_extent: Some(0),
        wire_datagrams: 0,
        wire_bytes: 0,
        sent_bytes: 0,
        received_bytes: 0,
        ..whole()
    };
    assert_eq!(reasons(&own, &seen), [""; 0]);
    assert_eq!(reasons(&Spec { content: Content::BuiltIn, ..own }, &seen), ["nothing was sent"]);
}

#[test]
fn each_defect_of_what_was_sent_is_named_alone() {
    each_alone(
        sound,
        &[
            ("the files make up 12 datagrams, 13 were sent", |_, seen| {
                (seen.wire_datagrams, seen.sent, seen.lost) = (13, Some(13), Some(2));
                seen.wire_bytes += OURS + HEADERS_BYTES;
            }),
            ("11600 bytes were to be sent, the sender counted 11000", |_, seen| {
                (seen.sent_bytes, seen.wire_bytes) = (11_000, seen.wire_bytes - 600);
            }),
            ("12 datagrams left the sender, and the ledger has 24", |_, seen| {
                (seen.sent, seen.lost) = (Some(24), Some(13));
            }),
            (
                "12 datagrams with 11600 bytes of content are 12536 to 12536 bytes on the wire, not 12104",
                |_, seen| seen.wire_bytes -= 12 * OURS,
            ),
            ("4 files were to arrive, 2 were asked for", |_, seen| seen.files_asked = 2),
            ("5 of 4 files are intact", |_, seen| seen.files_intact = 5),
            ("3 files of 2900 bytes are said to be intact, and 5800 bytes arrived", |_, seen| {
                seen.received_bytes = 5_800;
            }),
            ("the intact files take 9 datagrams, and 8 arrived", |_, seen| {
                (seen.unique, seen.lost, seen.received) = (Some(8), Some(4), Some(8));
            }),
            ("3 of 4 files are intact, and yet it is said when all of them were", |_, seen| {
                seen.complete_s = Some(0.6);
            }),
            ("2 datagrams were sent again in 1 rounds, although nothing is to be sent again", |_, seen| {
                (seen.repeated, seen.repair_rounds) = (2, 1);
            }),
            ("12000 bytes arrived, and 11600 were sent", |_, seen| seen.received_bytes = 12_000),
            ("11600 bytes left within 0.5 s, although the pace is 1000 bytes a second", |spec, _| {
                spec.pace_bytes_per_s = 1000;
            }),
        ],
    );
}

#[test]
fn repair_leaves_nothing_missing() {
    each_alone(
        whole,
        &[
            ("3 of 4 files are intact, although what is missing is sent again", |spec, seen| {
                spec.reliability = Reliability::Repair;
                (seen.files_intact, seen.complete_s) = (3, None);
            }),
            ("every file is intact, and it is not told when they were", |spec, seen| {
                spec.reliability = Reliability::Repair;
                seen.complete_s = None;
            }),
            ("13 datagrams were sent again, and 12 were sent", |spec, seen| {
                spec.reliability = Reliability::Repair;
                seen.repeated = 13;
            }),
        ],
    );
    // Three datagrams were sent again: each transmission has its line in the ledger.
    let spec = Spec { reliability: Reliability::Repair, ..spec() };
    let seen = Evidence {
        sent: Some(15),
        lost: Some(3),
        repeated: 3,
        repair_rounds: 1,
        wire_datagrams: 15,
        sent_bytes: 11_600 + 3 * 1400,
        wire_bytes: 11_600 + 3 * 1400 + 15 * (OURS + HEADERS_BYTES),
        ..whole()
    };
    assert_eq!(reasons(&spec, &seen), [""; 0]);
}

#[test]
fn each_defect_of_the_program_is_named_alone() {
    each_alone(
        sound,
        &[
            ("the times do not fit: 0 s in all, 0 s of sending", |_, seen| {
                (seen.total_s, seen.send_s) = (0.0, 0.0);
            }),
            ("the times do not fit: 1 s in all, 2 s of sending", |_, seen| seen.send_s = 2.0),
            ("nothing is to be fetched, and that took 0.1 s", |_, seen| seen.fetch_s = 0.1),
            ("the files were to be fetched, and that took no time", |spec, _| {
                spec.fetch_where = FetchWhere::InWorker;
            }),
            ("the times do not fit: 1 s in all, 2 s of fetching", |spec, seen| {
                (spec.fetch_where, seen.fetch_s) = (FetchWhere::ParentSerial, 2.0);
            }),
            ("the program pauses for 2 s, and ended after 1 s", |spec, _| spec.think_ms = 2000),
            ("the program pauses for 4 s, and ended after 3.9 s", |spec, seen| {
                *spec = Spec {
                    sender_model: "single-thread".into(),
                    fetch_where: FetchWhere::InWorker,
                    think_ms: 2000,
                    ..spec.clone()
                };
                (seen.sender_threads, seen.total_s, seen.fetch_s) = (1, 3.9, 0.1);
            }),
        ],
    );
}

#[test]
fn workers_are_what_their_model_claims() {
    let refused = |model: &str, pool_size, processes, threads| {
        let spec = Spec { sender_model: model.into(), pool_size, ..spec() };
        let seen = Evidence { sender_processes: processes, sender_threads: threads, ..sound() };
        reasons(&spec, &seen)
    };
    for (model, pool_size, processes, threads) in [
        ("single-thread", 0, 1, 1),
        ("thread-per-file", 0, 1, 2),
        ("process-per-file", 0, 2, 2),
        ("thread-pool", 4, 1, 1),
        ("thread-pool", 4, 1, 2),
        ("process-pool", 15, 1, 1),
        ("process-pool", 15, 2, 2),
        ("tokio", 4, 1, 3),
    ] {
        assert_eq!(refused(model, pool_size, processes, threads), [""; 0], "{model}");
    }
    for (model, pool_size, processes, threads, claim) in [
        ("single-thread", 0, 1, 2, "one thread"),
        ("thread-per-file", 0, 1, 1, "2 threads of one process"),
        ("thread-per-file", 0, 2, 2, "2 threads of one process"),
        ("process-per-file", 0, 1, 2, "2 processes"),
        ("thread-pool", 4, 1, 3, "1 to 2 threads of one process"),
        ("thread-pool", 4, 2, 2, "1 to 2 threads of one process"),
        ("process-pool", 15, 3, 3, "1 to 2 processes"),
        ("process-pool", 15, 0, 0, "1 to 2 processes"),
        ("tokio", 4, 2, 2, "one process"),
    ] {
        let why =
            format!("{model} claims {claim}, and its workers are {threads} threads of {processes} processes");
        assert_eq!(refused(model, pool_size, processes, threads), [why]);
    }
}

/// Known defect: a pool that falls back to one worker. Pauses that overlap give it away.
#[test]
fn one_worker_cannot_have_paused_for_two_files_at_once() {
    let spec = Spec {
        sender_model: "process-pool".into(),
        pool_size: 15,
        fetch_where: FetchWhere::InWorker,
        think_ms: 2000,
        ..spec()
    };
    let seen = |processes| Evidence { sender_processes: processes, total_s: 2.1, fetch_s: 0.1, ..sound() };
    assert_eq!(reasons(&spec, &seen(2)), [""; 0]);
    assert_eq!(
        reasons(&spec, &seen(1)),
        ["process-pool claims 2 to 2 processes, and its workers are 2 threads of 1 processes"]
    );
}

#[test]
fn hosts_and_clocks_are_what_the_trial_says() {
    each_alone(
        sound,
        &[
            ("1 hosts took part, 3 were asked for", |_, seen| seen.hosts_distinct = 1),
            ("3 hosts took part, 1 were asked for", |spec, _| spec.hosts = Hosts::Loopback),
            ("no host proved where it is", |spec, seen| {
                (spec.hosts, seen.hosts_distinct) = (Hosts::Named, 0);
            }),
            ("the clocks of two hosts may be 0.1 s apart, at most 0.05 s", |_, seen| {
                seen.clock_bound_s = 0.1;
            }),
            ("the clocks of two hosts may be 2 s apart, at most 1 s", |spec, seen| {
                (spec.hosts, seen.clock_bound_s) = (Hosts::Named, 2.0);
            }),
        ],
    );
}

/// A thousand datagrams to each of two receivers, by broadcast: the network hits some of them.
fn impaired(loss_percent: u32, duplicate_percent: u32) -> (Spec, Evidence) {
    let spec = Spec {
        delivery: Delivery::Broadcast,
        files: 1,
        file_bytes: 1_400_000,
        loss_percent,
        duplicate_percent,
        ..spec()
    };
    let (lost, duplicate) = (u64::from(loss_percent) * 20, u64::from(duplicate_percent) * 20);
    let seen = Evidence {
        sender_threads: 1,
        sent: Some(2000),
        unique: Some(2000 - lost),
        lost: Some(lost),
        duplicate: Some(duplicate),
        received: Some(2000 - lost + duplicate),
        wire_datagrams: 1000,
        wire_bytes: 1_400_000 + 1000 * (OURS + HEADERS_BYTES),
        sent_bytes: 2_800_000,
        received_bytes: (2000 - lost + duplicate) * 1400,
        injected_drops: (loss_percent > 0).then_some(lost),
        injected_duplicates: (duplicate_percent > 0).then_some(duplicate),
        files_asked: 2,
        files_intact: if lost > 0 { 0 } else { 2 },
        ..sound()
    };
    (spec, seen)
}

#[test]
fn what_the_network_was_told_to_do_is_seen() {
    let broken = |loss, duplicate, break_it: fn(&mut Evidence)| {
        let (spec, mut seen) = impaired(loss, duplicate);
        break_it(&mut seen);
        reasons(&spec, &seen)
    };
    for (loss, duplicate) in [(0, 0), (10, 0), (0, 10), (10, 10)] {
        assert_eq!(broken(loss, duplicate, |_| ()), [""; 0]);
    }
    assert_eq!(
        broken(10, 0, |seen| seen.injected_drops = None),
        ["the network was to lose 10 %, and does not tell what it dropped"]
    );
    assert_eq!(
        broken(10, 0, |seen| seen.injected_drops = Some(0)),
        ["the network was to lose 10 % of the datagrams, and dropped none"]
    );
    assert_eq!(
        broken(10, 0, |seen| {
            (seen.unique, seen.lost, seen.received) = (Some(2000), Some(0), Some(2000));
            seen.received_bytes = 2_800_000;
        }),
        ["the network dropped 200 packets, and the ledger has none that is lost"]
    );
    assert_eq!(
        broken(0, 0, |seen| seen.injected_drops = Some(7)),
        ["the network dropped 7 packets at random, and was not told to"]
    );
    assert_eq!(
        broken(0, 10, |seen| seen.injected_duplicates = None),
        ["the network was to deliver 10 % twice, and does not tell what it did"]
    );
    assert_eq!(
        broken(0, 10, |seen| seen.injected_duplicates = Some(0)),
        ["the network was to deliver 10 % of the datagrams twice, and delivered none"]
    );
    assert_eq!(
        broken(0, 10, |seen| (seen.duplicate, seen.received) = (Some(0), Some(2000))),
        ["the network delivered 200 packets twice, and the ledger has no duplicate"]
    );
    assert_eq!(
        broken(0, 0, |seen| seen.injected_duplicates = Some(7)),
        ["the network delivered 7 packets twice at random, and was not told to"]
    );
    assert_eq!(
        broken(0, 0, |seen| (seen.duplicate, seen.received) = (Some(1), Some(2001))),
        ["1 datagrams arrived twice, over a network that delivers none twice"]
    );
    assert_eq!(
        broken(0, 0, |seen| (seen.sent, seen.lost) = (Some(2001), Some(1))),
        ["1000 datagrams left for 2 receivers, which is not 2001"]
    );
}

#[test]
fn ledger_and_firewall_agree_to_the_datagram() {
    fn more(seen: &mut Evidence) {
        seen.injected_drops = seen.injected_drops.map(|drops| drops + 1);
    }
    let told = |loss, duplicate, change: fn(&mut Spec, &mut Evidence)| {
        let (mut spec, mut seen) = impaired(loss, duplicate);
        seen.injected_drops.get_or_insert(0);
        seen.injected_duplicates.get_or_insert(0);
        (seen.socket_dropped, seen.interface_dropped) = (Some(0), Some(0));
        change(&mut spec, &mut seen);
        reasons(&spec, &seen)
    };
    for (loss, duplicate) in [(0, 0), (10, 0), (0, 10), (10, 10)] {
        assert_eq!(told(loss, duplicate, |_, _| ()), [""; 0]);
    }
    assert_eq!(
        told(10, 10, |_, seen| more(seen)),
        ["the network dropped 201 of 2000 datagrams and copied 200, and the ledger has 2000 that arrived"]
    );
    // Somebody else may have taken it; and a packet of a batch is several datagrams.
    let excused: [fn(&mut Spec, &mut Evidence); 4] = [
        |_, seen| seen.socket_dropped = Some(1),
        |_, seen| seen.interface_dropped = Some(1),
        |_, seen| seen.foreign = 1,
        |spec, _| spec.batching = Batching::Gso,
    ];
    for excuse in excused {
        let (mut spec, mut seen) = impaired(10, 10);
        (seen.socket_dropped, seen.interface_dropped) = (Some(0), Some(0));
        more(&mut seen);
        assert!(network::counted(&spec, &seen).is_some());
        excuse(&mut spec, &mut seen);
        assert_eq!(network::counted(&spec, &seen), None);
    }
}

#[test]
fn few_datagrams_may_all_escape() {
    let few = Spec { loss_percent: 10, ..spec() };
    let seen = Evidence { injected_drops: Some(0), ..whole() };
    assert_eq!(reasons(&few, &seen), [""; 0]);
}

#[test]
fn large_datagrams_and_batches_have_other_headers() {
    let of = |spec: &Spec| (network::packets_least(spec, 1000), network::packets_of_a_datagram(spec));
    assert_eq!(of(&spec()), (1000, 1));
    assert_eq!(
        of(&Spec { datagram_bytes: 8192, ..spec() }),
        (1000, 6),
        "8236 bytes of IP, 1480 in a fragment"
    );
    let gso = Spec { batching: Batching::Gso, ..spec() };
    assert_eq!(of(&gso), (8, 1), "at most 128 of a batch are one packet");
    assert_eq!(of(&Spec { segmented: Segmented::Stack, ..gso }), (1000, 1));
    let fragmented = Spec { datagram_bytes: 2900, ..spec() };
    let seen = Evidence {
        sent: Some(4),
        unique: Some(4),
        lost: Some(0),
        received: Some(4),
        wire_datagrams: 4,
        wire_bytes: 11_600 + 4 * (OURS + 2 * HEADERS_BYTES),
        ..whole()
    };
    assert_eq!(reasons(&fragmented, &seen), [""; 0]);
}

/// How often one datagram reaches one receiver.
fn arrivals() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(0_u64..3, 12)
}

/// The evidence of a network that delivers each of the twelve datagrams so often.
fn delivered(arrivals: &[u64]) -> Evidence {
    // Datagrams of one file at one receiver lie side by side; the last of three is the short one.
    let bytes = |place: usize| if place % 3 == 2 { 100 } else { 1400 };
    let count = |is: fn(u64) -> bool| arrivals.iter().filter(|times| is(**times)).count() as u64;
    let received = arrivals.iter().sum();
    let intact = arrivals.chunks(3).filter(|file| file.iter().all(|times| *times > 0)).count() as u32;
    Evidence {
        unique: Some(count(|times| times > 0)),
        lost: Some(count(|times| times == 0)),
        duplicate: Some(received - count(|times| times > 0)),
        reordered: Some(0),
        reorder_extent: None,
        received: Some(received),
        received_bytes: arrivals.iter().enumerate().map(|(place, times)| times * bytes(place)).sum(),
        injected_duplicates: Some(count(|times| times > 1)),
        files_intact: intact,
        complete_s: (intact == 4).then_some(0.6),
        ..sound()
    }
}

proptest! {
    #[test]
    fn whatever_a_network_does_an_honest_ledger_passes(arrivals in arrivals()) {
        let spec = Spec { duplicate_percent: 50, ..spec() };
        prop_assert_eq!(reasons(&spec, &delivered(&arrivals)), [""; 0]);
    }

    #[test]
    fn one_count_changed_is_seen(arrivals in arrivals(), which in 0_usize..7, by in 1_u64..1000) {
        let spec = Spec { duplicate_percent: 50, ..spec() };
        let mut seen = delivered(&arrivals);
        match which {
            0 => seen.sent = seen.sent.map(|count| count + by),
            1 => seen.unique = seen.unique.map(|count| count + by),
            2 => seen.lost = seen.lost.map(|count| count + by),
            3 => seen.duplicate = seen.duplicate.map(|count| count + by),
            4 => seen.received = seen.received.map(|count| count + by),
            5 => seen.corrupt = seen.corrupt.map(|count| count + by),
            _ => seen.wire_datagrams += by,
        }
        prop_assert!(!reasons(&spec, &seen).is_empty());
    }

    #[test]
    fn no_evidence_makes_the_audit_panic(counts in proptest::collection::vec(any::<u64>(), 8), which in 0_usize..3) {
        let spec = match which {
            0 => spec(),
            1 => Spec { delivery: Delivery::Broadcast, reliability: Reliability::Repair, file_bytes: 0, ..spec() },
            _ => Spec { framing: Framing::Bare, datagram_bytes: 0, batching: Batching::Gso, ..spec() },
        };
        let told = |place: usize| Some(counts[place]);
        let seen = Evidence {
            sent: told(0), unique: told(1), lost: told(2), duplicate: told(3), corrupt: told(4), received: told(5),
            wire_datagrams: counts[6], sent_bytes: counts[7], received_bytes: counts[0], wire_bytes: counts[1],
            late: told(2), ..sound()
        };
        reasons(&spec, &seen);
    }
}
