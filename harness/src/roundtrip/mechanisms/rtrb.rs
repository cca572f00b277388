//! A wait-free ring for one producer and one consumer: the crate `rtrb`.
//!
//! It never waits: who finds nothing tries again, so it exists as `spin` only.

use super::super::{
    owned::{Library, NATURE, Owned, Parcel},
    pair::Joint,
    registry::{BOTH, Mechanism, unlimited},
    wait::Waiting,
};
use ferrybench_data::{
    plan::catalogue::Group,
    roundtrip::{Peers, Spec, Wait},
};
use nix::errno::Errno;
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use std::io;

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "rtrb",
    help: "rtrb's wait-free ring of one producer and one consumer",
    group: Group::InProcess,
    nature: NATURE,
    patterns: BOTH,
    peers: &[Peers::Thread],
    waits: &[Wait::Spin],
    many_producers: false,
    largest: unlimited,
    joint: Joint::within::<Owned<Rtrb>>(),
};

enum Rtrb {}

/// One half of a ring, and how it tries again.
struct Half<H> {
    half: H,
    waiting: Waiting,
}

impl Library for Rtrb {
    type Sender = Half<Producer<Parcel>>;
    type Receiver = Half<Consumer<Parcel>>;

    fn bounded(capacity: usize, _: usize, spec: &Spec) -> (Vec<Self::Sender>, Self::Receiver) {
        let (producer, consumer) = RingBuffer::new(capacity);
        let waiting = Waiting::new(spec);
        (vec![Half { half: producer, waiting }], Half { half: consumer, waiting })
    }

    #[inline]
    fn send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<()> {
        let producer = &mut sender.half;
        let mut parcel = Some(parcel);
        let push = || {
            let Some(unsent) = parcel.take() else { return Ok(()) };
            match producer.push(unsent) {
                Ok(()) => Ok(()),
                Err(PushError::Full(_)) if producer.is_abandoned() => Err(Errno::EPIPE),
                Err(PushError::Full(unsent)) => {
                    parcel = Some(unsent);
                    Err(Errno::EAGAIN)
                }
            }
        };
        sender.waiting.repeat(push, never)
    }

    #[inline]
    fn recv(receiver: &mut Self::Receiver) -> io::Result<Parcel> {
        let consumer = &mut receiver.half;
        let pop = || match consumer.pop() {
            Ok(parcel) => Ok(parcel),
            Err(_) if consumer.is_abandoned() => Err(Errno::EPIPE),
            Err(_) => Err(Errno::EAGAIN),
        };
        receiver.waiting.repeat(pop, never)
    }
}

/// A ring has nothing to sleep on.
fn never(_: std::time::Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
