//! Drives a session by blocking calls, one connection for one thread.

use super::{DRAIN, DRAIN_BYTES, Deadline, Kit, Limits, drop_part, empty_pipe, send_part, take_part};
use crate::fileserver::session::{Session, Step, Tell};
use crate::{measure::clock, shelf::Incoming};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    pipe::SpliceFlags,
};
use std::{
    fs::File,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
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
    let mut deadline = Deadline::new(limits);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(deadline.tick()))?;
    stream.set_write_timeout(Some(deadline.tick()))?;
    kit.begin();
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
            Step::Drain => drain(stream, kit)?,
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
        let patience = timespec(patience);
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
    // One call on a blocking socket waits for a slow peer again and again, and sees no deadline: the waits are ours.
    stream.set_nonblocking(true)?;
    let sent = send_by_kernel(stream, file, &mut offset, end, deadline);
    stream.set_nonblocking(false)?;
    if sent? { Ok(()) } else { send_by_hand(stream, file, offset, end, kit, deadline) }
}

/// Whether the kernel can send from that file system by itself.
fn send_by_kernel(
    stream: &TcpStream,
    file: &File,
    offset: &mut u64,
    end: u64,
    deadline: &Deadline,
) -> io::Result<bool> {
    while *offset < end {
        match send_part(stream, file, offset, end) {
            Ok(Some(_)) => deadline.check()?,
            Ok(None) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => room(stream, deadline)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Waits until the peer has taken something of what is on its way to it.
fn room(stream: &TcpStream, deadline: &Deadline) -> io::Result<()> {
    let most = timespec(deadline.tick());
    let wait = || match poll(&mut [PollFd::new(&stream, PollFlags::OUT)], Some(&most))? {
        0 => Err(Errno::AGAIN.into()),
        _ => Ok(()),
    };
    retried(wait, deadline)
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos().into() }
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
    incoming.take(&kit.input.bytes()[..early]);
    kit.input.consume(early);
    left -= early as u64;
    while left > 0 && incoming.is_only_counted() {
        let dropped = retried(|| drop_part(stream, left, kit.spill()), deadline)?;
        if dropped == 0 {
            kit.input.ended = true;
            return Ok(());
        }
        incoming.moved(dropped);
        left -= dropped;
        deadline.check()?;
    }
    while left > 0 && kit.splices && incoming.file().is_some() {
        // Without descriptors for a pipe it goes by hand.
        let Ok(pipe) = kit.pipe() else { break };
        let Some(taken) = retried(|| take_part(stream, pipe, left, SpliceFlags::empty()), deadline)? else {
            break;
        };
        if taken == 0 {
            kit.input.ended = true;
            return Ok(());
        }
        let moved = incoming.file().map(|file| empty_pipe(pipe, file, incoming.length(), taken));
        if let Some(Err(why)) = moved {
            kit.pipe = None; // with whatever is still in it
            incoming.spoil(why, taken);
        } else {
            incoming.moved(taken);
        }
        left -= taken;
        deadline.check()?;
    }
    while left > 0 {
        if kit.input.bytes().is_empty() {
            read(stream, kit, None, deadline)?;
            if kit.input.ended {
                return Ok(());
            }
        }
        let count = kit.input.bytes().len().min(left as usize);
        incoming.take(&kit.input.bytes()[..count]);
        kit.input.consume(count);
        left -= count as u64;
        deadline.check()?;
    }
    Ok(())
}

/// Says that nothing more will be written, and reads on until the peer has stopped, for a while.
fn drain(stream: &TcpStream, kit: &mut Kit) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let give_up = clock::now() + DRAIN.as_nanos() as u64;
    let mut left = DRAIN_BYTES;
    while left > 0 && clock::now() < give_up {
        let patience = timespec(Duration::from_nanos(give_up.saturating_sub(clock::now())));
        match poll(&mut [PollFd::new(&stream, PollFlags::IN)], Some(&patience)) {
            Ok(0) => break,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        match drop_part(stream, left, kit.spill())? {
            0 => break,
            dropped => left -= dropped,
        }
    }
    Ok(())
}

/// A call that a signal may interrupt, and that a timeout of the socket ends.
fn retried<T>(mut call: impl FnMut() -> io::Result<T>, deadline: &Deadline) -> io::Result<T> {
    let mut silent = Duration::ZERO;
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => {
                deadline.check()?;
                silent += deadline.tick();
                if silent >= deadline.limits.idle() {
                    return Err(deadline.silence());
                }
            }
            other => return other,
        }
    }
}
