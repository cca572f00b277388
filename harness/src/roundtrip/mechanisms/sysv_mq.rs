//! Two System V message queues, one for each direction: `sysvipc(7)`, `msgop(2)`.
//!
//! A queue is a number, not a descriptor: nothing can poll it, and removing it destroys it at once, even while it is in
//! use. So its key is told before it is made, and each end removes both queues when it is done. A queue holds `msgmnb`
//! bytes, 16 KiB by default. Messages are copied behind their type first, as the calls want them.

use super::super::{
    Channel, Ends, Handles, Making,
    pair::Joint,
    registry::{BOTH, Mechanism, PROCESS_OR_THREAD},
    wait::Waiting,
};
use crate::process::remains::Remains;
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::{Spec, Wait},
};
use libc::{IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE, IPC_RMID, c_int, c_long};
use nix::errno::Errno;
use std::{borrow::Cow, fs, io, ptr};

pub(in super::super) const ROW: Mechanism = Mechanism {
    name: "sysv-mq",
    help: "a pair of System V message queues",
    group: Group::Queue,
    nature: Nature {
        boundaries: true,
        when_full: WhenFull::BackPressure,
        unrelated: true,
        between_hosts: false,
        pollable: false,
        after_crash: Cow::Borrowed("the queue and what is in it, until removed or the next boot"),
        portability: Cow::Borrowed("POSIX (XSI)"),
    },
    patterns: BOTH,
    peers: PROCESS_OR_THREAD,
    waits: &[Wait::Block, Wait::Spin],
    many_producers: true,
    largest: || Ok(Some(limit("msgmax")?.min(limit("msgmnb")?))),
    joint: Joint::across::<SystemVQueues>(),
};

/// The type of every message; zero is not allowed.
const TYPE: c_long = 1;

fn limit(name: &str) -> Result<u64, String> {
    let text = fs::read_to_string(format!("/proc/sys/kernel/{name}"))
        .map_err(|error| format!("no System V message queues here: {error}"))?;
    text.trim().parse().map_err(|_| format!("{name} is no number: {text}"))
}

struct SystemVQueues {
    from: c_int,
    to: c_int,
    /// The type, then room for one message.
    letter: Vec<c_long>,
    waiting: Waiting,
    flags: c_int,
}

impl Channel for SystemVQueues {
    type End = Handles;

    fn ends(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
        let (there, back) = (queue(making)?, queue(making)?);
        let end = |from, to| Handles { fds: Vec::new(), note: packed(from, to) };
        let near = (0..spec.producers).map(|_| end(back, there)).collect();
        Ok(Ends { near, far: end(there, back) })
    }

    fn open(end: Handles, spec: &Spec) -> io::Result<Self> {
        let (from, to) = unpacked(end.note);
        let words = 1 + (spec.message_bytes as usize).div_ceil(size_of::<c_long>());
        let waiting = Waiting::new(spec);
        let flags = if waiting.blocks() { 0 } else { IPC_NOWAIT };
        Ok(Self { from, to, letter: vec![TYPE; words], waiting, flags })
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let (letter, length) = (self.letter.as_mut_ptr(), message.len());
        assert!(length <= size_of_val(&self.letter[1..]), "a letter has room for a message");
        // SAFETY: behind the type there is room for the message, as was asserted.
        unsafe {
            *letter = TYPE;
            ptr::copy_nonoverlapping(message.as_ptr(), letter.add(1).cast(), length);
        }
        self.carry(|queue, flags| {
            // SAFETY: the letter is a type and so many bytes of text.
            unsafe { libc::msgsnd(queue.to, letter.cast(), length, flags) as isize }
        })?;
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let (letter, length) = (self.letter.as_mut_ptr(), message.len());
        assert!(length <= size_of_val(&self.letter[1..]), "a letter has room for a message");
        let received = self.carry(|queue, flags| {
            // SAFETY: behind the type there is room for so many bytes; a longer text is refused with E2BIG.
            unsafe { libc::msgrcv(queue.from, letter.cast(), length, 0, flags) }
        })?;
        if received as usize != length {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // SAFETY: so many bytes were written behind the type just now.
        unsafe { ptr::copy_nonoverlapping(letter.add(1).cast(), message.as_mut_ptr(), length) };
        Ok(())
    }
}

impl SystemVQueues {
    /// Repeats a call, in which "no message" means "not yet".
    #[inline]
    fn carry(&self, call: impl Fn(&Self, c_int) -> isize) -> io::Result<isize> {
        let call = || match Errno::result(call(self, self.flags)) {
            Err(Errno::ENOMSG) => Err(Errno::EAGAIN),
            other => other,
        };
        self.waiting.repeat(call, |_| Err(io::ErrorKind::Unsupported.into()))
    }
}

impl Drop for SystemVQueues {
    /// Whoever ends first removes both: the trial is over. The others do not find them any more.
    fn drop(&mut self) {
        for queue in [self.from, self.to] {
            // SAFETY: plain numbers; IPC_RMID ignores its buffer argument.
            unsafe { libc::msgctl(queue, IPC_RMID, ptr::null_mut()) };
        }
    }
}

fn packed(from: c_int, to: c_int) -> u64 {
    u64::from(from as u32) << 32 | u64::from(to as u32)
}

fn unpacked(note: u64) -> (c_int, c_int) {
    ((note >> 32) as c_int, note as c_int)
}

/// A new queue under a key that nobody had. A taken key is never told: whoever cleans up would remove it.
fn queue(making: &Making) -> io::Result<c_int> {
    loop {
        let key: c_int = rand::random();
        // SAFETY: plain numbers.
        let taken = Errno::result(unsafe { libc::msgget(key, 0) }) != Err(Errno::ENOENT);
        if key == IPC_PRIVATE || taken {
            continue;
        }
        making.declare(&Remains::SystemVQueue(key))?;
        // SAFETY: plain numbers.
        return Ok(Errno::result(unsafe { libc::msgget(key, IPC_CREAT | IPC_EXCL | 0o600) })?);
    }
}
