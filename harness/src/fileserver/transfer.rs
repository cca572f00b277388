//! One transfer of a stress client: connect, ask, move the content, and note the time of each step.

use super::{
    drivers::{self, Kit, Limits},
    protocols::{self, Options, Request, Row},
    session::{Finished, Session, Tell},
    store::stamp,
};
use crate::{
    measure::clock,
    pool::Work,
    shelf::{Hash, Keep, Shelf},
};
use ferrybench_data::fileserver::{Operation, ReadBytes, Received};
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// A worker of a stress client.
pub struct Transfer {
    job: Job,
    protocol: &'static Row,
    /// Where downloads go.
    received: Arc<Shelf>,
    /// Where uploads come from.
    sources: Shelf,
    kit: Kit,
}

/// What all workers of a stress client are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The server.
    pub target: SocketAddr,
    /// Name of the protocol.
    pub protocol: String,
    /// What is asked for.
    pub operation: Operation,
    /// Most bytes of one read.
    pub read_bytes: ReadBytes,
    /// What becomes of downloads.
    pub keep: Received,
    /// Folder that downloads go to.
    pub received: PathBuf,
    /// Spare files for them, whose pages have been written before.
    pub spares: Option<PathBuf>,
    /// Folder that uploads come from.
    pub sources: PathBuf,
    /// How long a transfer may take.
    pub limits: Limits,
}

/// One transfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The file's name at the server.
    pub there: String,
    /// Its name here: of the source, or of what is received.
    pub here: String,
    /// Whether an upload carries a stamp of its own, so that a server that mixes files is seen to.
    #[serde(default)]
    pub stamped: bool,
}

/// How a transfer went. Times are of the monotonic clock of this host, nanoseconds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Done {
    /// The first action.
    pub started_ns: u64,
    /// The connection was there.
    pub connected_ns: Option<u64>,
    /// The first byte of the reply was.
    pub begun_ns: Option<u64>,
    /// The last was, or it had failed.
    pub ended_ns: u64,
    /// Our port, by which the server knows us.
    pub port: u16,
    /// Content bytes that moved.
    pub bytes: u64,
    /// Hash of content that was not kept, as hexadecimal digits.
    pub hash: Option<String>,
    /// Names that LIST brought.
    pub names: usize,
    /// Why it failed, in one sentence.
    pub failure: Option<String>,
    /// The process that did it.
    pub pid: u32,
    /// The thread that did.
    pub tid: u32,
}

impl Work for Transfer {
    const ROLE: &'static str = "client-worker";
    type Job = Job;
    type Task = Task;
    type Done = Done;
    type Progress = ();

    fn new(job: &Job) -> io::Result<Self> {
        let protocol = protocols::find(&job.protocol)
            .ok_or_else(|| io::Error::other(format!("there is no protocol {}", job.protocol)))?;
        let keep = match job.keep {
            Received::Written => Keep::Files,
            Received::Discarded => Keep::Hashes,
            Received::Dropped => Keep::Nothing,
        };
        Ok(Self {
            protocol,
            received: Arc::new(Shelf::open(&job.received, keep, job.spares.as_deref())?),
            sources: Shelf::open(&job.sources, Keep::Files, None)?,
            kit: Kit::new(job.read_bytes),
            job: job.clone(),
        })
    }

    fn run(&mut self, task: Task) -> Done {
        let mut done = Done::begin();
        let ended = self.transfer(task, &mut done);
        done.end(ended)
    }

    async fn run_async(&mut self, task: Task) -> Done {
        let mut done = Done::begin();
        let ended = self.transfer_async(task, &mut done).await;
        done.end(ended)
    }
}

impl Transfer {
    fn transfer(&mut self, task: Task, done: &mut Done) -> io::Result<()> {
        let mut session = self.session(task)?;
        let stream = TcpStream::connect_timeout(&self.job.target, self.job.limits.idle())
            .map_err(|error| connecting(&error))?;
        done.connected(stream.local_addr()?);
        let limits = self.job.limits;
        drivers::blocking::drive(&stream, session.as_mut(), &mut self.kit, limits, &mut |tell| {
            done.hear(tell);
        })
    }

    async fn transfer_async(&mut self, task: Task, done: &mut Done) -> io::Result<()> {
        let mut session = self.session(task)?;
        let connecting_now = tokio::net::TcpStream::connect(self.job.target);
        let late = |_| Err(io::ErrorKind::TimedOut.into());
        let connected =
            tokio::time::timeout(self.job.limits.idle(), connecting_now).await.unwrap_or_else(late);
        let mut stream = connected.map_err(|error| connecting(&error))?;
        done.connected(stream.local_addr()?);
        let limits = self.job.limits;
        drivers::tokio::drive(&mut stream, session.as_mut(), &mut self.kit, limits, &mut |tell| {
            done.hear(tell);
        })
        .await
    }

    fn session(&self, task: Task) -> io::Result<Box<dyn Session>> {
        let request = match self.job.operation {
            Operation::List => Request::List,
            Operation::Download => {
                Request::Download { name: task.there, into: self.received.put(&task.here)? }
            }
            Operation::Upload => {
                let plain = self.sources.get(&task.here)?;
                let from = if task.stamped { plain.stamped(&stamp(&task.there)) } else { plain };
                Request::Upload { name: task.there, from }
            }
            Operation::Delete => Request::Delete { name: task.there },
        };
        Ok((self.protocol.client)(request, Options::default()))
    }
}

impl Done {
    fn begin() -> Self {
        let tid = nix::unistd::gettid().as_raw() as u32;
        Self { started_ns: clock::now(), pid: std::process::id(), tid, ..Self::default() }
    }

    fn connected(&mut self, from: SocketAddr) {
        self.connected_ns = Some(clock::now());
        self.port = from.port();
    }

    fn hear(&mut self, tell: Tell) {
        match tell {
            Tell::Begun => {
                self.begun_ns.get_or_insert_with(clock::now);
            }
            Tell::Finished(Finished { bytes, failure, names, hash, .. }) => {
                self.ended_ns = clock::now();
                (self.bytes, self.failure, self.names) = (bytes, failure, names.len());
                self.hash = hash.map(Hash::to_hex);
            }
        }
    }

    fn end(mut self, ended: io::Result<()>) -> Self {
        if self.ended_ns == 0 {
            self.ended_ns = clock::now();
            let silent = || "the connection ended without a reply".to_owned();
            self.failure =
                self.failure.or_else(|| Some(ended.err().map_or_else(silent, |error| error.to_string())));
        }
        self
    }

    /// Time from the connection to the first byte of the reply.
    pub fn wait(&self) -> Option<Duration> {
        Some(Duration::from_nanos(self.begun_ns?.saturating_sub(self.connected_ns?)))
    }
}

fn connecting(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("no connection: {error}"))
}
