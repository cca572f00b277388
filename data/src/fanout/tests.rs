use super::*;
use crate::{
    record::{Audit, Noise, Outcome, Record},
    table::{Table, header_line, read_rows, row_line},
};
use proptest::prelude::*;
use std::collections::HashSet;

fn any_spec() -> impl Strategy<Value = Spec> {
    let who = (
        prop_oneof![Just("tokio"), Just("thread-pool")].prop_map(str::to_owned),
        0_u32..20,
        proptest::sample::select(Delivery::ALL),
        proptest::sample::select(Assignment::ALL),
    );
    let what = (1_u32..9, 1_u32..9, prop_oneof![Just(0_u64), 1_u64..1 << 30], 0_u32..70_000);
    let how = (
        proptest::sample::select(Framing::ALL),
        proptest::sample::select(Batching::ALL),
        proptest::sample::select(Reliability::ALL),
        proptest::sample::select(FetchWhere::ALL),
        0_u64..3000,
        proptest::sample::select(Segmented::ALL),
    );
    let later = (
        proptest::sample::select(Hosts::ALL),
        proptest::sample::select(ReceiveOffload::ALL),
        0_u64..3,
        1499_u32..1502,
        0_u64..3,
        0_u32..3,
        0_u32..3,
        proptest::sample::select(Content::ALL),
    );
    (who, what, how, later).prop_map(|(who, what, how, later)| Spec {
        sender_model: who.0,
        pool_size: who.1,
        delivery: who.2,
        assignment: who.3,
        receivers: what.0,
        files: what.1,
        file_bytes: what.2,
        datagram_bytes: what.3,
        framing: how.0,
        batching: how.1,
        reliability: how.2,
        fetch_where: how.3,
        think_ms: how.4,
        segmented: how.5,
        hosts: later.0,
        receive_offload: later.1,
        pace_bytes_per_s: later.2,
        mtu_bytes: later.3,
        rate_bytes_per_s: later.4,
        loss_percent: later.5,
        duplicate_percent: later.6,
        content: later.7,
    })
}

/// A spec with one axis of another's.
fn mixed(spec: &Spec, other: &Spec, axis: usize) -> Spec {
    let (mut mixed, other) = (spec.clone(), other.clone());
    match axis {
        0 => mixed.sender_model = other.sender_model,
        1 => mixed.pool_size = other.pool_size,
        2 => mixed.delivery = other.delivery,
        3 => mixed.assignment = other.assignment,
        4 => mixed.receivers = other.receivers,
        5 => mixed.files = other.files,
        6 => mixed.file_bytes = other.file_bytes,
        7 => mixed.datagram_bytes = other.datagram_bytes,
        8 => mixed.framing = other.framing,
        9 => mixed.batching = other.batching,
        10 => mixed.reliability = other.reliability,
        11 => mixed.fetch_where = other.fetch_where,
        12 => mixed.think_ms = other.think_ms,
        13 => mixed.segmented = other.segmented,
        14 => mixed.hosts = other.hosts,
        15 => mixed.receive_offload = other.receive_offload,
        16 => mixed.pace_bytes_per_s = other.pace_bytes_per_s,
        17 => mixed.mtu_bytes = other.mtu_bytes,
        18 => mixed.rate_bytes_per_s = other.rate_bytes_per_s,
        19 => mixed.loss_percent = other.loss_percent,
        20 => mixed.duplicate_percent = other.duplicate_percent,
        _ => mixed.content = other.content,
    }
    mixed
}

proptest! {
    #[test]
    fn unlike_specs_have_unlike_ids(spec in any_spec(), other in any_spec(), axis in 0_usize..22) {
        prop_assert_eq!(spec == other, Fanout::id(&spec) == Fanout::id(&other));
        let mixed = mixed(&spec, &other, axis);
        prop_assert_eq!(spec == mixed, Fanout::id(&spec) == Fanout::id(&mixed));
    }

    #[test]
    fn datagrams_make_up_the_file(spec in any_spec()) {
        let Some(count) = spec.datagrams_of_a_file() else {
            prop_assert_eq!(spec.file_bytes, 0);
            return Ok(());
        };
        let payload = spec.payload_bytes().expect("a file of known size has datagrams of known size");
        prop_assert!(count >= 1 && count * payload >= spec.file_bytes);
        prop_assert!((count - 1) * payload < spec.file_bytes, "the last one holds something");
    }

    #[test]
    fn rows_survive_the_journey(spec in any_spec()) {
        let evidence = Evidence { sent: Some(7), complete_s: Some(0.5), files_asked: 4, ..Evidence::default() };
        let outcomes = [
            Outcome::Measured { evidence: evidence.clone(), audit: Audit::Fail(vec!["one".into(), "two".into()]) },
            Outcome::Failed { reason: "server2 was lost".into(), seen: Some(evidence) },
            Outcome::Skipped("limit: too large".into()),
        ];
        let row = |(order, outcome)| Record::<Fanout> { block: 1, order, noise: Noise::default(), spec: spec.clone(), outcome };
        let rows: Vec<Record<Fanout>> = (1..).zip(outcomes).map(row).collect();
        let lines: String = rows.iter().map(|row| Table::line(row).unwrap()).collect();
        let text = Table::<Fanout>::header(&spec).unwrap() + &lines;
        let read = Table::<Fanout>::read(text.as_bytes());
        prop_assert_eq!((read.rows, read.damaged), (rows, 0));
    }
}

#[test]
fn no_table_has_a_column_twice() {
    let (receivers, fetches) = (ReceiverRow { sent: Some(1), ..ReceiverRow::default() }, FetchRow::default());
    let headers = [header_line(&receivers).unwrap(), header_line(&fetches).unwrap()];
    let headers = headers.into_iter().chain([Table::<Fanout>::header(&published()).unwrap()]);
    for header in headers {
        let names: Vec<&str> = header.trim_end().split(',').collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{header}");
    }
    let text = header_line(&receivers).unwrap() + &row_line(&receivers).unwrap();
    assert_eq!(read_rows::<ReceiverRow>(text.as_bytes()).rows, [receivers]);
}

#[test]
fn an_id_names_every_axis_in_order() {
    let spec = published();
    let plain = "fanout/process-pool/15/unicast/each/2/2/pictures/1B/bare/one/none/parent-serial/0ms/never";
    assert_eq!(Fanout::id(&spec), plain);
    let later = Spec { hosts: Hosts::Loopback, mtu_bytes: 9000, loss_percent: 10, ..spec };
    assert_eq!(Fanout::id(&later), format!("{plain}+hosts=loopback+mtu=9000+loss=10"));
}

/// The first published case.
fn published() -> Spec {
    Spec {
        sender_model: "process-pool".into(),
        pool_size: 15,
        assignment: Assignment::Each,
        files: 2,
        file_bytes: 0,
        datagram_bytes: 1,
        framing: Framing::Bare,
        fetch_where: FetchWhere::ParentSerial,
        ..Spec::default()
    }
}

#[test]
fn a_packet_holds_a_batch_where_nobody_cuts_it_up() {
    let of = |batching, segmented, datagram_bytes| {
        Spec { datagram_bytes, batching, segmented, ..Spec::default() }.datagrams_a_packet()
    };
    assert_eq!(of(Batching::One, Segmented::Never, 1400), 1);
    assert_eq!(of(Batching::Gso, Segmented::Stack, 1400), 1);
    assert_eq!(of(Batching::Gso, Segmented::Never, 1400), 45);
    assert_eq!(of(Batching::Gso, Segmented::Never, 1), 64);
    assert_eq!(of(Batching::Gso, Segmented::Never, 65_000), 1);
}
