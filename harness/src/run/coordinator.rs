//! Runs every block of a plan in its order and keeps what came of it.

use super::{
    folder::{Details, RunFolder},
    order,
};
use crate::{
    fanout::senders,
    measure::{clock, noise::Probe},
};
use ferrybench_data::{
    family::Family,
    fanout::{self, Fanout, FetchRow, ReceiverRow},
    fileserver::{self, FileServer, TransferRow},
    plan::{Cell, Plan, Trial},
    record::{Audit, Noise, Outcome, Record, Row},
    roundtrip::{self, RoundTrip},
    run_info::{FetchedSource, Participant},
};
use std::{
    collections::BTreeSet,
    io,
    sync::atomic::{AtomicBool, Ordering},
};

/// What is measured: a host with its workers, or a script in a test.
pub trait Subject {
    /// Makes what the trials need beforehand, such as files whose pages have been written.
    fn prepare(&mut self, trials: &[&Trial]) -> io::Result<()>;
    /// Looks how quiet the machine is.
    fn probe(&mut self) -> io::Result<Probe>;
    /// Runs one block.
    fn block(&mut self, trial: &Trial, block: u32) -> io::Result<Attempt>;
    /// The hosts that files were sent between, as their agents proved.
    fn participants(&self) -> Vec<Participant> {
        Vec::new()
    }
    /// What was fetched before anything was measured.
    fn fetched(&self) -> &[FetchedSource] {
        &[]
    }
}

/// What came of trying one block.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempt {
    /// It ran to its end.
    Done(Box<Seen>),
    /// It did not: the reason.
    Failed(String),
    /// It was not tried: the reason, such as a budget that is used up. This block has a row that says so.
    Skipped(String),
    /// The run is being stopped; there is no row.
    Interrupted,
}

/// What was seen of a block that ran to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Of a round trip.
    RoundTrip {
        /// What the workers saw.
        evidence: roundtrip::Evidence,
        /// Their samples, encoded.
        histogram: Option<String>,
        /// Time that they waited for a CPU, seconds; foreign peers do not tell.
        run_delay_s: Option<f64>,
    },
    /// Of a file-server trial.
    FileServer {
        /// What clients and server saw.
        evidence: fileserver::Evidence,
        /// Each transfer; trial and block are filled in when they are kept.
        transfers: Vec<TransferRow>,
        /// Time that all workers waited for a CPU, seconds.
        run_delay_s: Option<f64>,
        /// Why transfers failed, where some did: the row fails, and keeps its evidence.
        failure: Option<String>,
    },
    /// Of a fan-out trial.
    Fanout {
        /// What sender, receivers and network told.
        evidence: fanout::Evidence,
        /// Each file at each receiver; trial and block are filled in when they are kept.
        receivers: Vec<ReceiverRow>,
        /// Each file that was fetched; likewise.
        fetches: Vec<FetchRow>,
        /// What each host's program would have printed, by the host's name. Kept of a trial's first block.
        captures: Vec<(String, String)>,
        /// Time that all workers waited for a CPU, seconds.
        run_delay_s: Option<f64>,
        /// Why it did not end well, where a receiver or a worker failed: the row fails, and keeps its evidence.
        failure: Option<String>,
    },
}

impl Seen {
    /// Why the row fails although it has evidence, where it does.
    pub(super) fn failure_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::FileServer { failure, .. } => failure.as_mut(),
            Self::RoundTrip { .. } | Self::Fanout { .. } => None,
        }
    }
}

/// What whoever watches is told, always between blocks.
pub enum Event<'a> {
    /// A block begins.
    Begin {
        /// Its trial.
        trial: &'a Trial,
        /// Its number, from 1.
        block: u32,
        /// Rows that are there.
        done: usize,
        /// Rows that there will be.
        of: usize,
    },
    /// A row is kept.
    Row(&'a dyn Row),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every row is there.
    Complete,
    /// It was stopped.
    Interrupted,
}

