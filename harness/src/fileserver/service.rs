//! What a server does with a connection, whoever serves it, and what its workers tell of it.

use super::{
    drivers::{self, Kit, Limits},
    protocols::{self, Options, Row},
    session::{Finished, Tell},
};
use crate::{
    measure::{clock, usage::ProcessUse},
    shelf::{Keep, Shelf},
};
use ferrybench_data::fileserver::{ReadBytes, Received};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
};

/// What a service is made from, in this process or in a worker's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Name of the protocol.
    pub protocol: String,
    /// The folder that is served.
    pub root: PathBuf,
    /// Spare files whose pages have been written before.
    pub spares: Option<PathBuf>,
    /// What becomes of uploads.
    pub received: Received,
    /// Most bytes of one read.
    pub read_bytes: ReadBytes,
    /// How long a connection may take.
    pub limits: Limits,
    /// Whether each connection is kept for the report; a server that runs for weeks must not.
    pub records: bool,
    /// Whether each request is told on standard error, in one line.
    pub logs: bool,
}

/// A folder served by a protocol.
pub struct Service {
    /// What it was made from.
    pub setup: Setup,
    protocol: &'static Row,
    shelf: Arc<Shelf>,
}

/// What a worker of a server tells at its end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Told {
    /// Its number, from 1.
    pub worker: u32,
    /// Its process.
    pub pid: u32,
    /// Its thread.
    pub tid: u32,
    /// Requests that it finished well.
    pub ok: u64,
    /// Requests that failed, or were broken off.
    pub failed: u64,
    /// Content bytes of those that went well.
    pub bytes: u64,
    /// Its connections, where they are recorded.
    pub connections: Vec<Taken>,
    /// The last failure, or how it died.
    pub failure: Option<String>,
}

/// One connection that a worker served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The client's port.
    pub port: u16,
    /// When the worker took it, on the monotonic clock of this host.
    pub taken_ns: u64,
    /// Hash of an upload that was not kept, as hexadecimal digits.
    pub hash: Option<String>,
}

/// What a whole server tells at its end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Its workers; where each connection has one of its own, those connections.
    pub workers: Vec<Told>,
    /// What its processes used.
    pub processes: Vec<ProcessUse>,
}

impl Report {
    /// The same by a clock that the server's is so much ahead of, nanoseconds.
    pub(super) fn on_a_clock_behind(mut self, ahead_ns: i64) -> Self {
        for taken in self.workers.iter_mut().flat_map(|told| &mut told.connections) {
            taken.taken_ns = taken.taken_ns.saturating_add_signed(-ahead_ns);
        }
        self
    }
}

/// A worker: its record, and what it keeps from one connection to the next.
pub struct Worker {
    /// What it will tell.
    pub told: Told,
    kit: Kit,
}

impl Service {
    /// Opens the folder.
    pub fn open(setup: Setup) -> io::Result<Self> {
        let protocol = protocols::find(&setup.protocol)
            .ok_or_else(|| io::Error::other(format!("there is no protocol {}", setup.protocol)))?;
        let keep = match setup.received {
            Received::Written => Keep::Files,
            Received::Discarded => Keep::Hashes,
            Received::Dropped => Keep::Nothing,
        };
        let shelf = Arc::new(Shelf::open(&setup.root, keep, setup.spares.as_deref())?);
        Ok(Self { setup, protocol, shelf })
    }

    /// One line for whoever runs a server by hand. It goes out in one write, whichever process it comes from.
    pub(super) fn log(&self, line: &str) {
        if self.setup.logs {
            let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
        }
    }
}

impl Worker {
    /// A worker that has served nobody.
    pub fn new(number: u32, service: &Service) -> Self {
        Self { told: Told { worker: number, ..Told::default() }, kit: Kit::new(service.setup.read_bytes) }
    }

    /// Marks the calling thread as the one that works.
    pub fn is_here(&mut self) {
        (self.told.pid, self.told.tid) = (std::process::id(), nix::unistd::gettid().as_raw() as u32);
    }

    /// Serves one connection to its end.
    pub fn serve(&mut self, stream: &TcpStream, service: &Service) {
        let Ok(peer) = stream.peer_addr() else { return };
        self.take(peer, service);
        let mut session = (service.protocol.server)(&service.shelf, Options::default());
        let mut tally = Tally { told: &mut self.told, service, peer, open: false };
        let limits = service.setup.limits;
        let ended = drivers::blocking::drive(stream, session.as_mut(), &mut self.kit, limits, &mut |tell| {
            tally.hear(&tell);
        });
        tally.end(ended);
    }

    /// The same in a task of tokio.
    pub async fn serve_async(&mut self, stream: &mut tokio::net::TcpStream, service: &Service) {
        let Ok(peer) = stream.peer_addr() else { return };
        self.take(peer, service);
        let mut session = (service.protocol.server)(&service.shelf, Options::default());
        let mut tally = Tally { told: &mut self.told, service, peer, open: false };
        let limits = service.setup.limits;
        let ended = drivers::tokio::drive(stream, session.as_mut(), &mut self.kit, limits, &mut |tell| {
            tally.hear(&tell);
        })
        .await;
        tally.end(ended);
    }

    fn take(&mut self, peer: SocketAddr, service: &Service) {
        if service.setup.records {
            self.told.connections.push(Taken { port: peer.port(), taken_ns: clock::now(), hash: None });
        }
    }
}

/// Counts what a session says into a worker's record.
struct Tally<'a> {
    told: &'a mut Told,
    service: &'a Service,
    peer: SocketAddr,
    /// Whether a request is under way.
    open: bool,
}

impl Tally<'_> {
    fn hear(&mut self, tell: &Tell) {
        match tell {
            Tell::Begun => self.open = true,
            Tell::Finished(finished) => {
                self.open = false;
                match &finished.failure {
                    None => {
                        self.told.ok += 1;
                        self.told.bytes += finished.bytes;
                        if let (Some(hash), Some(last)) = (finished.hash, self.told.connections.last_mut()) {
                            last.hash = Some(hash.to_hex());
                        }
                    }
                    Some(why) => self.fail(why.clone()),
                }
                self.log(finished);
            }
        }
    }

    /// A connection that broke between requests is how some clients leave; one that broke in a request failed it.
    fn end(&mut self, ended: io::Result<()>) {
        match ended {
            Err(error) if self.open => self.hear(&Tell::Finished(Finished::failed(None, error.to_string()))),
            // It has kept a worker from others, which its owner may wonder about.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.service.log(&format!("{} closed: {error}", self.peer));
            }
            _ => {}
        }
    }

    fn log(&self, finished: &Finished) {
        let Finished { operation, bytes, failure, .. } = finished;
        let what = operation.map_or("request", |operation| operation.word());
        let how = match failure {
            None => format!("ok, {bytes} bytes"),
            Some(why) => format!("failed: {why}"),
        };
        self.service.log(&format!("{} {what} {how}", self.peer));
    }

    fn fail(&mut self, why: String) {
        self.told.failed += 1;
        self.told.failure = Some(why);
    }
}
