//! Test hosts: real namespaces, made and removed by every way out, and a network that counts what it does.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::{
    fanout::frame::{Header, Kind},
    host::testbed::{BedHost, Counters, HEADER_MARK, Link, TestBed},
    measure::clock,
    process::{
        hosts::{HERE, Heard, Hosts},
        reach::Reach,
    },
};
use nix::{
    sched::{CloneFlags, setns},
    sys::{
        signal::Signal,
        socket::{setsockopt, sockopt},
    },
    unistd::geteuid,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::ErrorKind,
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use support::{
    Daemon, Place,
    bed::{bed, on},
    eventually, program, say, signal,
};

/// A socket of a host, opened by a thread that enters its namespace. Threads may not enter a user namespace: root only.
fn socket_on(host: &BedHost, port: u16) -> Option<UdpSocket> {
    if !geteuid().is_root() || host.prefix.iter().any(|word| word == "-U") {
        say("skipped: a thread of a test enters network namespaces as root only");
        return None;
    }
    let namespace = File::open(format!("/proc/{}/ns/net", host.prefix[2])).unwrap();
    let opened = thread::spawn(move || {
        setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        let mut socket = None;
        // A port just closed stays taken while a process that another test starts holds a copy of it, until its `exec`.
        eventually("the port is free", || {
            socket = match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => None,
                bound => Some(bound.unwrap()),
            };
            socket.is_some()
        });
        socket.unwrap()
    });
    let socket = opened.join().unwrap();
    socket.set_broadcast(true).unwrap();
    setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    Some(socket)
}

#[test]
fn the_firewall_knows_our_header() {
    let header = |kind| Header { kind, session: 1, file: 1, serial: 1, position: 0 };
    for (kind, fourth) in [(Kind::Data, 0), (Kind::Announce, 1)] {
        let mut datagram = [0; 64];
        header(kind).seal(&mut datagram);
        let first = u32::from_be_bytes(datagram[..4].try_into().unwrap());
        assert_eq!(first, HEADER_MARK << 8 | fourth);
    }
}

fn reach(host: &BedHost) -> Reach {
    Reach { name: host.name.clone(), prefix: host.prefix.clone(), ..Reach::default() }
}

#[test]
fn a_bed_has_hosts_of_its_own() {
    let Some(mut bed) = bed(2) else { return };
    bed.configure(&Link { mtu_bytes: 9000, ..Link::default() }).unwrap();
    let names: Vec<&str> = bed.hosts().iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["client", "server1", "server2"]);
    assert_eq!(bed.broadcast(), Ipv4Addr::new(10, 77, 0, 255));
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::start(&program(), temporary.path()).unwrap();
    let reaches: Vec<Reach> = bed.hosts().iter().map(reach).collect();
    let numbers = hosts.join(&reaches, false);
    assert_eq!(numbers.iter().find_map(|&number| hosts.lost(number)), None);
    let participants = hosts.participants();
    let namespaces: BTreeSet<u64> = participants.iter().map(|host| host.network_namespace).collect();
    assert_eq!(namespaces.len(), 3);
    for (participant, host) in participants.iter().zip(bed.hosts()) {
        let [first, last] = participant.interfaces.as_slice() else { panic!("{participant:?}") };
        assert_eq!((&first.name, first.mtu_bytes), (&host.interface, 9000));
        assert_eq!((first.address.clone(), last.name.as_str()), (format!("{}/24", host.address), "lo"));
        let offset_s = participant.clock_offset_s.abs();
        assert!(offset_s <= participant.clock_bound_s, "one machine has one clock: {participant:?}");
    }
    bed.configure(&Link { segmented: true, ..Link::default() }).unwrap();
    let segments = |bed: &TestBed| on(&bed.hosts()[0], &["ip", "-d", "link", "show", "eth0"]);
    assert!(segments(&bed).contains("gso_max_segs 1 "), "{}", segments(&bed));
    bed.configure(&Link::default()).unwrap();
    assert!(segments(&bed).contains("gso_max_segs 65535 "), "{}", segments(&bed));
    assert!(segments(&bed).contains("mtu 1500 "), "{}", segments(&bed));
}

