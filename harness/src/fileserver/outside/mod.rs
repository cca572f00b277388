//! The role that conducts blocks against somebody else's server: it starts the server, watches it from outside, and
//! stops it with its children; or uses one that runs. One such worker lives as long as its server does.

mod server;
mod watch;

pub use server::Command;

use super::{
    conduct::{self, Block},
    evidence::{Seen, Sighting},
    round::{self, named},
    side::Side,
    store::source_name,
    transfer::{self, Done, Task, Transfer},
    verify::Copy,
};
use crate::{
    host::{limits, names},
    pool::{Round, Work},
    process::{
        remains::Remains,
        role::{Port, Replies, Role},
    },
};
use ferrybench_data::fileserver::{Evidence, Operation, Received, Verified};
use serde::{Deserialize, Serialize};
use server::Server;
use std::{collections::BTreeMap, fs, io, net::SocketAddr, time::Duration};

/// The role of a conductor for somebody else's server.
pub enum Outside {}

/// What such a conductor is told first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// How the server is started, or where it is.
    pub server: Whose,
    /// Connections that it serves at a time, by its owner's word.
    pub workers: u32,
}

/// A server to start, or one that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Whose {
    /// It is started.
    Started(Command),
    /// It runs at HOST:PORT.
    Running(String),
}

/// What such a conductor answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// This is about to be made and would outlive the process.
    Declare(Remains),
    /// The server accepts connections, at first and after each block.
    Ready,
    /// A block is done.
    Done(Box<Block>),
    /// It could not be done; the next may be.
    Failed(String),
    /// The server is gone, or never came: this conductor ends.
    Gone(String),
}

impl Role for Outside {
    const NAME: &'static str = "conduct-outside";
    // The server is asked to end first, and ended only if it does not.
    const GRACE: Duration = Duration::from_secs(5);
    type Job = Job;
    type Cue = conduct::Job;
    type Reply = Reply;

    fn play(job: Job, port: Port<conduct::Job, Reply>) -> io::Result<()> {
        limits::raise_descriptors();
        let mut server = match begin(&job) {
            Ok(server) => server,
            Err(error) => return port.replies.send(&Reply::Gone(error.to_string())),
        };
        port.replies.send(&Reply::Ready)?;
        let mut placed = BTreeMap::new();
        for block in port.cues {
            let reply = match conduct(&mut server, block, &mut placed, &port.replies) {
                Ok(block) => Reply::Done(Box::new(block)),
                Err(error) => Reply::Failed(server.explained(&error)),
            };
            port.replies.send(&reply)?;
            port.replies.send(&match server.gone() {
                Some(how) => Reply::Gone(how),
                None => Reply::Ready,
            })?;
        }
        server.stop();
        Ok(())
    }
}

fn begin(job: &Job) -> io::Result<Server> {
    match &job.server {
        Whose::Started(command) => Server::start(command, job.workers),
        Whose::Running(target) => Server::at(resolve(target)?),
    }
}

/// The address of HOST:PORT.
pub fn resolve(target: &str) -> io::Result<SocketAddr> {
    let wrong = |why: io::Error| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{target} is no HOST:PORT: {why}"))
    };
    Ok(names::look_up(target).map_err(wrong)?[0])
}

fn conduct(
    server: &mut Server,
    mut job: conduct::Job,
    placed: &mut BTreeMap<u64, String>,
    replies: &Replies<Reply>,
) -> io::Result<Block> {
    let address = server.address();
    place(&mut job, address, placed, replies)?;
    let mut seen = Seen::new(&job.spec, server.start_s());
    server.begin_block();
    let fetcher = Fetcher { job: &job, address };
    let mut side = Side::of_somebody_else(&job);
    conduct::rounds(&job, address, &mut side, &mut seen, |tasks, round, sightings| {
        server.note_lines(round.workers.iter().flatten().map(Vec::len).sum());
        fetcher.look_again(tasks, round, sightings);
    })?;
    let watched = server.end_block();
    let (mut evidence, transfers, failure, run_delay_s) = seen.judge_outside(&job);
    watched.tell(&mut evidence, job.spec.server_pool);
    let failure = watched.failure(failure);
    Ok(Block { evidence, transfers, failure, run_delay_s })
}

