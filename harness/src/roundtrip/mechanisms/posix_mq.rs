//! Two POSIX message queues, one for each direction: `mq_overview(7)`.
//!
//! They are sized for the message: `msg_max` (10) messages at most, `msgsize_max` (8192) bytes each, and all queues of a
//! user count against `RLIMIT_MSGQUEUE`. A descriptor of a queue is a file descriptor on Linux: it can be handed over,
//! made non-blocking and polled, and the names are gone before the first message.

use super::super::{
    Channel, Ends, Handles, Making,
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD},
    wait::Waiting,
};
use crate::process::remains::{Remains, private, unique_name};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use nix::{
    mqueue::{MQ_OFlag, MqAttr, MqdT, mq_open, mq_receive, mq_send, mq_unlink},
    poll::PollFlags,
    sys::resource::{Resource, getrlimit},
};
use std::{
    borrow::Cow,
    fs, io,
    os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd},
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "posix-mq",
    help: "a pair of POSIX message queues of 10 messages",
    group: Group::Queue,
    nature: Nature {
        boundaries: true,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("the queue and what is in it, until unlinked or the next boot"),
        portability: Cow::Borrowed("POSIX; not macOS"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: true,
    largest,
    joint: Joint::across::<PosixQueues>(),
};

/// Most messages in a queue, where the machine allows as many.
const DEPTH: u64 = 10;
/// What a message in a queue counts beyond its text, at most.
const MESSAGE_EXTRA: u64 = 128;

fn limit(name: &str) -> Result<u64, String> {
    let text = fs::read_to_string(format!("/proc/sys/fs/mqueue/{name}"))
        .map_err(|error| format!("no POSIX message queues here: {error}"))?;
    text.trim().parse().map_err(|_| format!("{name} is no number: {text}"))
}

fn depth() -> Result<u64, String> {
    Ok(limit("msg_max")?.min(DEPTH))
}

fn largest() -> Result<Option<u64>, String> {
    let (most_of_user, _) = getrlimit(Resource::RLIMIT_MSGQUEUE).map_err(|error| error.to_string())?;
    let share = most_of_user / 2 / depth()?;
    if share <= MESSAGE_EXTRA {
        return Err(format!("RLIMIT_MSGQUEUE allows {most_of_user} bytes of message queues"));
    }
    Ok(Some(limit("msgsize_max")?.min(share - MESSAGE_EXTRA)))
}

struct PosixQueues {
    from: Queue,
    to: Queue,
    waiting: Waiting,
}

/// One side of a queue: the descriptor, and the same under the name that the calls know. Only the former is closed.
struct Queue {
    fd: OwnedFd,
    name: MqdT,
}

impl Queue {
    fn new(fd: OwnedFd) -> Self {
        // SAFETY: the descriptor is that of a queue and stays open beside its second name, which nothing closes.
        let name = unsafe { MqdT::from_raw_fd(fd.as_raw_fd()) };
        Self { fd, name }
    }
}

impl Channel for PosixQueues {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        let (far_from, near_to) = queue(spec, making)?;
        let (near_from, far_to) = queue(spec, making)?;
        let mut near = Vec::new();
        for _ in 1..spec.producers {
            near.push(Handles::fds([near_from.try_clone()?, near_to.try_clone()?]));
        }
        near.push(Handles::fds([near_from, near_to]));
        Ok(Ends { near, far: Handles::fds([far_from, far_to]) })
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [from, to] = end.take()?;
        let waiting = Waiting::new(spec);
        for fd in [&from, &to] {
            waiting.prepare(fd)?;
        }
        Ok(Self { from: Queue::new(from), to: Queue::new(to), waiting })
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.waiting.until(self.to.fd.as_fd(), PollFlags::POLLOUT, || mq_send(&self.to.name, message, 0))
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let expected = message.len();
        let mut priority = 0;
        let received = self.waiting.until(self.from.fd.as_fd(), PollFlags::POLLIN, || {
            mq_receive(&self.from.name, message, &mut priority)
        })?;
        if received == expected { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

/// Both sides of a new queue that has lost its name already: to receive from, to send to.
fn queue(spec: &Spec, making: &Making) -> io::Result<(OwnedFd, OwnedFd)> {
    let name = format!("/{}", unique_name());
    let depth = depth().map_err(io::Error::other)?;
    let sized = MqAttr::new(0, depth as i64, spec.message_bytes as i64, 0);
    let open = |flags, sized| {
        let queue = mq_open(name.as_str(), flags | MQ_OFlag::O_CLOEXEC, private(), sized)?;
        // SAFETY: the descriptor was opened just now and is given up by its former owner.
        io::Result::Ok(unsafe { OwnedFd::from_raw_fd(queue.into_raw_fd()) })
    };
    making.declare(&Remains::PosixQueue(name.clone()))?;
    let to = open(MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_WRONLY, Some(&sized))?;
    let from = open(MQ_OFlag::O_RDONLY, None);
    mq_unlink(name.as_str())?;
    Ok((from?, to))
}
