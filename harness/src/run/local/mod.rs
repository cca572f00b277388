//! This host as the subject of a run: its agent, and the workers that the agent starts.

mod fileserver;
mod outside;
mod roundtrip;

use super::coordinator::{Attempt, Subject, block_seed};
use crate::{
    measure::{clock, noise::Probe},
    process::{
        agent::{self, Agent, Cue, Reply},
        partner::{Partner, Program},
        remains::{Remains, unique_name},
    },
};
use ferrybench_data::plan::{Cell, Plan, Trial, catalogue::Catalogue};
use serde_json::Value;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often a wait looks whether the run is being stopped.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Longest that the agent may take for anything that has no deadline of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// This host, with its agent.
pub struct LocalHost {
    agent: Partner<Agent>,
    folder: PathBuf,
    next_id: u64,
    plan: Plan,
    catalogue: Catalogue,
    clock_cost_ns: f64,
    interrupted: Arc<AtomicBool>,
    /// What would stay behind if the agent were killed, with the worker that declared it; the agent removes it otherwise.
    declared: Declared,
    /// The files of file-server trials, with whoever holds them.
    files: Option<fileserver::Files>,
    /// Somebody else's server, with whoever conducts its blocks.
    theirs: outside::Theirs,
}

/// Remains, each with the worker that declared it.
type Declared = Arc<Mutex<Vec<(u64, Remains)>>>;

/// The scratch folder is nobody's: no worker has this number.
const NOBODY: u64 = 0;

/// What a worker was heard to do.
enum Heard {
    /// It said something.
    Said(Value),
    /// It ended: how, and its last words.
    Ended(String, String),
}

impl LocalHost {
    /// Starts the agent.
    pub fn start(
        plan: Plan,
        catalogue: Catalogue,
        clock_cost_ns: f64,
        interrupted: Arc<AtomicBool>,
        temporary: &Path,
    ) -> io::Result<Self> {
        let folder = temporary.join(format!("{}-{}", unique_name(), clock::now()));
        let job = agent::Job { folder: folder.clone() };
        // Declared before it is made, as everything that outlives a process.
        let declared = Arc::new(Mutex::new(vec![(NOBODY, Remains::Path(folder.clone()))]));
        let left = Arc::clone(&declared);
        let on_death = Arc::new(move |_| remove_all(&left));
        let agent: Partner<Agent> = Partner::process(&Program::myself(), &job, Vec::new(), on_death)?;
        let host = Self {
            agent,
            folder,
            next_id: NOBODY,
            plan,
            catalogue,
            clock_cost_ns,
            interrupted,
            declared,
            files: None,
            theirs: outside::Theirs::default(),
        };
        match host.agent.reply(PATIENCE)? {
            Reply::Ready => Ok(host),
            other => Err(io::Error::other(format!("the agent answered out of turn: {other:?}"))),
        }
    }

    /// Starts a worker; returns its number.
    fn start_worker(&mut self, role: &str, job: Value, deadline: Duration) -> io::Result<u64> {
        self.next_id += 1;
        let id = self.next_id;
        self.agent.cue(Cue::Start {
            id,
            role: role.to_owned(),
            job,
            deadline_ms: deadline.as_millis() as u64,
        })?;
        Ok(id)
    }

    /// Waits for the next thing that a worker says or does, for so long. What it declares is noted on the way.
    fn hear(&mut self, id: u64, wait: Duration) -> io::Result<Heard> {
        let give_up = clock::now() + wait.as_nanos() as u64;
        loop {
            let left = Duration::from_nanos(give_up.saturating_sub(clock::now()));
            match self.agent.reply(left)? {
                Reply::Said { id: of, line } => {
                    if let Some(remains) = agent::declared(&line) {
                        self.noted().push((of, remains));
                    } else if of == id {
                        return Ok(Heard::Said(line));
                    }
                }
                Reply::Ended { id: of, how, words } => {
                    // The agent has removed what this worker declared.
                    self.noted().retain(|(whose, _)| *whose != of);
                    if of == id {
                        return Ok(Heard::Ended(how, words));
                    }
                }
                Reply::Ready | Reply::Probed(_) => {}
            }
        }
    }

    fn noted(&self) -> MutexGuard<'_, Vec<(u64, Remains)>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a worker and waits for its last word, which `take` recognises.
    fn worker(
        &mut self,
        role: &str,
        job: Value,
        deadline: Duration,
        take: impl Fn(Value) -> Option<Attempt>,
    ) -> io::Result<Attempt> {
        let id = self.start_worker(role, job, deadline)?;
        // The agent ends the worker at its deadline and says so; this one is for the agent itself.
        let give_up = clock::now() + (deadline + PATIENCE).as_nanos() as u64;
        let mut attempt = None;
        let mut stopping = false;
        loop {
            if self.interrupted.load(Ordering::SeqCst) && !stopping {
                stopping = true;
                self.agent.cue(Cue::Stop { id })?;
            }
            match self.hear(id, LOOK_UP) {
                Ok(Heard::Said(line)) => attempt = take(line).or(attempt),
                Ok(Heard::Ended(how, words)) => {
                    return Ok(match attempt {
                        _ if stopping => Attempt::Interrupted,
                        Some(Attempt::Failed(reason)) if !words.is_empty() && reason != words => {
                            Attempt::Failed(format!(
                                "{reason} ({})",
                                words.lines().last().unwrap_or_default()
                            ))
                        }
                        Some(attempt) => attempt,
                        None => Attempt::Failed(last_of(role, &how, &words)),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// How a worker ended, with the last line that it wrote.
fn last_of(role: &str, how: &str, words: &str) -> String {
    let last = words.lines().last().map_or(String::new(), |line| format!(": {line}"));
    format!("the {role} worker {how}{last}")
}

impl Drop for LocalHost {
    /// The agent removes what is left when its input ends; where the agent was killed, nobody else would.
    fn drop(&mut self) {
        remove_all(&self.declared);
    }
}

impl Subject for LocalHost {
    fn prepare(&mut self, trials: &[&Trial]) -> io::Result<()> {
        self.prepare_files(trials)
    }

    fn probe(&mut self) -> io::Result<Probe> {
        let places = self.catalogue.places;
        self.agent.cue(Cue::Probe { cpus: self.catalogue.cpus.clone(), pair: places.split })?;
        loop {
            if let Reply::Probed(probe) = self.agent.reply(PATIENCE)? {
                return Ok(probe);
            }
        }
    }

    fn block(&mut self, trial: &Trial, block: u32) -> io::Result<Attempt> {
        let seed = block_seed(self.plan.seed, trial, block);
        match (&trial.cell, trial.foreign) {
            (Cell::RoundTrip(spec), Some(peer)) => self.foreign_roundtrip(spec, peer),
            (Cell::RoundTrip(spec), None) => self.roundtrip(spec, trial.work, seed),
            (Cell::FileServer(spec), _) => self.fileserver(spec, trial.work, seed),
            (Cell::Fanout(_), _) => {
                Ok(Attempt::Failed("this build has no sender: files are not sent to many hosts yet".into()))
            }
        }
    }
}

/// Removes what was declared, the latest first: files before the folder that holds them.
fn remove_all(declared: &Declared) {
    declared
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
        .rev()
        .for_each(|(_, left)| left.remove());
}
