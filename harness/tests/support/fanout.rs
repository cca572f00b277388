//! Senders and receivers of the fan-out family as processes on addresses of the loopback interface.

use super::{Place, program};
use ferrybench::{
    fanout::{
        receive::{self, Keep, Receive},
        send::{self, From, Send, Source, Target},
        told::{Received, Sent},
    },
    process::partner::Partner,
};
use ferrybench_data::fanout::{Batching, Hosts, Reliability, Spec};
use nix::sys::socket::{setsockopt, sockopt};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

pub const SESSION: u64 = 0x5e55_1011;
pub const LONG: Duration = Duration::from_secs(60);

/// One thread, two receivers, every file to both, with repair.
pub fn spec() -> Spec {
    Spec {
        file_bytes: 0,
        batching: Batching::Sendmmsg,
        reliability: Reliability::Repair,
        hosts: Hosts::Loopback,
        ..Spec::default()
    }
}

/// Content that is not the same anywhere.
pub fn content(bytes: usize, seed: u64) -> Vec<u8> {
    use rand::{Rng, SeedableRng};
    let mut content = vec![0; bytes];
    rand_chacha::ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut content);
    content
}

/// Receivers at work, and what they are to get.
pub struct Stand {
    pub spec: Spec,
    pub sources: Vec<PathBuf>,
    pub receivers: Vec<Partner<Receive>>,
    pub targets: Vec<Target>,
    pub folders: Vec<PathBuf>,
}

/// What a receiver is told, unless a test says otherwise.
pub fn receiver_job(number: u32, into: PathBuf, spec: &Spec) -> receive::Job {
    receive::Job {
        receiver: number,
        listen: SocketAddr::from(([127, 0, 0, 10 + number as u8], 0)),
        shares_port: false,
        group: None,
        into,
        keep: Keep::Files,
        spares: None,
        framing: spec.framing,
        receive_offload: spec.receive_offload,
        buffer_bytes: 4 << 20,
        session: Some(SESSION),
        expect: Vec::new(),
        deadline_ms: 60_000,
        until: None,
        has_barrier: false,
    }
}

impl Stand {
    /// Receivers of a spec, and files of these contents.
    pub fn new(place: &Place, spec: Spec, contents: &[Vec<u8>], change: impl Fn(&mut receive::Job)) -> Self {
        let sources: Vec<_> =
            (1..=contents.len()).map(|file| place.path(&format!("file-{file}.bin"))).collect();
        for (path, content) in sources.iter().zip(contents) {
            fs::write(path, content).unwrap();
        }
        let (mut receivers, mut targets, mut folders) = (Vec::new(), Vec::new(), Vec::new());
        for number in 1..=spec.receivers {
            let into = place.path(&format!("receiver-{number}"));
            fs::create_dir_all(&into).unwrap();
            let mut job = receiver_job(number, into.clone(), &spec);
            change(&mut job);
            let (receiver, address) = start_receiver(&job);
            receivers.push(receiver);
            targets.push(Target { receiver: number, address });
            folders.push(into);
        }
        Self { spec, sources, receivers, targets, folders }
    }

    /// What the sender is told, unless a test says otherwise.
    pub fn job(&self) -> send::Job {
        let source = |path: &PathBuf| Source {
            from: From::Path(path.clone()),
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        };
        send::Job {
            spec: self.spec.clone(),
            session: SESSION,
            targets: self.targets.clone(),
            destination: None,
            sources: self.sources.iter().map(source).collect(),
            into: None,
            fetch_limit_bytes: 1 << 20,
            patience_ms: 20_000,
            deadline_ms: 30_000,
        }
    }

    /// The receivers have had all.
    pub fn finish(self) -> Vec<Received> {
        self.receivers.into_iter().map(finish).collect()
    }
}

/// A receiver that listens, and where.
pub fn start_receiver(job: &receive::Job) -> (Partner<Receive>, SocketAddr) {
    let receiver = Partner::process(&program(), job, Vec::new(), Arc::new(|_| {})).unwrap();
    match receiver.reply(LONG).unwrap() {
        receive::Reply::Ready { address, .. } => (receiver, address),
        other => panic!("it does not listen: {other:?}"),
    }
}

/// What a receiver saw.
pub fn finish(mut receiver: Partner<Receive>) -> Received {
    receiver.cue(receive::Cue::Finish).unwrap();
    match receiver.reply(LONG).unwrap() {
        receive::Reply::Done(told) => *told,
        other => panic!("it did not finish: {other:?}"),
    }
}

/// Sends; what the sender did.
pub fn send(job: &send::Job) -> Sent {
    match try_send(job) {
        send::Reply::Done(sent) => *sent,
        other => panic!("it did not send: {other:?}"),
    }
}

/// Sends; the sender's last word.
pub fn try_send(job: &send::Job) -> send::Reply {
    let mut sender: Partner<Send> = Partner::process(&program(), job, Vec::new(), Arc::new(|_| {})).unwrap();
    match sender.reply(LONG).unwrap() {
        send::Reply::Ready => {
            sender.cue(send::Cue::Go { at_ns: 0 }).unwrap();
            sender.reply(LONG).unwrap()
        }
        other => other,
    }
}

/// A port for sockets that share one. It is theirs while the socket beside it lives.
pub fn shared_port() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    setsockopt(&socket, sockopt::ReuseAddr, &true).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// A server that gives one answer, once as many servers as share the barrier have been asked; its address.
pub fn web_server(content: Vec<u8>, asked: Arc<Barrier>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let _ = peer.read(&mut [0; 4096]).unwrap();
        asked.wait();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n",
            content.len()
        );
        peer.write_all(head.as_bytes()).unwrap();
        peer.write_all(&content).unwrap();
    });
    format!("http://{address}/picture")
}
