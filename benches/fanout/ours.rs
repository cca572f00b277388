//! Our sender and receivers, as processes on those hosts: they speak in lines, so any prefix can start them.

use super::hosts::{CLIENT, Hosts, address};
use ferrybench::fanout::{
    evidence::{Around, Heard, join},
    receive::{self, Group, Keep},
    send::{self, Destination, From, Source, Target},
};
use ferrybench_data::fanout::{Batching, Delivery, Evidence, Reliability, Spec};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Stdio},
};

/// The binary that benchmarks start.
const BINARY: &str = env!("CARGO_BIN_EXE_ferrybench");
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 77, 0, 1);
const PORT: u16 = 7700;
const SESSION: u64 = 77;

/// A process that plays a role on a host.
struct Player {
    child: Child,
    replies: BufReader<ChildStdout>,
}

impl Player {
    fn start(hosts: &Hosts, host: usize, role: &str, job: &impl Serialize) -> Self {
        let mut command = hosts.on(host, BINARY);
        command.args(["worker", role]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("ip was there a moment ago");
        let replies = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut player = Self { child, replies };
        player.say(job);
        player
    }

    fn say(&mut self, what: &impl Serialize) {
        let mut line = serde_json::to_vec(what).expect("it is plain data");
        line.push(b'\n');
        let input = self.child.stdin.as_mut().expect("it is a pipe");
        input.write_all(&line).expect("the worker listens");
    }

    /// It hears nothing more, which ends it.
    fn leave(&mut self) {
        drop(self.child.stdin.take());
    }

    fn reply<T: DeserializeOwned>(&mut self) -> T {
        let mut line = String::new();
        self.replies.read_line(&mut line).expect("the worker answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.leave();
        let _ = self.child.wait();
    }
}

/// A trial of this benchmark.
pub(super) fn spec(delivery: Delivery, receivers: u32, reliability: Reliability, batching: Batching) -> Spec {
    Spec { delivery, receivers, file_bytes: 0, batching, reliability, ..Spec::default() }
}

/// Sends a file once to the receivers of a spec; what was seen of it.
pub(super) fn block(hosts: &Hosts, spec: &Spec, file: &Path, into: &[PathBuf], keep: Keep) -> Evidence {
    let is_shared = spec.delivery != Delivery::Unicast;
    let mut receivers: Vec<_> = (1..=spec.receivers)
        .map(|number| {
            let own = address(number as usize);
            let listen = if is_shared { Ipv4Addr::UNSPECIFIED } else { own };
            let job = receive::Job {
                receiver: number,
                listen: SocketAddr::from((listen, PORT)),
                shares_port: false,
                group: is_shared.then_some(Group { address: GROUP, interface: own }),
                into: into[number as usize - 1].clone(),
                keep,
                framing: spec.framing,
                receive_offload: spec.receive_offload,
                buffer_bytes: 4 << 20,
                session: Some(SESSION),
                expect: Vec::new(),
                deadline_ms: 60_000,
                until: None,
                has_barrier: false,
                spares: None,
            };
            Player::start(hosts, number as usize, "fan-receive", &job)
        })
        .collect();
    // Many start at the same time, and end so.
    for receiver in &mut receivers {
        match receiver.reply() {
            receive::Reply::Ready { .. } => {}
            other => panic!("it does not listen: {other:?}"),
        }
    }
    let target = |receiver: u32| Target { receiver, address: (address(receiver as usize), PORT).into() };
    let job = send::Job {
        spec: spec.clone(),
        session: SESSION,
        targets: (1..=spec.receivers).map(target).collect(),
        destination: is_shared
            .then(|| Destination { address: (GROUP, PORT).into(), interface: Some(address(CLIENT)) }),
        sources: vec![Source { from: From::Path(file.to_owned()), name: "content".into() }],
        into: None,
        fetch_limit_bytes: 0,
        patience_ms: 5_000,
        deadline_ms: 60_000,
    };
    let mut sender = Player::start(hosts, CLIENT, "fan-send", &job);
    let send::Reply::Ready = sender.reply() else { panic!("it is not ready") };
    sender.say(&send::Cue::Go { at_ns: 0 });
    let sent = match sender.reply() {
        send::Reply::Done(sent) => *sent,
        other => panic!("it did not send: {other:?}"),
    };
    let mut heard = Vec::new();
    for player in &mut receivers {
        player.say(&receive::Cue::Finish);
    }
    for (player, receiver) in receivers.iter_mut().zip(1..) {
        let told = match player.reply() {
            receive::Reply::Done(received) => Ok(*received),
            other => Err(format!("{other:?}")),
        };
        heard.push(Heard { receiver, host: String::new(), address: String::new(), told, offset_ns: 0 });
    }
    receivers.iter_mut().for_each(Player::leave);
    let around = Around { hosts_distinct: spec.receivers + 1, ..Around::default() };
    join(spec, &sent, &heard, &around).0
}
