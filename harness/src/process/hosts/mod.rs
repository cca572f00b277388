//! The hosts of a run, each with its agent: workers are started on any of them, and what any says is heard.
//!
//! All agents speak into one channel. What is said by a worker that nobody waits for at the moment is kept until
//! somebody does, so that no word is lost however many are waited for in turn.

mod clocks;
mod hearing;
mod joining;

use super::{
    agent::{Cue, Introduction, Reply},
    identity::KnownBinary,
    partner::Program,
    reach::{Connection, Reach, Word, Words},
    remains::{Remains, unique_name},
};
use crate::measure::{clock, noise::Probe};
use ferrybench_data::run_info::Participant;
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    io,
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

/// This machine, whose agent is always there. Others are numbered from 1, in the order in which they joined.
pub const HERE: usize = 0;

/// Longest that an agent may take for anything that has no deadline of its own.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Longest that agents may take to remove everything and end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A worker on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker {
    /// The host's number.
    pub host: usize,
    /// The worker's, unlike that of any other on any host.
    pub id: u64,
}

/// What a worker was heard to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It said something.
    Said(Value),
    /// It ended: how, and its last words.
    Ended(String, String),
    /// Its host is lost, and it with it: one sentence.
    Lost(String),
}

/// Every host of a run.
pub struct Hosts {
    program: Program,
    known: Option<KnownBinary>,
    all: Vec<Host>,
    words: Words,
    incoming: mpsc::Receiver<(usize, Word, u64)>,
    last_worker: u64,
    /// What was said by workers, and not asked for yet.
    kept: HashMap<Worker, VecDeque<Heard>>,
    /// What was said by agents for themselves, and not asked for yet.
    answers: VecDeque<(usize, Reply, u64)>,
    /// What would stay behind if an agent were killed, with the worker that declared it; the agent removes it otherwise.
    declared: Vec<(Worker, Remains)>,
    /// Threads that remove what killed agents left.
    cleaners: Vec<thread::JoinHandle<()>>,
}

struct Host {
    reach: Reach,
    connection: Option<Connection>,
    /// What its agent told first; none before, and none where it never did.
    introduction: Option<Introduction>,
    /// What its clock shows when ours shows 0, and how far that may be wrong, nanoseconds.
    clock: (i64, u64),
    /// Why it is not there any more.
    lost: Option<String>,
    /// Whether the command that reaches it has ended.
    ended: bool,
    /// Whether the plan names it, so that it is a participant.
    named: bool,
}

impl Hosts {
    /// Starts the agent of this machine; its scratch folder is made in `temporary`.
    pub fn start(program: &Program, temporary: &Path) -> io::Result<Self> {
        let (words, incoming) = mpsc::channel();
        let mut hosts = Self {
            program: program.clone(),
            known: None,
            all: Vec::new(),
            words,
            incoming,
            last_worker: 0,
            kept: HashMap::new(),
            answers: VecDeque::new(),
            declared: Vec::new(),
            cleaners: Vec::new(),
        };
        let folder = temporary.join(format!("{}-{}", unique_name(), clock::now()));
        // Declared before it is made, as everything that outlives a process. No worker has the number 0.
        hosts.declared.push((Worker { host: HERE, id: 0 }, Remains::Path(folder.clone())));
        hosts.open(Reach { name: "this machine".into(), ..Reach::default() }, Some(folder));
        hosts.await_introductions(&[HERE]);
        hosts.present(HERE)?;
        Ok(hosts)
    }

    /// The hosts that the plan names, as their agents proved; those that were never there are left out.
    pub fn participants(&self) -> Vec<Participant> {
        let named = self.all.iter().filter(|host| host.named);
        named
            .filter_map(|host| {
                let identity = host.introduction.as_ref()?.identity.clone();
                Some(Participant {
                    name: host.reach.name.clone(),
                    prefix: host.reach.prefix.clone(),
                    host_name: identity.host_name,
                    boot_id: identity.boot_id,
                    network_namespace: identity.network_namespace,
                    interfaces: identity.interfaces,
                    clock_offset_s: host.clock.0 as f64 / 1e9,
                    clock_bound_s: host.clock.1 as f64 / 1e9,
                })
            })
            .collect()
    }