/// Sends to an address, and returns what each server received once the network's own counters account for the rest.
fn exchange(bed: &TestBed, to: Ipv4Addr, first: [u8; 4], count: u64) -> Option<(Vec<u64>, Counters)> {
    let hosts = bed.hosts();
    let receivers: Vec<UdpSocket> = hosts[1..].iter().map_while(|host| socket_on(host, 9000)).collect();
    let sender = socket_on(&hosts[0], 0)?;
    let before = bed.counters().unwrap();
    let mut datagram = [7; 200];
    datagram[..4].copy_from_slice(&first);
    for _ in 0..count {
        sender.send_to(&datagram, (to, 9000)).unwrap();
    }
    let mut received = vec![0; receivers.len()];
    let mut counted = bed.counters().unwrap().since(&before);
    eventually("every datagram is accounted for", || {
        for (socket, received) in receivers.iter().zip(&mut received) {
            socket.set_nonblocking(true).unwrap();
            while socket.recv(&mut [0; 256]).is_ok() {
                *received += 1;
            }
        }
        counted = bed.counters().unwrap().since(&before);
        let is_accounted = |(place, &received): (usize, &u64)| {
            let link = counted.links[place];
            let lost = link.drops + link.control_drops + link.queue_dropped + link.port_dropped;
            let is_addressed = to == bed.broadcast() || to == hosts[place + 1].address;
            received + lost
                == link.duplicates + link.control_duplicates + if is_addressed { count } else { 0 }
        };
        received.iter().enumerate().all(is_accounted)
    });
    Some((received, counted))
}

#[test]
fn the_network_counts_every_datagram_that_it_loses_or_doubles() {
    const DATA: [u8; 4] = HEADER_MARK.wrapping_shl(8).to_be_bytes();
    const CONTROL: [u8; 4] = (HEADER_MARK.wrapping_shl(8) | 1).to_be_bytes();
    const COUNT: u64 = 2_000;
    let Some(mut bed) = bed(2) else { return };
    let (first, all) = (bed.hosts()[1].address, bed.broadcast());
    let Some((received, counted)) = exchange(&bed, all, DATA, COUNT) else { return };
    assert_eq!(received, [COUNT, COUNT], "a broadcast reaches all, and nothing is lost: {counted:?}");
    let (received, _) = exchange(&bed, first, DATA, COUNT).unwrap();
    assert_eq!(received, [COUNT, 0], "a unicast reaches one");

    for (loss_percent, duplicate_percent) in [(10, 0), (0, 10), (10, 10)] {
        bed.configure(&Link { loss_percent, duplicate_percent, ..Link::default() }).unwrap();
        let impairs = |percent: u32, counted: u64| if percent == 0 { counted == 0 } else { counted > 0 };
        for (to, first, copies) in [(first, DATA, 1), (all, DATA, 2), (all, *b"bare", 2), (all, CONTROL, 2)] {
            let (_, counted) = exchange(&bed, to, first, COUNT).unwrap();
            let control = |of: fn(&_) -> u64| counted.links.iter().map(of).sum::<u64>();
            let (drops, duplicates) = if first == CONTROL {
                assert_eq!((counted.injected_drops(), counted.injected_duplicates()), (0, 0), "{counted:?}");
                (control(|link| link.control_drops), control(|link| link.control_duplicates))
            } else {
                assert_eq!(control(|link| link.control_drops + link.control_duplicates), 0, "{counted:?}");
                (counted.injected_drops(), counted.injected_duplicates())
            };
            assert!(impairs(loss_percent, drops) && impairs(duplicate_percent, duplicates), "{counted:?}");
            // A tenth, as twelve standard deviations have it.
            assert!(drops.max(duplicates) < COUNT * copies / 10 * 2, "{counted:?}");
            assert_eq!(counted.interface_dropped(), 0, "{counted:?}");
        }
    }
    bed.configure(&Link::default()).unwrap();
    let (received, counted) = exchange(&bed, all, DATA, COUNT).unwrap();
    assert_eq!((received, counted.injected_drops()), (vec![COUNT, COUNT], 0), "and nothing any more");
}

#[test]
fn a_rate_limit_drops_what_its_queue_cannot_hold() {
    let Some(mut bed) = bed(1) else { return };
    bed.configure(&Link { rate_bytes_per_s: 1 << 20, ..Link::default() }).unwrap();
    let Some((received, counted)) = exchange(&bed, bed.hosts()[1].address, *b"rate", 5_000) else { return };
    // Some 1.2 MB at once do not fit into a bucket of 64 KiB and a queue of 50 ms.
    assert!(counted.links[0].queue_dropped > 0 && received[0] < 5_000, "{counted:?}");
    assert_eq!(counted.injected_drops(), 0);
    bed.configure(&Link::default()).unwrap();
    let (received, counted) = exchange(&bed, bed.hosts()[1].address, *b"rate", 5_000).unwrap();
    assert_eq!((received[0], counted.interface_dropped()), (5_000, 0));
}

