//! How an end waits: in the kernel, by trying again, or first one and then the other.

use crate::measure::clock;
use ferrybench_data::roundtrip::{Placement, Spec, Wait};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use rustix::net::{RecvFlags, SendFlags};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

/// Tries in vain before a spinning end lets another thread have its CPU.
pub(super) const TRIES_BEFORE_YIELD: u32 = 2_000;
/// Tries in vain before an adaptive end blocks: some 50 us of system calls, about the price of a wake-up across CPUs.
const TRIES_BEFORE_BLOCK: u32 = 100;
/// Time for which an adaptive end looks at a word of shared memory before it sleeps: about the price of a wake-up.
pub(super) const ADAPTIVE_SPIN: Duration = Duration::from_micros(30);
/// A spinning end reads the clock once in so many yields.
const YIELDS_PER_LOOK: u32 = 64;
/// Deadline of a wait that no supervisor can see into.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// How one end waits for what cannot be done yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    wait: Wait,
    tries_before_yield: u32,
    tries_before_block: u32,
    patience: Duration,
}

impl Waiting {
    /// As the trial says. On one CPU there is nothing to spin for: the other end cannot run meanwhile.
    pub(super) fn new(spec: &Spec) -> Self {
        let (tries_before_yield, tries_before_block) = if spec.placement == Placement::SameCpu {
            (0, 1)
        } else {
            (TRIES_BEFORE_YIELD, TRIES_BEFORE_BLOCK)
        };
        Self { wait: spec.wait, tries_before_yield, tries_before_block, patience: PATIENCE }
    }

