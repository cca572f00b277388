//! Drives a session by blocking calls, one connection for one thread.

use super::{Deadline, Kit, Limits, empty_pipe, send_part, take_part};
use crate::fileserver::session::{Session, Step, Tell};
use crate::shelf::Incoming;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    pipe::SpliceFlags,
};
use std::{
    fs::File,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::fs::FileExt,
    time::Duration,
};

/// Drives a session to its end. `tell` hears what it says, the moment it says it.
pub fn drive(
    stream: &TcpStream,
    session: &mut dyn Session,
    kit: &mut Kit,
    limits: Limits,
    tell: &mut dyn FnMut(Tell),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limits.idle()))?;
    stream.set_write_timeout(Some(limits.idle()))?;
    kit.begin();
    let mut deadline = Deadline::new(limits);
    loop {
        deadline.check()?;
        match session.next(&mut kit.input)? {
            Step::Read { patience } => read(stream, kit, patience, &deadline)?,
            Step::Write(bytes) => write(stream, bytes, &deadline)?,
            Step::FileToPeer { file, offset, length } => send(stream, file, offset, length, kit, &deadline)?,
            Step::PeerToFile { incoming, length } => receive(stream, incoming, length, kit, &deadline)?,
            Step::Tell(what) => {
                match what {
                    Tell::Begun => deadline.begin(),
                    Tell::Finished(_) => deadline.end(),
                }
                tell(what);
            }
            Step::Close => return Ok(()),
        }
    }
}

/// One read into the input.
fn read(
    mut stream: &TcpStream,
    kit: &mut Kit,
    patience: Option<Duration>,
    deadline: &Deadline,
) -> io::Result<()> {
    if let Some(patience) = patience {
        let mut socket = [PollFd::new(&stream, PollFlags::IN)];
        let patience = rustix::time::Timespec {
            tv_sec: patience.as_secs() as _,
            tv_nsec: patience.subsec_nanos().into(),
        };
        if retried(|| Ok(poll(&mut socket, Some(&patience))?), deadline)? == 0 {
            kit.input.silent = true;
            return Ok(());
        }
    }
    let count = retried(|| stream.read(kit.input.space()), deadline)?;
    kit.input.filled(count);
    Ok(())
}

fn write(mut stream: &TcpStream, mut bytes: &[u8], deadline: &Deadline) -> io::Result<()> {
    while !bytes.is_empty() {
        match retried(|| stream.write(bytes), deadline)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            sent => bytes = &bytes[sent..],
        }
        deadline.check()?;
    }
    Ok(())
}

fn send(
    stream: &TcpStream,
    file: &File,
    mut offset: u64,
    length: u64,
    kit: &mut Kit,
    deadline: &Deadline,
) -> io::Result<()> {
    let end = offset + length;
    while offset < end {
        let part = retried(|| send_part(stream, file, &mut offset, end), deadline)?;
        if part.is_none() {
            return send_by_hand(stream, file, offset, end, kit, deadline);
        }
        deadline.check()?;
    }
    Ok(())
}

/// Where the kernel does not send from that file system by itself.
fn send_by_hand(
    stream: &TcpStream,
    file: &File,
    mut offset: u64,
    end: u64,
    kit: &mut Kit,
    deadline: &Deadline,
) -> io::Result<()> {
    while offset < end {
        let piece = kit.spill();
        let most = piece.len().min((end - offset) as usize);
        let count = file.read_at(&mut piece[..most], offset)?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            ));
        }
        write(stream, &piece[..count], deadline)?;
        offset += count as u64;
    }
    Ok(())
}

fn receive(
    stream: &TcpStream,
    incoming: &mut Incoming,
    mut left: u64,
    kit: &mut Kit,
    deadline: &Deadline,
) -> io::Result<()> {
    // What was read with the head comes first.
    let early = kit.input.bytes().len().min(left as usize);
    incoming.write(&kit.input.bytes()[..early])?;
    kit.input.consume(early);
    left -= early as u64;
    while left > 0 && kit.splices && incoming.file().is_some() {
        let pipe = kit.pipe()?;
        let Some(taken) = retried(|| take_part(stream, pipe, left, SpliceFlags::empty()), deadline)? else {
            break;
        };
        let moved = incoming.file().map(|file| empty_pipe(pipe, file, incoming.length(), taken));
        if let Some(Err(error)) = moved {
            kit.pipe = None; // with whatever is still in it
            return Err(error);
        }
        incoming.moved(taken);
        left -= taken;
        deadline.check()?;
    }
    while left > 0 {
        if kit.input.bytes().is_empty() {
            read(stream, kit, None, deadline)?;
            if kit.input.ended {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed in mid-transfer"));
            }
        }
        let count = kit.input.bytes().len().min(left as usize);
        incoming.write(&kit.input.bytes()[..count])?;
        kit.input.consume(count);
        left -= count as u64;
        deadline.check()?;
    }
    Ok(())
}

/// A call that a signal may interrupt, and that a timeout of the socket ends.
fn retried<T>(mut call: impl FnMut() -> io::Result<T>, deadline: &Deadline) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => {
                return Err(deadline.silence());
            }
            other => return other,
        }
    }
}
