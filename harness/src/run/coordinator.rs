//! Runs every block of a plan in its order and keeps what came of it.

use super::{folder::RunFolder, order};
use crate::measure::{clock, noise::Probe};
use ferrybench_data::{
    family::Family,
    plan::{Plan, Trial},
    record::{Audit, Noise, Outcome, Record},
    roundtrip::{Evidence, RoundTrip, Source},
};
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

/// What is measured: a host with its workers, or a script in a test.
pub trait Subject {
    /// Looks how quiet the machine is.
    fn probe(&mut self) -> io::Result<Probe>;
    /// Runs one block.
    fn block(&mut self, trial: &Trial, block: u32) -> io::Result<Attempt>;
}

/// What came of trying one block.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempt {
    /// It ran to its end.
    Done {
        /// What the workers saw.
        evidence: Box<Evidence>,
        /// Their samples, encoded.
        histogram: Option<String>,
        /// Time that they waited for a CPU, seconds; foreign peers do not tell.
        run_delay_s: Option<f64>,
    },
    /// It did not: the reason.
    Failed(String),
    /// The run is being stopped; there is no row.
    Interrupted,
}

/// What whoever watches is told, always between blocks.
#[derive(Debug)]
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
    Row(&'a Record<RoundTrip>),
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
        let order = folder.len() as u32 + 1;
        let record = Record {
            block: 1,
            order,
            noise: Noise::default(),
            spec: trial.spec.clone(),
            outcome: Outcome::Skipped(reason),
        };
        folder.append(&record, None)?;
        watch(Event::Row(&record));
    }
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
        let order = folder.len() as u32 + 1;
        let (outcome, histogram, run_delay_s) = match attempt {
            Attempt::Interrupted => return Ok(Ending::Interrupted),
            Attempt::Failed(reason) => (Outcome::Failed(reason), None, None),
            Attempt::Done { evidence, histogram, run_delay_s } => {
                let audit = judge(trial, &evidence);
                (Outcome::Measured { evidence: *evidence, audit }, histogram, run_delay_s)
            }
        };
        let noise = Noise {
            noise_before: Some(quiet.share),
            noise_after: Some(after.share),
            noise_gap_s: Some(quiet.gap_s.max(after.gap_s)),
            run_delay_s,
            c2c_ns: quiet.c2c_ns,
        };
        before = Some(after);
        let record = Record { block, order, noise, spec: trial.spec.clone(), outcome };
        folder.append(&record, histogram)?;
        watch(Event::Row(&record));
    }
    Ok(Ending::Complete)
}

fn judge(trial: &Trial, evidence: &Evidence) -> Audit {
    if trial.spec.source == Source::Foreign {
        return Audit::SelfReported;
    }
    match RoundTrip::audit(&trial.spec, evidence) {
        reasons if reasons.is_empty() => Audit::Pass,
        reasons => Audit::Fail(reasons),
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
