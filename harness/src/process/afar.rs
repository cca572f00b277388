//! A role played for a worker on another host. A worker there listens; whoever needs it connects, says the word that
//! both were told, and then has a partner like one beside it: job and cues go over the connection.

use super::{
    partner::{OnDeath, Partner, write_line},
    role::{Port, Replies, Role, cues_from},
};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::{TimeVal, TimeValLike},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io::{self, BufRead, BufReader, Read},
    marker::PhantomData,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Longest that one side waits for the other to come.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Longest first line that is read of somebody who is not known yet.
const LONGEST_HELLO: u64 = 1 << 16;

/// A role that can be played for a worker on another host.
pub trait Remote: Role {
    /// Its name on the command line of the worker that plays it so.
    const AFAR: &'static str;

    /// Plays it, over a connection.
    fn play_afar(job: Self::Job, port: Port<Self::Cue, Self::Reply>) -> io::Result<()>;
}

/// Where a worker on another host waits to play a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendezvous {
    /// Where it listens.
    pub at: SocketAddr,
    /// What it wants to hear first.
    pub token: u64,
}

impl Rendezvous {
    /// Has the worker there play its role.
    pub fn partner<T: Remote>(&self, job: &T::Job, on_death: OnDeath) -> io::Result<Partner<T>> {
        let mut stream = TcpStream::connect_timeout(&self.at, PATIENCE)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.at)))?;
        stream.set_nodelay(true)?;
        write_line(&mut stream, &(self.token, job))?;
        Partner::connected(stream, on_death)
    }
}

/// The role of whoever plays the role `T` for somebody on another host.
pub struct Afar<T>(PhantomData<T>);

/// What it is told first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The address of its own host: it listens on a free port there.
    pub own: IpAddr,
    /// What the other will say first. Whoever does not is not listened to.
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

impl<T: Remote> Role for Afar<T> {
    const NAME: &'static str = T::AFAR;
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
        let (told, input, output) = loop {
            let (stream, _) = listener.accept()?;
            if let Some(known) = hello(stream, job.token) {
                break known;
            }
        };
        drop(listener);
        T::play_afar(told, port_over::<T>(input, output))
    }
}

/// What the other says first; `None` for anybody else.
fn hello<J: DeserializeOwned>(stream: TcpStream, token: u64) -> Option<(J, BufReader<TcpStream>, TcpStream)> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    let output = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    let mut line = Vec::new();
    input.by_ref().take(LONGEST_HELLO).read_until(b'\n', &mut line).ok()?;
    let (told, job): (u64, J) = serde_json::from_slice(&line).ok()?;
    // From here on silence is no reason to leave: the end of the connection is.
    output.set_read_timeout(None).ok()?;
    (told == token).then_some((job, input, output))
}

/// Cues and replies over a connection. Its end ends this process, as the end of its input does.
fn port_over<T: Role>(input: BufReader<TcpStream>, output: TcpStream) -> Port<T::Cue, T::Reply> {
    let cues = cues_from::<T>(input);
    let output = Mutex::new(output);
    let replies = Replies::new(move |reply: &T::Reply| {
        write_line(&mut *output.lock().unwrap_or_else(PoisonError::into_inner), reply)
    });
    Port { cues, replies }
}
