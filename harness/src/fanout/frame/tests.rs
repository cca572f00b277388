//! Every frame comes back as it went, and nothing else is taken for one.

use super::*;
use proptest::prelude::*;

fn header() -> impl Strategy<Value = Header> {
    (any::<u64>(), any::<u32>(), any::<u64>(), any::<u32>()).prop_map(|(session, file, serial, position)| {
        Header { kind: Kind::Data, session, file, serial, position }
    })
}

/// Gaps that are ascending and apart, told either way.
fn missing() -> impl Strategy<Value = Missing> {
    let few = prop::collection::vec((1_u32..500, 1_u32..500), 0..MOST_GAPS);
    let many = prop::collection::vec((1_u32..4, 1_u32..3), MOST_GAPS + 1..900);
    (0_u32..1 << 20, prop_oneof![few, many], 0_u32..5).prop_map(|(from, steps, rest)| {
        let mut gaps = Vec::new();
        let mut at = from;
        for (skip, count) in steps {
            gaps.push((at + skip, count));
            at += skip + count;
        }
        Missing { from, to: at + rest, gaps }
    })
}

fn counts() -> impl Strategy<Value = Counts> {
    any::<[u64; 7]>().prop_map(|[received, unique, duplicate, reordered, reorder_extent, corrupt, late]| {
        Counts { received, unique, duplicate, reordered, reorder_extent, corrupt, late }
    })
}

proptest! {
    #[test]
    fn data_comes_back(header in header(), payload in prop::collection::vec(any::<u8>(), 0..3000)) {
        let mut datagram = vec![0; HEADER];
        datagram.extend(&payload);
        header.seal(&mut datagram);
        prop_assert_eq!(Header::parse(&datagram), Ok((header, &payload[..])));
    }

    #[test]
    fn a_changed_bit_is_seen(
        header in header(),
        payload in prop::collection::vec(any::<u8>(), 0..50),
        place in any::<prop::sample::Index>(),
    ) {
        let mut datagram = vec![0; HEADER];
        datagram.extend(&payload);
        header.seal(&mut datagram);
        let bit = place.index(datagram.len() * 8);
        datagram[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Header::parse(&datagram).is_err());
    }

    #[test]
    fn a_cut_datagram_is_seen(header in header(), payload in prop::collection::vec(any::<u8>(), 1..50), kept in any::<prop::sample::Index>()) {
        let mut datagram = vec![0; HEADER];
        datagram.extend(&payload);
        header.seal(&mut datagram);
        prop_assert!(Header::parse(&datagram[..kept.index(datagram.len())]).is_err());
    }

    #[test]
    fn announcements_come_back(name in "\\PC{0,80}", bytes in 0_u64..1 << 31, hash in any::<u128>(), payload_bytes in 1_u32..65_000, repairs in any::<bool>()) {
        let announce = Announce { name, bytes, hash, payload_bytes, repairs };
        let datagram = announce.encode(7, 3);
        let (header, payload) = Header::parse(&datagram).expect("it is ours");
        prop_assert_eq!((header.kind, header.session, header.file), (Kind::Announce, 7, 3));
        prop_assert_eq!(Announce::parse(payload), Some(announce));
    }

    #[test]
    fn questions_come_back(number in any::<u64>(), sent in any::<u64>(), frontier in any::<u32>(), from in any::<u32>(), ended in any::<bool>()) {
        let ask = Ask { number, sent, frontier, from, ended };
        let datagram = ask.encode(7, 3);
        let (header, payload) = Header::parse(&datagram).expect("it is ours");
        prop_assert_eq!(Ask::parse(&header, payload), Some(ask));
    }

    #[test]
    fn answers_come_back(number in any::<u64>(), receiver in any::<u32>(), window in any::<u32>(), counts in counts(), missing in missing(), which in 0..3) {
        let state = [State::Open, State::Verified, State::Incomplete][which as usize].clone();
        let answer = Answer { number, receiver, state, window, counts, missing };
        let datagram = answer.encode(7, 3);
        prop_assert!(datagram.len() <= LARGEST_CONTROL, "{}", datagram.len());
        let (header, payload) = Header::parse(&datagram).expect("it is ours");
        prop_assert_eq!(Answer::parse(&header, payload), Some(answer));
    }

    #[test]
    fn any_bytes_are_taken_or_refused(kind in 0_u8..6, payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let header = Header { kind: Kind::Data, session: 1, file: 1, serial: 1, position: 1 };
        prop_assert_eq!(Header::parse(&payload).is_ok(), false);
        let mut datagram = vec![0; HEADER];
        datagram.extend(&payload);
        header.seal(&mut datagram);
        datagram[3] = kind;
        let _ = Header::parse(&datagram);
        // What they read is either nothing or within its limits.
        if let Some(announce) = Announce::parse(&payload) {
            prop_assert!(announce.payload_bytes > 0 && announce.datagrams().is_some());
        }
        if let Some(answer) = Answer::parse(&header, &payload) {
            let Missing { from, to, gaps } = answer.missing;
            let within = |&(first, count): &(u32, u32)| first >= from && first + count <= to;
            prop_assert!(gaps.iter().all(within));
        }
        let _ = Ask::parse(&header, &payload);
    }
}

#[test]
fn a_failure_keeps_its_sentence_within_one_packet() {
    let why = "no space left on device, ünd so on ".repeat(20);
    let answer = Answer {
        number: 1,
        receiver: 2,
        state: State::Failed(why.clone()),
        window: 3,
        counts: Counts::default(),
        missing: Missing::default(),
    };
    let datagram = answer.encode(1, 1);
    assert!(datagram.len() <= LARGEST_CONTROL);
    let (header, payload) = Header::parse(&datagram).unwrap();
    let Some(State::Failed(told)) = Answer::parse(&header, payload).map(|answer| answer.state) else {
        panic!("it is an answer of a failure")
    };
    assert!(why.starts_with(&told) && told.len() > 290);
}

#[test]
fn the_header_is_as_long_as_the_audit_counts() {
    assert_eq!(HEADER, 36);
    assert_eq!(
        Announce { name: "a".into(), bytes: 0, hash: 0, payload_bytes: 1, repairs: true }.datagrams(),
        Some(0)
    );
}
