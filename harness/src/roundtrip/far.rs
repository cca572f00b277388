//! The far end of a trial, and further producers of a stream: a worker that takes orders.

use super::{
    Channel, Handles,
    order::{End, EndKind, EndSeen, Order},
    registry,
};
use crate::{
    measure::place,
    process::role::{Port, Role},
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{FromRawFd, OwnedFd},
};

use ferrybench_data::roundtrip::Spec;

/// The role of a far end.
pub enum Far {}

/// A far end's port.
pub(crate) type FarPort = Port<Cue, Reply>;

/// What a far end is told first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The trial.
    pub spec: Spec,
    /// What it must know of its messages.
    pub kind: EndKind,
    /// What it does with them.
    pub part: Part,
    /// The CPU to run on.
    pub cpu: Option<u32>,
    /// Descriptors that were handed over, from 3 on.
    pub descriptors: u32,
    /// The handles' note.
    pub note: u64,
    /// Where the near end waits, for an end on another host.
    #[serde(default)]
    pub meet: Option<Meet>,
}

/// How an end on another host finds the near end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meet {
    /// Where that one waits.
    pub near: SocketAddr,
    /// The address of this end's own host.
    pub own: IpAddr,
}

/// What a far worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Answers each message.
    Echo,
    /// Receives a stream.
    Sink,
    /// Sends beside the near end into a stream.
    Source,
}

/// What a far end is told later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cue {
    /// Carry this out.
    Order(Order),
    /// All producers have sent everything of the order at hand.
    Sent,
}

/// What a far end answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Reply {
    /// An end on another host is here.
    At(SocketAddr),
    /// Its channel is open.
    Open,
    /// It has the order and goes to work.
    Ready,
    /// The order is done.
    Done(EndSeen),
    /// It cannot go on.
    Failed(String),
}

impl Role for Far {
    const NAME: &'static str = "far";
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn play(job: Job, port: FarPort) -> io::Result<()> {
        let mechanism = registry::find(&job.spec.mechanism).ok_or(io::ErrorKind::NotFound)?;
        // SAFETY: whoever started this process mapped exactly these descriptors into it, for us alone.
        let fds = (0..job.descriptors).map(|n| unsafe { OwnedFd::from_raw_fd(3 + n as i32) }).collect();
        let handles = Handles { fds, note: job.note };
        (mechanism.joint.far)(job, handles, port)
    }
}

/// Takes an end into use and carries out orders until there are no more. A failure is told, then ends the worker.
pub(crate) fn work<C: Channel>(job: &Job, end: C::End, port: &FarPort) -> io::Result<()> {
    let worked = take_orders::<C>(job, end, port);
    if let Err(error) = &worked {
        // Nobody listens where the near end is gone: then there is nobody to tell.
        let _ = port.replies.send(&Reply::Failed(error.to_string()));
    }
    worked
}

fn take_orders<C: Channel>(job: &Job, end: C::End, port: &FarPort) -> io::Result<()> {
    if let Some(cpu) = job.cpu {
        place::pin(cpu)?;
    }
    place::own_descriptors();
    let mut end = End::new(C::open(end, &job.spec)?, job.kind);
    port.replies.send(&Reply::Open)?;
    while let Ok(cue) = port.cues.recv() {
        let Cue::Order(order) = cue else { continue };
        port.replies.send(&Reply::Ready)?;
        let seen = match job.part {
            Part::Echo => end.answer(order),
            Part::Sink => end.sink(order, job.kind.producers, || port.cues.try_recv() == Ok(Cue::Sent)),
            Part::Source => end.source(order),
        }?;
        port.replies.send(&Reply::Done(seen))?;
    }
    Ok(())
}
