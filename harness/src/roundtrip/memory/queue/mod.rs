//! A bounded queue of messages between processes: any number of producers, any number of consumers, messages of any
//! length up to its capacity. What Python calls `multiprocessing.Queue`, without a pipe, a pickle or a thread behind it.
//!
//! Messages are records in a ring of bytes: a length, then the bytes, filled up to a multiple of 8. Two positions that
//! only grow (modulo 2^32) say what is in it: `put` behind the last record, `taken` before the first. Both change under
//! a lock, each by one store that comes last: a record is in the queue when `put` has passed it and out of it when
//! `taken` has. So there is no moment at which a process can die and leave the queue in between; that it died holding the
//! lock the next caller learns, once, as [`QueueError::PeerDied`].
//!
//! Who finds the queue empty (or full) waits without the lock for the other position to change: it looks at it for as
//! long as [`SharedQueue::spinning`] says, then sleeps on it as on a futex. It counts itself among the sleepers before the
//! kernel compares the position, and who moves the position looks at the count afterwards, with a full fence on both
//! sides: one of the two sees the other. No system call is made while nobody sleeps, and waking comes after unlocking.
//!
//! A process that is killed between its store and the wake-up leaves sleepers behind who have work. They look again
//! every half second, which is no way of waiting, only the bound of that accident. One that is killed asleep stays in the
//! count: from then on others make a system call for nobody.

mod position;
#[cfg(test)]
mod tests;

use super::{
    lock::{Held, Lock, Locked},
    mapping::Mapping,
};
use position::{Deadline, Position};
use std::{
    io,
    mem::size_of,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::Ordering,
    time::Duration,
};

/// Records begin at multiples of this, so that no length is cut in two by the end of the ring.
const ALIGN: usize = 8;
const PREFIX: usize = size_of::<u64>();
/// Positions are 32 bits wide, and must tell a full ring from an empty one.
const MOST_CAPACITY: usize = 1 << 30;
const LEAST_CAPACITY: usize = 64;

/// Why a message was not put or taken.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The time was over before there was room, or a message.
    #[error("timed out")]
    TimedOut,
    /// The message would not fit into the empty queue.
    #[error("a message of {bytes} bytes does not fit into a queue of {capacity}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The queue's capacity.
        capacity: usize,
    },
    /// The next message is longer than the buffer; it is still in the queue.
    #[error("the next message has {bytes} bytes, more than the buffer")]
    BufferTooSmall {
        /// Its length.
        bytes: usize,
    },
    /// A process died while it held the queue. The queue is whole and usable, what that process was about to put is not
    /// in it, what it was about to take still is. Told once; calling again goes on.
    #[error("a process died while it held the queue")]
    PeerDied,
    /// The memory is not a queue's, or was overwritten.
    #[error("not a queue: {0}")]
    Damaged(&'static str),
    /// The operating system refused.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<QueueError> for io::Error {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::TimedOut => io::ErrorKind::TimedOut.into(),
            QueueError::System(error) => error,
            other => Self::other(other),
        }
    }
}

/// One process's handle of a queue.
pub struct SharedQueue {
    mapping: Mapping,
    capacity: usize,
    spin_ns: u64,
}

/// What precedes the ring. Each part has lines of its own: who spins on a position leaves the lock alone.
#[repr(C)]
struct Header {
    lock: Apart<Lock>,
    put: Apart<Position>,
    taken: Apart<Position>,
}

#[repr(C, align(128))]
struct Apart<T>(T);

impl SharedQueue {
    /// A new queue. Its capacity is rounded up to a power of two; a message takes its length and 8 bytes, rounded up to
    /// a multiple of 8. Others open it by [`SharedQueue::as_fd`], handed over or as `/proc/PID/fd/N`.
    pub fn create(capacity: usize) -> Result<Self, QueueError> {
        if capacity > MOST_CAPACITY {
            return Err(QueueError::TooLarge { bytes: capacity, capacity: MOST_CAPACITY });
        }
        let capacity = capacity.max(LEAST_CAPACITY).next_power_of_two();
        let mapping = Mapping::create(c"ferrybench-queue", size_of::<Header>() + capacity)?;
        // SAFETY: the header lies at the beginning of memory that nobody else has yet, and does not move in it.
        unsafe { Lock::make(&raw mut (*mapping.start().cast::<Header>().as_ptr()).lock.0) }?;
        Ok(Self { mapping, capacity, spin_ns: 0 })
    }

    /// The queue behind a descriptor.
    pub fn open(fd: OwnedFd) -> Result<Self, QueueError> {
        let mapping = Mapping::open(fd)?;
        let capacity = mapping.bytes().saturating_sub(size_of::<Header>());
        if !capacity.is_power_of_two() || capacity < LEAST_CAPACITY {
            return Err(QueueError::Damaged("its size is not one that a queue has"));
        }
        Ok(Self { mapping, capacity, spin_ns: 0 })
    }

    /// The same, but whoever waits through this handle looks for so long before it sleeps.
    #[must_use]
    pub fn spinning(self, time: Duration) -> Self {
        Self { spin_ns: time.as_nanos() as u64, ..self }
    }

    /// Bytes that it holds, lengths and filling included.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes in it now, lengths and filling included.
    pub fn used(&self) -> usize {
        let Header { put, taken, .. } = self.header();
        // In this order: `taken` never passes a `put` that was read later.
        let taken = taken.0.at.load(Ordering::Acquire);
        (put.0.at.load(Ordering::Acquire).wrapping_sub(taken) as usize).min(self.capacity)
    }

