//! The role of a sender: one program of the registry, all its files, to all receivers.

use super::told::Sent;
use crate::process::{
    remains::Remains,
    role::{Port, Role},
};
use ferrybench_data::fanout::Spec;
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
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
    /// The folder for what is fetched; it is there already.
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

impl Role for Send {
    const NAME: &'static str = "fan-send";
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn play(_job: Job, _port: Port<Cue, Reply>) -> io::Result<()> {
        Err(io::Error::other("the sender is still being written"))
    }
}
