//! One large buffer that the kernel or the device cuts into datagrams: segmentation offload.

use super::{Address, Way, message, part, taken};
use crate::fanout::outbox::Outbox;
use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

pub(super) const WAY: Way = Way { is_one_packet: true, post };

/// Room for one control message with the length of a segment, aligned as control messages are.
#[repr(C, align(8))]
struct Control([u8; 24]);

fn post(socket: BorrowedFd<'_>, to: &Address, outbox: &Outbox, from: usize) -> io::Result<usize> {
    let mut bytes = part(outbox.rest(from));
    let mut header = message(to, &mut bytes);
    let mut control = Control([0; 24]);
    let count = outbox.len() - from;
    if count > 1 {
        // SAFETY: both compute lengths from a number.
        let (space, length) = unsafe { (libc::CMSG_SPACE(2), libc::CMSG_LEN(2)) };
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = space as usize;
        // SAFETY: `control` is aligned for a `cmsghdr` and has room for one and two bytes of data (CMSG_SPACE(2) is 24).
        unsafe {
            let message = libc::CMSG_FIRSTHDR(&raw const header);
            (*message).cmsg_level = libc::SOL_UDP;
            (*message).cmsg_type = libc::UDP_SEGMENT;
            (*message).cmsg_len = length as usize;
            libc::CMSG_DATA(message).cast::<u16>().write_unaligned(outbox.stride() as u16);
        }
    }
    // SAFETY: the header points to one part, an address and at most one control message, all of which outlive the call;
    // the kernel only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
    taken(sent, count)
}
