//! Files over UDP between processes of one host: every sender model, framing, batching and delivery, and what is told of it.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::{
    fanout::{
        frame::{Announce, Header, Kind},
        receive::{Expected, Group, Keep},
        send::{Destination, From, Job, Reply, Source, Target},
        senders,
        told::{Received, Sent},
    },
    shelf,
};
use ferrybench_data::fanout::{
    Assignment, Batching, Delivery, FetchWhere, Framing, OK, ReceiveOffload, Reliability,
};
use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    sync::{Arc, Barrier},
};
use support::{
    NOBODY, Place,
    fanout::{
        SESSION, Stand, content, finish, receiver_job, send, shared_port, spec, start_receiver, try_send,
        web_server,
    },
};

fn contents() -> Vec<Vec<u8>> {
    vec![content(300_000, 1), content(123_457, 2), Vec::new()]
}

/// Every file is at every receiver that was to get it, and both sides say so.
fn all_is_there(sent: &Sent, received: &[Received], folders: &[impl AsRef<Path>], contents: &[Vec<u8>]) {
    for file in &sent.files {
        assert_eq!(file.outcome, OK, "{file:?}");
        for reached in file.flows.iter().flat_map(|flow| &flow.receivers) {
            assert_eq!(reached.outcome, OK, "{file:?}");
            let place = reached.receiver as usize - 1;
            let arrived = fs::read(folders[place].as_ref().join(&file.name)).unwrap();
            assert!(arrived == contents[file.file as usize - 1], "{} at {}", file.name, reached.receiver);
            let told = received[place].files.iter().find(|told| told.file == file.file).unwrap();
            assert_eq!((told.outcome.as_str(), told.hash.as_str()), (OK, file.hash.as_str()));
        }
    }
}

/// The ledger of each receiver agrees with its sender.
fn the_ledgers_hold(sent: &Sent, received: &[Received]) {
    for file in &sent.files {
        for flow in &file.flows {
            for reached in &flow.receivers {
                let host = &received[reached.receiver as usize - 1];
                let told = host.files.iter().find(|told| told.file == file.file).unwrap();
                let counts = told.counts.unwrap();
                assert!(counts.unique <= flow.transmissions, "{counts:?} {flow:?}");
                assert_eq!(counts.received, counts.unique + counts.duplicate + counts.corrupt);
                if host.socket_dropped == Some(0) {
                    assert_eq!(counts.unique, flow.transmissions, "nothing was dropped");
                }
            }
        }
    }
}

#[test]
fn every_sender_model_brings_every_file() {
    for model in senders::ALL.iter().filter(|model| !model.hidden) {
        for assignment in [Assignment::Each, Assignment::All] {
            let place = Place::new();
            let mut spec = spec();
            model.name.clone_into(&mut spec.sender_model);
            spec.assignment = assignment;
            spec.pool_size = if model.sized { 2 } else { 0 };
            let contents = contents();
            let stand = Stand::new(&place, spec, &contents, |_| {});
            let (job, folders) = (stand.job(), stand.folders.clone());
            let sent = send(&job);
            let received = stand.finish();
            all_is_there(&sent, &received, &folders, &contents);
            the_ledgers_hold(&sent, &received);
            let flows: usize = sent.files.iter().map(|file| file.flows.len()).sum();
            assert_eq!(flows, if assignment == Assignment::All { 6 } else { 3 }, "{}", model.name);
            let pids: BTreeSet<_> = sent.workers.iter().map(|worker| worker.pid).collect();
            let tids: BTreeSet<_> = sent.workers.iter().map(|worker| worker.tid).collect();
            match model.name {
                "process-per-file" => assert_eq!(pids.len(), 3),
                "thread-per-file" => assert_eq!((pids.len(), tids.len()), (1, 3)),
                "single-thread" => assert!(pids == tids && pids.len() == 1),
                "process-pool" => assert!((1..=2).contains(&pids.len()) && !pids.contains(&sent.usage.pid)),
                _ => assert!(pids.len() == 1 && !tids.is_empty()),
            }
            assert!(sent.files.iter().all(|file| file.begun_ns >= sent.passed_barrier_ns));
        }
    }
}

