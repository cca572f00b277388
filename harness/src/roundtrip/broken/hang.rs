//! The far end stops answering, and does not end by itself.

use super::{CLAIM, pipes_that_know};
use crate::{
    measure::clock,
    roundtrip::{
        Channel, Ends, Handles, Making, descriptors::Pipes, mechanisms::pipe::Pipe, pair::Joint,
        registry::Mechanism,
    },
};
use ferrybench_data::roundtrip::Spec;
use std::{io, time::Duration};

pub(super) const ROW: Mechanism = Mechanism {
    name: "broken-hang",
    help: "broken: the far end falls silent after 100 messages",
    joint: Joint::across::<Hang>(),
    ..CLAIM
};

struct Hang {
    pipes: Pipes<Pipe>,
    /// Messages until silence, at the far end.
    left: Option<u32>,
}

impl Channel for Hang {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        pipes_that_know(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let left = (end.note != 0).then_some(100);
        Ok(Self { pipes: Pipes::open(end, spec)?, left })
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.pipes.send(message)
    }

    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        match &mut self.left {
            Some(0) => loop {
                clock::pause(Duration::from_secs(1));
            },
            Some(left) => *left -= 1,
            None => {}
        }
        self.pipes.recv(message)
    }
}
