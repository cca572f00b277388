//! Round trips and one-way streams: the trait of a mechanism, and how a block of it runs.
//!
//! `registry` lists the mechanisms, one file each under `mechanisms/`. A block: the near worker (`near`) makes both
//! ends, starts the `far` worker (a process, or a thread), and has orders of a fixed count of messages carried
//! (`pair`): a warm-up, then the `leg`.

pub mod between;
mod broken;
mod descriptors;
mod far;
mod floor;
pub mod foreign;
pub mod leg;
mod mechanisms;
pub mod memory;
pub mod near;
pub mod order;
mod owned;
pub mod pair;
mod payload;
pub mod registry;
mod wait;

pub use far::Far;
pub use near::Near;

use crate::process::{remains::Remains, role::Replies};
use ferrybench_data::roundtrip::Spec;
use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

/// A way to carry messages of one size between two ends, both directions.
///
/// Both ends are made in one process, handed over by descriptor, and unlinked before use. Set-up belongs into `ends`
/// and `open`; `send` and `recv` are the measured calls and neither allocate nor log.
pub trait Channel: Sized {
    /// One end before it is opened: what is handed to the worker that will use it.
    type End: Send + 'static;

    /// Makes every end: one near end for each producer, and the far end.
    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Self::End>>;

    /// Takes an end into use, in the worker that will use it.
    fn open(end: Self::End, spec: &Spec) -> io::Result<Self>;

    /// Sends one message of `spec.message_bytes`.
    fn send(&mut self, message: &[u8]) -> io::Result<()>;

    /// Receives one message into a buffer of `spec.message_bytes`. `TimedOut` means that nothing came within the
    /// mechanism's own deadline.
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()>;

    /// Kernel or ring buffer in use in each direction, bytes, where the mechanism has one.
    fn buffer_bytes(&self) -> Option<u64> {
        None
    }
}

/// The ends of one channel.
pub struct Ends<E> {
    /// One for each producer; the first belongs to the near worker.
    pub near: Vec<E>,
    /// The end that answers, or receives.
    pub far: E,
}

impl<E> Ends<E> {
    /// One end at each side.
    pub fn pair(near: E, far: E) -> Self {
        Self { near: vec![near], far }
    }
}

/// An end that can be handed to another process.
#[derive(Debug, Default)]
pub struct Handles {
    /// Descriptors, in an order that the mechanism knows.
    pub fds: Vec<OwnedFd>,
    /// Whatever else the mechanism must tell its other end: a number, mostly 0.
    pub note: u64,
}

impl Handles {
    /// Handles that are descriptors alone.
    pub fn fds<const N: usize>(fds: [OwnedFd; N]) -> Self {
        Self { fds: fds.into(), note: 0 }
    }

    /// The descriptors again, if there are as many as the mechanism made.
    pub fn take<const N: usize>(self) -> io::Result<[OwnedFd; N]> {
        let count = self.fds.len();
        self.fds.try_into().map_err(|_| io::Error::other(format!("expected {N} descriptors, got {count}")))
    }
}

/// Where ends are made: a folder for things with names, and whom to tell about what would outlive us.
pub struct Making {
    folder: PathBuf,
    declare: Replies<Remains>,
}

impl Making {
    /// Names live in `folder`; whatever outlives a process is declared to `declare` first.
    pub fn new(folder: PathBuf, declare: Replies<Remains>) -> Self {
        Self { folder, declare }
    }

    /// A folder that is removed with the run, on every way out.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells what is about to be made and would outlive a killed process. Call it before making.
    pub fn declare(&self, remains: &Remains) -> io::Result<()> {
        self.declare.send(remains)
    }
}
