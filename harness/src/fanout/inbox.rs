//! Datagrams as they come: several to one system call, and of each batch that the kernel left whole its single ones.
//!
//! By `libc` directly: the wrapper of nix loses control messages when headers are used again (nix-rust/nix#2813), and
//! without them nobody knows where one datagram of a batch ends.

use super::frame::LARGEST_DATAGRAM;
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
};

/// Packets of one call where batches come whole, each up to 64 KiB.
const WHOLE: usize = 8;
/// Packets of one call where each is a datagram.
const SINGLE: usize = 64;
/// From one packet's place to the next: room for the largest, and not a power of two, so that their first lines do not
/// share a set of the cache.
const STRIDE: usize = LARGEST_DATAGRAM.next_multiple_of(4096) + 1536;

/// Room for one control message with a number, aligned as control messages are.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Room for packets.
pub(super) struct Inbox {
    buffer: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    lengths: Vec<Packet>,
}

/// One packet that came.
#[derive(Debug, Clone, Copy)]
struct Packet {
    from: SocketAddr,
    length: usize,
    /// Length of each datagram in it but the last.
    segment: usize,
}

impl Inbox {
    pub(super) fn new(takes_batches: bool) -> Self {
        let packets = if takes_batches { WHOLE } else { SINGLE };
        // SAFETY: zero is a valid value of every field of this C struct.
        let name: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        Self {
            // Written, so that no page of it is new when content comes.
            buffer: vec![1; packets * STRIDE],
            names: vec![name; packets],
            controls: vec![Control([0; 64]); packets],
            lengths: Vec::with_capacity(packets),
        }
    }

    /// Waits as long as the socket's own limit says, then takes what is there. `false` where nothing came.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<bool> {
        self.lengths.clear();
        let packets = self.names.len();
        let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; SINGLE];
        // SAFETY: zero is a valid value of every field of this C struct.
        let mut messages: [libc::mmsghdr; SINGLE] = unsafe { std::mem::zeroed() };
        let places = self.buffer.chunks_exact_mut(STRIDE).zip(&mut self.names).zip(&mut self.controls);
        for (((place, name), control), (part, message)) in places.zip(parts.iter_mut().zip(&mut messages)) {
            *part = libc::iovec { iov_base: place.as_mut_ptr().cast(), iov_len: LARGEST_DATAGRAM };
            let header = &mut message.msg_hdr;
            header.msg_name = (&raw mut *name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>();
        }
        // SAFETY: the first `packets` headers point to parts, names and controls of the lengths told, no two to the same,
        // and all outlive the call.
        let came = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                packets as u32,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        if came < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                // ECONNREFUSED: an answer of ours met nobody.
                Some(libc::EAGAIN | libc::EINTR | libc::ECONNREFUSED) => Ok(false),
                _ => Err(error),
            };
        }
        for (message, name) in messages.iter().zip(&self.names).take(came as usize) {
            let length = message.msg_len as usize;
            let segment = segment_of(&message.msg_hdr).unwrap_or(length).max(1);
            self.lengths.push(Packet { from: address(name), length, segment });
        }
        Ok(!self.lengths.is_empty())
    }

    /// Whether there was room for more: then nothing more is there.
    pub(super) fn took_all(&self) -> bool {
        self.lengths.len() < self.names.len()
    }

    /// How many datagrams came.
    pub(super) fn len(&self) -> usize {
        self.lengths.iter().map(|packet| packet.length.div_ceil(packet.segment).max(1)).sum()
    }

    /// The datagrams that came, each with its sender.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.lengths.iter().zip(self.buffer.chunks_exact(STRIDE)).flat_map(|(packet, bytes)| {
            let packet = *packet;
            let whole = &bytes[..packet.length];
            // An empty datagram is one, too.
            let empty = whole.is_empty().then_some((packet.from, whole));
            whole.chunks(packet.segment).map(move |datagram| (packet.from, datagram)).chain(empty)
        })
    }
}

/// Length of the datagrams of a batch, where the kernel says that it is one.
fn segment_of(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the kernel has filled in the control messages and their length; these macros stay within it, and a number of
    // this option is four bytes.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_UDP && (*message).cmsg_type == libc::UDP_GRO {
                let number = libc::CMSG_DATA(message).cast::<i32>().read_unaligned();
                return usize::try_from(number).ok();
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

fn address(name: &libc::sockaddr_storage) -> SocketAddr {
    let name = &raw const *name;
    // SAFETY: `sockaddr_storage` is large enough and aligned for each kind of address; the family says which it is.
    unsafe {
        if i32::from((*name).ss_family) == libc::AF_INET6 {
            let name = &*name.cast::<libc::sockaddr_in6>();
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            return SocketAddr::from((ip, u16::from_be(name.sin6_port)));
        }
        let name = &*name.cast::<libc::sockaddr_in>();
        SocketAddr::from((Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr)), u16::from_be(name.sin_port)))
    }
}
