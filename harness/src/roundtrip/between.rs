//! Both ends on different hosts. The far end's host has a worker of its own, which listens; the near end connects to it,
//! and tells it over that connection what it would tell a process beside it. What is measured goes through a socket of
//! its own, which each end makes on its host.

pub(super) use super::far::Meet;
use super::{
    Far, Handles,
    far::{Cue, Job, Reply},
    registry,
};
use crate::process::{
    afar::{Remote, Rendezvous},
    role::Port,
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::{IpAddr, SocketAddr},
};

pub(super) use crate::process::afar::PATIENCE;

/// How the sockets of a mechanism find each other on two hosts.
pub(super) trait Between: 'static {
    /// The near end while it waits.
    type Waiting;
    /// Begins to wait at an address of the near host; says where.
    fn wait(own: IpAddr) -> io::Result<(Self::Waiting, SocketAddr)>;
    /// The near end, once the far end has come and told where it is.
    fn met(waiting: Self::Waiting, far: SocketAddr) -> io::Result<Handles>;
    /// The far end, and where it is.
    fn come(meet: Meet) -> io::Result<(Handles, SocketAddr)>;
}

/// Where the far end is, for a near end on another host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarHost {
    /// Where its worker waits.
    pub control: Rendezvous,
    /// The near end's own address.
    pub own: IpAddr,
}

impl Remote for Far {
    const AFAR: &'static str = "afar";

    fn play_afar(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        let mechanism = registry::find(&job.spec.mechanism).ok_or(io::ErrorKind::NotFound)?;
        (mechanism.joint.far)(job, Handles::default(), port)
    }
}