    /// With a deadline of its own, after which waiting is `TimedOut`. A blocking call must be given the same one.
    pub(super) fn at_most(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whether calls are expected to wait in the kernel.
    pub(super) fn blocks(self) -> bool {
        self.wait == Wait::Block
    }

    /// Makes a descriptor fit for this way of waiting: blocking for `block`, not blocking for the others.
    pub(super) fn prepare(self, fd: &impl AsFd) -> io::Result<()> {
        let mut flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
        flags.set(OFlag::O_NONBLOCK, self.wait != Wait::Block);
        fcntl(fd, FcntlArg::F_SETFL(flags))?;
        Ok(())
    }

    /// Repeats a call on a prepared descriptor until it has succeeded, waiting as the trial says.
    #[inline(always)]
    pub(super) fn until<T>(
        &self,
        fd: BorrowedFd<'_>,
        readiness: PollFlags,
        call: impl FnMut() -> Result<T, Errno>,
    ) -> io::Result<T> {
        self.repeat(call, |patience| {
            let timeout =
                PollTimeout::try_from(patience).expect("the deadline fits into an int of milliseconds");
            match poll(&mut [PollFd::new(fd, readiness)], timeout) {
                Ok(0) => Err(io::ErrorKind::TimedOut.into()),
                Ok(_) | Err(Errno::EINTR) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Repeats a call until it has succeeded. `EAGAIN` is its word for "not yet": it waits as the trial says, in
    /// `sleep` where that is asleep, which gets the deadline.
    ///
    /// What succeeds at once, as every blocking call does, stays in the caller's own code: after a context switch each
    /// return from a function is predicted wrongly, which on one CPU is a per cent of a pipe's round trip.
    #[inline(always)]
    pub(super) fn repeat<T>(
        &self,
        mut call: impl FnMut() -> Result<T, Errno>,
        sleep: impl FnMut(Duration) -> io::Result<()>,
    ) -> io::Result<T> {
        match call() {
            Ok(done) => Ok(done),
            Err(first) => self.try_again(first, call, sleep),
        }
    }

    #[inline(never)]
    fn try_again<T>(
        &self,
        mut error: Errno,
        mut call: impl FnMut() -> Result<T, Errno>,
        mut sleep: impl FnMut(Duration) -> io::Result<()>,
    ) -> io::Result<T> {
        let mut tries = 0_u32;
        let mut deadline_ns = None;
        loop {
            match error {
                Errno::EINTR => {}
                Errno::EAGAIN if self.wait != Wait::Block => {
                    tries = tries.wrapping_add(1);
                    if self.wait == Wait::Adaptive && tries >= self.tries_before_block {
                        sleep(self.patience)?;
                        tries = 0;
                    } else if self.wait == Wait::Spin && tries > self.tries_before_yield {
                        if tries.is_multiple_of(YIELDS_PER_LOOK) {
                            let now = clock::now();
                            if now > *deadline_ns.get_or_insert(now + self.patience.as_nanos() as u64) {
                                return Err(io::ErrorKind::TimedOut.into());
                            }
                        }
                        std::thread::yield_now();
                    } else {
                        std::hint::spin_loop();
                    }
                }
                other => return Err(other.into()),
            }
            match call() {
                Ok(done) => return Ok(done),
                Err(next) => error = next,
            }
        }
    }
}

/// The outcome of a call that goes to the kernel without the C library. In a process with several threads, as a worker
/// is one, the library makes each of its calls a cancellation point, which costs two atomic operations; a program of one
/// thread does not pay for that.
#[inline(always)]
fn direct<T>(outcome: rustix::io::Result<T>) -> Result<T, Errno> {
    outcome.map_err(|error| Errno::from_raw(error.raw_os_error()))
}

/// A descriptor that carries bytes without message boundaries, read and written whole.
#[derive(Debug)]
pub(super) struct Bytes<F> {
    pub(super) fd: F,
    waiting: Waiting,
}

impl<F: AsFd> Bytes<F> {
    pub(super) fn new(fd: F, spec: &Spec) -> io::Result<Self> {
        let waiting = Waiting::new(spec);
        waiting.prepare(&fd)?;
        Ok(Self { fd, waiting })
    }

    /// Writes all of it.
    #[inline(always)]
    pub(super) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self
                .waiting
                .until(self.fd.as_fd(), PollFlags::POLLOUT, || direct(rustix::io::write(&self.fd, bytes)))?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Reads exactly as many bytes as fit.
    #[inline(always)]
    pub(super) fn read_exact(&self, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let read = self.waiting.until(self.fd.as_fd(), PollFlags::POLLIN, || {
                direct(rustix::io::read(&self.fd, &mut *bytes))
            })?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes = &mut bytes[read..];
        }
        Ok(())
    }
}

/// A socket that carries whole messages.
#[derive(Debug)]
pub(super) struct Datagrams<F> {
    pub(super) fd: F,
    waiting: Waiting,
}

impl<F: AsFd> Datagrams<F> {
    pub(super) fn new(fd: F, waiting: Waiting) -> io::Result<Self> {
        waiting.prepare(&fd)?;
        Ok(Self { fd, waiting })
    }

    /// Sends one message.
    #[inline(always)]
    pub(super) fn send(&self, message: &[u8]) -> io::Result<()> {
        let send = || direct(rustix::net::send(&self.fd, message, SendFlags::NOSIGNAL));
        let carried = self.waiting.until(self.fd.as_fd(), PollFlags::POLLOUT, send)?;
        whole(carried, message.len())
    }

    /// Receives one message of exactly the buffer's size. A receive timeout of the socket is `TimedOut`.
    #[inline(always)]
    pub(super) fn recv(&self, message: &mut [u8]) -> io::Result<()> {
        let expected = message.len();
        let recv = || direct(rustix::net::recv(&self.fd, &mut *message, RecvFlags::TRUNC));
        let (_, received) =
            self.waiting.until(self.fd.as_fd(), PollFlags::POLLIN, recv).map_err(|error| {
                if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
            })?;
        if received == 0 && expected > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        whole(received, expected)
    }
}

fn whole(carried: usize, expected: usize) -> io::Result<()> {
    if carried == expected {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{carried} bytes were carried instead of {expected}"),
    ))
}
