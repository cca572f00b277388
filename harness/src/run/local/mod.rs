//! Hosts as the subject of a run: this one, with others where trials need them; their agents start the workers.

mod between;
mod fanout;
mod fileserver;
mod named;
mod outside;
mod roundtrip;
mod store;

use super::coordinator::{Attempt, Subject, block_seed};
use crate::{
    measure::{clock, noise::Probe},
    process::{
        hosts::{HERE, Heard, Hosts, PATIENCE, Worker},
        partner::Program,
    },
};
use ferrybench_data::{
    plan::{Cell, Plan, Trial, catalogue::Catalogue},
    run_info::{FetchedSource, Participant},
};
use serde_json::Value;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often a wait looks whether the run is being stopped.
const LOOK_UP: Duration = Duration::from_millis(50);

/// This host, and those that trials reach from it.
pub struct LocalHost {
    hosts: Hosts,
    folder: PathBuf,
    plan: Plan,
    catalogue: Catalogue,
    clock_cost_ns: f64,
    interrupted: Arc<AtomicBool>,
    /// The files of file-server trials, with whoever holds them.
    stores: store::Stores,
    /// Somebody else's server, with whoever conducts its blocks.
    theirs: outside::Theirs,
    /// The hosts of fan-out trials, with what is sent between them.
    network: Option<fanout::Network>,
    /// What was fetched for them, once.
    fetched: Vec<FetchedSource>,
    /// Numbers of the hosts that the plan names, in its order, once they have joined.
    named: Option<Vec<usize>>,
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
        let hosts = Hosts::start(&Program::myself(), temporary)?;
        let folder = hosts.folder(HERE)?.to_owned();
        Ok(Self {
            hosts,
            folder,
            plan,
            catalogue,
            clock_cost_ns,
            interrupted,
            stores: store::Stores::default(),
            theirs: outside::Theirs::default(),
            network: None,
            fetched: Vec::new(),
            named: None,
        })
    }

    /// Starts a worker on this machine.
    fn start_worker(&mut self, role: &str, job: Value, deadline: Duration) -> io::Result<Worker> {
        self.hosts.start_worker_on(HERE, role, job, deadline)
    }

    /// Waits for the next thing that a worker says or does, for so long.
    fn hear(&mut self, worker: Worker, wait: Duration) -> io::Result<Heard> {
        Ok(self.hosts.hear(&[worker], wait)?.1)
    }

    /// Starts a worker on a host and waits for its last word, which `take` recognises.
    fn worker_on(
        &mut self,
        host: usize,
        role: &str,
        job: Value,
        deadline: Duration,
        take: impl Fn(Value) -> Option<Attempt>,
    ) -> io::Result<Attempt> {
        let worker = self.hosts.start_worker_on(host, role, job, deadline)?;
        // The agent ends the worker at its deadline and says so; this one is for the agent itself.
        let give_up = clock::now() + (deadline + PATIENCE).as_nanos() as u64;
        let mut attempt = None;
        let mut stopping = false;
        loop {
            if self.interrupted.load(Ordering::SeqCst) && !stopping {
                stopping = true;
                self.hosts.stop(worker);
            }
            match self.hear(worker, LOOK_UP) {
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
                Ok(Heard::Lost(why)) => return Ok(Attempt::Failed(why)),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Attempt::Failed(self.hosts.give_up_silent(host)?));
                }
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

impl Subject for LocalHost {
    fn prepare(&mut self, trials: &[&Trial]) -> io::Result<()> {
        self.prepare_files(trials)?;
        self.prepare_network(trials)
    }

    fn probe(&mut self) -> io::Result<Probe> {
        let places = self.catalogue.places;
        self.hosts.probe(HERE, self.catalogue.cpus.clone(), places.split)
    }

    fn block(&mut self, trial: &Trial, block: u32) -> io::Result<Attempt> {
        let seed = block_seed(self.plan.seed, trial, block);
        match (&trial.cell, trial.foreign) {
            (Cell::RoundTrip(spec), Some(peer)) => self.foreign_roundtrip(spec, peer),
            (Cell::RoundTrip(spec), None) if !spec.hosts.is_empty() => {
                self.roundtrip_between(spec, trial.work, seed)
            }
            (Cell::RoundTrip(spec), None) => self.roundtrip(spec, trial.work, seed),
            (Cell::FileServer(spec), _) if !spec.is_here() => self.fileserver_between(spec, trial.work, seed),
            (Cell::FileServer(spec), _) => self.fileserver(spec, trial.work, seed),
            (Cell::Fanout(spec), _) => self.fanout(spec, seed),
        }
    }

    fn participants(&self) -> Vec<Participant> {
        self.hosts.participants()
    }

    fn fetched(&self) -> &[FetchedSource] {
        &self.fetched
    }
}