#[test]
fn every_batching_brings_datagrams_of_every_size() {
    for batching in Batching::ALL {
        for offload in ReceiveOffload::ALL {
            for (datagram_bytes, mtu_bytes) in [(1, 1500), (1400, 1500), (8192, 65_536), (0, 65_536)] {
                let place = Place::new();
                let mut spec = spec();
                (spec.batching, spec.receive_offload) = (*batching, *offload);
                (spec.datagram_bytes, spec.mtu_bytes) = (datagram_bytes, mtu_bytes);
                let contents = vec![content(54_272, 3)];
                let stand = Stand::new(&place, spec, &contents, |_| {});
                let (job, folders) = (stand.job(), stand.folders.clone());
                let sent = send(&job);
                let received = stand.finish();
                all_is_there(&sent, &received, &folders, &contents);
                the_ledgers_hold(&sent, &received);
                let first =
                    54_272_u64.div_ceil(if datagram_bytes == 0 { 54_272 } else { datagram_bytes.into() });
                for flow in &sent.files[0].flows {
                    assert_eq!(flow.transmissions, first + flow.repeated);
                }
            }
        }
    }
}

#[test]
fn without_repair_what_arrives_is_counted_and_what_is_not_whole_is_not_kept() {
    let place = Place::new();
    let mut spec = spec();
    spec.reliability = Reliability::Unrepaired;
    let contents = vec![content(3_000_000, 4)];
    // A buffer so small that most of it is lost.
    let stand = Stand::new(&place, spec, &contents, |job| job.buffer_bytes = 20_000);
    let folders = stand.folders.clone();
    let sent = send(&stand.job());
    let received = stand.finish();
    for (told, folder) in received.iter().zip(&folders) {
        let file = &told.files[0];
        let counts = file.counts.unwrap();
        let flow =
            sent.files[0].flows.iter().find(|flow| flow.receivers[0].receiver == told.receiver).unwrap();
        assert_eq!(file.sent, Some(flow.transmissions));
        assert_eq!(flow.repeated, 0);
        let is_whole = counts.unique == flow.transmissions;
        assert_eq!(file.outcome == OK, is_whole, "{}", file.outcome);
        assert_eq!(fs::read_dir(folder).unwrap().count(), usize::from(is_whole));
        assert!(is_whole || told.socket_dropped > Some(0), "what is lost was dropped by the socket");
        assert_eq!(flow.receivers[0].outcome == OK, is_whole);
    }
}

#[test]
fn one_datagram_reaches_all_by_broadcast_and_multicast() {
    for delivery in [Delivery::Broadcast, Delivery::Multicast] {
        let place = Place::new();
        let mut spec = spec();
        spec.delivery = delivery;
        let contents = contents();
        let group = Ipv4Addr::new(239, 255, 7, 7);
        let (_reserved, port) = shared_port();
        let to = if delivery == Delivery::Multicast { group } else { Ipv4Addr::new(127, 255, 255, 255) };
        let stand = Stand::new(&place, spec, &contents, |job| {
            job.listen = SocketAddr::from(([0, 0, 0, 0], port));
            job.shares_port = true;
            job.group = (delivery == Delivery::Multicast)
                .then_some(Group { address: group, interface: Ipv4Addr::LOCALHOST });
        });
        let mut job = stand.job();
        job.destination =
            Some(Destination { address: (to, port).into(), interface: Some(Ipv4Addr::LOCALHOST) });
        let folders = stand.folders.clone();
        let sent = send(&job);
        let received = stand.finish();
        all_is_there(&sent, &received, &folders, &contents);
        the_ledgers_hold(&sent, &received);
        assert!(sent.files.iter().all(|file| file.flows.len() == 1 && file.flows[0].receivers.len() == 2));
    }
}

