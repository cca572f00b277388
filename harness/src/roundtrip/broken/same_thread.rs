//! One thread sends and receives, through a real pipe, and the row claims two processes.

use super::{CLAIM, SMALL};
use crate::roundtrip::{
    floor::{Carry, alone},
    pair::{Joint, only_within},
    registry::Mechanism,
};
use nix::{fcntl::OFlag, unistd};
use std::os::fd::OwnedFd;

pub(super) const ROW: Mechanism = Mechanism {
    name: "broken-same-thread",
    help: "broken: one thread is both ends",
    joint: Joint {
        start: |setting, _| {
            let (from, to) = unistd::pipe2(OFlag::O_CLOEXEC)?;
            alone(setting, Through { from, to })
        },
        far: only_within,
    },
    ..CLAIM
};

struct Through {
    from: OwnedFd,
    to: OwnedFd,
}

impl Carry for Through {
    fn carry<'a>(&'a mut self, message: &'a [u8], buffer: &'a mut [u8]) -> &'a [u8] {
        assert!(message.len() as u64 <= SMALL, "a larger message would wait for its own reader");
        // A failure leaves an old message in the buffer, which does not verify.
        let _ = unistd::write(&self.to, message);
        let _ = unistd::read(&self.from, buffer);
        buffer
    }
}
