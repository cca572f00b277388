//! How datagrams are handed to the kernel: one file for each way.

mod gso;
mod one;
mod sendmmsg;

use super::outbox::Outbox;
use ferrybench_data::fanout::Batching;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};
use std::{io, net::SocketAddr, os::fd::BorrowedFd};

/// One way.
pub(super) struct Way {
    /// Whether a batch becomes one packet, and so must fit into one.
    pub(super) is_one_packet: bool,
    /// Hands over datagrams from the given one on; returns how many the kernel took, at least one.
    pub(super) post: fn(BorrowedFd<'_>, &Address, &Outbox, usize) -> io::Result<usize>,
}

/// The way of that name.
pub(super) fn way(batching: Batching) -> &'static Way {
    match batching {
        Batching::One => &one::WAY,
        Batching::Sendmmsg => &sendmmsg::WAY,
        Batching::Gso => &gso::WAY,
    }
}

/// An address as the kernel takes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address(SockaddrStorage);

impl Address {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self(address.into())
    }

    fn pointer(&self) -> *mut libc::c_void {
        // The kernel only reads it.
        self.0.as_ptr().cast_mut().cast()
    }

    fn length(&self) -> libc::socklen_t {
        self.0.len()
    }
}

/// A message header for pieces that lie in `parts`.
fn message(to: &Address, part: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: zero is a valid value of every field of this C struct; the pointers among them are null, which is "none".
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = to.pointer();
    header.msg_namelen = to.length();
    header.msg_iov = part;
    header.msg_iovlen = 1;
    header
}

fn part(bytes: &[u8]) -> libc::iovec {
    // The kernel only reads it.
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

fn taken(result: isize, count: usize) -> io::Result<usize> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(count) }
}

/// One datagram that is in no outbox.
pub(super) fn send_one(socket: BorrowedFd<'_>, to: &Address, datagram: &[u8]) -> io::Result<()> {
    let mut bytes = part(datagram);
    let header = message(to, &mut bytes);
    // SAFETY: the header points to one part and an address, both of which outlive the call; the kernel only reads them.
    let sent = unsafe { libc::sendmsg(std::os::fd::AsRawFd::as_raw_fd(&socket), &raw const header, 0) };
    taken(sent, 1).map(|_| ())
}