#[test]
fn bare_datagrams_are_content_and_nothing_else() {
    for (datagram_bytes, batching) in [(1, Batching::One), (0, Batching::One), (1000, Batching::Gso)] {
        let place = Place::new();
        let mut spec = spec();
        (spec.framing, spec.reliability) = (Framing::Bare, Reliability::Unrepaired);
        (spec.datagram_bytes, spec.batching) = (datagram_bytes, batching);
        // Slow enough that nothing is lost.
        spec.pace_bytes_per_s = 1_000_000;
        spec.assignment = Assignment::Each;
        let contents = vec![content(20_000, 5), content(10_000, 6)];
        let expect: Vec<_> = contents
            .iter()
            .zip(1..)
            .map(|(content, file)| Expected {
                file,
                name: format!("file-{file}.bin"),
                bytes: content.len() as u64,
                hash: shelf::hash(&mut &content[..]).unwrap().to_hex(),
            })
            .collect();
        let stand = Stand::new(&place, spec, &contents, |job| {
            job.expect = vec![expect[job.receiver as usize - 1].clone()];
        });
        let (job, folders) = (stand.job(), stand.folders.clone());
        let sent = send(&job);
        let received = stand.finish();
        all_is_there(&sent, &received, &folders, &contents);
        for (told, content) in received.iter().zip(&contents) {
            assert_eq!(told.files[0].counts, None);
            assert_eq!(told.files[0].received_bytes, content.len() as u64);
            assert_eq!(told.control_datagrams, 0);
        }
        assert!(sent.files.iter().all(|file| file.control_datagrams == 0) && sent.header_bytes == 0);
    }
}

#[test]
fn bare_content_that_is_not_whole_is_told_and_not_kept() {
    let place = Place::new();
    let into = place.path("into");
    fs::create_dir(&into).unwrap();
    let mut spec = spec();
    spec.framing = Framing::Bare;
    let mut job = receiver_job(1, into.clone(), &spec);
    let expected = |file: u32, bytes: u64| Expected {
        file,
        name: format!("{file}"),
        bytes,
        hash: shelf::hash(&mut &b"abc"[..]).unwrap().to_hex(),
    };
    job.expect = vec![expected(1, 4), expected(2, 3), expected(3, 9), expected(4, 0)];
    let (receiver, address) = start_receiver(&job);
    let [first, second] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    first.send_to(b"xyz", address).unwrap();
    for piece in [b"ab", &b"c"[..]] {
        second.send_to(piece, address).unwrap();
    }
    let told = finish(receiver);
    let outcomes: Vec<_> = told.files.iter().map(|file| file.outcome.as_str()).collect();
    assert_eq!(outcomes, ["3 of its 4 bytes arrived", OK, "nothing of it arrived", OK]);
    let mut names: Vec<_> = fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["2", "4"]);
}

#[test]
fn files_are_fetched_by_the_parent_or_by_workers() {
    for (fetch_where, model) in [
        (FetchWhere::ParentSerial, "process-per-file"),
        (FetchWhere::InWorker, "thread-pool"),
        (FetchWhere::InWorker, "process-pool"),
        (FetchWhere::InWorker, "tokio"),
    ] {
        let place = Place::new();
        let mut spec = spec();
        spec.fetch_where = fetch_where;
        (spec.sender_model, spec.pool_size) = (model.into(), 2);
        let contents = vec![content(70_000, 7), content(60_000, 8)];
        let stand = Stand::new(&place, spec, &contents, |_| {});
        let mut job = stand.job();
        job.into = Some(place.path("tmp"));
        for (source, content) in job.sources.iter_mut().zip(&contents) {
            source.from = From::Url(web_server(content.clone(), Arc::new(Barrier::new(1))));
        }
        job.sources.push(Source { from: From::Url(format!("http://{NOBODY}/c")), name: "c".into() });
        let folders = stand.folders.clone();
        let mut sent = send(&job);
        let failed = sent.files.pop().unwrap();
        assert!(failed.outcome.contains("nobody answers there"), "{}", failed.outcome);
        assert_eq!(failed.fetch.unwrap().outcome, failed.outcome);
        let received = stand.finish();
        all_is_there(&sent, &received, &folders, &contents);
        for file in &sent.files {
            let fetch = file.fetch.as_ref().unwrap();
            assert_eq!((fetch.outcome.as_str(), fetch.content_type.as_str()), (OK, "image/png"));
            let by_worker = fetch.start_ns >= file.begun_ns;
            assert_eq!(by_worker, fetch_where == FetchWhere::InWorker);
        }
    }
}

