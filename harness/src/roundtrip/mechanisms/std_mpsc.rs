//! The standard library's bounded channel: `std::sync::mpsc::sync_channel`.
//!
//! A ring of slots, once crossbeam's; who finds nothing parks the thread at once, where crossbeam's own spins first.

use super::super::{
    owned::{Library, NATURE, Owned, Parcel, gone},
    pair::Joint,
    registry::{BOTH, Mechanism, unlimited},
};
use ferrybench_data::{
    plan::catalogue::Group,
    roundtrip::{Peers, Spec, Wait},
};
use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "std-mpsc",
    help: "the standard library's bounded channel",
    group: Group::InProcess,
    nature: NATURE,
    patterns: BOTH,
    peers: &[Peers::Thread],
    waits: &[Wait::Block],
    many_producers: true,
    largest: unlimited,
    joint: Joint::within::<Owned<Std>>(),
};

enum Std {}

impl Library for Std {
    type Sender = SyncSender<Parcel>;
    type Receiver = Receiver<Parcel>;

    fn bounded(capacity: usize, senders: usize, _: &Spec) -> (Vec<Self::Sender>, Self::Receiver) {
        let (sender, receiver) = sync_channel(capacity);
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
