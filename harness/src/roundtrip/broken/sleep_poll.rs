//! It claims to block, and sleeps 50 us between one look and the next.

use super::CLAIM;
use crate::{
    measure::clock,
    roundtrip::{
        Channel, Ends, Handles, Making,
        descriptors::{Make, Pipes},
        mechanisms::pipe::Pipe,
        pair::Joint,
        registry::Mechanism,
    },
};
use ferrybench_data::roundtrip::Spec;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

pub(super) const ROW: Mechanism = Mechanism {
    name: "broken-sleep-poll",
    help: "broken: it sleeps and polls where it claims to block",
    joint: Joint::across::<Sleepy>(),
    ..CLAIM
};

const NAP: Duration = Duration::from_micros(50);

struct Sleepy {
    pipes: Pipes<Pipe>,
    from: OwnedFd,
}

impl Channel for Sleepy {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        Pipe::ends(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let from = end.fds[0].try_clone()?;
        Ok(Self { pipes: Pipes::open(end, spec)?, from })
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.pipes.send(message)
    }

    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        while poll(&mut [PollFd::new(self.from.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO)? == 0 {
            clock::pause(NAP);
        }
        self.pipes.recv(message)
    }
}
