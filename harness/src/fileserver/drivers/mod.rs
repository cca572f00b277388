//! What carries out a session's steps over a connection: blocking calls, or tokio.

pub mod blocking;
pub mod tokio;

use super::session::Input;
use crate::measure::clock;
use ferrybench_data::fileserver::ReadBytes;
use rustix::{
    fs::sendfile,
    io::Errno,
    net::{RecvFlags, recv},
    pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileExt,
    },
    time::Duration,
};

/// Bytes of one read where nothing else is asked for: half of a usual second-level cache.
const USUAL_READ: usize = 256 << 10;
/// What one call moves inside the kernel at most; between two, the deadline is looked at.
const ONE_MOVE: u64 = 4 << 20;
/// A pipe that any user may have 64 of.
const PIPE_BYTES: usize = 256 << 10;

/// How long a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Without a byte, milliseconds.
    pub idle_ms: u64,
    /// From the first byte of a request to its end, milliseconds.
    pub transfer_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle_ms: 30_000, transfer_ms: 120_000 }
    }
}

impl Limits {
    /// The longest silence.
    pub const fn idle(self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}

/// What a worker keeps from one connection to the next, so that none allocates.
#[derive(Debug)]
pub struct Kit {
    input: Input,
    /// Between a socket and a file; made when it is first needed.
    pipe: Option<Pipe>,
    /// Whether the kernel is asked to move bytes from a socket into a file by itself.
    splices: bool,
    /// For bytes that the kernel will not move by itself.
    spill: Vec<u8>,
}

#[derive(Debug)]
struct Pipe {
    from: OwnedFd,
    into: OwnedFd,
}

impl Kit {
    /// A kit that reads so much at a time.
    pub fn new(read_bytes: ReadBytes) -> Self {
        let (most, splices) = match read_bytes {
            ReadBytes::Auto => (USUAL_READ, true),
            ReadBytes::Bytes(bytes) => (bytes.max(1) as usize, false),
        };
        Self { input: Input::new(most), pipe: None, splices, spill: Vec::new() }
    }

    /// Ready for another connection: what the last one left is gone.
    fn begin(&mut self) {
        self.input.clear();
    }

    /// A pipe with nothing in it.
    fn pipe(&mut self) -> io::Result<&Pipe> {
        if self.pipe.is_none() {
            let (from, into) = pipe_with(PipeFlags::CLOEXEC)?;
            // A smaller one only makes more calls.
            let _ = fcntl_setpipe_size(&into, PIPE_BYTES);
            self.pipe = Some(Pipe { from, into });
        }
        Ok(self.pipe.as_ref().expect("it was made just above"))
    }

    fn spill(&mut self) -> &mut [u8] {
        self.spill.resize(USUAL_READ, 0);
        &mut self.spill
    }
}

/// How long, and how much, is read of content that nobody wants before its connection is closed all the same.
const DRAIN: Duration = Duration::from_secs(2);
const DRAIN_BYTES: u64 = 256 << 20;

/// How far a transfer is from its deadline.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    limits: Limits,
    /// When the request at hand began, on the monotonic clock.
    begun: Option<u64>,
}

impl Deadline {
    const fn new(limits: Limits) -> Self {
        Self { limits, begun: None }
    }

    fn begin(&mut self) {
        self.begun.get_or_insert_with(clock::now);
    }

    fn end(&mut self) {
        self.begun = None;
    }

    /// Longest wait after which the peer's silence is looked at: of both limits, the shorter may be over first.
    fn tick(&self) -> Duration {
        Duration::from_millis(self.limits.idle_ms.min(self.limits.transfer_ms))
    }

    /// How long the peer may be silent from now on.
    fn patience(&self) -> Duration {
        let left = self.begun.map(|begun| {
            let end = begun.saturating_add(self.limits.transfer_ms.saturating_mul(1_000_000));
            // A moment later it is over for sure.
            Duration::from_nanos(end.saturating_sub(clock::now())) + Duration::from_millis(1)
        });
        left.unwrap_or(Duration::MAX).min(self.limits.idle())
    }

    /// An error once the request has taken too long, however lively the peer is.
    fn check(&self) -> io::Result<()> {
        match self.begun {
            Some(begun) if clock::now() - begun > self.limits.transfer_ms * 1_000_000 => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the transfer took longer than {} s", self.limits.transfer_ms as f64 / 1000.0),
            )),
            _ => Ok(()),
        }
    }

    fn silence(&self) -> io::Error {
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the peer was silent for {} s", self.limits.idle_ms as f64 / 1000.0),
        )
    }
}

/// One call that sends a part of a file up to `end`: bytes sent. `None` where the kernel cannot do it by itself.
fn send_part(socket: impl AsFd, file: &File, offset: &mut u64, end: u64) -> io::Result<Option<u64>> {
    let left = end - *offset;
    match sendfile(socket, file, Some(offset), left.min(ONE_MOVE) as usize) {
        Ok(0) => {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent"))
        }
        Ok(sent) => Ok(Some(sent as u64)),
        Err(Errno::INVAL | Errno::NOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// One call that takes bytes from a socket into a pipe: how many, 0 at their end. `None` where the kernel cannot do it by
/// itself.
fn take_part(socket: impl AsFd, pipe: &Pipe, left: u64, flags: SpliceFlags) -> io::Result<Option<u64>> {
    let most = left.min(ONE_MOVE) as usize;
    match splice(socket, None, &pipe.into, None, most, SpliceFlags::MOVE | flags) {
        Ok(taken) => Ok(Some(taken as u64)),
        Err(Errno::INVAL | Errno::NOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// One call that has the kernel drop bytes of a socket unread: how many it dropped, 0 at their end.
fn drop_part(socket: impl AsFd, left: u64, room: &mut [u8]) -> io::Result<u64> {
    let most = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    // Of a stream, nothing is copied under this flag.
    Ok(recv(socket, &mut room[..most], RecvFlags::TRUNC)?.1 as u64)
}

/// Moves everything that is in a pipe into a file.
fn empty_pipe(pipe: &Pipe, file: &File, mut offset: u64, mut count: u64) -> io::Result<()> {
    while count > 0 {
        match splice(&pipe.from, None, file, Some(&mut offset), count as usize, SpliceFlags::MOVE) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(moved) => count -= moved as u64,
            Err(Errno::INTR) => {}
            // A file that cannot be spliced into, such as one opened for appending: by hand.
            Err(Errno::INVAL) => {
                let mut piece = vec![0; count as usize];
                let read = rustix::io::read(&pipe.from, &mut piece)?;
                file.write_all_at(&piece[..read], offset)?;
                offset += read as u64;
                count -= read as u64;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
