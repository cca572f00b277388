//! The far end sends its answers without waiting for the requests; it only takes away what has come by then.

use super::{CLAIM, pipes_that_know};
use crate::roundtrip::{Channel, Ends, Handles, Making, pair::Joint, registry::Mechanism, wait::Bytes};
use ferrybench_data::roundtrip::Spec;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    unistd::read,
};
use std::{io, os::fd::OwnedFd};

pub(super) const ROW: Mechanism = Mechanism {
    name: "broken-no-wait",
    help: "broken: the far end answers without waiting for the request",
    joint: Joint::across::<Hasty>(),
    ..CLAIM
};

struct Hasty {
    from: Bytes<OwnedFd>,
    to: Bytes<OwnedFd>,
    waits: bool,
}

impl Channel for Hasty {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        pipes_that_know(spec, making)
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let waits = end.note == 0;
        let [from, to] = end.take()?;
        let (from, to) = (Bytes::new(from, spec)?, Bytes::new(to, spec)?);
        if !waits {
            fcntl(&from.fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { from, to, waits })
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.to.write_all(message)
    }

    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        if self.waits {
            return self.from.read_exact(message);
        }
        loop {
            match read(&self.from.fd, message) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
