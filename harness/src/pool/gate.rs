//! The barrier: a descriptor that every worker waits for, threads and processes alike, and one call that wakes them all.

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::{Errno, read, write},
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

/// A counter of places: it is opened with as many as there are workers, and each takes one.
#[derive(Debug)]
pub(super) struct Gate(OwnedFd);

/// Longest wait at the barrier: for the slowest worker to come, which is starting a process.
const LONGEST_WAIT_S: i64 = 120;

impl Gate {
    /// A closed one.
    pub(super) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::SEMAPHORE | EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        Ok(Self(eventfd(0, flags)?))
    }

    /// One that another process made.
    pub(super) fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// A descriptor of it for another process.
    pub(super) fn to_fd(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    /// Lets so many through.
    pub(super) fn open(&self, workers: usize) -> io::Result<()> {
        write(&self.0, &(workers as u64).to_ne_bytes())?;
        Ok(())
    }

    /// Waits until the gate is opened.
    pub(super) fn wait(&self) -> io::Result<()> {
        let most = Timespec { tv_sec: LONGEST_WAIT_S, tv_nsec: 0 };
        loop {
            match poll(&mut [PollFd::new(&self.0.as_fd(), PollFlags::IN)], Some(&most)) {
                Ok(0) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the barrier was never released"));
                }
                Ok(_) => match read(&self.0, &mut [0_u8; 8]) {
                    Ok(_) => return Ok(()),
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                },
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
