//! What a worker of a sender does, whatever it is: fetch a file where that is its part, think, and send it.

use super::{
    batching,
    fetch::{self, fetch},
    frame::{Announce, HEADER, LARGEST_DATAGRAM},
    outbox::Outbox,
    post::Post,
    progress::Progress,
    send::{From, Job, Source, Target},
    sending::{Manner, Peer, Sending},
    socket,
    told::{Fetched, SentFile},
};
use crate::{
    measure::clock,
    pool::{Watch, Work},
};
use ferrybench_data::fanout::{Delivery, FetchWhere, Framing, OK, Reliability};
use nix::unistd::{getpid, gettid};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Carries files, one after another.
pub struct Porter(Arc<Job>);

/// One file to send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The file, from 1.
    pub file: u32,
    /// Where it is.
    pub source: Source,
    /// What is known of it; `None` where the worker fetches it.
    pub known: Option<Known>,
    /// How it was fetched, where the parent did.
    pub fetched: Option<Fetched>,
    /// Who gets it.
    pub targets: Vec<Target>,
    /// When it must be done, on the monotonic clock, nanoseconds.
    pub deadline_ns: u64,
    /// Whether a worker process tells how far it is.
    pub watched: bool,
}

/// A file on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name at the receivers.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its hash, as hexadecimal digits.
    pub hash: String,
}

impl Known {
    /// Looks at a file of this host. An error is one sentence.
    pub fn look(path: &Path, name: &str) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut file = File::open(path).map_err(named)?;
        let facts = file.metadata().map_err(named)?;
        if !facts.is_file() {
            return Err(io::Error::other(format!("{} is not a file", path.display())));
        }
        let hash = crate::shelf::hash(&mut file).map_err(named)?.to_hex();
        Ok(Self { path: path.to_owned(), name: name.to_owned(), bytes: facts.len(), hash })
    }
}

impl std::convert::From<fetch::File> for Known {
    fn from(file: fetch::File) -> Self {
        let fetch::File { path, name, bytes, hash } = file;
        Self { path, name, bytes, hash }
    }
}

impl Work for Porter {
    const ROLE: &'static str = "fan-worker";
    type Job = Job;
    type Task = Task;
    type Done = SentFile;
    type Progress = Progress;

    fn new(job: &Job) -> io::Result<Self> {
        Ok(Self(Arc::new(job.clone())))
    }

    fn run(&mut self, mut task: Task) -> SentFile {
        let begun_ns = clock::now();
        if task.known.is_none() {
            obtain(&self.0, &mut task);
        }
        clock::pause(Duration::from_millis(self.0.spec.think_ms));
        let sent = self.prepare(&task).map(|(post, socket)| post.carry(&socket));
        ended(sent, task, begun_ns)
    }

    fn watch(task: &Task) -> Option<Watch<Progress>> {
        let mut before = Progress::now();
        let look = move || {
            let now = Progress::now();
            now.since(std::mem::replace(&mut before, now))
        };
        task.watched.then(|| Box::new(look) as Watch<Progress>)
    }

    fn overheard(progress: &Progress) {
        progress.count();
    }

    async fn run_async(&mut self, mut task: Task) -> SentFile {
        let begun_ns = clock::now();
        if task.known.is_none() {
            let job = Arc::clone(&self.0);
            let fetching = tokio::task::spawn_blocking(move || {
                obtain(&job, &mut task);
                task
            });
            task = match fetching.await {
                Ok(task) => task,
                Err(error) => return failed(begun_ns, &format!("its fetching ended: {error}")),
            };
        }
        tokio::time::sleep(Duration::from_millis(self.0.spec.think_ms)).await;
        let prepared = self
            .prepare(&task)
            .and_then(|(post, socket)| Ok((post, tokio::net::UdpSocket::from_std(socket)?)));
        let sent = match prepared {
            Ok((post, socket)) => Ok(post.carry_async(&socket).await),
            Err(error) => Err(error),
        };
        ended(sent, task, begun_ns)
    }
}

