//! A pair of connected UNIX sockets that carry whole messages in order: `SOCK_SEQPACKET` of `unix(7)`.
//!
//! Like datagrams, and a closed peer is an end of file.

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
    name: "unix-seqpacket",
    help: "a pair of connected UNIX sequential packet sockets",
    group: Group::UnixSocket,
    nature: Nature {
        boundaries: true,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("its path, where it has one"),
        portability: Cow::Borrowed("Linux and most BSDs; not macOS"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: || largest_unix_message(SockType::SeqPacket),
    joint: Joint::across::<Messages<SeqPacket>>(),
};

enum SeqPacket {}

impl Make for SeqPacket {
    fn ends(spec: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let [near, far] = unix_message_pair(SockType::SeqPacket, spec.message_bytes as usize)?;
        Ok(Ends::pair(Handles::fds([near]), Handles::fds([far])))
    }
}
