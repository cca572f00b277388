//! Several datagrams to one system call.

use super::{Address, Way, message, part, taken};
use crate::fanout::outbox::{MOST_DATAGRAMS, Outbox};
use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

pub(super) const WAY: Way = Way { is_one_packet: false, post };

fn post(socket: BorrowedFd<'_>, to: &Address, outbox: &Outbox, from: usize) -> io::Result<usize> {
    let count = (outbox.len() - from).min(MOST_DATAGRAMS);
    let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; MOST_DATAGRAMS];
    // SAFETY: zero is a valid value of every field of this C struct.
    let mut messages: [libc::mmsghdr; MOST_DATAGRAMS] = unsafe { std::mem::zeroed() };
    for (place, (piece, sent)) in parts.iter_mut().zip(&mut messages).take(count).enumerate() {
        *piece = part(outbox.datagram(from + place));
        sent.msg_hdr = message(to, piece);
    }
    // SAFETY: the first `count` headers point to parts, datagrams and an address that outlive the call; the kernel reads
    // those and writes the lengths that it sent into the headers.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count as u32, 0) };
    taken(sent as isize, sent as usize)
}
