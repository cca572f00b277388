//! Drives a file that is being sent over its socket: by blocking calls, or as a task of tokio.

use super::{
    batching::{self, Address, Way},
    outbox::Outbox,
    progress::Progress,
    sending::{Sending, Step},
};
use crate::measure::clock;
use ferrybench_data::fanout::Batching;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd,
    time::Duration,
};

/// A file, its datagrams and the socket that they leave by.
pub(super) struct Post {
    sending: Sending,
    outbox: Outbox,
    way: &'static Way,
    /// What is being handed to the kernel.
    under_way: Option<UnderWay>,
    heard: Vec<u8>,
    deadline_ns: u64,
    batching: Batching,
}

/// Datagrams that the kernel has not taken yet.
struct UnderWay {
    flow: usize,
    to: Address,
    what: What,
}

enum What {
    /// A control datagram.
    Told(Vec<u8>),
    /// The outbox, from this place on.
    Outbox(usize),
}

/// What to wait for.
enum Wait {
    /// Room in the send buffer.
    Room,
    /// Something to hear, until then.
    Word(u64),
    /// Nothing: somebody else may have a turn.
    Turn,
}

/// How long to let a device with a full queue work before it is asked again.
const FULL: Duration = Duration::from_micros(50);
/// Longest that a full send buffer is waited for before the deadline is looked at.
const LONGEST_WAIT_NS: u64 = 100_000_000;

impl Post {
    pub(super) fn new(sending: Sending, outbox: Outbox, batching: Batching, deadline_ns: u64) -> Self {
        let heard = vec![0; 2048];
        let way = batching::way(batching);
        Self { sending, outbox, way, under_way: None, heard, deadline_ns, batching }
    }

    /// Sends the file to its end by blocking calls.
    pub(super) fn carry(mut self, socket: &UdpSocket) -> Sending {
        while let Some(wait) = self.go_on(socket) {
            let (flags, until_ns) = match wait {
                Wait::Room => (PollFlags::OUT, clock::now() + LONGEST_WAIT_NS),
                Wait::Word(until_ns) => (PollFlags::IN, until_ns),
                Wait::Turn => continue,
            };
            let left = until_ns.saturating_sub(clock::now());
            let most =
                Timespec { tv_sec: (left / 1_000_000_000) as i64, tv_nsec: (left % 1_000_000_000) as _ };
            // Whatever it says, the next step looks at the socket and the clock.
            let _ = poll(&mut [PollFd::new(&socket.as_fd(), flags)], Some(&most));
        }
        self.sending
    }

    /// The same as a task of tokio.
    pub(super) async fn carry_async(mut self, socket: &tokio::net::UdpSocket) -> Sending {
        let plain = SocketOf(socket);
        while let Some(wait) = self.go_on(&plain) {
            match wait {
                Wait::Turn => tokio::task::yield_now().await,
                Wait::Room => {
                    let most = Duration::from_nanos(LONGEST_WAIT_NS);
                    let _ = tokio::time::timeout(
                        most,
                        plain.0.async_io(tokio::io::Interest::WRITABLE, || writable(&plain)),
                    )
                    .await;
                }
                Wait::Word(until_ns) => {
                    let left = Duration::from_nanos(until_ns.saturating_sub(clock::now()));
                    let _ = tokio::time::timeout(
                        left,
                        plain.0.async_io(tokio::io::Interest::READABLE, || readable(&plain)),
                    )
                    .await;
                }
            }
        }
        self.sending
    }

    /// Does the next thing; what to wait for then, and `None` at the end.
    fn go_on(&mut self, socket: &impl AsFd) -> Option<Wait> {
        let now = clock::now();
        if now >= self.deadline_ns {
            self.under_way = None;
            self.sending.give_up("the deadline passed before it was done");
        }
        if self.under_way.is_none() {
            if self.sending.listens() {
                self.hear(socket, now);
            }
            match self.sending.step(now) {
                Step::Over => {
                    for (to, datagram) in self.sending.last_words() {
                        let _ = send_to(socket, &datagram, to);
                    }
                    return None;
                }
                Step::Wait { until_ns } => return Some(Wait::Word(until_ns.min(self.deadline_ns))),
                Step::Tell { flow, to, datagram } => {
                    self.under_way =
                        Some(UnderWay { flow, to: Address::new(to), what: What::Told(datagram) });
                }
                Step::Send { flow, to, serial } => match self.outbox.fill(self.sending.runs(), serial) {
                    Ok(()) => {
                        let what = What::Outbox(0);
                        self.under_way = Some(UnderWay { flow, to: Address::new(to), what });
                    }
                    Err(error) => self.sending.give_up(&format!("it cannot be read: {error}")),
                },
            }
        }
        Some(self.hand_over(socket).unwrap_or(Wait::Turn))
    }

