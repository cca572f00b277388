//! The role of a receiver: one socket, any number of files at once, until the sender has ended.

use super::{
    listen::{Ended, Listener},
    told::Received,
};
use crate::{
    measure::clock,
    process::{
        remains::Remains,
        role::{Port, Role},
    },
    shelf,
};
use ferrybench_data::fanout::{Framing, ReceiveOffload};
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::mpsc,
};

/// The role of a receiver.
pub enum Receive {}

/// What a receiver is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its number, from 1; answers carry it. 0 by hand: then it is known by its address.
    pub receiver: u32,
    /// Where it listens; port 0 takes any. For broadcasts and groups the unspecified address (`0.0.0.0`), since they are
    /// addressed to no single host.
    pub listen: SocketAddr,
    /// Whether others on this host listen on the same port: receivers of a broadcast on the loopback interface.
    pub shares_port: bool,
    /// The group that it joins.
    pub group: Option<Group>,
    /// The folder that files go into; it is made where it is not there, in one that is.
    pub into: PathBuf,
    /// What becomes of content.
    pub keep: Keep,
    /// Files that are overwritten instead of new ones; none by hand.
    #[serde(default)]
    pub spares: Option<Spares>,
    /// What a datagram holds beside its payload.
    pub framing: Framing,
    /// Whether the kernel may hand over several datagrams as one.
    pub receive_offload: ReceiveOffload,
    /// Receive buffer that is asked for, bytes; what was obtained is in [`Reply::Ready`].
    pub buffer_bytes: u32,
    /// The session that counts; `None` takes whatever is announced.
    pub session: Option<u64>,
    /// What is to arrive, where datagrams do not say it (`bare`); may be empty.
    pub expect: Vec<Expected>,
    /// Longest that it listens, milliseconds.
    pub deadline_ms: u64,
    /// Whether it waits for [`Cue::Start`] once it is ready: what arrives meanwhile waits in its socket.
    #[serde(default)]
    pub has_barrier: bool,
    /// Where nobody tells it to finish: it does after so many files have come to their end, and nothing has arrived for so
    /// many milliseconds.
    pub until: Option<Until>,
}

/// Files of a receiver whose pages have been written before, and that outlive it: each block overwrites the same ones, so
/// that none of them measures how fast the kernel finds new pages (METHODOLOGY.md, "Page freshness").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spares {
    /// The folder that they lie in, of the same file system as [`Job::into`]; it is made where it is not there.
    pub folder: PathBuf,
    /// How many there are to be; those that are not there are made before the receiver is ready.
    pub files: u32,
    /// How long each is, bytes.
    pub bytes: u64,
}

/// A multicast group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its address.
    pub address: Ipv4Addr,
    /// An address of the interface on which it is joined.
    pub interface: Ipv4Addr,
}

/// What becomes of content at a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// It is written, verified, and has its name.
    Files,
    /// It is written and verified, and goes again: disks stay as they were.
    Verified,
    /// Each datagram is checked and counted, and nothing is written or hashed: for rates of datagrams.
    Counted,
}

/// A file that is to arrive without a header of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The file, from 1.
    pub file: u32,
    /// Its name.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its hash.
    pub hash: String,
}

/// When a receiver that nobody tells to finish does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Until {
    /// Files that must have come to their end; 0 for any number.
    pub files: u32,
    /// Silence after the last datagram, milliseconds; it counts once something has arrived.
    pub idle_ms: u64,
}

/// What a receiver is told later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cue {
    /// The barrier falls at this time of this host's monotonic clock, for everybody; at once where it has passed.
    Start {
        /// When, nanoseconds.
        at_ns: u64,
    },
    /// The sender has ended: take what is in the socket, close the accounts, tell.
    Finish,
}

/// What a receiver answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// What may outlive it; declared before it is made.
    Declare(Remains),
    /// It listens.
    Ready {
        /// Where.
        address: SocketAddr,
        /// The receive buffer that it got, bytes.
        receive_buffer_bytes: u64,
    },
    /// A file came to its end, well or not: for progress. Not sent while a block is measured.
    File(Box<super::told::ReceivedFile>),
    /// Content bytes so far, now and then: for progress, as above.
    Progress {
        /// Content bytes that arrived.
        bytes: u64,
    },
    /// What it saw; its last word.
    Done(Box<Received>),
    /// It could not do its work, in one sentence; its last word.
    Failed(String),
}

impl Role for Receive {
    const NAME: &'static str = "fan-receive";
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn play(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        let replies = port.replies.clone();
        let told = run(job, &port.cues, |reply| replies.send(&reply));
        port.replies.send(&match told {
            Ok(received) => Reply::Done(Box::new(received)),
            Err(error) => Reply::Failed(error.to_string()),
        })
    }
}

/// Receives until it is told to finish, or its own end has come. An error is one sentence.
pub fn run(
    job: Job,
    cues: &mpsc::Receiver<Cue>,
    mut tell: impl FnMut(Reply) -> io::Result<()>,
) -> io::Result<Received> {
    shelf::make_folder(&job.into)?;
    let mut listener = Listener::open(job)?;
    let has_barrier = listener.has_barrier();
    let (address, receive_buffer_bytes) = (listener.address(), listener.buffer_bytes());
    tell(Reply::Ready { address, receive_buffer_bytes })?;
    if has_barrier && !pass_barrier(&mut listener, cues)? {
        return listener.finish(None);
    }
    loop {
        listener.turn()?;
        if listener.tells_of_files() {
            while let Some(file) = listener.newly_ended() {
                tell(Reply::File(Box::new(file)))?;
            }
            if let Some(bytes) = listener.progress() {
                tell(Reply::Progress { bytes })?;
            }
        }
        let told_to = match cues.try_recv() {
            Ok(Cue::Finish) => true,
            Ok(Cue::Start { .. }) | Err(mpsc::TryRecvError::Empty) => false,
            Err(mpsc::TryRecvError::Disconnected) => return Err(abandoned()),
        };
        if told_to {
            return listener.finish(None);
        }
        match listener.has_ended() {
            Some(Ended::Deadline) => return listener.finish(Some("the deadline passed")),
            Some(Ended::Silent) => return listener.finish(None),
            None => {}
        }
    }
}

/// Waits for the barrier; `false` where the block is over before it fell.
fn pass_barrier(listener: &mut Listener, cues: &mpsc::Receiver<Cue>) -> io::Result<bool> {
    match cues.recv_timeout(listener.time_left()) {
        Ok(Cue::Start { at_ns }) => {
            clock::wait_until(at_ns);
            listener.pass_barrier();
            Ok(true)
        }
        Ok(Cue::Finish) => Ok(false),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(io::Error::other("nobody told the receiver to start")),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(abandoned()),
    }
}

fn abandoned() -> io::Error {
    io::Error::other("nobody waits for it any more")
}
