//! Channels that are a descriptor or two and nothing more: they differ in how their ends are made, which is what a
//! mechanism's own file says.

use super::{
    Channel, Ends, Handles, Making,
    wait::{Bytes, Datagrams, Waiting},
};
use ferrybench_data::roundtrip::Spec;
use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, setsockopt, socketpair, sockopt},
};
use std::{io, marker::PhantomData, os::fd::OwnedFd};

/// How a pair of ends is made.
pub(super) trait Make: 'static {
    /// Descriptors of the near end and of the far end.
    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>>;
}

/// Bytes through two descriptors, the first to read from and the second to write to.
pub(super) struct Pipes<M> {
    from: Bytes<OwnedFd>,
    to: Bytes<OwnedFd>,
    made: PhantomData<M>,
}

impl<M: Make> Channel for Pipes<M> {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        M::ends(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [from, to] = end.take()?;
        Ok(Self { from: Bytes::new(from, spec)?, to: Bytes::new(to, spec)?, made: PhantomData })
    }

    #[inline(always)]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.to.write_all(message)
    }

    #[inline(always)]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.from.read_exact(message)
    }

    fn buffer_bytes(&self) -> Option<u64> {
        fcntl(&self.to.fd, FcntlArg::F_GETPIPE_SZ).ok().map(|bytes| bytes as u64)
    }
}

/// Bytes through one socket.
pub(super) struct Stream<M> {
    socket: Bytes<OwnedFd>,
    made: PhantomData<M>,
}

impl<M: Make> Channel for Stream<M> {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        M::ends(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [socket] = end.take()?;
        Ok(Self { socket: Bytes::new(socket, spec)?, made: PhantomData })
    }

    #[inline(always)]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.socket.write_all(message)
    }

    #[inline(always)]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.socket.read_exact(message)
    }

    fn buffer_bytes(&self) -> Option<u64> {
        send_buffer(&self.socket.fd)
    }
}

/// Whole messages through one socket.
pub(super) struct Messages<M> {
    socket: Datagrams<OwnedFd>,
    made: PhantomData<M>,
}

impl<M: Make> Channel for Messages<M> {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        M::ends(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [socket] = end.take()?;
        Ok(Self { socket: Datagrams::new(socket, Waiting::new(spec))?, made: PhantomData })
    }

    #[inline(always)]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.socket.send(message)
    }

    #[inline(always)]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.socket.recv(message)
    }

    fn buffer_bytes(&self) -> Option<u64> {
        send_buffer(&self.socket.fd)
    }
}

/// The send buffer of a socket, bytes.
pub(super) fn send_buffer(socket: &OwnedFd) -> Option<u64> {
    getsockopt(socket, sockopt::SndBuf).ok().map(|bytes| bytes as u64)
}

/// What the kernel adds to a UNIX message when it holds it against the send buffer.
const UNIX_MESSAGE_EXTRA: usize = 32;
/// The kernel keeps all of a message but its last 64 KiB in one piece of memory; a larger piece than this it may not
/// find, and says ENOBUFS.
const LARGEST_UNIX_PIECE: usize = 1 << 20;

/// Two connected UNIX sockets of a type that carries whole messages. They keep the send buffer that any program gets,
/// unless a message would not fit into it.
pub(super) fn unix_message_pair(kind: SockType, message_bytes: usize) -> io::Result<[OwnedFd; 2]> {
    let (near, far) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    for end in [&near, &far] {
        if message_bytes + UNIX_MESSAGE_EXTRA > getsockopt(end, sockopt::SndBuf)? {
            setsockopt(end, sockopt::SndBuf, &message_bytes)?; // the kernel doubles it
        }
    }
    Ok([near, far])
}

/// The largest message of such a pair, if this kernel has them.
pub(super) fn largest_unix_message(kind: SockType) -> Result<Option<u64>, String> {
    let [socket, _] = unix_message_pair(kind, LARGEST_UNIX_PIECE).map_err(|error| error.to_string())?;
    let buffer = getsockopt(&socket, sockopt::SndBuf).map_err(|error| error.to_string())?;
    Ok(Some((buffer - UNIX_MESSAGE_EXTRA).min(LARGEST_UNIX_PIECE) as u64))
}
