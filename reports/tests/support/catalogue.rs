//! The mechanisms of the made-up run.

use ferrybench_data::{
    plan::catalogue::{Catalogue, Group, Mechanism, Nature, Places, WhenFull},
    roundtrip::{Pattern, Peers, Wait},
};

/// A mechanism with the time that it takes.
pub struct Model {
    pub name: &'static str,
    pub group: Group,
    /// A round trip on one CPU, nanoseconds.
    pub same_ns: f64,
    /// Each byte of a message, nanoseconds.
    pub byte_ns: f64,
}

impl Model {
    /// Ends that it joins, its natural ones first.
    pub fn peers(&self) -> &'static [Peers] {
        match self.group {
            Group::InProcess => &[Peers::Thread],
            Group::Floor => &[Peers::None],
            _ => &[Peers::Process, Peers::Thread],
        }
    }

    /// Ways in which it waits, its natural one first.
    pub fn waits(&self) -> &'static [Wait] {
        if self.group == Group::Floor || ["shm-spin", "rtrb"].contains(&self.name) {
            &[Wait::Spin]
        } else {
            &[Wait::Block, Wait::Spin, Wait::Adaptive]
        }
    }
}

const fn of(name: &'static str, group: Group, same_ns: f64, byte_ns: f64) -> Model {
    Model { name, group, same_ns, byte_ns }
}

pub const MODELS: &[Model] = &[
    of("pipe", Group::Pipe, 2600.0, 0.45),
    of("fifo", Group::Pipe, 2620.0, 0.45),
    of("eventfd", Group::Pipe, 2400.0, 0.2),
    of("queue", Group::Queue, 2800.0, 0.2),
    of("posix-mq", Group::Queue, 3000.0, 0.4),
    of("sysv-mq", Group::Queue, 2900.0, 0.4),
    of("socketpair", Group::UnixSocket, 3600.0, 0.3),
    of("unix-stream", Group::UnixSocket, 3620.0, 0.3),
    of("unix-dgram", Group::UnixSocket, 3900.0, 0.32),
    of("unix-seqpacket", Group::UnixSocket, 3800.0, 0.31),
    of("io-uring", Group::Loopback, 5200.0, 0.4),
    of("tcp", Group::Loopback, 5900.0, 0.35),
    of("udp", Group::Loopback, 5860.0, 0.5),
    of("shm-spin", Group::SharedMemory, 1700.0, 0.15),
    of("shm-futex", Group::SharedMemory, 2500.0, 0.15),
    of("std-mpsc", Group::InProcess, 2610.0, 0.1),
    of("crossbeam", Group::InProcess, 2700.0, 0.1),
    of("flume", Group::InProcess, 2750.0, 0.1),
    of("tokio-mpsc", Group::InProcess, 3300.0, 0.1),
    of("rtrb", Group::InProcess, 1900.0, 0.1),
];

const FLOORS: &[Model] = &[of("null", Group::Floor, 18.0, 0.0), of("memcpy", Group::Floor, 48.0, 0.1)];

/// The mechanism of that name.
pub fn model(name: &str) -> &'static Model {
    MODELS.iter().find(|model| model.name == name).unwrap_or_else(|| panic!("no mechanism {name}"))
}

/// What the machine of the made-up run has.
pub fn catalogue() -> Catalogue {
    Catalogue {
        mechanisms: MODELS.iter().chain(FLOORS).map(mechanism).collect(),
        cpus: vec![0, 1, 2, 3],
        places: Places { same: 1, split: Some([0, 1]) },
        fileserver: super::fileserver::catalogue(),
        fanout: super::fanout::catalogue(),
        ..Catalogue::default()
    }
}

fn mechanism(model: &Model) -> Mechanism {
    let stream = ["pipe", "fifo", "socketpair", "unix-stream", "tcp", "io-uring"].contains(&model.name);
    let socket = [Group::Loopback, Group::UnixSocket].contains(&model.group);
    Mechanism {
        name: model.name.into(),
        help: format!("what `{}` is, in a sentence", model.name),
        group: model.group,
        nature: Nature {
            boundaries: !stream,
            when_full: if model.name == "udp" { WhenFull::Loss } else { WhenFull::BackPressure },
            unrelated: !["pipe", "socketpair"].contains(&model.name) && model.group != Group::InProcess,
            between_hosts: model.group == Group::Loopback,
            pollable: socket || model.group == Group::Pipe,
            after_crash: if model.name.ends_with("-mq") { "the queue" } else { "nothing" }.into(),
            portability: if socket { "everywhere" } else { "Linux" }.into(),
        },
        patterns: vec![Pattern::Rtt, Pattern::Stream],
        peers: model.peers().to_vec(),
        waits: model.waits().to_vec(),
        many_producers: model.group == Group::InProcess || model.name == "queue",
        largest_bytes: model.name.ends_with("-mq").then_some(8192),
        lacking: None,
        hidden: false,
    }
}