#[test]
fn sixty_four_servers_are_reached_by_one_datagram() {
    let Some(bed) = bed(64) else { return };
    let Some(sender) = socket_on(&bed.hosts()[0], 0) else { return };
    let sockets: Vec<UdpSocket> = bed.hosts()[1..].iter().filter_map(|host| socket_on(host, 9000)).collect();
    assert_eq!(sockets.len(), 64);
    sender.send_to(b"all", (bed.broadcast(), 9000)).unwrap();
    for (socket, host) in sockets.iter().zip(&bed.hosts()[1..]) {
        let mut datagram = [0; 16];
        assert_eq!(socket.recv(&mut datagram).unwrap(), 3);
        sender.send_to(b"you", (host.address, 9000)).unwrap();
        assert_eq!(socket.recv(&mut datagram).unwrap(), 3);
    }
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::start(&program(), temporary.path()).unwrap();
    let begun = clock::now();
    let numbers = hosts.join(&bed.hosts().iter().map(reach).collect::<Vec<_>>(), false);
    say(&format!("65 agents joined in {} ms", (clock::now() - begun) / 1_000_000));
    assert_eq!(numbers.iter().find_map(|&number| hosts.lost(number)), None);
    assert_eq!(hosts.participants().len(), 65);
}

#[test]
fn a_bed_that_cannot_be_is_one_sentence() {
    for servers in [0, 254] {
        let error = TestBed::raise(&program(), servers).err().unwrap();
        assert_eq!(error.to_string(), format!("expected 1 to 253 servers, not {servers}"));
    }
}

