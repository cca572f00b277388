//! Both ends on different hosts. The far end's host has a worker of its own, which listens; the near end connects to it,
//! and tells it over that connection what it would tell a process beside it. What is measured goes through a socket of
//! its own, which each end makes on its host.

pub(super) use super::far::Meet;
use super::{
    Far, Handles,
    far::{Cue, Job as FarJob, Reply as FarReply},
    registry,
};
use crate::{
    measure::clock,
    process::{
        partner::{OnDeath, Partner, write_line},
        role::{self, Port, Replies, Role},
    },
};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::{TimeVal, TimeValLike},
};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, BufRead, BufReader, Read},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// Longest that one end waits for the other to come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Longest first line that is read of somebody who is not known yet.
const LONGEST_HELLO: u64 = 1 << 16;

/// How the sockets of a mechanism find each other on two hosts.
pub(super) trait Between: 'static {
    /// The near end while it waits.
    type Waiting;
    /// Begins to wait at an address of the near host; says where.
    fn wait(own: IpAddr) -> io::Result<(Self::Waiting, SocketAddr)>;
    /// The near end, once the far end has come and told where it is.
    fn met(waiting: Self::Waiting, far: SocketAddr) -> io::Result<Handles>;
    /// The far end, and where it is.
    fn come(meet: Meet) -> io::Result<(Handles, SocketAddr)>;
}

/// Where the far end is, for a near end on another host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarHost {
    /// Where its worker listens.
    pub control: SocketAddr,
    /// What that worker wants to hear first.
    pub token: u64,
    /// The near end's own address.
    pub own: IpAddr,
}

impl FarHost {
    /// Has the worker there play the far end.
    pub(super) fn partner(&self, job: &FarJob, on_death: OnDeath) -> io::Result<Partner<Far>> {
        let mut stream = TcpStream::connect_timeout(&self.control, PATIENCE)?;
        stream.set_nodelay(true)?;
        write_line(&mut stream, &(self.token, job))?;
        Partner::connected(stream, on_death)
    }
}

/// The role of whoever plays a far end for a near end on another host.
pub enum Afar {}

/// What it is told first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The address of its own host: it listens on a free port there.
    pub own: IpAddr,
    /// What the near end will say first. Whoever does not is not listened to.
    pub token: u64,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It listens there.
    At(SocketAddr),
    /// It cannot.
    Failed(String),
}

impl Role for Afar {
    const NAME: &'static str = "afar";
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        let listening = TcpListener::bind((job.own, 0)).and_then(|listener| {
            setsockopt(&listener, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE.as_secs() as i64))?;
            Ok((listener.local_addr()?, listener))
        });
        let listener = match listening {
            Ok((at, listener)) => port.replies.send(&Reply::At(at)).map(|()| listener)?,
            Err(error) => return port.replies.send(&Reply::Failed(format!("{}: {error}", job.own))),
        };
        let (far, input, output) = loop {
            let (stream, _) = listener.accept()?;
            if let Some(known) = hello(stream, job.token) {
                break known;
            }
        };
        drop(listener);
        let mechanism = registry::find(&far.spec.mechanism).ok_or(io::ErrorKind::NotFound)?;
        (mechanism.joint.far)(far, Handles::default(), port_over(input, output))
    }
}

/// What the near end says first; `None` for anybody else.
fn hello(stream: TcpStream, token: u64) -> Option<(FarJob, BufReader<TcpStream>, TcpStream)> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    let output = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    let mut line = Vec::new();
    input.by_ref().take(LONGEST_HELLO).read_until(b'\n', &mut line).ok()?;
    let (told, job): (u64, FarJob) = serde_json::from_slice(&line).ok()?;
    // From here on silence is no reason to leave: the end of the connection is.
    output.set_read_timeout(None).ok()?;
    (told == token).then_some((job, input, output))
}

/// Cues and replies over a connection. Its end ends this process, as the end of its input does.
fn port_over(input: BufReader<TcpStream>, output: TcpStream) -> Port<Cue, FarReply> {
    let (sender, cues) = mpsc::channel();
    thread::spawn(move || {
        for line in input.lines() {
            let cue = line.and_then(|line| Ok(serde_json::from_str(&line)?));
            if !cue.is_ok_and(|cue| sender.send(cue).is_ok()) {
                break;
            }
        }
        drop(sender);
        clock::pause(Far::GRACE);
        role::leave();
    });
    let output = Mutex::new(output);
    let replies = Replies::new(move |reply: &FarReply| {
        write_line(&mut *output.lock().unwrap_or_else(PoisonError::into_inner), reply)
    });
    Port { cues, replies }
}
