//! Only a wake-up travels: one byte, whatever the message, and nobody touches the receiver's buffer.

use super::CLAIM;
use crate::roundtrip::{
    Channel, Ends, Handles, Making,
    descriptors::{Make, Pipes},
    mechanisms::pipe::Pipe,
    pair::Joint,
    registry::Mechanism,
};
use ferrybench_data::roundtrip::Spec;
use std::io;

pub(super) const ROW: Mechanism = Mechanism {
    name: "broken-untouched",
    help: "broken: a wake-up travels instead of the message",
    joint: Joint::across::<WakeUp>(),
    ..CLAIM
};

struct WakeUp(Pipes<Pipe>);

impl Channel for WakeUp {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        Pipe::ends(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        Ok(Self(Pipes::open(end, spec)?))
    }

    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        self.0.send(&[1])
    }

    fn recv(&mut self, _: &mut [u8]) -> io::Result<()> {
        self.0.recv(&mut [0])
    }
}