#[test]
fn a_killed_holder_is_noticed_and_agents_end_with_the_run() {
    let place = Place::new();
    let Some(bed) = bed(1) else { return };
    let mut hosts = Hosts::start(&program(), &place.path("tmp")).unwrap();
    // `env` marks what is started there, so that it can be found.
    let marked = |host: &BedHost| {
        let mut reach = reach(host);
        let tmp = place.path("tmp").display().to_string();
        let mark = place.path("").display().to_string();
        let words = [
            "env".to_owned(),
            format!("TMPDIR={tmp}"),
            format!("FERRYBENCH_TEST_MARK={}", mark.trim_end_matches('/')),
        ];
        reach.prefix.extend(words);
        reach
    };
    let numbers = hosts.join(&bed.hosts().iter().map(marked).collect::<Vec<_>>(), false);
    assert_eq!(numbers.iter().find_map(|&number| hosts.lost(number)), None);
    let threads: Vec<String> = bed.hosts().iter().map(|host| host.prefix[2].clone()).collect();
    assert_eq!(bed.lost(), None);
    assert!(!place.processes().is_empty());
    // The number of a thread is good enough for a signal: it ends the whole process.
    signal(threads[0].parse().unwrap(), Signal::SIGKILL);
    eventually("the bed knows that it is lost", || bed.lost().is_some());
    assert!(bed.lost().unwrap().contains("SIGKILL"), "{:?}", bed.lost());
    assert!(threads.iter().all(|thread| !Path::new("/proc").join(thread).exists()));
    drop(hosts);
    eventually("no agent is left in a namespace", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn dropping_a_bed_ends_its_holder() {
    let Some(bed) = bed(2) else { return };
    let thread = format!("/proc/{}", bed.hosts()[2].prefix[2]);
    assert!(Path::new(&thread).exists());
    drop(bed);
    eventually("the holder has ended", || !Path::new(&thread).exists());
}

#[test]
fn an_agent_behind_ssh_is_a_host() {
    let sshd = Path::new("/usr/sbin/sshd");
    if !sshd.is_file() || !geteuid().is_root() {
        say("skipped: a real sshd needs root and the package openssh-server");
        return;
    }
    let Some(bed) = bed(1) else { return };
    let place = Place::new();
    let [client, server] = bed.hosts() else { panic!("a client and a server") };
    for key in ["host", "user"] {
        let mut keygen = place.command("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", key]).stdout(Stdio::null());
        assert!(keygen.status().unwrap().success());
    }
    fs::create_dir_all("/run/sshd").unwrap(); // where sshd confines itself to
    let here = place.path("").display().to_string();
    let here = here.trim_end_matches('/');
    let config = format!(
        "ListenAddress {}:2222\nHostKey {here}/host\nAuthorizedKeysFile {here}/user.pub\nPidFile none\nUsePAM no\n\
         StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nPrintMotd yes\n\
         SetEnv TMPDIR={here}/tmp FERRYBENCH_TEST_MARK={here}\n",
        server.address
    );
    place.write("sshd_config", &config);
    let host_key = place.read("host.pub");
    place.write("known_hosts", &format!("[{}]:2222 {host_key}", server.address));
    let mut daemon = Command::new(&server.prefix[0]);
    daemon.args(&server.prefix[1..]).arg(sshd).args(["-D", "-e", "-f"]).arg(place.path("sshd_config"));
    let log = File::create(place.path("sshd.log")).unwrap();
    let _daemon = Daemon(daemon.stderr(log).stdin(Stdio::null()).spawn().unwrap());
    eventually("sshd listens", || place.read("sshd.log").contains("listening on"));

    let through_ssh = |name: &str| {
        // A variable that is not set, so that its process is known among others.
        let ssh = format!(
            "ssh -F none -o BatchMode=yes -o UserKnownHostsFile={here}/known_hosts -o SendEnv={name} -i {here}/user \
             -p 2222 root@{}",
            server.address
        );
        let mut prefix = client.prefix.clone();
        prefix.extend(ssh.split(' ').map(str::to_owned));
        Reach { name: name.into(), prefix, ..Reach::default() }
    };
    let far = through_ssh("far");
    let mut hosts = Hosts::start(&program(), &place.path("tmp")).unwrap();
    let pushed =
        Reach { name: "pushed".into(), binary: Some("/no/such".into()), push: true, ..through_ssh("pushed") };
    let numbers = hosts.join(&[reach(client), far.clone(), pushed], true);
    assert_eq!(numbers.iter().find_map(|&number| hosts.lost(number)), None, "{}", place.read("sshd.log"));
    let participants = hosts.participants();
    let inode = |host: &BedHost| {
        std::os::unix::fs::MetadataExt::ino(
            &fs::metadata(format!("/proc/{}/ns/net", host.prefix[2])).unwrap(),
        )
    };
    let namespaces: Vec<u64> = participants.iter().map(|host| host.network_namespace).collect();
    assert_eq!(namespaces, [inode(client), inode(server), inode(server)], "it runs where sshd does");
    assert!(participants[1].clock_offset_s.abs() <= participants[1].clock_bound_s);
    let worker = hosts.start_worker_on(numbers[2], "near", json!("no job"), Duration::from_secs(20)).unwrap();
    assert!(matches!(hosts.hear(&[worker], Duration::from_secs(20)), Ok((_, Heard::Ended(..)))));

    // Whoever kills ssh ends the agent behind it, which removes its folder.
    let folder = hosts.folder(numbers[1]).unwrap().to_owned();
    assert!(folder.is_dir());
    let doomed = hosts
        .start_worker_on(
            numbers[1],
            "keeper",
            json!({
                "store": { "folder": place.path("store") }, "volumes": [], "seed": 1
            }),
            Duration::from_secs(60),
        )
        .unwrap();
    let is_far = |line: &str| line.starts_with("ssh ") && line.contains("SendEnv=far");
    let ssh = children_of_this_process().into_iter().find(|(_, line)| is_far(line));
    signal(ssh.expect("ssh runs").0, Signal::SIGKILL);
    loop {
        match hosts.hear(&[doomed], Duration::from_secs(20)).unwrap().1 {
            Heard::Lost(why) => break assert!(why.starts_with("host far is lost: "), "{why}"),
            Heard::Said(_) | Heard::Ended(..) => {}
        }
    }
    eventually("its folder is gone", || !folder.exists());
    assert!(hosts.lost(HERE).is_none() && hosts.lost(numbers[2]).is_none(), "the others go on");

    let stranger =
        Reach { prefix: far.prefix.iter().map(|word| word.replace("/user", "/host")).collect(), ..far };
    let number = hosts.join(&[stranger], true)[0];
    let why = hosts.lost(number).unwrap();
    assert!(why.contains("cannot be reached") && why.contains("Permission denied"), "{why}");
    drop(hosts);
    eventually("no process is left", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
}

/// Children of this process: numbers and command lines.
fn children_of_this_process() -> Vec<(i32, String)> {
    let mut children = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let list = fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        for pid in list.split_whitespace().map(|pid| pid.parse::<i32>().unwrap()) {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            children.push((pid, String::from_utf8_lossy(&words).replace('\0', " ").trim().to_owned()));
        }
    }
    children
}
