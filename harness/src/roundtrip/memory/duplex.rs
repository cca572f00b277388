//! A channel of two rings in one piece of shared memory, one for each direction.

#[cfg(test)]
mod tests;

use super::{
    super::{Channel, Ends, Handles, Making},
    SLOTS,
    mapping::Mapping,
    ring::{INLINE, Lane, Place, Receiver, Sender, Waiting},
};
use ferrybench_data::roundtrip::Spec;
use std::{io, mem::size_of};

/// Bounds of a byte ring: room for two messages where that lies between them. What is longer passes in pieces.
const LEAST_BULK: usize = 64 << 10;
const MOST_BULK: usize = 1 << 20;

/// The notes that tell the ends apart.
const NEAR: u64 = 0;
const FAR: u64 = 1;

/// One end of two rings, which waits as `W` says.
pub(crate) struct Rings<W> {
    to: Sender<W>,
    from: Receiver<W>,
    buffer_bytes: usize,
    /// Last, so that it outlives what points into it.
    _mapping: Mapping,
}

fn bulk_bytes(spec: &Spec) -> usize {
    let two = usize::try_from(spec.message_bytes.saturating_mul(2)).unwrap_or(usize::MAX);
    two.min(MOST_BULK).next_power_of_two().max(LEAST_BULK)
}

impl<W: Waiting + for<'a> From<&'a Spec>> Channel for Rings<W> {
    type End = Handles;

    fn ends(spec: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let bytes = 2 * (size_of::<Lane>() + bulk_bytes(spec));
        let near = Mapping::create(c"ferrybench-rings", bytes)?.into_fd()?;
        let far = near.try_clone()?;
        let end = |fd, note| Handles { note, ..Handles::fds([fd]) };
        Ok(Ends::pair(end(near, NEAR), end(far, FAR)))
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let is_near = end.note == NEAR;
        let [fd] = end.take()?;
        let mapping = Mapping::open(fd)?;
        let bulk_bytes = bulk_bytes(spec);
        if mapping.bytes() < 2 * (size_of::<Lane>() + bulk_bytes) {
            return Err(io::Error::other("the shared memory was made for smaller messages"));
        }
        let place = |direction: usize| {
            // SAFETY: two lanes, then two byte rings: all of it lies within the mapping, whose size was checked. It
            // begins at a page, so lanes are aligned; they are all zero, or in use by the other end.
            unsafe {
                let lane = mapping.start().cast::<Lane>().add(direction);
                let bulk = mapping.start().add(2 * size_of::<Lane>()).add(direction * bulk_bytes);
                Place::new(lane, bulk, bulk_bytes)
            }
        };
        let (there, back) = if is_near { (place(0), place(1)) } else { (place(1), place(0)) };
        Ok(Self {
            to: Sender::new(there, W::from(spec)),
            from: Receiver::new(back, W::from(spec)),
            buffer_bytes: SLOTS * INLINE + bulk_bytes,
            _mapping: mapping,
        })
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.to.send(message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.from.recv(message)
    }

    fn buffer_bytes(&self) -> Option<u64> {
        Some(self.buffer_bytes as u64)
    }
}
