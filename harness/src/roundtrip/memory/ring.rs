//! A ring in shared memory from one sender to one receiver. A small message moves one cache line between their CPUs.
//!
//! Slots of 128 bytes hold a stamp, a length, and up to 120 bytes of message. Message number n goes into slot n modulo
//! their count and is there when the slot's stamp is n + 1: the receiver watches the very line that brings the message,
//! and no shared index moves. What is longer travels as pieces through a byte ring beside the slots, in order, each
//! piece contiguous; where a piece begins follows from the pieces before it, so that both ends know without being told.
//!
//! The receiver tells in batches how far it has come, on a line of its own. The sender reads that line only when what it
//! knows says "full".
//!
//! Memory ordering: a stamp is published (release) after its slot and bytes were written, and read (acquire) before they
//! are; progress is published (release) after slots and bytes were read, and read (acquire) before they are written
//! again. Each of the two words has one writer. A waiter that goes to sleep only sets the word's top bit ([`ASLEEP`]) by
//! compare-and-swap, and publishing by swap returns it: as both happen to one word, either the waiter finds the new
//! value and stays awake, or the publisher finds the bit and wakes it. No fence is needed.

use super::{
    SLOTS,
    atomic::{AtomicU32, AtomicU64, Ordering, UnsafeCell},
};
use std::{io, mem::size_of, ptr::NonNull};

/// Bytes of a message that fit into its slot. Up to 56 share the stamp's line; the rest have the line beside it, which
/// CPUs like to fetch in the same breath.
pub(crate) const INLINE: usize = 128 - 2 * size_of::<u32>();
/// The bit of a word that says that its reader sleeps. What is counted in words goes modulo this.
pub(crate) const ASLEEP: u32 = 1 << 31;
/// The bit of a length that says that more pieces of the message follow.
const MORE: u32 = 1 << 31;
/// The byte ring holds so many of the largest pieces.
const PIECES: usize = 8;
/// What the receiver keeps to itself is at most this part of the slots and of the byte ring. The rest has room for one
/// more slot and, gap included, two more pieces: a sender never waits for a receiver that waits for it.
const KEPT_PART: usize = 4;

/// Publishes words and waits for them.
pub(crate) trait Waiting {
    /// Stores a word (release) for the other end, which may be waiting for it.
    fn publish(&self, word: &AtomicU32, value: u32);

    /// Waits until the other end has published a value that is `ready`, and returns it (acquire).
    fn until(&self, word: &AtomicU32, ready: impl Fn(u32) -> bool) -> io::Result<u32>;
}

/// Publishes a word whose reader may sleep on it, and returns whether it does.
#[inline]
pub(crate) fn publish_to_sleeper(word: &AtomicU32, value: u32) -> bool {
    word.swap(value, Ordering::Release) & ASLEEP != 0
}

/// Marks a word as slept on, and returns what it then is: the value to sleep on. `None` if it is no longer what was seen.
#[inline]
pub(crate) fn mark_asleep(word: &AtomicU32, seen: u32) -> Option<u32> {
    let asleep = seen | ASLEEP;
    // Relaxed: the mark carries no data, and who wakes up loads the word again.
    let marked = || word.compare_exchange(seen, asleep, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    (seen == asleep || marked()).then_some(asleep)
}

/// One direction's slots and the receiver's progress. All zero is its empty state.
#[repr(C)]
pub(crate) struct Lane {
    progress: Progress,
    slots: [Slot; SLOTS],
}

#[repr(C, align(128))]
struct Slot {
    stamp: AtomicU32,
    length: AtomicU32,
    inline: UnsafeCell<[u8; INLINE]>,
}

#[repr(C, align(128))]
struct Progress {
    /// Slots that the receiver is done with.
    taken: AtomicU32,
    /// Position in the byte ring before which the receiver is done.
    freed: AtomicU64,
}

#[cfg(test)]
impl Lane {
    /// An empty lane of types that are not plain memory, for the model check.
    #[allow(dead_code, reason = "the unit tests take all-zero memory instead")]
    pub(crate) fn new() -> Self {
        let slot = || Slot {
            stamp: AtomicU32::new(0),
            length: AtomicU32::new(0),
            inline: UnsafeCell::new([0; INLINE]),
        };
        let progress = Progress { taken: AtomicU32::new(0), freed: AtomicU64::new(0) };
        Self { progress, slots: std::array::from_fn(|_| slot()) }
    }
}

/// Where a lane and its byte ring are mapped.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    lane: NonNull<Lane>,
    bulk: NonNull<u8>,
    bulk_bytes: usize,
}

