//! Two event counters, one for each direction: `eventfd(2)`.
//!
//! A write adds to the counter and a read takes it to zero, so that two messages would become their sum: round trips
//! only. Zero cannot be waited for: a message travels as its value and one.

use super::super::{
    Channel, Ends, Handles, Making,
    pair::Joint,
    registry::{ANY_WAIT, Mechanism, PROCESS_OR_THREAD},
    wait::Bytes,
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::{Pattern, Spec},
};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::{borrow::Cow, io, os::fd::OwnedFd};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "eventfd",
    help: "two event counters; a message of up to 8 bytes is the number",
    group: Group::Pipe,
    nature: Nature {
        boundaries: false,
        when_full: WhenFull::BackPressure,
        unrelated: false,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("nothing"),
        portability: Cow::Borrowed("Linux, FreeBSD"),
    },
    patterns: &[Pattern::Rtt],
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: || Ok(Some(TOKEN as u64)),
    joint: Joint::across::<Tokens>(),
};

/// Bytes that a counter takes and gives.
const TOKEN: usize = size_of::<u64>();

struct Tokens {
    from: Bytes<OwnedFd>,
    to: Bytes<OwnedFd>,
}

impl Channel for Tokens {
    type End = Handles;

    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let counter = || EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map(OwnedFd::from);
        let (there, back) = (counter()?, counter()?);
        let near = Handles::fds([back.try_clone()?, there.try_clone()?]);
        Ok(Ends::pair(near, Handles::fds([there, back])))
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [from, to] = end.take()?;
        Ok(Self { from: Bytes::new(from, spec)?, to: Bytes::new(to, spec)? })
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut token = [0; TOKEN];
        token[..message.len()].copy_from_slice(message);
        // The largest number has no successor; the kernel refuses it with EINVAL.
        let token = u64::from_le_bytes(token).saturating_add(1);
        self.to.write_all(&token.to_ne_bytes())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let mut token = [0; TOKEN];
        self.from.read_exact(&mut token)?;
        let token = (u64::from_ne_bytes(token) - 1).to_le_bytes();
        message.copy_from_slice(&token[..message.len()]);
        Ok(())
    }
}
