//! 255.255.255.255 leaves by the interface that was asked for, and by no other: a client with two cables, a server behind each.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::{
    fanout::{
        receive::{self, Receive},
        send::{self, Destination, From, Send, Source, Target},
        told::{Received, Sent},
    },
    host::testbed::BedHost,
    process::{
        hosts::{Heard, Hosts, Worker},
        reach::Reach,
        role::Role,
    },
};
use ferrybench_data::fanout::{Delivery, OK};
use serde::de::DeserializeOwned;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};
use support::{
    Place,
    bed::{bed, on},
    fanout::{LONG, SESSION, content, receiver_job, spec},
    program,
};

/// The addresses at the ends of each cable: the client's, then the server's.
const FIRST: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2)];
const SECOND: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 78, 0, 1), Ipv4Addr::new(10, 78, 0, 2)];

/// Takes the second server off the switch and gives it a cable of its own to the client.
fn rewire(hosts: &[BedHost]) {
    let [client, _, second] = hosts else { panic!("a client and two servers") };
    let thread = &second.prefix[2];
    let cable = ["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", thread];
    on(client, &cable);
    on(second, &["ip", "link", "set", "eth0", "down"]);
    for (host, address) in [client, second].into_iter().zip(SECOND) {
        on(host, &["ip", "addr", "add", &format!("{address}/24"), "broadcast", "+", "dev", "eth1"]);
        on(host, &["ip", "link", "set", "eth1", "up"]);
    }
}

/// The next word of a worker.
fn word<T: DeserializeOwned>(hosts: &mut Hosts, of: Worker) -> T {
    match hosts.hear(&[of], LONG).unwrap().1 {
        Heard::Said(line) => serde_json::from_value(line).unwrap(),
        Heard::Ended(how, words) => panic!("it ended: {how} {words}"),
        Heard::Lost(why) => panic!("{why}"),
    }
}

fn start<R: Role>(hosts: &mut Hosts, on: usize, job: &R::Job) -> Worker {
    hosts.start_worker_on(on, R::NAME, serde_json::to_value(job).unwrap(), LONG).unwrap()
}

/// Sends one file to 255.255.255.255 by the interface with an address, for one receiver: what it and both servers saw.
fn broadcast(
    place: &Place,
    hosts: &mut Hosts,
    [client, servers @ ..]: [usize; 3],
    by: Ipv4Addr,
    target: Target,
) -> (Sent, Vec<Received>) {
    let port = target.address.port();
    let mut spec = spec();
    (spec.delivery, spec.receivers) = (Delivery::LimitedBroadcast, 1);
    let receivers = [(1, servers[0]), (2, servers[1])].map(|(number, server)| {
        let mut job = receiver_job(number, place.path(&format!("into-{number}")), &spec);
        job.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let worker = start::<Receive>(hosts, server, &job);
        let receive::Reply::Ready { .. } = word(hosts, worker) else { panic!("it does not listen") };
        worker
    });
    fs::write(place.path("a.bin"), content(100_000, 3)).unwrap();
    let job = send::Job {
        spec,
        session: SESSION,
        targets: vec![target],
        destination: Some(Destination {
            address: SocketAddr::from((Ipv4Addr::BROADCAST, port)),
            interface: Some(by),
        }),
        sources: vec![Source { from: From::Path(place.path("a.bin")), name: "a.bin".into() }],
        into: None,
        fetch_limit_bytes: 0,
        patience_ms: 10_000,
        deadline_ms: 30_000,
    };
    let sender = start::<Send>(hosts, client, &job);
    let send::Reply::Ready = word(hosts, sender) else { panic!("it is not ready") };
    hosts.tell(sender, serde_json::to_value(send::Cue::Go { at_ns: 0 }).unwrap());
    let sent = match word(hosts, sender) {
        send::Reply::Done(sent) => *sent,
        other => panic!("it did not send: {other:?}"),
    };
    let mut all = Vec::new();
    for worker in receivers {
        hosts.tell(worker, serde_json::to_value(receive::Cue::Finish).unwrap());
        match word(hosts, worker) {
            receive::Reply::Done(told) => all.push(*told),
            other => panic!("it did not finish: {other:?}"),
        }
    }
    (sent, all)
}

#[test]
fn only_those_behind_the_chosen_interface_hear_it() {
    let Some(bed) = bed(2) else { return };
    rewire(bed.hosts());
    let place = Place::new();
    let mut hosts = Hosts::start(&program(), &place.path("tmp")).unwrap();
    let reach =
        |host: &BedHost| Reach { name: host.name.clone(), prefix: host.prefix.clone(), ..Reach::default() };
    let reaches: Vec<Reach> = bed.hosts().iter().map(reach).collect();
    let numbers: [usize; 3] = hosts.join(&reaches, false).try_into().unwrap();
    assert_eq!(numbers.iter().find_map(|&number| hosts.lost(number)), None);
    for (chosen, [by, address]) in [FIRST, SECOND].into_iter().enumerate() {
        let receiver = chosen as u32 + 1;
        // A port of its own: the one before may be held by a process that is just ending.
        let address = SocketAddr::from((address, 7711 + chosen as u16));
        let (sent, told) = broadcast(&place, &mut hosts, numbers, by, Target { receiver, address });
        let targets = &sent.files[0].flows[0].receivers;
        assert_eq!((targets.len(), targets[0].outcome.as_str()), (1, OK));
        let (heard, silent) = (&told[chosen], &told[1 - chosen]);
        assert_eq!(heard.files[0].outcome, OK);
        let counts = heard.files[0].counts.unwrap();
        assert_eq!(counts.unique, sent.files[0].flows[0].transmissions, "each datagram came by this cable");
        assert_eq!((silent.files.len(), silent.foreign), (0, 0), "nothing came by the other: {silent:?}");
    }
}
