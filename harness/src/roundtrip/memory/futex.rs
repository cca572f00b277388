//! Sleeping until a word changes: `futex(2)`, between processes.

use rustix::{
    io::Errno,
    thread::futex::{self, Flags},
    time::Timespec,
};
use std::{io, sync::atomic::AtomicU32, time::Duration};

/// How a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slept {
    /// Somebody woke us.
    Woken,
    /// The word was not what was expected, or a signal came.
    Not,
    /// The time is over.
    TimedOut,
}

/// Sleeps while the word holds `expected`, until somebody wakes its sleepers, for at most `most`.
pub(crate) fn wait(word: &AtomicU32, expected: u32, most: Duration) -> io::Result<Slept> {
    let timeout = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: most.subsec_nanos().into() };
    // Without the private flag: the other side maps the same page at another address.
    match futex::wait(word, Flags::empty(), expected, Some(&timeout)) {
        Ok(()) => Ok(Slept::Woken),
        Err(Errno::AGAIN | Errno::INTR) => Ok(Slept::Not),
        Err(Errno::TIMEDOUT) => Ok(Slept::TimedOut),
        Err(other) => Err(other.into()),
    }
}

/// Wakes up to `most` of those who sleep on the word, and returns how many it woke.
pub(crate) fn wake(word: &AtomicU32, most: u32) -> io::Result<u32> {
    Ok(futex::wake(word, Flags::empty(), most)? as u32)
}
