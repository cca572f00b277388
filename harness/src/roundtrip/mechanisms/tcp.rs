//! A TCP connection through the loopback interface, with Nagle's algorithm off at both ends: `tcp(7)`.

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
use std::{
    borrow::Cow,
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "tcp",
    help: "a TCP connection through loopback, TCP_NODELAY",
    group: Group::Loopback,
    nature: Nature {
        boundaries: false,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: true,
        pollable: true,
        after_crash: Cow::Borrowed("nothing"),
        portability: Cow::Borrowed("everywhere"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: unlimited,
    joint: Joint::across::<Stream<Tcp>>(),
};

enum Tcp {}

impl Make for Tcp {
    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let (far, from) = listener.accept()?;
        if from != near.local_addr()? {
            return Err(io::Error::other(format!("somebody else connected, from {from}")));
        }
        for end in [&near, &far] {
            end.set_nodelay(true)?;
        }
        Ok(Ends::pair(Handles::fds([near.into()]), Handles::fds([far.into()])))
    }
}