impl Place {
    /// # Safety
    ///
    /// Both stay mapped, readable and writable, for as long as a sender or receiver made from this place lives. The byte
    /// ring is `bulk_bytes` long, a power of two. At most one sender and one receiver use the lane.
    pub(crate) unsafe fn new(lane: NonNull<Lane>, bulk: NonNull<u8>, bulk_bytes: usize) -> Self {
        debug_assert!(bulk_bytes.is_power_of_two());
        Self { lane, bulk, bulk_bytes }
    }

    #[inline]
    fn lane(&self) -> &Lane {
        // SAFETY: mapped for as long as we live, by the contract of `new`; all that changes in it is atomic or a cell.
        unsafe { self.lane.as_ref() }
    }

    #[inline]
    fn slot(&self, number: u32) -> &Slot {
        &self.lane().slots[number as usize % SLOTS]
    }

    #[inline]
    fn longest_piece(&self) -> usize {
        self.bulk_bytes / PIECES
    }

    /// Position where a piece begins that follows on `position`: there, or at the next lap if it would be cut in two.
    #[inline]
    fn start(&self, position: u64, length: usize) -> u64 {
        let offset = position as usize & (self.bulk_bytes - 1);
        let left = self.bulk_bytes - offset;
        if length <= left { position } else { position + left as u64 }
    }

    /// Address of a position in the byte ring.
    #[inline]
    fn bulk_at(&self, position: u64) -> NonNull<u8> {
        // SAFETY: the offset is below the length of the byte ring, a power of two.
        unsafe { self.bulk.add(position as usize & (self.bulk_bytes - 1)) }
    }
}

/// The stamp after this one.
#[inline]
fn after(stamp: u32) -> u32 {
    stamp.wrapping_add(1) & !ASLEEP
}

/// How many stamps lie from one to another.
#[inline]
fn between(earlier: u32, later: u32) -> u32 {
    later.wrapping_sub(earlier) & !ASLEEP
}

/// The end that writes.
pub(crate) struct Sender<W> {
    place: Place,
    waiting: W,
    /// Number of the next slot.
    next: u32,
    /// Position of the next piece in the byte ring.
    put: u64,
    /// The receiver's progress when last asked.
    taken: u32,
    freed: u64,
}

impl<W: Waiting> Sender<W> {
    /// The sender of an empty ring.
    pub(crate) fn new(place: Place, waiting: W) -> Self {
        Self { place, waiting, next: 0, put: 0, taken: 0, freed: 0 }
    }

