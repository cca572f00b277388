//! Model check of the ring in shared memory: loom runs every order in which two threads can touch its words, with the
//! reorderings that the memory model allows and no processor of ours shows. A read of a slot that a write may overlap is
//! an error, and so is a sleeper that nobody wakes.
//!
//! The ring's own source is compiled here against loom's types, with four slots, so that five messages wrap round. Up to
//! three preemptions at any points are tried, in which nearly all errors of this kind show; the rest would take hours.

#![allow(dead_code, reason = "the ring is compiled here for its two ends alone")]
#![allow(clippy::unwrap_used, reason = "a test may, helpers included")]

const SLOTS: usize = 4;

mod atomic {
    pub(crate) use loom::{
        cell::UnsafeCell,
        sync::atomic::{AtomicU32, AtomicU64, Ordering},
    };
}

#[path = "../src/roundtrip/memory/ring.rs"]
mod ring;

use atomic::{AtomicU32, Ordering};
use loom::{
    sync::{Arc, Condvar, Mutex},
    thread,
};
use ring::{ASLEEP, Lane, Place, Receiver, Sender, Waiting, mark_asleep, publish_to_sleeper};
use std::{io, ptr::NonNull};

const BULK: usize = 2048;

/// One direction, as it lies in shared memory.
struct Direction {
    lane: Box<Lane>,
    bulk: Box<std::cell::UnsafeCell<[u8; BULK]>>,
}

// SAFETY: loom runs one thread at a time, and checks the lane's cells itself.
unsafe impl Send for Direction {}
// SAFETY: as above.
unsafe impl Sync for Direction {}

impl Direction {
    fn new() -> Arc<Self> {
        Arc::new(Self { lane: Box::new(Lane::new()), bulk: Box::new([0; BULK].into()) })
    }

    fn place(&self) -> Place {
        let bulk = NonNull::new(self.bulk.get().cast::<u8>()).unwrap();
        // SAFETY: both ends keep an `Arc` of this while they work.
        unsafe { Place::new(NonNull::from(&*self.lane), bulk, BULK) }
    }
}

/// Looks again, as `shm-spin` does.
struct Spinning;

impl Waiting for Spinning {
    fn publish(&self, word: &AtomicU32, value: u32) {
        word.store(value, Ordering::Release);
    }

    fn until(&self, word: &AtomicU32, ready: impl Fn(u32) -> bool) -> io::Result<u32> {
        loop {
            let seen = word.load(Ordering::Acquire);
            if ready(seen) {
                return Ok(seen);
            }
            thread::yield_now();
        }
    }
}

/// Sleeps at once, as `shm-futex` does under `block`. Loom has no futex: a lock makes comparing and going to sleep one
/// step, which is what the kernel promises.
#[derive(Clone)]
struct Sleeping(Arc<(Mutex<()>, Condvar)>);

impl Sleeping {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(()), Condvar::new())))
    }
}

impl Waiting for Sleeping {
    fn publish(&self, word: &AtomicU32, value: u32) {
        if publish_to_sleeper(word, value) {
            drop(self.0.0.lock().unwrap());
            self.0.1.notify_all();
        }
    }

    fn until(&self, word: &AtomicU32, ready: impl Fn(u32) -> bool) -> io::Result<u32> {
        loop {
            let seen = word.load(Ordering::Acquire);
            if ready(seen & !ASLEEP) {
                return Ok(seen & !ASLEEP);
            }
            let marked = mark_asleep(word, seen);
            let held = self.0.0.lock().unwrap();
            // Read-modify-write, because the kernel compares the newest value, not one that this thread may still see.
            if marked == Some(word.fetch_add(0, Ordering::Relaxed)) {
                drop(self.0.1.wait(held).unwrap());
            }
        }
    }
}

fn message(number: usize, length: usize) -> Vec<u8> {
    vec![number as u8 + 1; length]
}

fn check(run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(run);
}

/// One thread sends messages of these lengths, another receives them.
fn carry<W: Waiting + Send + 'static>(there: W, here: W, lengths: &'static [usize]) {
    let direction = Direction::new();
    let far = Arc::clone(&direction);
    let sending = thread::spawn(move || {
        let mut sender = Sender::new(far.place(), there);
        for (number, &length) in lengths.iter().enumerate() {
            sender.send(&message(number, length)).unwrap();
        }
    });
    let mut receiver = Receiver::new(direction.place(), here);
    for (number, &length) in lengths.iter().enumerate() {
        let mut arrived = vec![0; length];
        receiver.recv(&mut arrived).unwrap();
        assert_eq!(arrived, message(number, length));
    }
    sending.join().unwrap();
}

#[test]
fn slots_are_handed_over_and_back() {
    check(|| carry(Spinning, Spinning, &[8, 120, 1, 8, 8]));
}

#[test]
fn pieces_are_handed_over_and_back() {
    check(|| carry(Spinning, Spinning, &[600, 121, 250]));
}

#[test]
fn no_wake_up_is_lost() {
    check(|| {
        let futex = Sleeping::new();
        carry(futex.clone(), futex, &[8, 1, 120, 8, 8]);
    });
}
