//! A ring in shared memory for each direction, whose ends sleep on the ring's own words: `futex(2)`.
//!
//! A system call is made only to sleep, and to wake who sleeps. Under `adaptive` neither happens as long as answers come
//! within the spin.

use super::super::{
    memory::{
        duplex::Rings,
        futex::{self, Slept},
        ring::{ASLEEP, Waiting, mark_asleep, publish_to_sleeper},
    },
    pair::Joint,
    registry::{BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
    wait::{ADAPTIVE_SPIN, PATIENCE},
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
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "shm-futex",
    help: "a ring in shared memory for each direction, ends sleep on a futex",
    group: Group::SharedMemory,
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
    many_producers: false,
    largest: unlimited,
    joint: Joint::across::<Rings<Sleeping>>(),
};

/// Looks at a word so often between two looks at the clock.
const LOOKS: u32 = 32;

/// Sleeps in the kernel, at once or after a spin.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Sleeping {
    spin_ns: u64,
}

impl From<&Spec> for Sleeping {
    /// On one CPU there is nothing to spin for: the other end cannot run meanwhile.
    fn from(spec: &Spec) -> Self {
        let spins = spec.wait == Wait::Adaptive && spec.placement != Placement::SameCpu;
        Self { spin_ns: if spins { ADAPTIVE_SPIN.as_nanos() as u64 } else { 0 } }
    }
}

impl Waiting for Sleeping {
    /// The swap returns whether the other end sleeps, and wakes it. See [`ring`](super::super::memory::ring) for why no
    /// wake-up is lost.
    #[inline]
    fn publish(&self, word: &AtomicU32, value: u32) {
        if publish_to_sleeper(word, value) {
            futex::wake(word, 1).expect("the word is mapped");
        }
    }

    #[inline]
    fn until(&self, word: &AtomicU32, ready: impl Fn(u32) -> bool) -> io::Result<u32> {
        let seen = word.load(Ordering::Acquire) & !ASLEEP;
        if ready(seen) {
            return Ok(seen);
        }
        if let Some(seen) = self.spin_until(word, &ready) {
            return Ok(seen);
        }
        sleep_until(word, &ready)
    }
}

impl Sleeping {
    #[inline]
    fn spin_until(self, word: &AtomicU32, ready: &impl Fn(u32) -> bool) -> Option<u32> {
        if self.spin_ns == 0 {
            return None;
        }
        let begun = clock::now();
        while clock::now() - begun < self.spin_ns {
            for _ in 0..LOOKS {
                let seen = word.load(Ordering::Acquire) & !ASLEEP;
                if ready(seen) {
                    return Some(seen);
                }
                hint::spin_loop();
            }
        }
        None
    }
}

/// Sleeps until the word is ready. What goes to sleep is the word as it was seen, so that a value published meanwhile
/// fails the mark or, later, the kernel's own comparison.
#[cold]
fn sleep_until(word: &AtomicU32, ready: &impl Fn(u32) -> bool) -> io::Result<u32> {
    loop {
        let seen = word.load(Ordering::Acquire);
        if ready(seen & !ASLEEP) {
            return Ok(seen & !ASLEEP);
        }
        if let Some(asleep) = mark_asleep(word, seen)
            && futex::wait(word, asleep, PATIENCE)? == Slept::TimedOut
        {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}
