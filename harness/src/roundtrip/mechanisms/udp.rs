//! Two UDP sockets on the loopback interface, connected to each other: `udp(7)`.
//!
//! A datagram that finds the receive buffer full is lost, and nobody is told. In a stream that is legal and counted:
//! the receiver gives up on what has not come within [`STREAM_SILENCE`]. Nothing is sent again: a lost datagram of a
//! round trip is an error after [`ANSWER_DEADLINE`], which is long enough for an end that the machine holds up.

use super::super::{
    Channel, Ends, Handles, Making,
    between::{Between, Meet},
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD},
    wait::{Datagrams, Waiting},
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::{Pattern, Spec},
};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use std::{
    borrow::Cow,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::OwnedFd,
    time::Duration,
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "udp",
    help: "two connected UDP sockets on loopback; loss is counted",
    group: Group::Loopback,
    nature: Nature {
        boundaries: true,
        when_full: WhenFull::Loss,
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
    largest: || Ok(Some(LARGEST)),
    joint: Joint::between::<Udp, Udp>(),
};

/// What an IPv4 packet holds beside its header and UDP's.
const LARGEST: u64 = 65_507;
/// How long a stream is silent before its receiver asks whether that was all.
const STREAM_SILENCE: Duration = Duration::from_millis(50);
/// When a message of a round trip counts as lost.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

struct Udp(Datagrams<UdpSocket>);

impl Channel for Udp {
    type End = Handles;

    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let far = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        near.connect(far.local_addr()?)?;
        far.connect(near.local_addr()?)?;
        for end in [&near, &far] {
            enlarge_buffer(end)?;
        }
        Ok(Ends::pair(Handles::fds([near.into()]), Handles::fds([far.into()])))
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [socket]: [OwnedFd; 1] = end.take()?;
        let socket = UdpSocket::from(socket);
        let patience = if spec.pattern == Pattern::Stream { STREAM_SILENCE } else { ANSWER_DEADLINE };
        socket.set_read_timeout(Some(patience))?;
        Ok(Self(Datagrams::new(socket, Waiting::new(spec).at_most(patience))?))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.0.send(message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.0.recv(message)
    }

    fn buffer_bytes(&self) -> Option<u64> {
        getsockopt(&self.0.fd, sockopt::RcvBuf).ok().map(|bytes| bytes as u64)
    }
}

impl Between for Udp {
    type Waiting = UdpSocket;

    fn wait(own: IpAddr) -> io::Result<(UdpSocket, SocketAddr)> {
        let near = UdpSocket::bind((own, 0))?;
        enlarge_buffer(&near)?;
        let at = near.local_addr()?;
        Ok((near, at))
    }

    fn met(near: UdpSocket, far: SocketAddr) -> io::Result<Handles> {
        near.connect(far)?;
        Ok(Handles::fds([near.into()]))
    }

    fn come(meet: Meet) -> io::Result<(Handles, SocketAddr)> {
        let (far, at) = Self::wait(meet.own)?;
        far.connect(meet.near)?;
        Ok((Handles::fds([far.into()]), at))
    }
}

/// Takes the largest receive buffer that the kernel gives without asking for privileges.
fn enlarge_buffer(socket: &UdpSocket) -> io::Result<()> {
    let largest = fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap_or_default();
    if let Ok(bytes) = largest.trim().parse() {
        setsockopt(socket, sockopt::RcvBuf, &bytes)?;
    }
    Ok(())
}