impl Porter {
    /// Everything that sending needs.
    fn prepare(&self, task: &Task) -> io::Result<(Post, std::net::UdpSocket)> {
        let job = &*self.0;
        let spec = &job.spec;
        let known = task.known.as_ref().ok_or_else(|| io::Error::other("it was not fetched"))?;
        let has_header = spec.framing == Framing::Ledger;
        let payload_bytes = payload_bytes(job, known.bytes)?;
        let announce = Announce {
            name: known.name.clone(),
            bytes: known.bytes,
            hash: u128::from_str_radix(&known.hash, 16).unwrap_or(0),
            payload_bytes,
            repairs: spec.reliability == Reliability::Repair,
        };
        announce.datagrams().ok_or_else(|| {
            io::Error::other(format!(
                "{} bytes in datagrams of {payload_bytes} are too many to count",
                known.bytes
            ))
        })?;
        let way = batching::way(spec.batching);
        let file = File::open(&known.path)?;
        let outbox =
            Outbox::new(file, job.session, task.file, announce.clone(), has_header, way.is_one_packet);
        let manner = Manner {
            session: job.session,
            file: task.file,
            has_header,
            batch: outbox.most(),
            pace_bytes_per_s: spec.pace_bytes_per_s,
            patience_ns: job.patience_ms * 1_000_000,
        };
        let socket = socket::sending(job)?;
        let sending = Sending::new(manner, announce, flows(job, &task.targets)?, clock::now());
        Ok((Post::new(sending, outbox, spec.batching, task.deadline_ns), socket))
    }
}

/// Content bytes of each datagram but the last.
pub(super) fn payload_bytes(job: &Job, file_bytes: u64) -> io::Result<u32> {
    let header = if job.spec.framing == Framing::Ledger { HEADER } else { 0 };
    let most = (LARGEST_DATAGRAM - header) as u64;
    let wanted = match job.spec.datagram_bytes {
        0 => file_bytes.max(1),
        bytes => bytes.into(),
    };
    if wanted > most {
        return Err(io::Error::other(format!(
            "a datagram of {wanted} bytes cannot be: {most} are the most that UDP carries beside its headers and ours"
        )));
    }
    Ok(wanted as u32)
}

/// By unicast each receiver has a flow of its own; else one goes to all.
fn flows(job: &Job, targets: &[Target]) -> io::Result<Vec<(SocketAddr, Vec<Peer>)>> {
    let peer = |target: &Target| Peer::new(target.receiver, target.address);
    if job.spec.delivery == Delivery::Unicast {
        return Ok(targets.iter().map(|target| (target.address, vec![peer(target)])).collect());
    }
    let destination = job.destination.ok_or_else(|| {
        io::Error::other(format!("{} wants an address for all receivers", job.spec.delivery))
    })?;
    Ok(vec![(destination.address, targets.iter().map(peer).collect())])
}

/// Fetches the file of a task.
pub(super) fn obtain(job: &Job, task: &mut Task) {
    let From::Url(url) = &task.source.from else { return };
    let Some(into) = &job.into else {
        task.fetched = Some(Fetched {
            url: url.clone(),
            outcome: "there is no folder for what is fetched".to_owned(),
            ..Fetched::default()
        });
        return;
    };
    let got = fetch(url, &task.source.name, into, job.fetch_limit_bytes);
    task.fetched = Some(got.fetched);
    task.known = got.file.map(Into::into);
    if let Some(known) = &task.known {
        wanted(job, &task.targets, known).count();
    }
}

/// What is to be sent of a file once it is there.
pub(super) fn wanted(job: &Job, targets: &[Target], known: &Known) -> Progress {
    let ways = if job.spec.delivery == Delivery::Unicast { targets.len() } else { 1 };
    Progress { sent: 0, wanted: known.bytes * ways as u64 }
}

/// Whether workers fetch what has to be fetched.
pub(super) fn fetches(job: &Job) -> bool {
    job.spec.fetch_where == FetchWhere::InWorker
}

fn ended(sent: io::Result<Sending>, task: Task, begun_ns: u64) -> SentFile {
    let mut told = match sent {
        Ok(sending) => sending.told(),
        Err(error) => {
            let why = match &task.fetched {
                Some(fetched) if fetched.outcome != OK => fetched.outcome.clone(),
                _ => error.to_string(),
            };
            failed(begun_ns, &why)
        }
    };
    told.file = task.file;
    if told.name.is_empty() {
        told.name = task.known.map_or(task.source.name, |known| known.name);
    }
    told.fetch = task.fetched;
    told.begun_ns = begun_ns;
    told.ended_ns = clock::now();
    told.pid = getpid().as_raw() as u32;
    told.tid = gettid().as_raw() as u32;
    told
}

fn failed(begun_ns: u64, why: &str) -> SentFile {
    SentFile { begun_ns, outcome: why.to_owned(), ..SentFile::default() }
}