#[test]
fn forged_truncated_and_replayed_datagrams_are_counted_and_ignored() {
    let place = Place::new();
    let contents = vec![content(10_000, 9)];
    let stand = Stand::new(&place, spec(), &contents, |_| {});
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = stand.targets[0].address;
    let mut datagram = vec![0; 36 + 5];
    let header = Header { kind: Kind::Data, session: SESSION ^ 1, file: 1, serial: 0, position: 0 };
    header.seal(&mut datagram);
    let announce =
        Announce { name: "../../forged".into(), bytes: 5, hash: 0, payload_bytes: 5, repairs: true };
    let strange: [&[u8]; 5] =
        [b"", b"GET / HTTP/1.1", &datagram, &datagram[..30], &announce.encode(SESSION ^ 1, 1)];
    for datagram in strange {
        forger.send_to(datagram, to).unwrap();
    }
    let (job, folders) = (stand.job(), stand.folders.clone());
    let sent = send(&job);
    // The same file again, and a piece of it with a changed byte.
    let mut piece = vec![7; 36 + 1400];
    Header { kind: Kind::Data, session: SESSION, file: 1, serial: 0, position: 0 }.seal(&mut piece);
    forger.send_to(&piece, to).unwrap();
    piece[36] ^= 1;
    forger.send_to(&piece, to).unwrap();
    let received = stand.finish();
    all_is_there(&sent, &received, &folders, &contents);
    assert_eq!(received[0].foreign, 5);
    let counts = received[0].files[0].counts.unwrap();
    assert_eq!((counts.duplicate, counts.corrupt, counts.late), (1, 1, 1));
    assert_eq!(received[1].foreign, 0);
}

#[test]
fn a_receiver_that_never_starts_is_named_and_the_others_have_their_file() {
    let place = Place::new();
    let contents = vec![content(10_000, 10)];
    let stand = Stand::new(&place, spec(), &contents, |_| {});
    let mut job = stand.job();
    job.patience_ms = 300;
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    job.targets.push(Target { receiver: 3, address: nobody.local_addr().unwrap() });
    let folders = stand.folders.clone();
    let sent = send(&job);
    let outcomes: Vec<_> =
        sent.files[0].flows.iter().map(|flow| flow.receivers[0].outcome.as_str()).collect();
    assert_eq!(outcomes, [OK, OK, "it never answered, for 300 ms"]);
    let received = stand.finish();
    assert!(received.iter().all(|told| told.files[0].outcome == OK));
    assert!(folders.iter().all(|folder| folder.join("file-1.bin").is_file()));
}

/// What a test changes of a sender's job.
type Change<'a> = &'a dyn Fn(&mut Job);

