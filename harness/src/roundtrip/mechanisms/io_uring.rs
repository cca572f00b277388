//! A pair of UNIX stream sockets driven through `io_uring(7)`: a ring at each end, one operation at a time.
//!
//! Blocking is `io_uring_enter` waiting for the completion; spinning is the same call without waiting, again and again. The kernel's polling thread (SQPOLL) is not used: with both ends on one CPU it starves them.
//! Containers often forbid the calls, and `kernel.io_uring_disabled` may.

use super::super::{
    Channel, Ends, Handles, Making,
    descriptors::send_buffer,
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD},
    wait::Waiting,
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use io_uring::{IoUring, Submitter, opcode, squeue, types};
use nix::errno::Errno;
use std::{
    borrow::Cow,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "io-uring",
    help: "a pair of UNIX stream sockets driven through io_uring",
    group: Group::UnixSocket,
    nature: Nature {
        boundaries: false,
        when_full: WhenFull::BackPressure,
        unrelated: false,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("nothing"),
        portability: Cow::Borrowed("Linux 5.6"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: || ring().map(|_| None).map_err(|error| format!("no io_uring here: {error}")),
    joint: Joint::across::<Driven>(),
};

/// The smallest ring that every kernel makes; one entry is in use.
const ENTRIES: u32 = 2;

/// `IORING_ENTER_GETEVENTS`.
const GETEVENTS: u32 = 1;

/// A socket and the ring that drives it.
struct Driven {
    ring: IoUring,
    socket: OwnedFd,
    waiting: Waiting,
}

impl Channel for Driven {
    type End = Handles;

    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let (near, far) = UnixStream::pair()?;
        Ok(Ends::pair(Handles::fds([near.into()]), Handles::fds([far.into()])))
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [socket] = end.take()?;
        Ok(Self { ring: ring()?, socket, waiting: Waiting::new(spec) })
    }

    #[inline]
    fn send(&mut self, mut message: &[u8]) -> io::Result<()> {
        let socket = types::Fd(self.socket.as_raw_fd());
        while !message.is_empty() {
            let (start, length) = (message.as_ptr(), message.len() as u32);
            let operation = opcode::Send::new(socket, start, length).flags(libc::MSG_NOSIGNAL).build();
            // SAFETY: the message outlives this function.
            let sent = unsafe { self.complete(&operation) }?;
            message = &message[sent..];
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, mut message: &mut [u8]) -> io::Result<()> {
        let socket = types::Fd(self.socket.as_raw_fd());
        while !message.is_empty() {
            let (start, length) = (message.as_mut_ptr(), message.len() as u32);
            let operation = opcode::Recv::new(socket, start, length).build();
            // SAFETY: the message outlives this function, and nobody else touches it meanwhile.
            let received = unsafe { self.complete(&operation) }?;
            if received == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            message = &mut message[received..];
        }
        Ok(())
    }

    fn buffer_bytes(&self) -> Option<u64> {
        send_buffer(&self.socket)
    }
}

impl Driven {
    /// Carries out one operation. It is over when this returns, with an error too.
    ///
    /// # Safety
    /// What the operation points to must stay valid until this returns.
    #[inline]
    unsafe fn complete(&mut self, operation: &squeue::Entry) -> io::Result<usize> {
        // SAFETY: the caller's promise, and that this waits for the completion.
        unsafe { self.ring.submission().push(operation) }.map_err(io::Error::other)?;
        let completed = self.completion();
        if completed.is_err() {
            // Whatever went wrong, the kernel may not write into that memory any more.
            let cancelled = self.ring.submitter().register_sync_cancel(None, types::CancelBuilder::any());
            if cancelled.is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
                std::process::abort();
            }
        }
        match completed? {
            result @ 0.. => Ok(result as usize),
            error => Err(io::Error::from_raw_os_error(-error)),
        }
    }

    #[inline]
    fn completion(&mut self) -> io::Result<i32> {
        let Self { ring, waiting, .. } = self;
        enter(ring, usize::from(waiting.blocks()))?;
        let (submitter, _, mut completions) = ring.split();
        waiting.repeat(
            || {
                completions.sync();
                if completions.is_empty() {
                    look(&submitter)?;
                    completions.sync();
                }
                completions.next().map(|completion| completion.result()).ok_or(Errno::EAGAIN)
            },
            |_| match submitter.submit_and_wait(1) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
                _ => Ok(()),
            },
        )
    }
}

/// A ring whose kernel side does not interrupt its owner to complete an operation, where the kernel can do that (5.19):
/// between virtual CPUs an interrupt costs more than all the rest.
fn ring() -> io::Result<IoUring> {
    IoUring::builder().setup_coop_taskrun().build(ENTRIES).or_else(|_| IoUring::new(ENTRIES))
}

/// Lets the kernel complete what it can, without waiting.
#[inline]
fn look(submitter: &Submitter<'_>) -> Result<(), Errno> {
    // SAFETY: there is no argument, and what is in flight points to memory that its owner keeps.
    match unsafe { submitter.enter::<()>(0, 0, GETEVENTS, None) } {
        Ok(_) => Ok(()),
        Err(error) => Err(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
    }
}

/// Hands over what was pushed, and waits for so many completions.
#[inline]
fn enter(ring: &IoUring, completions: usize) -> io::Result<()> {
    loop {
        match ring.submit_and_wait(completions) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            entered => return entered.map(|_| ()),
        }
    }
}