/// Makes sure that the server has what the block will download, outside any measured time.
fn place(
    job: &mut conduct::Job,
    address: SocketAddr,
    placed: &mut BTreeMap<u64, String>,
    replies: &Replies<Reply>,
) -> io::Result<()> {
    let bytes = job.spec.volume_bytes;
    let fetcher = Fetcher { job, address };
    match (job.spec.operation, &job.server_root, &job.files) {
        (Operation::Delete, None, _) => {
            // Each client deletes a file of its own, which has to be there first.
            for task in round::tasks(job, 1).iter().flatten() {
                fetcher.put_small(&task.there)?;
            }
            return Ok(());
        }
        (Operation::Download, ..) if placed.contains_key(&bytes) => {}
        (Operation::Download, Some(root), None) => {
            let there = root.join(source_name(bytes));
            if fs::metadata(&there).is_err() {
                replies.send(&Reply::Declare(Remains::Path(there.clone())))?;
                fs::copy(job.store.source(bytes), &there)?;
            }
            placed.insert(bytes, job.expected().to_owned());
        }
        (Operation::Download, None, None) => {
            let name = source_name(bytes);
            let unplaced =
                |why: String| io::Error::other(format!("{name} could not be placed at the server: {why}"));
            if fetcher.hash_of(&name).as_deref() != Ok(job.expected()) {
                fetcher.put(&name).map_err(unplaced)?;
            }
            placed.insert(bytes, job.expected().to_owned());
        }
        (Operation::Download, _, Some(names)) => {
            // Nobody told us its content: what the first download brings is what all others are held against.
            let name = named(names, bytes);
            let missing =
                |why| io::Error::other(format!("{name} could not be downloaded from the server: {why}"));
            let whole = fetcher.hash_of(&name).map_err(missing)?;
            placed.insert(bytes, whole);
        }
        _ => return Ok(()),
    }
    if let Some(whole) = placed.get(&bytes) {
        job.sources.entry(bytes).or_default().whole.clone_from(whole);
    }
    Ok(())
}

/// Transfers outside the measured time.
struct Fetcher<'a> {
    job: &'a conduct::Job,
    address: SocketAddr,
}

impl Fetcher<'_> {
    fn transfer(&self, operation: Operation, keep: Received, there: &str, here: &str) -> io::Result<Done> {
        let told = transfer::Job {
            target: self.address,
            protocol: self.job.spec.protocol.clone(),
            operation,
            read_bytes: self.job.spec.read_bytes,
            keep,
            received: self.job.store.received(),
            spares: None,
            sources: self.job.store.root(),
            limits: self.job.limits,
        };
        Ok(Transfer::new(&told)?.run(Task { there: there.into(), here: here.into(), stamped: false }))
    }

    /// The hash of a file at the server; why it cannot be had.
    fn hash_of(&self, name: &str) -> Result<String, String> {
        let done = self.transfer(Operation::Download, Received::Discarded, name, name);
        let done = done.map_err(|error| error.to_string())?;
        match (done.failure, done.hash) {
            (None, Some(hash)) => Ok(hash),
            (why, _) => Err(why.unwrap_or_else(|| "no content came".into())),
        }
    }

    /// Uploads the source of the block's volume under its own name.
    fn put(&self, name: &str) -> Result<(), String> {
        let done = self.transfer(Operation::Upload, Received::Written, name, name);
        if let Some(why) = done.map_err(|error| error.to_string())?.failure {
            return Err(why);
        }
        match self.hash_of(name) {
            Ok(hash) if hash == self.job.expected() => Ok(()),
            Ok(_) => Err(NOT_THE_SAME.into()),
            Err(why) => Err(format!("{NOT_THERE}: {why}")),
        }
    }

    /// Uploads a few bytes under a name.
    fn put_small(&self, name: &str) -> io::Result<()> {
        let here = self.job.store.root().join(name);
        fs::write(&here, "to be deleted")?;
        let done = self.transfer(Operation::Upload, Received::Written, name, name);
        fs::remove_file(&here)?;
        match done?.failure {
            None => Ok(()),
            Some(why) => Err(io::Error::other(format!("{name} could not be placed at the server: {why}"))),
        }
    }

    /// Uploads that nobody could look at are downloaded again, then removed as far as the server lets us.
    fn look_again(&self, tasks: &[Vec<Task>], round: &Round<Done>, sightings: &mut [Vec<Sighting>]) {
        if self.job.spec.operation != Operation::Upload {
            return;
        }
        for ((tasks, worker), sightings) in tasks.iter().zip(&round.workers).zip(sightings) {
            for ((task, done), sighting) in tasks.iter().zip(worker.iter().flatten()).zip(sightings) {
                if *sighting == Sighting::Unverified && done.failure.is_none() {
                    *sighting = self.download_again(task);
                }
                if self.job.server_root.is_none() {
                    let _ = self.transfer(Operation::Delete, Received::Written, &task.there, "");
                }
            }
        }
    }
}