    /// Whether there is no message in it now.
    pub fn is_empty(&self) -> bool {
        self.used() == 0
    }

    /// Puts a message, waiting for room for at most `most` (`None`: for ever). The time bounds the wait for room, not
    /// the one for the lock, which others hold for as long as it takes to copy a message.
    pub fn put(&self, message: &[u8], most: Option<Duration>) -> Result<(), QueueError> {
        let length = record(message.len());
        if length > self.capacity {
            return Err(QueueError::TooLarge { bytes: message.len(), capacity: self.capacity });
        }
        let Header { put, taken, .. } = self.header();
        let mut deadline = Deadline::new(most);
        loop {
            let seen = taken.0.at.load(Ordering::Acquire);
            if self.capacity - self.used() >= length {
                let held = self.lock()?;
                let at = put.0.at.load(Ordering::Relaxed);
                if self.capacity - self.used() >= length {
                    self.copy_in(at, &(message.len() as u64).to_ne_bytes());
                    self.copy_in(at.wrapping_add(PREFIX as u32), message);
                    put.0.at.store(at.wrapping_add(length as u32), Ordering::Release);
                    drop(held);
                    return put.0.wake_one();
                }
            }
            taken.0.await_change(seen, self.spin_ns, &mut deadline)?;
        }
    }

    /// Takes the oldest message into the buffer and returns its length, waiting for one for at most `most` (`None`: for
    /// ever).
    pub fn get(&self, buffer: &mut [u8], most: Option<Duration>) -> Result<usize, QueueError> {
        let Header { put, taken, .. } = self.header();
        let mut deadline = Deadline::new(most);
        loop {
            let seen = put.0.at.load(Ordering::Acquire);
            if !self.is_empty() {
                let held = self.lock()?;
                let at = taken.0.at.load(Ordering::Relaxed);
                if !self.is_empty() {
                    let length = self.length_at(at)?;
                    let Some(message) = buffer.get_mut(..length) else {
                        return Err(QueueError::BufferTooSmall { bytes: length });
                    };
                    self.copy_out(at.wrapping_add(PREFIX as u32), message);
                    taken.0.at.store(at.wrapping_add(record(length) as u32), Ordering::Release);
                    drop(held);
                    taken.0.wake_one()?;
                    return Ok(length);
                }
            }
            put.0.await_change(seen, self.spin_ns, &mut deadline)?;
        }
    }

    fn header(&self) -> &Header {
        // SAFETY: the mapping begins with a header (its size was checked), all of which is atomic or a lock.
        unsafe { self.mapping.start().cast::<Header>().as_ref() }
    }

    fn lock(&self) -> Result<Held<'_>, QueueError> {
        match self.header().lock.0.lock()? {
            Locked::Usually(held) => Ok(held),
            Locked::FromTheDead(held) => {
                // Nothing is to be mended. But the dead may have owed a wake-up.
                drop(held);
                let Header { put, taken, .. } = self.header();
                put.0.wake_all()?;
                taken.0.wake_all()?;
                Err(QueueError::PeerDied)
            }
        }
    }

    /// Length of the message whose record begins there. Checked, for a peer may have written anything.
    fn length_at(&self, at: u32) -> Result<usize, QueueError> {
        let mut prefix = [0; PREFIX];
        self.copy_out(at, &mut prefix);
        usize::try_from(u64::from_ne_bytes(prefix))
            .ok()
            .filter(|&length| length <= self.capacity && record(length) <= self.used())
            .ok_or(QueueError::Damaged("a message is longer than what is in it"))
    }

    /// Copies bytes into the ring, round its end where they reach it. The caller holds the lock and has seen the room.
    fn copy_in(&self, at: u32, bytes: &[u8]) {
        let (place, left) = self.place(at);
        let (first, second) = bytes.split_at(bytes.len().min(left));
        // SAFETY: the first part lies before the end of the ring, the second from its beginning before where the first
        // began, as no message is longer than the ring. Nobody else touches free room while we hold the lock.
        unsafe {
            place.copy_from_nonoverlapping(NonNull::from(first).cast(), first.len());
            self.place(0).0.copy_from_nonoverlapping(NonNull::from(second).cast(), second.len());
        }
    }

    /// Copies bytes out of the ring. The caller holds the lock and has seen that they are there.
    fn copy_out(&self, at: u32, bytes: &mut [u8]) {
        let (place, left) = self.place(at);
        let (first, second) = bytes.split_at_mut(bytes.len().min(left));
        // SAFETY: as for `copy_in`; nobody writes where messages are.
        unsafe {
            NonNull::from(&mut *first).cast().copy_from_nonoverlapping(place, first.len());
            NonNull::from(&mut *second).cast().copy_from_nonoverlapping(self.place(0).0, second.len());
        }
    }

    /// Address of a position, and the bytes from there to the end of the ring.
    fn place(&self, at: u32) -> (NonNull<u8>, usize) {
        let offset = at as usize & (self.capacity - 1);
        // SAFETY: the ring follows the header, and the offset is below its length.
        (unsafe { self.mapping.start().add(size_of::<Header>() + offset) }, self.capacity - offset)
    }
}

impl AsFd for SharedQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.mapping.as_fd()
    }
}

/// Room that a message takes.
const fn record(length: usize) -> usize {
    (length.saturating_add(PREFIX + ALIGN - 1)) & !(ALIGN - 1)
}
