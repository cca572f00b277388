//! Channels between threads of one process: messages are owned buffers that change hands, and no byte is copied but by
//! whoever fills a buffer and whoever reads it.
//!
//! Every library carries the same: a vector, copied into before it is sent and out of after it was received. No
//! allocator takes part. In a round trip a buffer travels there and back; in a stream empty buffers travel back to their
//! producer through a second channel of the same library, which always has one ready: it costs a send and a receive
//! that never wait, in place of an allocation.

use super::{Channel, Ends, Making};
use ferrybench_data::{
    plan::catalogue::{Nature, WhenFull},
    roundtrip::{Pattern, Spec},
};
use std::{borrow::Cow, io};

/// Most messages in a channel, and most bytes; at least two messages.
const MOST_MESSAGES: u64 = 64;
const MOST_BYTES: u64 = 8 << 20;

/// What every channel between threads is.
pub(super) const NATURE: Nature = Nature {
    boundaries: true,
    when_full: WhenFull::BackPressure,
    unrelated: false,
    between_hosts: false,
    pollable: false,
    after_crash: Cow::Borrowed("nothing"),
    portability: Cow::Borrowed("everywhere"),
};

/// A buffer on its way.
pub(super) struct Parcel {
    bytes: Vec<u8>,
    /// The producer to which it returns.
    home: usize,
}

/// A library's bounded channel.
pub(super) trait Library: 'static {
    /// Its sending half.
    type Sender: Send + 'static;
    /// Its receiving half.
    type Receiver: Send + 'static;

    /// A channel for at most so many parcels, with so many senders.
    fn bounded(capacity: usize, senders: usize, spec: &Spec) -> (Vec<Self::Sender>, Self::Receiver);

    /// Sends one parcel, waiting for room. `BrokenPipe` means that the receiver is gone.
    fn send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<()>;

    /// Receives one parcel. `BrokenPipe` means that the senders are gone.
    fn recv(receiver: &mut Self::Receiver) -> io::Result<Parcel>;
}

/// One end: parcels come, parcels go, and some wait to be filled.
pub(super) struct Owned<L: Library> {
    /// The way to the far end or, at the far end, to each producer.
    to: Vec<L::Sender>,
    from: L::Receiver,
    spare: Vec<Parcel>,
    /// Whether received parcels are kept for the answer rather than sent home empty.
    answers: bool,
}

impl<L: Library> Channel for Owned<L> {
    type End = Self;

    fn ends(spec: &Spec, _: &Making) -> io::Result<Ends<Self>> {
        let answers = spec.pattern == Pattern::Rtt;
        let capacity = (MOST_BYTES / spec.message_bytes).clamp(2, MOST_MESSAGES) as usize;
        // A full channel, one parcel at either end, and one more: then there is always one on the way home or back.
        let parcels = if answers { 1 } else { capacity + 2 };
        let end = |to, from, spare| Self { to, from, spare, answers };
        let (there, far_from) = L::bounded(capacity, spec.producers as usize, spec);
        let (mut near, mut back) = (Vec::new(), Vec::new());
        for (home, to) in there.into_iter().enumerate() {
            let (home_ways, from) = L::bounded(parcels, 1, spec);
            back.extend(home_ways);
            let parcel = |_| Parcel { bytes: vec![0xa5; spec.message_bytes as usize], home };
            near.push(end(vec![to], from, (0..parcels).map(parcel).collect()));
        }
        Ok(Ends { near, far: end(back, far_from, Vec::with_capacity(1)) })
    }

    fn open(end: Self, _: &Spec) -> io::Result<Self> {
        Ok(end)
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut parcel = match self.spare.pop() {
            Some(parcel) => parcel,
            None => L::recv(&mut self.from)?,
        };
        parcel.bytes.copy_from_slice(message);
        L::send(&mut self.to[0], parcel)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let parcel = L::recv(&mut self.from)?;
        message.copy_from_slice(&parcel.bytes);
        if self.answers {
            self.spare.push(parcel);
            return Ok(());
        }
        match L::send(&mut self.to[parcel.home], parcel) {
            // Its producer is done and gone: nobody needs the buffer any more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent,
        }
    }
}

/// The other side has hung up.
pub(super) fn gone<E>(_: E) -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}