/// Runs what is not recorded yet.
pub fn run(
    plan: &Plan,
    trials: &[Trial],
    folder: &mut RunFolder,
    subject: &mut dyn Subject,
    interrupted: &AtomicBool,
    watch: &mut dyn FnMut(Event<'_>),
) -> io::Result<Ending> {
    let (runnable, skipped): (Vec<&Trial>, Vec<&Trial>) =
        trials.iter().partition(|trial| trial.skip.is_none());
    let of = skipped.len() + runnable.len() * plan.blocks as usize;
    for trial in skipped {
        if folder.has(&trial.id(), 1) {
            continue;
        }
        let reason = trial.skip.clone().unwrap_or_default();
        let at = At { block: 1, order: folder.len() as u32 + 1, noise: Noise::default() };
        let kept = Kept::without_evidence(&trial.cell, at, Unseen::Skipped(reason));
        folder.append(&*kept.row, kept.details)?;
        watch(Event::Row(&*kept.row));
    }
    if runnable.iter().any(|trial| (1..=plan.blocks).any(|block| !folder.has(&trial.id(), block))) {
        subject.prepare(&runnable)?;
    }
    keep_programs(&runnable, folder)?;
    let schedule = order::rounds(runnable.len(), plan.blocks, plan.order, plan.seed);
    let mut before: Option<Probe> = None;
    for (place, block) in schedule {
        let trial = runnable[place];
        if folder.has(&trial.id(), block) {
            continue;
        }
        if interrupted.load(Ordering::SeqCst) {
            return Ok(Ending::Interrupted);
        }
        watch(Event::Begin { trial, block, done: folder.len(), of });
        let quiet = match before.take() {
            Some(probe) => probe,
            None => quietest_of_two(subject)?,
        };
        let attempt = subject.block(trial, block)?;
        let after = quietest_of_two(subject)?;
        let noise = Noise {
            noise_before: Some(quiet.share),
            noise_after: Some(after.share),
            noise_gap_s: Some(quiet.gap_s.max(after.gap_s)),
            run_delay_s: None,
            c2c_ns: quiet.c2c_ns,
        };
        before = Some(after);
        let at = At { block, order: folder.len() as u32 + 1, noise };
        let kept = match attempt {
            Attempt::Interrupted => return Ok(Ending::Interrupted),
            Attempt::Failed(why) => Kept::without_evidence(&trial.cell, at, Unseen::Failed(why)),
            Attempt::Skipped(why) => Kept::without_evidence(&trial.cell, at, Unseen::Skipped(why)),
            Attempt::Done(seen) => Kept::with_evidence(&trial.cell, at, *seen),
        };
        for (host, text) in kept.captures.iter().filter(|_| block == 1) {
            folder.capture(&capture_name(&trial.id(), host), text)?;
        }
        folder.append(&*kept.row, kept.details)?;
        watch(Event::Row(&*kept.row));
    }
    Ok(Ending::Complete)
}

/// Keeps the source of each sending program that runs: a hand-in shows it beside what it did.
fn keep_programs(trials: &[&Trial], folder: &RunFolder) -> io::Result<()> {
    let models: BTreeSet<&str> =
        trials.iter().filter_map(|trial| Some(trial.cell.fanout()?.sender_model.as_str())).collect();
    for model in models.into_iter().filter_map(senders::find) {
        folder.capture_once(&format!("program-{}.rs.txt", model.name), model.source)?;
    }
    Ok(())
}

/// A row that is to be kept, with what it has beside itself.
struct Kept {
    row: Box<dyn Row>,
    details: Details,
    captures: Vec<(String, String)>,
}

/// The file name of what a host's program printed in a trial.
fn capture_name(trial: &str, host: &str) -> String {
    format!("{}.{host}.txt", trial.replace('/', "_"))
}

/// Where a row belongs.
#[derive(Clone, Copy)]
struct At {
    block: u32,
    order: u32,
    noise: Noise,
}

/// Why there is no evidence.
enum Unseen {
    Failed(String),
    Skipped(String),
}

impl Kept {
    fn without_evidence(cell: &Cell, at: At, unseen: Unseen) -> Self {
        fn of<F: Family>(spec: &F::Spec, at: At, unseen: Unseen) -> Box<dyn Row> {
            let outcome = match unseen {
                Unseen::Failed(reason) => Outcome::Failed { reason, seen: None },
                Unseen::Skipped(reason) => Outcome::Skipped(reason),
            };
            row::<F>(spec, at, outcome)
        }
        let row = match cell {
            Cell::RoundTrip(spec) => of::<RoundTrip>(spec, at, unseen),
            Cell::FileServer(spec) => of::<FileServer>(spec, at, unseen),
            Cell::Fanout(spec) => of::<Fanout>(spec, at, unseen),
        };
        Self { row, details: Details::None, captures: Vec::new() }
    }

    fn with_evidence(cell: &Cell, mut at: At, seen: Seen) -> Self {
        match (cell, seen) {
            (Cell::RoundTrip(spec), Seen::RoundTrip { evidence, histogram, run_delay_s }) => {
                at.noise.run_delay_s = run_delay_s;
                let row = row::<RoundTrip>(spec, at, judged::<RoundTrip>(spec, evidence, None));
                let details = histogram.map_or(Details::None, Details::Histogram);
                Self { row, details, captures: Vec::new() }
            }
            (Cell::FileServer(spec), Seen::FileServer { evidence, transfers, run_delay_s, failure }) => {
                at.noise.run_delay_s = run_delay_s;
                let row = row::<FileServer>(spec, at, judged::<FileServer>(spec, evidence, failure));
                Self { row, details: Details::Transfers(transfers), captures: Vec::new() }
            }
            (
                Cell::Fanout(spec),
                Seen::Fanout { evidence, receivers, fetches, captures, run_delay_s, failure },
            ) => {
                at.noise.run_delay_s = run_delay_s;
                let row = row::<Fanout>(spec, at, judged::<Fanout>(spec, evidence, failure));
                Self { row, details: Details::Fanout { receivers, fetches }, captures }
            }
            (cell, _) => {
                let why = Unseen::Failed("the worker told the evidence of another family".into());
                Self::without_evidence(cell, at, why)
            }
        }
    }
}

fn row<F: Family>(spec: &F::Spec, at: At, outcome: Outcome<F::Evidence>) -> Box<dyn Row> {
    let At { block, order, noise } = at;
    Box::new(Record::<F> { block, order, noise, spec: spec.clone(), outcome })
}

fn judged<F: Family>(spec: &F::Spec, evidence: F::Evidence, failure: Option<String>) -> Outcome<F::Evidence> {
    match failure {
        Some(reason) => Outcome::Failed { reason, seen: Some(evidence) },
        None => Outcome::Measured { audit: Audit::of::<F>(spec, &evidence), evidence },
    }
}

/// A probe, and a second one where the first was disturbed: the previous block's processes may still have been ending.
fn quietest_of_two(subject: &mut dyn Subject) -> io::Result<Probe> {
    let first = subject.probe()?;
    if first.is_quiet() {
        return Ok(first);
    }
    let second = subject.probe()?;
    Ok(if second.is_quiet() || second.share < first.share { second } else { first })
}

/// A seed of a block's payload that differs from every other block's.
pub fn block_seed(plan_seed: u64, trial: &Trial, block: u32) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(format!("{}#{block}", trial.id()).as_bytes(), plan_seed)
}

/// Time since a point of the monotonic clock, seconds.
pub fn seconds_since(start_ns: u64) -> f64 {
    clock::now().saturating_sub(start_ns) as f64 / 1e9
}