    /// Hands what is under way to the kernel. What to wait for, where it does not take all.
    fn hand_over(&mut self, socket: &impl AsFd) -> Option<Wait> {
        while let Some(UnderWay { flow, to, what }) = &mut self.under_way {
            let taken = match what {
                What::Told(datagram) => batching::send_one(socket.as_fd(), to, datagram).map(|()| true),
                What::Outbox(place) => {
                    (self.way.post)(socket.as_fd(), to, &self.outbox, *place).map(|count| {
                        *place += count;
                        *place == self.outbox.len()
                    })
                }
            };
            match taken {
                Ok(true) => {
                    if let What::Outbox(_) = what {
                        Progress::count_sent(self.outbox.content_bytes());
                    }
                    self.under_way = None;
                }
                Ok(false) => {}
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return Some(Wait::Room),
                    // A device queue is full; the socket does not know when it is not.
                    Some(libc::ENOBUFS) => clock::pause(FULL),
                    // An earlier datagram met nobody, or a signal came: this one was not looked at.
                    Some(libc::ECONNREFUSED | libc::EINTR) => {}
                    // A firewall on this host took it: sent and lost, as far as anybody can tell.
                    Some(libc::EPERM) => match what {
                        What::Outbox(place) if !self.way.is_one_packet && *place + 1 < self.outbox.len() => {
                            *place += 1;
                        }
                        _ => self.under_way = None,
                    },
                    _ => {
                        let flow = *flow;
                        let why = self.explain(&error);
                        self.sending.refused(flow, &why);
                        self.under_way = None;
                    }
                },
            }
        }
        None
    }

    /// Takes every answer that is there.
    fn hear(&mut self, socket: &impl AsFd, now: u64) {
        while let Ok((length, from)) = receive_from(socket, &mut self.heard) {
            self.sending.heard(from, &self.heard[..length], now);
        }
    }

    fn explain(&self, error: &io::Error) -> String {
        let bytes = self.outbox.stride();
        match error.raw_os_error() {
            Some(libc::EACCES) => {
                "broadcast is not permitted to a sender by unicast: its address is one of a whole network"
                    .to_owned()
            }
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => "there is no route to it".to_owned(),
            Some(libc::EMSGSIZE) => format!("datagrams of {bytes} bytes are larger than this network takes"),
            Some(libc::EINVAL) if self.batching == Batching::Gso => format!(
                "segmentation offload cannot cut datagrams of {bytes} bytes: with their headers they are larger than a \
                 packet of this network"
            ),
            _ => format!("the kernel would not send: {error}"),
        }
    }
}

/// A socket of tokio, for calls that never wait.
struct SocketOf<'a>(&'a tokio::net::UdpSocket);

impl AsFd for SocketOf<'_> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether the socket can be read; `WouldBlock` lets tokio wait for it.
fn readable(socket: &impl AsFd) -> io::Result<()> {
    is_ready(socket, PollFlags::IN)
}

fn writable(socket: &impl AsFd) -> io::Result<()> {
    is_ready(socket, PollFlags::OUT)
}

fn is_ready(socket: &impl AsFd, flags: PollFlags) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut [PollFd::new(socket, flags)], Some(&now))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

fn send_to(socket: &impl AsFd, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
    batching::send_one(socket.as_fd(), &Address::new(to), datagram)
}

fn receive_from(socket: &impl AsFd, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    use rustix::net::{RecvFlags, recvfrom};
    let (length, _, from) = recvfrom(socket, into, RecvFlags::DONTWAIT)?;
    let from = from.and_then(|from| from.try_into().ok());
    Ok((length, from.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))))
}
