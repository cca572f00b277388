//! The role that conducts a block: it starts the server and the stress client, releases round after round, verifies
//! content between rounds, and puts together what everybody saw.

use super::{
    drivers::Limits,
    evidence::{Seen, Sighting},
    round,
    side::{self, Side, Started},
    store::{Source, Store},
    stress::{self, Stress},
    transfer::{self, Done, Task},
};
use crate::{
    pool::Round,
    process::{
        afar::Rendezvous,
        partner::{Partner, Program},
        remains::Remains,
        role::{Port, Role},
    },
};
use ferrybench_data::{
    fileserver::{Evidence, Operation, Spec, TransferRow},
    units::Span,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// The role of a conductor.
pub enum Conduct {}

/// What a conductor is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The trial.
    pub spec: Spec,
    /// Measured time that rounds are repeated for; absent, there is one round.
    pub leg: Option<Span>,
    /// A word that no other block of the run has: part of the names of uploads.
    pub tag: String,
    /// Where the files lie.
    pub store: Store,
    /// The hashes of each source, by its length.
    pub sources: BTreeMap<u64, Source>,
    /// How long a transfer may take.
    pub limits: Limits,
    /// Where the server runs, where that is not here.
    #[serde(default)]
    pub there: Option<There>,
    /// The folder of somebody else's server, where we may look into it.
    pub server_root: Option<PathBuf>,
    /// Names of files that are at the server already, with `{mb}` for their size; absent, they have the sources' names.
    #[serde(default)]
    pub files: Option<String>,
}

/// The host of the server, for clients on another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct There {
    /// Where a worker waits to have the server's side.
    pub control: Rendezvous,
    /// The address of that host.
    pub address: IpAddr,
    /// Where its files lie.
    pub store: Store,
    /// By how much its clock is ahead of the one of the clients' host, nanoseconds.
    pub ahead_ns: i64,
    /// By how much that may be wrong, nanoseconds.
    pub bound_ns: u64,
}

/// What a conductor answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// This is about to be made and would outlive the process.
    Declare(Remains),
    /// The block is done.
    Done(Box<Block>),
    /// It could not be done.
    Failed(String),
}

/// What a block came to, as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// What everybody saw.
    pub evidence: Evidence,
    /// Each transfer; trial and block are for the coordinator to fill in.
    pub transfers: Vec<TransferRow>,
    /// Why the row failed, where a transfer did.
    pub failure: Option<String>,
    /// Time that the clients waited for a CPU, seconds.
    pub run_delay_s: f64,
}

/// Longest that a server or a client may take to start, and a server to tell what it did.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds of a leg at most: a leg is bounded in count as well as in time.
const MOST_ROUNDS: u32 = 200;

impl Job {
    /// What content is held against.
    pub(super) fn source(&self) -> (u64, Source) {
        let source = self.sources.get(&self.spec.volume_bytes).cloned().unwrap_or_default();
        (self.spec.volume_bytes, source)
    }

    /// The hash that content should have.
    pub(super) fn expected(&self) -> &str {
        self.sources.get(&self.spec.volume_bytes).map_or("", |source| &source.whole)
    }

    /// How long the block may take before it counts as hung.
    pub fn deadline(&self) -> Duration {
        let leg = self.leg.map_or(0.0, Span::seconds);
        self.round_deadline() * 2 + PATIENCE * 3 + Duration::from_secs_f64(leg * 20.0)
    }

    /// How long one round may take: the last client waits for all others, and each transfer has its own deadline.
    fn round_deadline(&self) -> Duration {
        let one = Duration::from_millis(self.limits.idle_ms + self.limits.transfer_ms);
        one * self.spec.transfers + Duration::from_secs(5)
    }
}

impl Role for Conduct {
    const NAME: &'static str = "conduct";
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        let reply = match block(&job) {
            Ok(block) => Reply::Done(Box::new(block)),
            Err(error) => Reply::Failed(error.to_string()),
        };
        port.replies.send(&reply)
    }
}

fn block(job: &Job) -> io::Result<Block> {
    let (mut server, started) = start_server(job)?;
    let mut seen = Seen::new(&job.spec, started.start_s);
    rounds(job, started.address, &mut server, &mut seen, |_, _, _| {})?;
    let told = server.end().map(|report| match &job.there {
        Some(there) => report.on_a_clock_behind(there.ahead_ns),
        None => report,
    });
    let (evidence, transfers, failure, run_delay_s) = seen.judge(job, &told);
    Ok(Block { evidence, transfers, failure, run_delay_s })
}

/// Has a stress client transfer, round after round, until the leg is over or a transfer has failed. `look_again` may
/// find out more about what became of each transfer's content, after the clock has stopped.
pub(super) fn rounds(
    job: &Job,
    address: SocketAddr,
    server: &mut Side,
    seen: &mut Seen,
    mut look_again: impl FnMut(&[Vec<Task>], &Round<Done>, &mut [Vec<Sighting>]),
) -> io::Result<()> {
    let mut client = start_client(job, address)?;
    let leg_ns = job.leg.map_or(0, |leg| leg.0);
    loop {
        let tasks = round::tasks(job, seen.rounds() + 1);
        round::prepare(job, &tasks, server)?;
        let cue = stress::Cue { tasks: tasks.clone(), deadline_ms: job.round_deadline().as_millis() as u64 };
        client.cue(cue)?;
        let stress::Reply::Round(round, process) = client.reply(job.round_deadline() + PATIENCE)? else {
            return Err(io::Error::other("the client answered out of turn"));
        };
        let mut sightings = round::look(job, &tasks, &round, server)?;
        look_again(&tasks, &round, &mut sightings);
        seen.add(*round, process, sightings);
        if seen.elapsed_ns() >= leg_ns || seen.has_failed() || seen.rounds() >= MOST_ROUNDS {
            return Ok(());
        }
    }
}

fn start_server(job: &Job) -> io::Result<(Side, Started)> {
    let told = |store: &Store, address| side::Job {
        spec: job.spec.clone(),
        store: store.clone(),
        source: job.source().1,
        limits: job.limits,
        address,
    };
    match &job.there {
        None => Side::start(&told(&job.store, Ipv4Addr::LOCALHOST.into())),
        Some(there) => Side::start_there(&told(&there.store, there.address), &there.control),
    }
}

fn start_client(job: &Job, target: SocketAddr) -> io::Result<Partner<Stress>> {
    let spec = &job.spec;
    let told = stress::Job {
        model: spec.client_model.clone(),
        workers: spec.client_pool,
        transfer: transfer::Job {
            target,
            protocol: spec.protocol.clone(),
            operation: spec.operation,
            read_bytes: spec.read_bytes,
            keep: spec.received,
            received: job.store.received(),
            spares: job.store.spares_for(spec, Operation::Download),
            sources: job.store.root(),
            limits: job.limits,
        },
    };
    let client: Partner<Stress> = Partner::process(&Program::myself(), &told, Vec::new(), Arc::new(|_| {}))?;
    match client.reply(PATIENCE)? {
        stress::Reply::Ready => Ok(client),
        stress::Reply::Round(..) => Err(io::Error::other("the client answered out of turn")),
    }
}
