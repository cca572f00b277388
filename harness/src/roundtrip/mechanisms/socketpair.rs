//! A pair of UNIX stream sockets that were born connected: `socketpair(2)`.

use super::super::{
    Ends, Handles, Making,
    descriptors::{Make, Stream},
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use std::{borrow::Cow, io, os::unix::net::UnixStream};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "socketpair",
    help: "a pair of UNIX stream sockets without a name",
    group: Group::UnixSocket,
    nature: Nature {
        boundaries: false,
        when_full: WhenFull::BackPressure,
        unrelated: false,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("nothing"),
        portability: Cow::Borrowed("POSIX"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: unlimited,
    joint: Joint::across::<Stream<SocketPair>>(),
};

enum SocketPair {}

impl Make for SocketPair {
    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let (near, far) = UnixStream::pair()?;
        Ok(Ends::pair(Handles::fds([near.into()]), Handles::fds([far.into()])))
    }
}
