//! Waiting for a position of the queue to move, and waking who sleeps until it does.

use super::{
    super::futex::{self, Slept},
    QueueError,
};
use crate::measure::clock;
use std::{
    hint,
    sync::atomic::{AtomicU32, Ordering, fence},
    time::Duration,
};

/// Longest sleep before looking again, for wake-ups that died with their sender.
const SLICE: Duration = Duration::from_millis(500);
/// Looks at a position between two looks at the clock.
const LOOKS: u32 = 32;

/// A place in the ring, and who sleeps until it moves.
#[repr(C)]
pub(super) struct Position {
    pub(super) at: AtomicU32,
    sleepers: AtomicU32,
}

impl Position {
    /// Wakes one of those who sleep until this position moves. Called after it has moved, and without the lock.
    #[inline]
    pub(super) fn wake_one(&self) -> Result<(), QueueError> {
        fence(Ordering::SeqCst); // the move comes before the look at the count
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            self.wake(1)?;
        }
        Ok(())
    }

    /// Wakes all of them.
    pub(super) fn wake_all(&self) -> Result<(), QueueError> {
        self.wake(i32::MAX as u32)
    }

    /// Who is woken no longer counts, whether or not it has run since: the next move makes no system call for it.
    #[cold]
    fn wake(&self, most: u32) -> Result<(), QueueError> {
        let woken = futex::wake(&self.at, most)?;
        self.sleepers.fetch_sub(woken, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until the position is no longer what was seen, or may not be. Nothing is said of what it is then: look
    /// again, under the lock.
    #[inline]
    pub(super) fn await_change(
        &self,
        seen: u32,
        spin_ns: u64,
        deadline: &mut Deadline,
    ) -> Result<(), QueueError> {
        if spin_ns > 0 && self.spin(seen, spin_ns, deadline) {
            return Ok(());
        }
        self.sleep(seen, deadline)
    }

    /// How many sleep, for tests that wait for it.
    #[cfg(test)]
    pub(super) fn sleepers(&self) -> u32 {
        self.sleepers.load(Ordering::Relaxed)
    }

    fn spin(&self, seen: u32, spin_ns: u64, deadline: &mut Deadline) -> bool {
        let begun = clock::now();
        let most = deadline.left_ns().map_or(spin_ns, |left| left.min(spin_ns));
        loop {
            for _ in 0..LOOKS {
                if self.at.load(Ordering::Acquire) != seen {
                    return true;
                }
                hint::spin_loop();
            }
            if clock::now() - begun >= most {
                return false;
            }
        }
    }

    fn sleep(&self, seen: u32, deadline: &mut Deadline) -> Result<(), QueueError> {
        let left = deadline.left_ns().map(Duration::from_nanos);
        if left == Some(Duration::ZERO) {
            return Err(QueueError::TimedOut);
        }
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // the count comes before the kernel's look at the position
        let slept = futex::wait(&self.at, seen, left.map_or(SLICE, |left| left.min(SLICE)));
        if !matches!(slept, Ok(Slept::Woken)) {
            self.sleepers.fetch_sub(1, Ordering::Relaxed); // nobody did it for us
        }
        slept?;
        Ok(())
    }
}

/// When to give up. The clock is first read when somebody has to wait.
pub(super) struct Deadline {
    most: Option<Duration>,
    at_ns: Option<u64>,
}

impl Deadline {
    pub(super) fn new(most: Option<Duration>) -> Self {
        Self { most, at_ns: None }
    }

    fn left_ns(&mut self) -> Option<u64> {
        let most = self.most?;
        let now = clock::now();
        let at = *self.at_ns.get_or_insert(now.saturating_add(most.as_nanos() as u64));
        Some(at.saturating_sub(now))
    }
}
