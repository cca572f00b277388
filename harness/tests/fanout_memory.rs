//! Senders and receivers of the fan-out hold a window of a file, never the file.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::fanout::{
    receive::{Group, Keep},
    send::Destination,
};
use ferrybench_data::fanout::{Batching, Delivery, OK, ReceiveOffload};
use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr},
};
use support::{
    Place,
    fanout::{Stand, send, shared_port, spec},
    say,
};

/// A file that takes no room on a disk until it is received.
const FILE: u64 = 256 << 20;
/// What either side may hold of it: the bar is 64 MiB, for a file of any size.
const MOST: u64 = 16 << 20;

#[test]
fn memory_does_not_grow_with_the_file() {
    for (model, delivery, batching, offload) in [
        ("single-thread", Delivery::Unicast, Batching::Gso, ReceiveOffload::Gro),
        ("process-pool", Delivery::Multicast, Batching::Sendmmsg, ReceiveOffload::Off),
    ] {
        let place = Place::new();
        let mut spec = spec();
        (spec.delivery, spec.batching, spec.receive_offload) = (delivery, batching, offload);
        (spec.sender_model, spec.pool_size) = (model.into(), u32::from(model == "process-pool"));
        // Fewer datagrams: the time of this test is theirs.
        spec.datagram_bytes = 8192;
        spec.mtu_bytes = 65_536;
        let group = Ipv4Addr::new(239, 255, 7, 9);
        let (_reserved, port) = shared_port();
        let is_shared = delivery == Delivery::Multicast;
        let stand = Stand::new(&place, spec, &[Vec::new()], |job| {
            job.keep = Keep::Verified;
            if is_shared {
                job.listen = SocketAddr::from(([0, 0, 0, 0], port));
                job.shares_port = true;
                job.group = Some(Group { address: group, interface: Ipv4Addr::LOCALHOST });
            }
        });
        File::options().write(true).open(&stand.sources[0]).unwrap().set_len(FILE).unwrap();
        let mut job = stand.job();
        (job.patience_ms, job.deadline_ms) = (20_000, 50_000);
        job.destination = is_shared
            .then_some(Destination { address: (group, port).into(), interface: Some(Ipv4Addr::LOCALHOST) });
        let sent = send(&job);
        let received = stand.finish();
        let processes = sent.processes.iter().map(|process| process.peak_anonymous_bytes);
        let sender = sent.usage.peak_anonymous_bytes + processes.sum::<u64>();
        let most = received.iter().map(|told| told.usage.peak_anonymous_bytes).max();
        say(&format!(
            "{model}: the sender held {} KiB, a receiver {} KiB",
            sender >> 10,
            most.unwrap() >> 10
        ));
        assert!((1..MOST).contains(&sender), "{model}: the sender held {sender} bytes");
        assert_eq!((sent.files[0].bytes, sent.files[0].outcome.as_str()), (FILE, OK));
        for told in &received {
            let held = told.usage.peak_anonymous_bytes;
            assert!((1..MOST).contains(&held), "{model}: receiver {} held {held} bytes", told.receiver);
            let file = &told.files[0];
            assert_eq!((file.outcome.as_str(), file.hash.as_str()), (OK, sent.files[0].hash.as_str()));
        }
    }
}
