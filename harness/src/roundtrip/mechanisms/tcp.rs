//! A TCP connection through the loopback interface, with Nagle's algorithm off at both ends: `tcp(7)`.

use super::super::{
    Channel, Ends, Handles, Making,
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
    wait::Bytes,
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use nix::sys::socket::{getsockopt, sockopt};
use std::{
    borrow::Cow,
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::OwnedFd,
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
    joint: Joint::across::<Tcp>(),
};

struct Tcp(Bytes<TcpStream>);

impl Channel for Tcp {
    type End = Handles;

    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let (far, from) = listener.accept()?;
        if from != near.local_addr()? {
            return Err(io::Error::other(format!("somebody else connected, from {from}")));
        }
        Ok(Ends::pair(Handles::fds([near.into()]), Handles::fds([far.into()])))
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [fd]: [OwnedFd; 1] = end.take()?;
        let stream = TcpStream::from(fd);
        stream.set_nodelay(true)?;
        Ok(Self(Bytes::new(stream, spec)?))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.0.write_all(message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(message)
    }

    fn buffer_bytes(&self) -> Option<u64> {
        getsockopt(&self.0.fd, sockopt::SndBuf).ok().map(|bytes| bytes as u64)
    }
}
