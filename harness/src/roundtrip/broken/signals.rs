//! Signals do the work of the pipe: both ends wake each other by SIGUSR1, and the message goes one way.

use super::{CLAIM, pipes_that_know};
use crate::roundtrip::{Channel, Ends, Handles, Making, pair::Joint, registry::Mechanism, wait::Bytes};
use ferrybench_data::roundtrip::Spec;
use nix::{
    errno::Errno,
    sys::signal::{SigSet, Signal},
    unistd::gettid,
};
use std::{io, os::fd::OwnedFd};

pub(super) const ROW: Mechanism = Mechanism {
    name: "broken-signals",
    help: "broken: signals wake both ends, and the message goes one way",
    joint: Joint::across::<Signalled>(),
    ..CLAIM
};

struct Signalled {
    from: Bytes<OwnedFd>,
    to: Bytes<OwnedFd>,
    signal: SigSet,
    /// The thread at the other end.
    other: i32,
    sends: bool,
}

impl Channel for Signalled {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        pipes_that_know(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let sends = end.note == 0;
        let [from, to] = end.take()?;
        let (from, to) = (Bytes::new(from, spec)?, Bytes::new(to, spec)?);
        let signal = SigSet::from(Signal::SIGUSR1);
        signal.thread_block()?;
        let mut other = [0; size_of::<i32>()];
        to.write_all(&gettid().as_raw().to_ne_bytes())?;
        from.read_exact(&mut other)?;
        Ok(Self { from, to, signal, other: i32::from_ne_bytes(other), sends })
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if self.sends {
            self.to.write_all(message)?;
        }
        // SAFETY: plain numbers.
        Errno::result(unsafe { libc::syscall(libc::SYS_tkill, self.other, libc::SIGUSR1) })?;
        Ok(())
    }

    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.signal.wait()?;
        if self.sends { Ok(()) } else { self.from.read_exact(message) }
    }
}
