//! The role that conducts a block: it starts the server and the stress client, releases round after round, verifies
//! content between rounds, and puts together what everybody saw.

use super::{
    drivers::Limits,
    evidence::{Seen, Sighting},
    models, round,
    serve::{self, Serve},
    service::{Report, Setup},
    store::Store,
    stress::{self, Stress},
    transfer::{self, Done, Task},
};
use crate::{
    measure::clock,
    pool::Round,
    process::{
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
    net::{Ipv4Addr, SocketAddr},
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
    /// The hash of each source, by its length, as hexadecimal digits.
    pub sources: BTreeMap<u64, String>,
    /// How long a transfer may take.
    pub limits: Limits,
    /// The folder of the server, where we may look into it.
    pub server_root: Option<PathBuf>,
    /// Names of files that are at the server already, with `{mb}` for their size; absent, they have the sources' names.
    #[serde(default)]
    pub files: Option<String>,
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
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds of a leg at most: a leg is bounded in count as well as in time.
const MOST_ROUNDS: u32 = 200;

impl Job {
    /// The hash that content should have.
    pub(super) fn expected(&self) -> &str {
        self.sources.get(&self.spec.volume_bytes).map_or("", String::as_str)
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
    let begun = clock::now();
    let (mut server, address) = start_server(job)?;
    let server_start_s = (clock::now() - begun) as f64 / 1e9;
    let mut seen = Seen::new(&job.spec, server_start_s);
    rounds(job, address, &mut seen, round::look)?;
    let told = end_server(&mut server);
    let (evidence, transfers, failure, run_delay_s) = seen.judge(job, &told);
    Ok(Block { evidence, transfers, failure, run_delay_s })
}

/// Has a stress client transfer, round after round, until the leg is over or a transfer has failed. `look` says what
/// became of each transfer's content, after the clock has stopped.
pub(super) fn rounds(
    job: &Job,
    server: SocketAddr,
    seen: &mut Seen,
    mut look: impl FnMut(&Job, &[Vec<Task>], &Round<Done>) -> Vec<Vec<Sighting>>,
) -> io::Result<()> {
    let mut client = start_client(job, server)?;
    let leg_ns = job.leg.map_or(0, |leg| leg.0);
    loop {
        let tasks = round::tasks(job, seen.rounds() + 1);
        round::prepare(job, &tasks)?;
        let cue = stress::Cue { tasks: tasks.clone(), deadline_ms: job.round_deadline().as_millis() as u64 };
        client.cue(cue)?;
        let stress::Reply::Round(round, process) = client.reply(job.round_deadline() + PATIENCE)? else {
            return Err(io::Error::other("the client answered out of turn"));
        };
        let sightings = look(job, &tasks, &round);
        seen.add(*round, process, sightings);
        if seen.elapsed_ns() >= leg_ns || seen.has_failed() || seen.rounds() >= MOST_ROUNDS {
            return Ok(());
        }
    }
}

/// What the server was started with: the same folder as the sources, one process of its own.
fn start_server(job: &Job) -> io::Result<(Partner<Serve>, SocketAddr)> {
    let spec = &job.spec;
    models::find(&spec.server_model)
        .ok_or_else(|| io::Error::other(format!("there is no server model {}", spec.server_model)))?;
    let told = serve::Job {
        setup: Setup {
            protocol: spec.protocol.clone(),
            root: job.store.root(),
            spares: round::spares(job, Operation::Upload),
            received: spec.received,
            read_bytes: spec.read_bytes,
            limits: job.limits,
            records: true,
            logs: false,
        },
        model: spec.server_model.clone(),
        workers: spec.server_pool.max(1),
        accept: spec.accept,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    };
    // Whoever waits for its answer hears how it ended.
    let server: Partner<Serve> = Partner::process(&Program::myself(), &told, Vec::new(), Arc::new(|_| {}))?;
    match server.reply(PATIENCE)? {
        serve::Reply::Ready(address) => Ok((server, address)),
        serve::Reply::Told(_) => Err(io::Error::other("the server ended before it began")),
    }
}

fn end_server(server: &mut Partner<Serve>) -> io::Result<Report> {
    server.cue(serve::End)?;
    match server.reply(PATIENCE)? {
        serve::Reply::Told(report) => Ok(*report),
        serve::Reply::Ready(_) => Err(io::Error::other("the server answered out of turn")),
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
            spares: round::spares(job, Operation::Download),
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
