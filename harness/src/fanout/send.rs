//! The role of a sender: one program of the registry, all its files, to all receivers.

use super::{senders, socket, stage::Stage, told::Sent};
use crate::{
    host::limits,
    process::{
        remains::Remains,
        role::{Port, Role},
    },
};
use ferrybench_data::fanout::{
    Assignment, Batching, Delivery, Framing, LEDGER_HEADER_BYTES, Reliability, Spec,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The role of a sender.
pub enum Send {}

/// What a sender is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The trial: sender model, pool, delivery, assignment, framing, batching, reliability, payload, think time, pace.
    pub spec: Spec,
    /// What its datagrams are known by: random, so that forged and old ones are told apart.
    pub session: u64,
    /// Every receiver.
    pub targets: Vec<Target>,
    /// Where datagrams for all go; `None` for unicast.
    pub destination: Option<Destination>,
    /// What is sent; file i is the i-th.
    pub sources: Vec<Source>,
    /// The folder for what is fetched; it is made where it is not there.
    pub into: Option<PathBuf>,
    /// Most bytes that a fetched file may have.
    pub fetch_limit_bytes: u64,
    /// Longest silence of one receiver before it is given up, milliseconds.
    pub patience_ms: u64,
    /// Longest time of the whole program from its start, milliseconds.
    pub deadline_ms: u64,
}

/// One receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its number, from 1.
    pub receiver: u32,
    /// Where it listens; the address that it answers from.
    pub address: SocketAddr,
}

/// Where datagrams for all receivers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The broadcast address or the group, with the receivers' port.
    pub address: SocketAddr,
    /// An address of the interface that they leave by; needed for 255.255.255.255.
    pub interface: Option<Ipv4Addr>,
}

/// One file to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is.
    pub from: From,
    /// What receivers call it; of a fetched file without an extension, the reply's type adds one.
    pub name: String,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum From {
    /// On this host.
    Path(PathBuf),
    /// Behind an HTTP or HTTPS address.
    Url(String),
}

/// What a sender is told later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cue {
    /// The program's clock starts at this time of this host's monotonic clock; at once where it has passed.
    Go {
        /// When, nanoseconds.
        at_ns: u64,
    },
}

/// What a sender answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// What may outlive it; declared before it is made.
    Declare(Remains),
    /// Its pool is there, local sources are hashed, and it waits for [`Cue::Go`].
    Ready,
    /// What it did; its last word.
    Done(Box<Sent>),
    /// It could not do its work, in one sentence; its last word.
    Failed(String),
}

/// Longest that a sender waits for its start.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

impl Role for Send {
    const NAME: &'static str = "fan-send";
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn play(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        let cues = Mutex::new(port.cues);
        let told = run(&job, || {
            port.replies.send(&Reply::Ready)?;
            let cues = cues.lock().unwrap_or_else(PoisonError::into_inner);
            let Cue::Go { at_ns } = cues
                .recv_timeout(LONGEST_WAIT)
                .map_err(|_| io::Error::other("nobody told the sender to start"))?;
            Ok(at_ns)
        });
        port.replies.send(&match told {
            Ok(sent) => Reply::Done(Box::new(sent)),
            Err(error) => Reply::Failed(error.to_string()),
        })
    }
}

/// Performs a job. `start` is called once, when everything is ready, and returns the time at which the program's clock
/// starts. An error is one sentence; what single files and receivers met is in [`Sent`].
pub fn run(job: &Job, start: impl Fn() -> io::Result<u64> + core::marker::Send + Sync) -> io::Result<Sent> {
    limits::raise_descriptors();
    check(job)?;
    let model = senders::find(&job.spec.sender_model)
        .ok_or_else(|| io::Error::other(format!("there is no sender model {}", job.spec.sender_model)))?;
    if let Some(into) = &job.into {
        crate::shelf::make_folder(into)?;
    }
    let stage = Stage::open(job, start)?;
    (model.program)(&stage)?;
    Ok(stage.told())
}

/// Refuses an address that no interface of this host has, in one sentence.
pub fn check_interface(address: Ipv4Addr) -> io::Result<()> {
    socket::interface_of(address).map(drop)
}

/// Refuses what cannot be, before anything is started.
fn check(job: &Job) -> io::Result<()> {
    let refuse = |why: String| Err(io::Error::other(why));
    let spec = &job.spec;
    if job.targets.is_empty() {
        return refuse("there is nobody to send to".to_owned());
    }
    if job.sources.is_empty() {
        return refuse("there is nothing to send".to_owned());
    }
    if spec.framing == Framing::Bare && spec.reliability == Reliability::Repair {
        return refuse(
            "without a header nobody can say what is missing: bare framing has no repair".to_owned(),
        );
    }
    if spec.delivery != Delivery::Unicast && job.destination.is_none() {
        return refuse(format!("{} wants an address for all receivers", spec.delivery));
    }
    if spec.delivery == Delivery::LimitedBroadcast
        && job.destination.is_some_and(|destination| destination.interface.is_none())
    {
        return refuse("255.255.255.255 names no network: say by which interface it leaves".to_owned());
    }
    if spec.delivery != Delivery::Unicast && spec.assignment == Assignment::Each {
        return refuse(format!("{} reaches all receivers: a file cannot go to one of them", spec.delivery));
    }
    if spec.batching == Batching::Gso && spec.datagram_bytes > 0 {
        let header = if spec.framing == Framing::Ledger { LEDGER_HEADER_BYTES } else { 0 };
        // 20 bytes of IPv4 and 8 of UDP.
        let (datagram, most) = (spec.datagram_bytes + header, spec.mtu_bytes.saturating_sub(28));
        if datagram > most {
            return refuse(format!(
                "segmentation offload cannot cut datagrams of {datagram} bytes: a packet of this network carries {most}"
            ));
        }
    }
    let mut names = BTreeSet::new();
    for source in &job.sources {
        crate::shelf::check(&source.name)?;
        if !names.insert(&source.name) {
            return refuse(format!("two files are called {}: receivers could keep one only", source.name));
        }
    }
    if senders::anything_to_fetch(job) && job.into.is_none() {
        return refuse("there is no folder for what is fetched".to_owned());
    }
    Ok(())
}
