//! A fixed number of worker processes. They accept from one socket (`shared`), each from a socket of its own on the
//! same port (`reuseport`), or get each connection from the parent (`handoff`).

use super::{Listening, Model, accepting};
use crate::{
    fileserver::service::{Report, Service, Setup, Told, Worker},
    measure::usage::ProcessUse,
    process::{
        partner::{OnDeath, Partner, Program},
        role::{Port, Role},
    },
};
use ferrybench_data::{fileserver::Accept, plan::catalogue::Pool};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{Shutdown, shutdown},
};
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
    /// A terminal's Ctrl-C is for the server, which lets each worker finish what is under way.
    const LEADS_GROUP: bool = true;
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        let service = Service::open(job.setup)?;
        // SAFETY: descriptor 3 is what this process was handed, and nothing else here knows of it.
        let handed = unsafe { OwnedFd::from_raw_fd(HANDED) };
        let ready = ProcessUse::now();
        // A server that is gone already needs no last words.
        if port.replies.send(&Reply::Ready(ready.pid)).is_err() {
            return Ok(());
        }
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
        let _ = port.replies.send(&Reply::Told(Box::new(worker.told), ProcessUse::now().since(&ready)));
        Ok(())
    }
}

/// Starts a worker process. It is not waited for: whoever waits for its answer hears how it ended.
pub(super) fn start(
    number: u32,
    setup: &Setup,
    handed: Handed,
    fd: OwnedFd,
    on_death: OnDeath,
) -> io::Result<Partner<FileWorker>> {
    let job = Job { number, setup: setup.clone(), handed };
    Partner::process(&Program::myself(), &job, vec![fd], on_death)
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
        let on_death: OnDeath = match accept {
            Accept::Reuseport => {
                // Nobody else takes what the kernel would go on to give to a dead worker's socket.
                let own = listeners[number as usize - 1].try_clone()?;
                Arc::new(move |_| {
                    let _ = shutdown(&own, Shutdown::Both);
                })
            }
            Accept::Shared | Accept::Handoff => Arc::new(|_| {}),
        };
        pool.push(start(number, &service.setup, handed, fd, on_death)?);
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
fn hand_out(listener: &TcpListener, lines: Vec<UnixStream>) {
    let mut free: Vec<usize> = (0..lines.len()).rev().collect();
    let mut lines: Vec<Option<UnixStream>> = lines.into_iter().map(Some).collect();
    while lines.iter().any(Option::is_some) {
        let (mut sources, mut places) = (Vec::new(), Vec::new());
        for (place, line) in lines.iter().enumerate() {
            // The line of a dead worker is not looked at: it would wake us without an end.
            if let Some(line) = line {
                sources.push(PollFd::new(line, PollFlags::IN));
                places.push(place);
            }
        }
        // A connection is taken only when there is somebody for it: the others wait with the kernel.
        if !free.is_empty() {
            sources.push(PollFd::new(listener, PollFlags::IN));
        }
        if poll(&mut sources, None).is_err() {
            continue;
        }
        let woken: Vec<bool> = sources.iter().map(|source| !source.revents().is_empty()).collect();
        drop(sources);
        for (&place, _) in places.iter().zip(&woken).filter(|(_, woken)| **woken) {
            // One byte means that it is free again, the end that it is gone.
            match lines[place].as_mut().map(|line| line.read(&mut [0])) {
                Some(Ok(1)) => free.push(place),
                _ => lines[place] = None,
            }
        }
        free.retain(|&place| lines[place].is_some());
        if !free.is_empty() && woken.get(places.len()) == Some(&true) {
            match listener.accept() {
                // Whoever turns out to be dead is passed over.
                Ok((stream, _)) => {
                    while let Some(place) = free.pop() {
                        if lines[place].as_ref().is_some_and(|line| hand(line, &stream).is_ok()) {
                            break;
                        }
                        lines[place] = None;
                    }
                }
                Err(error) if super::ends_listening(&error) => return,
                Err(error) => super::pause_after(&error),
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
