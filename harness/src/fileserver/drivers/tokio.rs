//! Drives a session in a task of tokio: the same steps, and a wait for readiness where a call would block.

use super::{DRAIN, DRAIN_BYTES, Deadline, Kit, Limits, drop_part, empty_pipe, send_part, take_part};
use crate::fileserver::session::{Session, Step, Tell};
use crate::shelf::Incoming;
use rustix::pipe::SpliceFlags;
use std::{fs::File, io, os::unix::fs::FileExt, time::Duration};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::TcpStream,
    time::timeout,
};

/// Drives a session to its end. `tell` hears what it says, the moment it says it.
pub async fn drive(
    stream: &mut TcpStream,
    session: &mut dyn Session,
    kit: &mut Kit,
    limits: Limits,
    tell: &mut (dyn FnMut(Tell) + Send),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    kit.begin();
    let mut deadline = Deadline::new(limits);
    loop {
        deadline.check()?;
        match session.next(&mut kit.input)? {
            Step::Read { patience } => read(stream, kit, patience, &deadline).await?,
            Step::Write(bytes) => write(stream, bytes, &deadline).await?,
            Step::FileToPeer { file, offset, length } => {
                send(stream, file, offset, length, kit, &deadline).await?;
            }
            Step::PeerToFile { incoming, length } => {
                receive(stream, incoming, length, kit, &deadline).await?;
            }
            Step::Tell(what) => {
                match what {
                    Tell::Begun => deadline.begin(),
                    Tell::Finished(_) => deadline.end(),
                }
                tell(what);
            }
            Step::Drain => drain(stream, kit).await?,
            Step::Close => return Ok(()),
        }
    }
}

/// One read into the input.
async fn read(
    stream: &TcpStream,
    kit: &mut Kit,
    patience: Option<Duration>,
    deadline: &Deadline,
) -> io::Result<()> {
    loop {
        let wait = patience.unwrap_or_else(|| deadline.patience());
        match timeout(wait, stream.readable()).await {
            Ok(ready) => ready?,
            Err(_) if patience.is_some() => {
                kit.input.silent = true;
                return Ok(());
            }
            Err(_) => return Err(late(deadline)),
        }
        match stream.try_read(kit.input.space()) {
            Ok(count) => {
                kit.input.filled(count);
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write(stream: &mut TcpStream, bytes: &[u8], deadline: &Deadline) -> io::Result<()> {
    within(stream.write_all(bytes), deadline).await
}

async fn send(
    stream: &mut TcpStream,
    file: &File,
    mut offset: u64,
    length: u64,
    kit: &mut Kit,
    deadline: &Deadline,
) -> io::Result<()> {
    let end = offset + length;
    while offset < end {
        within(stream.writable(), deadline).await?;
        let part = stream.try_io(Interest::WRITABLE, || send_part(&*stream, file, &mut offset, end));
        match part {
            Ok(Some(_)) => deadline.check()?,
            Ok(None) => {
                let piece = kit.spill();
                let most = piece.len().min((end - offset) as usize);
                let count = file.read_at(&mut piece[..most], offset)?;
                if count == 0 {
                    let why = "the file became shorter while it was sent";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
                }
                write(stream, &piece[..count], deadline).await?;
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn receive(
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
        within(stream.readable(), deadline).await?;
        match stream.try_io(Interest::READABLE, || drop_part(stream, left, kit.spill())) {
            Ok(0) => {
                kit.input.ended = true;
                return Ok(());
            }
            Ok(dropped) => {
                incoming.moved(dropped);
                left -= dropped;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        deadline.check()?;
    }
    while left > 0 && kit.splices && incoming.file().is_some() {
        within(stream.readable(), deadline).await?;
        // Without descriptors for a pipe it goes by hand.
        let Ok(pipe) = kit.pipe() else { break };
        let part = stream.try_io(Interest::READABLE, || take_part(stream, pipe, left, SpliceFlags::NONBLOCK));
        let taken = match part {
            Ok(Some(0)) => {
                kit.input.ended = true;
                return Ok(());
            }
            Ok(Some(taken)) => taken,
            Ok(None) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
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
            read(stream, kit, None, deadline).await?;
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
async fn drain(stream: &mut TcpStream, kit: &mut Kit) -> io::Result<()> {
    stream.shutdown().await?;
    let stream = &*stream;
    let to_its_end = async {
        let mut left = DRAIN_BYTES;
        while left > 0 {
            stream.readable().await?;
            match stream.try_io(Interest::READABLE, || drop_part(stream, left, kit.spill())) {
                Ok(0) => break,
                Ok(dropped) => left -= dropped,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    timeout(DRAIN, to_its_end).await.unwrap_or(Ok(()))
}

/// A wait for the peer that ends when it is silent for too long.
async fn within<T>(wait: impl Future<Output = io::Result<T>>, deadline: &Deadline) -> io::Result<T> {
    timeout(deadline.patience(), wait).await.unwrap_or_else(|_| Err(late(deadline)))
}

/// Which of both limits was passed.
fn late(deadline: &Deadline) -> io::Error {
    deadline.check().err().unwrap_or_else(|| deadline.silence())
}