impl Fetcher<'_> {
    /// What an upload turns out to be when it is downloaded again.
    fn download_again(&self, task: &Task) -> Sighting {
        const HERE: &str = "downloaded-again";
        let done = self.transfer(Operation::Download, Received::Written, &task.there, HERE);
        let copy = Copy::of(task, self.job.store.received().join(HERE));
        let sighting = match done.map(|done| done.failure) {
            Ok(None) => match copy.fault(&self.job.source()) {
                None => Sighting::Content(Verified::Again),
                Some(why) => Sighting::Wrong(format!("{NOT_THE_SAME}: {why}")),
            },
            // A server without downloads can be believed or not; one that has them, and lacks this file, cannot.
            Ok(Some(why)) if why.contains(UNKNOWN_REQUEST) => Sighting::Unverified,
            Ok(Some(why)) => Sighting::Wrong(format!("{NOT_THERE}: {why}")),
            Err(_) => Sighting::Unverified,
        };
        let _ = fs::remove_file(&copy.path);
        sighting
    }
}

/// What is wrong with an upload that a server accepted.
const NOT_THE_SAME: &str = "what can be downloaded again is not what was uploaded";
const NOT_THERE: &str = "it was accepted, and cannot be downloaded again";
/// What the course's servers reply to a verb that they do not know.
const UNKNOWN_REQUEST: &str = "tidak dikenali";

impl watch::Watched {
    /// What was seen from outside, into the columns that a server's workers cannot fill.
    fn tell(&self, evidence: &mut Evidence, pool: u32) {
        evidence.servers_seen = self.most_workers;
        evidence.servers_died = self.died;
        evidence.server_peak_rss_bytes = self.peak_anonymous_bytes;
        evidence.peak_rss_bytes += self.peak_anonymous_bytes.unwrap_or(0);
        if let Some(cpu_s) = self.cpu_s {
            evidence.server_cpu_s = Some(cpu_s.0 + cpu_s.1);
            evidence.cpu_user_s += cpu_s.0;
            evidence.cpu_system_s += cpu_s.1;
            let both = evidence.client_cpu_s + cpu_s.0 + cpu_s.1;
            evidence.client_cpu_share = (both > 0.0).then(|| evidence.client_cpu_s / both);
        }
        if !self.told.is_empty() {
            let count =
                |is: &dyn Fn(&(u64, u64)) -> bool| self.told.values().filter(|told| is(told)).count() as u32;
            let (ok, failed) = (count(&|told| told.0 > 0 && told.1 == 0), count(&|told| told.1 > 0));
            evidence.servers_ok = Some(ok);
            evidence.servers_failed = Some(failed);
            evidence.servers_idle = Some(pool.saturating_sub(ok + failed));
            evidence.server_transfers_ok = Some(self.told.values().map(|told| told.0).sum());
            evidence.busiest_transfers = self.told.values().map(|told| told.0 + told.1).max();
        }
    }

    /// Why the row failed: what the server did comes before what the clients saw of it.
    fn failure(&self, of_clients: Option<String>) -> Option<String> {
        match (&self.trouble, of_clients) {
            (Some(trouble), Some(why)) => Some(format!("{trouble}; {why}")),
            (Some(trouble), None) => Some(trouble.clone()),
            (None, why) => why,
        }
    }
}
