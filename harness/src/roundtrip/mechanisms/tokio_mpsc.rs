//! The bounded channel of tokio, used by threads outside a runtime: `blocking_send` and `blocking_recv`.
//!
//! A semaphore counts the free slots; who finds nothing parks the thread at once.

use super::super::{
    owned::{Library, NATURE, Owned, Parcel, gone},
    pair::Joint,
    registry::{BOTH, Mechanism, unlimited},
};
use ferrybench_data::{
    plan::catalogue::Group,
    roundtrip::{Peers, Spec, Wait},
};
use std::io;
use tokio::sync::mpsc::{Receiver, Sender, channel};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "tokio-mpsc",
    help: "tokio's bounded channel, its blocking calls",
    group: Group::InProcess,
    nature: NATURE,
    patterns: BOTH,
    peers: &[Peers::Thread],
    waits: &[Wait::Block],
    many_producers: true,
    largest: unlimited,
    joint: Joint::within::<Owned<Tokio>>(),
};

enum Tokio {}

impl Library for Tokio {
    type Sender = Sender<Parcel>;
    type Receiver = Receiver<Parcel>;

    fn bounded(capacity: usize, senders: usize, _: &Spec) -> (Vec<Self::Sender>, Self::Receiver) {
        let (sender, receiver) = channel(capacity);
        (vec![sender; senders], receiver)
    }

    #[inline]
    fn send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<()> {
        sender.blocking_send(parcel).map_err(gone)
    }

    #[inline]
    fn recv(receiver: &mut Self::Receiver) -> io::Result<Parcel> {
        receiver.blocking_recv().ok_or_else(|| gone(()))
    }
}
