//! A pair of named pipes, one for each direction: `fifo(7)`.
//!
//! Once open it is a pipe. Opening one side waits for the other, so each is opened for reading without waiting first
//! (which may succeed alone), then for writing. Both names are gone before the first message.

use super::super::{
    Ends, Handles, Making,
    descriptors::{Make, Pipes},
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
};
use crate::process::remains::{Remains, private, unique_name};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl, open},
    sys::stat::Mode,
    unistd::{mkfifo, unlink},
};
use std::{borrow::Cow, io, os::fd::OwnedFd};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "fifo",
    help: "a pair of named pipes",
    group: Group::Pipe,
    nature: Nature {
        boundaries: false,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("its name, and nothing in it"),
        portability: Cow::Borrowed("POSIX"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: unlimited,
    joint: Joint::across::<Pipes<Fifo>>(),
};

enum Fifo {}

impl Make for Fifo {
    fn ends(_: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        let (far_from, near_to) = fifo(making)?;
        let (near_from, far_to) = fifo(making)?;
        Ok(Ends::pair(Handles::fds([near_from, near_to]), Handles::fds([far_from, far_to])))
    }
}

/// Both sides of a new FIFO that has lost its name already: to read from, to write to.
fn fifo(making: &Making) -> io::Result<(OwnedFd, OwnedFd)> {
    let path = making.folder().join(unique_name());
    making.declare(&Remains::Path(path.clone()))?;
    mkfifo(&path, private())?;
    let from = open(&path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?;
    let to = open(&path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    unlink(&path)?;
    fcntl(&from, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok((from, to))
}
