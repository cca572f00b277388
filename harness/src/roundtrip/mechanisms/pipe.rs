//! A pair of anonymous pipes, one for each direction: `pipe(2)`.
//!
//! 64 KiB each by default; above that the writer waits for the reader. Writes above 4096 bytes are not atomic, which
//! matters to several writers only.

use super::super::{
    Channel, Ends, Handles, Making,
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
    wait::Bytes,
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::{borrow::Cow, io, os::fd::OwnedFd};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "pipe",
    help: "a pair of anonymous pipes",
    group: Group::Pipe,
    nature: Nature {
        boundaries: false,
        when_full: WhenFull::BackPressure,
        unrelated: false,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("nothing"),
        portability: Cow::Borrowed("POSIX"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: unlimited,
    joint: Joint::across::<Pipe>(),
};

struct Pipe {
    from: Bytes<OwnedFd>,
    to: Bytes<OwnedFd>,
}

impl Channel for Pipe {
    type End = Handles;

    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let (far_from, near_to) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        let (near_from, far_to) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        Ok(Ends::pair(Handles::fds([near_from, near_to]), Handles::fds([far_from, far_to])))
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let [from, to] = end.take()?;
        Ok(Self { from: Bytes::new(from, spec)?, to: Bytes::new(to, spec)? })
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.to.write_all(message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.from.read_exact(message)
    }

    fn buffer_bytes(&self) -> Option<u64> {
        fcntl(&self.to.fd, FcntlArg::F_GETPIPE_SZ).ok().map(|bytes| bytes as u64)
    }
}
