//! The near worker: one fresh process for one block of one trial.

use super::{
    Making,
    between::FarHost,
    leg::{self, Amount},
    pair::Setting,
    registry,
};
use crate::{
    measure::clock,
    process::{
        partner::Program,
        remains::Remains,
        role::{self, Port, Replies, Role},
    },
};
use ferrybench_data::{
    latency,
    plan::{Work, catalogue::Places, catalogue::WhenFull},
    roundtrip::{Evidence, Spec},
    units::Span,
};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

/// Time for the cause of a failure to be told. Where it is told this process ends at once.
const CAUSE: Duration = Duration::from_secs(1);

/// The role of a near end.
pub enum Near {}

/// What a near end is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The trial.
    pub spec: Spec,
    /// Not measured, first.
    pub warm_up: Span,
    /// Measured time, where the block is bounded by time.
    pub leg: Option<Span>,
    /// Measured exchanges, where the block is bounded by count.
    pub exchanges: Option<u64>,
    /// Seed of the payload.
    pub seed: u64,
    /// CPUs of the placements.
    pub places: Places,
    /// Cost of a clock reading, nanoseconds.
    pub clock_cost_ns: f64,
    /// Folder for what needs a name.
    pub folder: PathBuf,
    /// Where the far end is, when it is on another host.
    #[serde(default)]
    pub far_host: Option<FarHost>,
}

/// What a near end answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// This is about to be made and would outlive the process.
    Declare(Remains),
    /// The block is done.
    Done(Box<Block>),
    /// It could not be done.
    Failed(String),
}

/// What one block came to, as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Both ends' evidence.
    pub evidence: Evidence,
    /// The samples, encoded; round trips have them.
    pub histogram: Option<String>,
    /// Time that the ends waited for a CPU, seconds.
    pub run_delay_s: f64,
}

impl Job {
    /// How long the block may take before it counts as hung.
    pub fn deadline(&self) -> Duration {
        // A leg is capped at twice its length; a counted exchange that takes a millisecond is a slow one.
        let leg =
            self.leg.map_or_else(|| self.exchanges.unwrap_or(0) as f64 / 1e3, |leg| 2.0 * leg.seconds());
        Duration::from_secs_f64(self.warm_up.seconds() + leg + 10.0)
    }
}

impl Role for Near {
    const NAME: &'static str = "near";
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        let replies = port.replies;
        let reply = match block(job, &replies) {
            Ok(block) => Reply::Done(Box::new(block)),
            Err(error) => Reply::Failed(error.to_string()),
        };
        replies.send(&reply)
    }
}

fn block(job: Job, replies: &Replies<Reply>) -> io::Result<Block> {
    let begun = clock::now();
    let mechanism = registry::find(&job.spec.mechanism).ok_or(io::ErrorKind::NotFound)?;
    let work = match (job.leg, job.exchanges) {
        (_, Some(count)) => Work::Exactly(count),
        (leg, None) => Work::For(leg.unwrap_or(Span::from_millis(200))),
    };
    let amount = Amount { warm_up: job.warm_up, work, clock_cost_ns: job.clock_cost_ns };
    let declare = {
        let replies = replies.clone();
        Replies::new(move |remains: &Remains| replies.send(&Reply::Declare(remains.clone())))
    };
    let on_death = {
        let replies = replies.clone();
        Arc::new(move |reason: String| {
            let _ = replies.send(&Reply::Failed(reason));
            role::leave();
        })
    };
    let spec = job.spec.clone();
    let setting = Setting {
        spec: job.spec,
        seed: job.seed,
        places: job.places,
        program: Program::myself(),
        making: Making::new(job.folder, declare),
        on_death,
        far_host: job.far_host,
    };
    let signals_before = caught_signals();
    let mut driver = mechanism.start(&setting)?;
    let started = clock::now();
    // Where the far end has died, that is the cause, and the broken channel only what it looks like from here: leave
    // whoever watches it the time to say so, while the driver still stands.
    let mut seen = leg::run(driver.as_mut(), &spec, amount).inspect_err(|_| clock::pause(CAUSE))?;
    seen.evidence.start_up_s = (started - begun) as f64 / 1e9;
    seen.evidence.loss_legal = mechanism.nature.when_full == WhenFull::Loss;
    seen.evidence.signals = named(caught_signals() & !signals_before);
    let histogram = seen.times.as_ref().map(latency::encode);
    Ok(Block { evidence: seen.evidence, histogram, run_delay_s: seen.run_delay_s })
}

/// Signals that this process catches or holds back, as a bit set.
fn caught_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    };
    field("SigCgt:") | field("SigBlk:")
}

fn named(mask: u64) -> String {
    let names = (1..=64).filter(|number| mask & (1 << (number - 1)) != 0).map(|number| {
        nix::sys::signal::Signal::try_from(number)
            .map_or(format!("signal {number}"), |signal| signal.to_string())
    });
    names.collect::<Vec<_>>().join(" ")
}
