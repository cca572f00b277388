//! A queue of messages in shared memory for each direction, of any number of producers and consumers: our counterpart
//! of Python's `multiprocessing.Queue`. The queue itself is [`SharedQueue`].

use super::super::{
    Channel, Ends, Handles, Making,
    memory::queue::SharedQueue,
    pair::Joint,
    registry::{BOTH, Mechanism, PROCESS_OR_THREAD},
    wait::{ADAPTIVE_SPIN, PATIENCE},
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::{Placement, Spec, Wait},
};
use std::{
    borrow::Cow,
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "queue",
    help: "a queue of messages in shared memory, many producers and consumers",
    group: Group::Queue,
    nature: Nature {
        boundaries: true,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: false,
        after_crash: Cow::Borrowed("nothing"),
        portability: Cow::Borrowed("Linux (memfd, futex)"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: &[Wait::Block, Wait::Adaptive],
    many_producers: true,
    largest: || Ok(Some(LARGEST)),
    joint: Joint::across::<Queue>(),
};

/// A quarter of the largest queue: two fit whatever their records' own bytes.
const LARGEST: u64 = 256 << 20;
const LEAST_CAPACITY: u64 = 64 << 10;

struct Queue {
    to: SharedQueue,
    from: SharedQueue,
}

impl Channel for Queue {
    type End = Handles;

    fn ends(spec: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let capacity = LEAST_CAPACITY.max(2 * (spec.message_bytes + 8)) as usize;
        let (there, back) = (SharedQueue::create(capacity)?, SharedQueue::create(capacity)?);
        let end = |from: &SharedQueue, to: &SharedQueue| -> io::Result<Handles> {
            Ok(Handles::fds([from.as_fd().try_clone_to_owned()?, to.as_fd().try_clone_to_owned()?]))
        };
        let near = (0..spec.producers).map(|_| end(&back, &there)).collect::<io::Result<_>>()?;
        Ok(Ends { near, far: end(&there, &back)? })
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        // On one CPU there is nothing to spin for: the other end cannot run meanwhile.
        let spins = spec.wait == Wait::Adaptive && spec.placement != Placement::SameCpu;
        let spin = if spins { ADAPTIVE_SPIN } else { Duration::ZERO };
        let [from, to] = end.take()?;
        let open = |fd: OwnedFd| SharedQueue::open(fd).map(|queue| queue.spinning(spin));
        Ok(Self { from: open(from)?, to: open(to)? })
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        Ok(self.to.put(message, Some(PATIENCE))?)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let length = self.from.get(message, Some(PATIENCE))?;
        if length == message.len() {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {length} bytes came instead of {}", message.len()),
        ))
    }

    fn buffer_bytes(&self) -> Option<u64> {
        Some(self.to.capacity() as u64)
    }
}
