//! One datagram to one system call.

use super::{Address, Way, taken};
use crate::fanout::outbox::Outbox;
use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

pub(super) const WAY: Way = Way { is_one_packet: false, post };

fn post(socket: BorrowedFd<'_>, to: &Address, outbox: &Outbox, from: usize) -> io::Result<usize> {
    let datagram = outbox.datagram(from);
    // SAFETY: the kernel reads the datagram and the address, each of the length told, and both outlive the call.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            datagram.as_ptr().cast(),
            datagram.len(),
            0,
            to.pointer().cast(),
            to.length(),
        )
    };
    taken(sent, 1)
}
