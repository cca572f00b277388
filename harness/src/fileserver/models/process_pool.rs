//! A fixed number of worker processes. They accept from one socket (`shared`), each from a socket of its own on the
//! same port (`reuseport`), or get each connection from the parent (`handoff`).

use super::{Listening, Model, accepting};
use crate::{
    fileserver::service::{Report, Service, Setup, Told, Worker},
    measure::usage::ProcessUse,
    process::{
        partner::{Partner, Program},
        role::{Port, Role},
    },
};
use ferrybench_data::{fileserver::Accept, plan::catalogue::Pool};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use rustix::event::{PollFd, PollFlags, poll};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
    time::Duration,
};

pub(super) const ROW: Model = Model {
    name: "process-pool",
    help: "N processes, each serves one connection at a time",
    pool: Pool::Sized,
    accepts: true,
    hidden: false,
    serve,
};

/// Longest that a fresh process may take until it is ready.
const START: Duration = Duration::from_secs(20);
/// A server runs until it is told to end: its workers are waited for without a deadline that matters.
pub(super) const WHILE_IT_RUNS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The descriptor that a worker process is handed.
const HANDED: i32 = 3;

/// The role of a worker process of a server.
pub enum FileWorker {}

/// What a worker process is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its number, from 1.
    pub number: u32,
    /// What it serves.
    pub setup: Setup,
    /// What descriptor 3 is.
    pub handed: Handed,
}

/// What a worker process was handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handed {
    /// A listening socket, shared or its own.
    Listener,
    /// A socket over which connections will come.
    Connections,
    /// One connection.
    Connection,
}

/// What a worker process answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It can serve.
    Ready(u32),
    /// What it did.
    Told(Box<Told>, ProcessUse),
}

impl Role for FileWorker {
    const NAME: &'static str = "file-worker";
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        let service = Service::open(job.setup)?;
        // SAFETY: descriptor 3 is what this process was handed, and nothing else here knows of it.
        let handed = unsafe { OwnedFd::from_raw_fd(HANDED) };
        let ready = ProcessUse::now();
        port.replies.send(&Reply::Ready(ready.pid))?;
        let worker = match job.handed {
            Handed::Listener => accepting(job.number, &TcpListener::from(handed), &service),
            Handed::Connections => taking(job.number, &UnixStream::from(handed), &service)?,
            Handed::Connection => {
                let mut worker = Worker::new(job.number, &service);
                worker.is_here();
                worker.serve(&TcpStream::from(handed), &service);
                worker
            }
        };
        port.replies.send(&Reply::Told(Box::new(worker.told), ProcessUse::now().since(&ready)))
    }
}

/// Starts a worker process. It is not waited for.
pub(super) fn start(
    number: u32,
    setup: &Setup,
    handed: Handed,
    fd: OwnedFd,
) -> io::Result<Partner<FileWorker>> {
    let job = Job { number, setup: setup.clone(), handed };
    // Whoever waits for its answer hears how it ended.
    Partner::process(&Program::myself(), &job, vec![fd], Arc::new(|_| {}))
}

fn serve(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let Listening { listeners, accept, workers, ready } = listening;
    let mut lines = Vec::new();
    let mut pool = Vec::new();
    for number in 1..=workers {
        let (handed, fd) = match accept {
            Accept::Shared => (Handed::Listener, listeners[0].try_clone()?.into()),
            Accept::Reuseport => (Handed::Listener, listeners[number as usize - 1].try_clone()?.into()),
            Accept::Handoff => {
                let (ours, theirs) = UnixStream::pair()?;
                lines.push(ours);
                (Handed::Connections, theirs.into())
            }
        };
        pool.push(start(number, &service.setup, handed, fd)?);
    }
    let mut pids = Vec::new();
    for worker in &pool {
        match worker.reply(START)? {
            Reply::Ready(pid) => pids.push(pid),
            other @ Reply::Told(..) => {
                return Err(io::Error::other(format!("a worker answered out of turn: {other:?}")));
            }
        }
    }
    let before = ProcessUse::now();
    ready(pids.clone())?;
    if accept == Accept::Handoff {
        hand_out(&listeners[0], lines);
    }
    let mut report = Report::default();
    for ((worker, number), pid) in pool.into_iter().zip(1..).zip(pids) {
        report.add(number, pid, worker.reply(WHILE_IT_RUNS));
    }
    report.processes.push(ProcessUse::now().since(&before));
    Ok(report)
}

