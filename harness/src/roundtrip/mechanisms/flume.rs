//! The bounded channel of the crate `flume`.
//!
//! A queue behind a mutex; who finds nothing parks the thread at once.

use super::super::{
    owned::{Library, NATURE, Owned, Parcel, gone},
    pair::Joint,
    registry::{BOTH, Mechanism, unlimited},
};
use ferrybench_data::{
    plan::catalogue::Group,
    roundtrip::{Peers, Spec, Wait},
};
use flume::{Receiver, Sender};
use std::io;

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "flume",
    help: "flume's bounded channel",
    group: Group::InProcess,
    nature: NATURE,
    patterns: BOTH,
    peers: &[Peers::Thread],
    waits: &[Wait::Block],
    many_producers: true,
    largest: unlimited,
    joint: Joint::within::<Owned<Flume>>(),
};

enum Flume {}

impl Library for Flume {
    type Sender = Sender<Parcel>;
    type Receiver = Receiver<Parcel>;

    fn bounded(capacity: usize, senders: usize, _: &Spec) -> (Vec<Self::Sender>, Self::Receiver) {
        let (sender, receiver) = flume::bounded(capacity);
        (vec![sender; senders], receiver)
    }

    #[inline]
    fn send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<()> {
        sender.send(parcel).map_err(gone)
    }

    #[inline]
    fn recv(receiver: &mut Self::Receiver) -> io::Result<Parcel> {
        receiver.recv().map_err(gone)
    }
}
