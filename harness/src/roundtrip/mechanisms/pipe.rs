//! A pair of anonymous pipes, one for each direction: `pipe(2)`.
//!
//! 64 KiB each by default; above that the writer waits for the reader. Writes above 4096 bytes are not atomic, which
//! matters to several writers only.

use super::super::{
    Ends, Handles, Making,
    descriptors::{Make, Pipes},
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use nix::{fcntl::OFlag, unistd::pipe2};
use std::{borrow::Cow, io};

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
    joint: Joint::across::<Pipes<Pipe>>(),
};

pub(in super::super) enum Pipe {}

impl Make for Pipe {
    fn ends(_: &Spec, _: &Making) -> io::Result<Ends<Handles>> {
        let (far_from, near_to) = pipe2(OFlag::O_CLOEXEC)?;
        let (near_from, far_to) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Ends::pair(Handles::fds([near_from, near_to]), Handles::fds([far_from, far_to])))
    }
}