    /// Sends one message of any length.
    #[inline]
    pub(crate) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if message.len() <= INLINE {
            return self.send_piece(message, 0);
        }
        let longest = self.place.longest_piece();
        let mut rest = message;
        while rest.len() > longest {
            let (piece, later) = rest.split_at(longest);
            self.send_piece(piece, MORE)?;
            rest = later;
        }
        self.send_piece(rest, 0)
    }

    #[inline]
    fn send_piece(&mut self, piece: &[u8], more: u32) -> io::Result<()> {
        while between(self.taken, self.next) as usize == SLOTS {
            self.await_progress()?;
        }
        let to = if piece.len() <= INLINE { None } else { Some(self.bulk_room(piece.len())?) };
        let slot = self.place.slot(self.next);
        match to {
            // SAFETY: the slot is free, and free room holds the piece; the receiver reads neither before the stamp.
            Some(to) => unsafe { to.copy_from_nonoverlapping(NonNull::from(piece).cast(), piece.len()) },
            None => slot.inline.with_mut(|inline| {
                // SAFETY: as above; the piece is at most as long as the room in the slot.
                unsafe { inline.cast::<u8>().copy_from_nonoverlapping(piece.as_ptr(), piece.len()) }
            }),
        }
        slot.length.store(piece.len() as u32 | more, Ordering::Relaxed);
        self.next = after(self.next);
        self.waiting.publish(&slot.stamp, self.next);
        Ok(())
    }

    /// Free room for a piece in the byte ring, and the position moved past it.
    fn bulk_room(&mut self, length: usize) -> io::Result<NonNull<u8>> {
        let start = self.place.start(self.put, length);
        let end = start + length as u64;
        while end - self.freed > self.place.bulk_bytes as u64 {
            self.await_progress()?;
        }
        self.put = end;
        Ok(self.place.bulk_at(start))
    }

    #[cold]
    fn await_progress(&mut self) -> io::Result<()> {
        let Progress { taken, freed } = &self.place.lane().progress;
        let known = self.taken;
        self.taken = self.waiting.until(taken, |taken| taken != known)?;
        self.freed = freed.load(Ordering::Acquire);
        Ok(())
    }
}

/// The end that reads.
pub(crate) struct Receiver<W> {
    place: Place,
    waiting: W,
    /// Number of the next slot.
    next: u32,
    /// Position of the next piece in the byte ring.
    got: u64,
    /// The progress that the sender was told.
    told: u32,
    told_bulk: u64,
}

impl<W: Waiting> Receiver<W> {
    /// The receiver of an empty ring.
    pub(crate) fn new(place: Place, waiting: W) -> Self {
        Self { place, waiting, next: 0, got: 0, told: 0, told_bulk: 0 }
    }

    /// Receives one message, which must be as long as the buffer.
    #[inline]
    pub(crate) fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        loop {
            let slot = self.place.slot(self.next);
            let stamp = after(self.next);
            self.waiting.until(&slot.stamp, |seen| seen == stamp)?;
            let word = slot.length.load(Ordering::Relaxed);
            let (length, more) = ((word & !MORE) as usize, word & MORE != 0);
            let rest = &mut message[filled..];
            if length > rest.len() || more == (length == rest.len()) || length > self.place.longest_piece() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of another length came"));
            }
            let piece = &mut rest[..length];
            if length <= INLINE {
                slot.inline.with(|inline| {
                    // SAFETY: the stamp says that the sender has written the slot and left it to us.
                    unsafe { piece.as_mut_ptr().copy_from_nonoverlapping(inline.cast(), length) }
                });
            } else {
                let start = self.place.start(self.got, length);
                self.got = start + length as u64;
                // SAFETY: as above for the piece, which the sender put where this rule says. Being no longer than the
                // longest, it lies within the byte ring, contiguous.
                unsafe {
                    NonNull::from(piece).cast().copy_from_nonoverlapping(self.place.bulk_at(start), length);
                }
            }
            self.next = stamp;
            filled += length;
            self.tell();
            if !more {
                return Ok(());
            }
        }
    }

    /// Tells the sender how far we are, once that is far enough to be worth a line.
    #[inline]
    fn tell(&mut self) {
        let kept = between(self.told, self.next) as usize;
        let kept_bulk = (self.got - self.told_bulk) as usize;
        if kept < SLOTS / KEPT_PART && kept_bulk < self.place.bulk_bytes / KEPT_PART {
            return;
        }
        let Progress { taken, freed } = &self.place.lane().progress;
        freed.store(self.got, Ordering::Release);
        self.waiting.publish(taken, self.next);
        (self.told, self.told_bulk) = (self.next, self.got);
    }
}