#[test]
fn what_cannot_be_is_refused_in_one_sentence() {
    let place = Place::new();
    let contents = vec![content(10_000, 11)];
    let stand = Stand::new(&place, spec(), &contents, |_| {});
    let refused = |change: Change<'_>| {
        let mut job = stand.job();
        change(&mut job);
        match try_send(&job) {
            Reply::Failed(why) => why,
            Reply::Done(sent) => {
                let file = &sent.files[0];
                let flow = file.flows.first().map(|flow| flow.receivers[0].outcome.clone());
                if file.outcome == OK { flow.unwrap() } else { file.outcome.clone() }
            }
            other => panic!("{other:?}"),
        }
    };
    let to_all = |job: &mut Job, interface| {
        job.spec.delivery = Delivery::LimitedBroadcast;
        job.destination = Some(Destination { address: (Ipv4Addr::BROADCAST, 9).into(), interface });
    };
    let nowhere = Ipv4Addr::new(192, 0, 2, 1);
    let cases: [(Change<'_>, &str); 12] = [
        (&|job| job.sources[0].from = From::Path("no/such".into()), "No such file"),
        (&|job| job.sources[0].from = From::Path("/".into()), "not a file"),
        (&|job| job.sources[0].name = "../a".into(), "no path in it"),
        (&|job| job.sources.push(job.sources[0].clone()), "two files are called"),
        (&|job| job.targets.clear(), "nobody to send to"),
        (&|job| job.spec.framing = Framing::Bare, "bare framing has no repair"),
        (
            &|job| (job.spec.batching, job.spec.datagram_bytes) = (Batching::Gso, 1437),
            "a packet of this network carries 1472",
        ),
        (&|job| job.spec.datagram_bytes = 65_472, "a datagram of 65472 bytes cannot be"),
        (&|job| job.targets[0].address = ([127, 255, 255, 255], 9).into(), "broadcast is not permitted"),
        (&|job| job.spec.sender_model = "none".into(), "no sender model none"),
        (&|job| to_all(job, None), "255.255.255.255 names no network: say by which interface it leaves"),
        (&|job| to_all(job, Some(nowhere)), "no interface of this host has the address 192.0.2.1"),
    ];
    for (change, why) in cases {
        let said = refused(change);
        assert!(said.contains(why) && !said.contains('\n'), "{said:?} instead of {why:?}");
    }
    stand.finish();
}

#[test]
fn a_port_in_use_is_named() {
    let place = Place::new();
    let taken = UdpSocket::bind("127.0.0.11:0").unwrap();
    let mut job = receiver_job(1, place.path("tmp"), &spec());
    job.listen = taken.local_addr().unwrap();
    let (_cues, never) = std::sync::mpsc::channel();
    let error = ferrybench::fanout::receive::run(job, &never, |_| Ok(())).unwrap_err().to_string();
    assert!(error.contains("is in use already"), "{error}");
}

#[test]
fn content_may_be_verified_or_counted_without_being_kept() {
    for keep in [Keep::Verified, Keep::Counted] {
        let place = Place::new();
        let contents = vec![content(100_000, 12)];
        let stand = Stand::new(&place, spec(), &contents, |job| job.keep = keep);
        let (job, folders) = (stand.job(), stand.folders.clone());
        let sent = send(&job);
        let received = stand.finish();
        for told in &received {
            assert_eq!(told.files[0].outcome, OK);
            assert_eq!(told.files[0].hash == sent.files[0].hash, keep == Keep::Verified);
        }
        assert!(folders.iter().all(|folder| fs::read_dir(folder).unwrap().count() == 0));
    }
}

#[test]
fn sixty_four_receivers_have_every_byte() {
    for delivery in [Delivery::Unicast, Delivery::Multicast] {
        let place = Place::new();
        let mut spec = spec();
        (spec.delivery, spec.receivers) = (delivery, 64);
        let group = Ipv4Addr::new(239, 255, 7, 8);
        let (_reserved, port) = shared_port();
        let is_shared = delivery == Delivery::Multicast;
        let contents = vec![content(200_000, 13)];
        let stand = Stand::new(&place, spec, &contents, |job| {
            job.keep = Keep::Verified;
            if is_shared {
                job.listen = SocketAddr::from(([0, 0, 0, 0], port));
                job.shares_port = true;
                job.group = Some(Group { address: group, interface: Ipv4Addr::LOCALHOST });
            }
        });
        let mut job = stand.job();
        (job.patience_ms, job.deadline_ms) = (20_000, 50_000);
        job.destination = is_shared
            .then_some(Destination { address: (group, port).into(), interface: Some(Ipv4Addr::LOCALHOST) });
        let sent = send(&job);
        let received = stand.finish();
        let reached = || sent.files[0].flows.iter().flat_map(|flow| &flow.receivers);
        assert!(reached().all(|reached| reached.outcome == OK) && reached().count() == 64);
        assert!(received.iter().all(|told| told.files[0].outcome == OK));
        the_ledgers_hold(&sent, &received);
    }
}
