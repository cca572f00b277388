//! A connection through a UNIX socket with a path: `unix(7)`.
//!
//! The path costs at connecting only; it is gone before the first message.

use super::super::{
    Ends, Handles, Making,
    descriptors::{Make, Stream},
    pair::Joint,
    registry::{ANY_WAIT, BOTH, Mechanism, PROCESS_OR_THREAD, unlimited},
};
use crate::process::remains::{Remains, unique_name};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::Spec,
};
use std::{
    borrow::Cow,
    fs, io,
    os::unix::net::{UnixListener, UnixStream},
};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "unix-stream",
    help: "a UNIX stream socket that listened at a path",
    group: Group::UnixSocket,
    nature: Nature {
        boundaries: false,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: true,
        after_crash: Cow::Borrowed("its path"),
        portability: Cow::Borrowed("POSIX"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: ANY_WAIT,
    many_producers: false,
    largest: unlimited,
    joint: Joint::across::<Stream<UnixSocket>>(),
};

enum UnixSocket {}

impl Make for UnixSocket {
    fn ends(_: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        let path = making.folder().join(unique_name());
        making.declare(&Remains::Path(path.clone()))?;
        let listener = UnixListener::bind(&path)?;
        let near = UnixStream::connect(&path)?;
        let (far, _) = listener.accept()?;
        fs::remove_file(&path)?;
        Ok(Ends::pair(Handles::fds([near.into()]), Handles::fds([far.into()])))
    }
}
