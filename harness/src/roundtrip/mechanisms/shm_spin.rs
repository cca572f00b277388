//! A ring in shared memory for each direction, whose ends spin: no system call at all while a message is on its way.

use super::super::{
    memory::{duplex::Rings, ring::Waiting},
    pair::Joint,
    registry::{BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
    wait::{PATIENCE, TRIES_BEFORE_YIELD},
};
use crate::measure::clock;
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::{Placement, Spec, Wait},
};
use std::{
    borrow::Cow,
    hint, io,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "shm-spin",
    help: "a ring in shared memory for each direction, ends spin",
    group: Group::SharedMemory,
    nature: Nature {
        boundaries: true,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: false,
        after_crash: Cow::Borrowed("nothing"),
        portability: Cow::Borrowed("Linux (memfd), elsewhere with named memory"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: &[Wait::Spin],
    many_producers: false,
    largest: unlimited,
    joint: Joint::across::<Rings<Spinning>>(),
};

/// Yields between two looks at the clock.
const YIELDS: u32 = 1_000;

/// Looks again, and lets others have the CPU after a while.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Spinning {
    tries_before_yield: u32,
}

impl From<&Spec> for Spinning {
    /// On one CPU there is nothing to spin for: the other end cannot run meanwhile.
    fn from(spec: &Spec) -> Self {
        Self { tries_before_yield: if spec.placement == Placement::SameCpu { 0 } else { TRIES_BEFORE_YIELD } }
    }
}

impl Waiting for Spinning {
    #[inline]
    fn publish(&self, word: &AtomicU32, value: u32) {
        word.store(value, Ordering::Release);
    }

    #[inline]
    fn until(&self, word: &AtomicU32, ready: impl Fn(u32) -> bool) -> io::Result<u32> {
        for _ in 0..=self.tries_before_yield {
            let seen = word.load(Ordering::Acquire);
            if ready(seen) {
                return Ok(seen);
            }
            hint::spin_loop();
        }
        yield_until(word, ready)
    }
}

/// Goes on with yields between tries. Gives up at the deadline: the other end may be dead, and nothing would tell.
#[cold]
fn yield_until(word: &AtomicU32, ready: impl Fn(u32) -> bool) -> io::Result<u32> {
    let begun = clock::now();
    loop {
        for _ in 0..YIELDS {
            thread::yield_now();
            let seen = word.load(Ordering::Acquire);
            if ready(seen) {
                return Ok(seen);
            }
        }
        if u128::from(clock::now() - begun) > PATIENCE.as_nanos() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}