impl Report {
    /// What a worker process told, or that it died.
    pub(super) fn add(&mut self, worker: u32, pid: u32, reply: io::Result<Reply>) {
        match reply {
            Ok(Reply::Told(told, used)) => {
                self.workers.push(*told);
                self.processes.push(used);
            }
            Ok(Reply::Ready(_)) => {}
            Err(error) => {
                let failure = Some(error.to_string());
                self.workers.push(Told { worker, pid, failed: 1, failure, ..Told::default() });
            }
        }
    }
}

/// Accepts whenever a worker is free, and hands the connection over. Ends with the listening; the workers see the end
/// of their lines.
fn hand_out(listener: &TcpListener, mut lines: Vec<UnixStream>) {
    let mut free: Vec<usize> = (0..lines.len()).rev().collect();
    let mut alive = vec![true; lines.len()];
    loop {
        // A connection is taken only when there is somebody for it: the others wait with the kernel.
        let mut sources: Vec<PollFd<'_>> = lines
            .iter()
            .zip(&alive)
            .map(|(line, alive)| PollFd::new(line, if *alive { PollFlags::IN } else { PollFlags::empty() }))
            .collect();
        if !free.is_empty() {
            sources.push(PollFd::new(listener, PollFlags::IN));
        }
        if poll(&mut sources, None).is_err() {
            continue;
        }
        let woken: Vec<bool> = sources.iter().map(|source| !source.revents().is_empty()).collect();
        drop(sources);
        for place in 0..lines.len() {
            if woken[place] && alive[place] {
                // One byte means that it is free again, the end that it is gone.
                match lines[place].read(&mut [0]) {
                    Ok(1) => free.push(place),
                    _ => alive[place] = false,
                }
            }
        }
        free.retain(|place| alive[*place]);
        if !alive.contains(&true) {
            return;
        }
        if woken.get(lines.len()) == Some(&true) {
            match listener.accept() {
                Ok((stream, _)) => {
                    // A worker that died with the connection in its hands closes it, as any crash would.
                    if let Some(place) = free.pop()
                        && hand(&lines[place], &stream).is_err()
                    {
                        alive[place] = false;
                    }
                }
                Err(error) if super::ends_listening(&error) => return,
                Err(_) => {}
            }
        }
    }
}

fn hand(line: &UnixStream, stream: &TcpStream) -> nix::Result<usize> {
    let fds = [stream.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    sendmsg::<()>(line.as_raw_fd(), &[IoSlice::new(&[1])], &rights, MsgFlags::MSG_NOSIGNAL, None)
}

/// A worker that is handed its connections.
fn taking(number: u32, line: &UnixStream, service: &Service) -> io::Result<Worker> {
    let mut worker = Worker::new(number, service);
    worker.is_here();
    while let Some(stream) = take(line)? {
        worker.serve(&stream, service);
        drop(stream);
        if (&mut &*line).write_all(&[1]).is_err() {
            break;
        }
    }
    Ok(worker)
}

fn take(line: &UnixStream) -> io::Result<Option<TcpStream>> {
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut room = nix::cmsg_space!([i32; 1]);
    let message = loop {
        match recvmsg::<()>(line.as_raw_fd(), &mut bytes, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(nix::errno::Errno::EINTR) => {}
            other => break other?,
        }
    };
    if message.bytes == 0 {
        return Ok(None);
    }
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = control
            && let Some(&fd) = fds.first()
        {
            // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it.
            return Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }.into()));
        }
    }
    Err(io::Error::other("a message came without its connection"))
}
