//! A pair of connected UNIX datagram sockets: `unix(7)`.
//!
//! Nothing is lost: a sender waits while its send buffer is full of messages that nobody has read. Between sockets that
//! are not connected to each other `max_dgram_qlen`, 10 messages, would be the limit instead. A closed peer is no end of
//! file.

use super::super::{
    Ends, Handles, Making,
    descriptors::{Make, Messages, largest_unix_message, unix_message_pair},
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD},
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use nix::sys::socket::SockType;
use std::{borrow::Cow, io};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "unix-dgram",
    help: "a pair of connected UNIX datagram sockets",
    group: Group::UnixSocket,
    nature: Nature {
        boundaries: true,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("its paths, where it has any"),
        portability: Cow::Borrowed("POSIX"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: || largest_unix_message(SockType::Datagram),
    joint: Joint::across::<Messages<Datagram>>(),
};

enum Datagram {}

impl Make for Datagram {
    fn ends(spec: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let [near, far] = unix_message_pair(SockType::Datagram, spec.message_bytes as usize)?;
        Ok(Ends::pair(Handles::fds([near]), Handles::fds([far])))
    }
}