    /// What a host is called.
    pub fn name(&self, host: usize) -> &str {
        &self.all[host].reach.name
    }

    /// Why a host is not there any more, in one sentence.
    pub fn lost(&self, host: usize) -> Option<&str> {
        self.all[host].lost.as_deref()
    }

    /// The scratch folder of a host, on that host; an error where the host is lost.
    pub fn folder(&self, host: usize) -> io::Result<&Path> {
        Ok(&self.present(host)?.folder)
    }

    /// Starts a worker on a host. Of one on a host that is lost, that is what is heard first.
    pub fn start_worker_on(
        &mut self,
        host: usize,
        role: &str,
        job: Value,
        deadline: Duration,
    ) -> io::Result<Worker> {
        if host == HERE {
            self.present(HERE)?;
        }
        self.last_worker += 1;
        let worker = Worker { host, id: self.last_worker };
        let deadline_ms = deadline.as_millis() as u64;
        self.cue(host, &Cue::Start { id: worker.id, role: role.to_owned(), job, deadline_ms });
        Ok(worker)
    }

    /// Tells a worker something: one framed message.
    pub fn tell(&mut self, worker: Worker, line: Value) {
        self.cue(worker.host, &Cue::Tell { id: worker.id, line });
    }

    /// Tells a worker that there is no more: it may take leave.
    pub fn leave(&mut self, worker: Worker) {
        self.cue(worker.host, &Cue::Leave { id: worker.id });
    }

    /// Ends a worker before its time.
    pub fn stop(&mut self, worker: Worker) {
        self.cue(worker.host, &Cue::Stop { id: worker.id });
    }

    /// Looks how quiet a host is.
    pub fn probe(&mut self, host: usize, cpus: Vec<u32>, pair: Option<[u32; 2]>) -> io::Result<Probe> {
        self.cue(host, &Cue::Probe { cpus, pair });
        let (answer, _) = self.answer(host, |reply| matches!(reply, Reply::Probed(_)))?;
        match answer {
            Reply::Probed(probe) => Ok(probe),
            other => Err(io::Error::other(format!("the agent answered out of turn: {other:?}"))),
        }
    }

    /// What makes a host one of its own: its boot and its network namespace, as its agent proved.
    pub fn place(&self, host: usize) -> Option<(&str, u64)> {
        let identity = &self.all[host].introduction.as_ref()?.identity;
        Some((&identity.boot_id, identity.network_namespace))
    }
}

impl Hosts {
    /// The host's introduction; an error where the host is lost.
    fn present(&self, host: usize) -> io::Result<&Introduction> {
        match (&self.all[host].lost, &self.all[host].introduction) {
            (None, Some(introduction)) => Ok(introduction),
            (lost, _) => {
                let why = lost.clone().unwrap_or_else(|| "the host has not answered yet".to_owned());
                Err(io::Error::new(io::ErrorKind::BrokenPipe, why))
            }
        }
    }

    fn cue(&mut self, host: usize, cue: &Cue) {
        if let Some(connection) = &mut self.all[host].connection {
            connection.cue(cue);
        }
    }

    /// Removes what was declared, the latest first: files before the folder that holds them.
    fn remove_declared(&mut self) {
        self.declared.drain(..).rev().for_each(|(_, left)| left.remove());
    }
}

impl Drop for Hosts {
    /// The agents remove what is left when their input ends; where the agent of this machine was killed, nobody else
    /// would. Whoever does not end is ended, so that no command of a prefix outlives the run.
    fn drop(&mut self) {
        for host in &mut self.all {
            if let Some(connection) = &mut host.connection {
                connection.close();
            }
        }
        let give_up = clock::now() + FAREWELL.as_nanos() as u64;
        while self.all.iter().any(|host| !host.ended) {
            let left = Duration::from_nanos(give_up.saturating_sub(clock::now()));
            match self.incoming.recv_timeout(left) {
                Ok((number, Word::Gone(_), _)) => self.all[number].ended = true,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        for host in self.all.iter_mut().filter(|host| !host.ended) {
            if let Some(connection) = &mut host.connection {
                connection.kill();
            }
        }
        // Each has a deadline of its own.
        self.cleaners.drain(..).for_each(|cleaner| drop(cleaner.join()));
        self.remove_declared();
    }
}
