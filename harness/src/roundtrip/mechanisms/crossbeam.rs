//! The bounded channel of the crate `crossbeam-channel`.
//!
//! A ring of slots; who finds nothing spins and yields for some microseconds, then parks the thread.

use super::super::{
    owned::{Library, NATURE, Owned, Parcel, gone},
    pair::Joint,
    registry::{BOTH, Mechanism, unlimited},
};
use crossbeam_channel::{Receiver, Sender, bounded};
use ferrybench_data::{
    plan::catalogue::Group,
    roundtrip::{Peers, Spec, Wait},
};
use std::io;

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "crossbeam",
    help: "crossbeam's bounded channel",
    group: Group::InProcess,
    nature: NATURE,
    patterns: BOTH,
    peers: &[Peers::Thread],
    waits: &[Wait::Adaptive],
    many_producers: true,
    largest: unlimited,
    joint: Joint::within::<Owned<Crossbeam>>(),
};

enum Crossbeam {}

impl Library for Crossbeam {
    type Sender = Sender<Parcel>;
    type Receiver = Receiver<Parcel>;

    fn bounded(capacity: usize, senders: usize, _: &Spec) -> (Vec<Self::Sender>, Self::Receiver) {
        let (sender, receiver) = bounded(capacity);
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
