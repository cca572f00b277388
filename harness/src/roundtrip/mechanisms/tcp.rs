//! A TCP connection through the loopback interface, with Nagle's algorithm off at both ends: `tcp(7)`.

use super::super::{
    Ends, Handles, Making,
    between::{Between, Meet, PATIENCE},
    descriptors::{Make, Stream},
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::{TimeVal, TimeValLike},
};
use std::{
    borrow::Cow,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
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
    joint: Joint::between::<Stream<Tcp>, Tcp>(),
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

impl Between for Tcp {
    type Waiting = TcpListener;

    fn wait(own: IpAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((own, 0))?;
        // A connection that is made is waiting already; this is for one that broke since.
        setsockopt(&listener, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE.as_secs() as i64))?;
        let at = listener.local_addr()?;
        Ok((listener, at))
    }

    fn met(listener: TcpListener, far: SocketAddr) -> io::Result<Handles> {
        let (near, from) = listener.accept()?;
        if from != far {
            return Err(io::Error::other(format!("somebody else connected, from {from}")));
        }
        near.set_nodelay(true)?;
        Ok(Handles::fds([near.into()]))
    }

    fn come(meet: Meet) -> io::Result<(Handles, SocketAddr)> {
        let far = TcpStream::connect_timeout(&meet.near, PATIENCE)?;
        far.set_nodelay(true)?;
        let at = far.local_addr()?;
        Ok((Handles::fds([far.into()]), at))
    }
}
