//! The hosts of a run, each with its agent: workers are started on any of them, and what any says is heard.
//!
//! All agents speak into one channel. What is said by a worker that nobody waits for at the moment is kept until
//! somebody does, so that no word is lost however many are waited for in turn.

use super::{
    agent::{self, Cue, Introduction, Reply},
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
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

/// This machine, whose agent is always there. Others are numbered from 1, in the order in which they joined.
pub const HERE: usize = 0;

/// Longest that an agent may take for anything that has no deadline of its own.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Exchanges of which the quickest tells how far two clocks are apart.
const EXCHANGES: u32 = 16;
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

    /// Reaches hosts and starts their agents, all at once; returns their numbers. One that cannot be reached, that runs
    /// another ferrybench, or that is the same as one before it where that is not allowed, is lost from the beginning.
    /// The one without a prefix is this machine.
    pub fn join(&mut self, reaches: &[Reach], same_allowed: bool) -> Vec<usize> {
        let numbers: Vec<usize> = reaches
            .iter()
            .map(|reach| {
                if reach.prefix.is_empty() && !self.all[HERE].named {
                    self.all[HERE].named = true;
                    self.all[HERE].reach.name.clone_from(&reach.name);
                    return HERE;
                }
                let number = self.open(reach.clone(), None);
                self.all[number].named = true;
                number
            })
            .collect();
        self.await_introductions(&numbers);
        if !same_allowed {
            for &number in &numbers {
                self.refuse_twin(number);
            }
        }
        for &number in &numbers {
            if self.all[number].lost.is_none()
                && let Err(error) = self.measure_clock(number)
            {
                self.lose(number, &error.to_string());
            }
        }
        numbers
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

    /// Starts a worker on a host.
    pub fn start_worker_on(
        &mut self,
        host: usize,
        role: &str,
        job: Value,
        deadline: Duration,
    ) -> io::Result<Worker> {
        self.present(host)?;
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

    /// Waits for the next thing that any of these workers says or does, for so long. An error is of kind `TimedOut`,
    /// or says that the agent of this machine is gone: without it there is no run.
    pub fn hear(&mut self, of: &[Worker], wait: Duration) -> io::Result<(Worker, Heard)> {
        let give_up = clock::now() + wait.as_nanos() as u64;
        loop {
            // One that is not there yet costs one look more.
            while let Ok(word) = self.incoming.try_recv() {
                self.take_in(word);
            }
            for worker in of {
                if let Some(heard) = self.kept.get_mut(worker).and_then(VecDeque::pop_front) {
                    return Ok((*worker, heard));
                }
            }
            if let Some(why) = &self.all[HERE].lost {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, why.clone()));
            }
            for worker in of {
                if let Some(why) = &self.all[worker.host].lost {
                    return Ok((*worker, Heard::Lost(why.clone())));
                }
            }
            self.wait_for_a_word(give_up)?;
        }
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

    /// Measures how far a host's clock is from ours. Clocks of two machines drift: measure before each block.
    pub fn measure_clock(&mut self, host: usize) -> io::Result<()> {
        let mut quickest = u64::MAX;
        for asked in 0..u64::from(EXCHANGES) {
            let sent_ns = clock::now();
            self.cue(host, &Cue::Now { asked });
            let (answer, came_ns) =
                self.answer(host, |reply| matches!(reply, Reply::Now { asked: of, .. } if *of == asked))?;
            let Reply::Now { now_ns, .. } = answer else { continue };
            // It read its clock at some moment between: the middle is wrong by half the round trip at most.
            let round_trip_ns = came_ns.saturating_sub(sent_ns);
            if round_trip_ns < quickest {
                quickest = round_trip_ns;
                let middle = sent_ns + round_trip_ns / 2;
                self.all[host].clock = (now_ns as i64 - middle as i64, round_trip_ns.div_ceil(2));
            }
        }
        Ok(())
    }

    /// What a host's monotonic clock shows when ours shows `here_ns`: one instant on every host is a start barrier.
    pub fn on_its_clock(&self, host: usize, here_ns: u64) -> u64 {
        here_ns.saturating_add_signed(self.all[host].clock.0)
    }

    /// What our monotonic clock shows when a host's shows `there_ns`.
    pub fn on_our_clock(&self, host: usize, there_ns: u64) -> u64 {
        there_ns.saturating_add_signed(-self.all[host].clock.0)
    }

    /// By how much a host's monotonic clock is ahead of ours, nanoseconds.
    pub fn ahead_ns(&self, host: usize) -> i64 {
        self.all[host].clock.0
    }

    /// What makes a host one of its own: its boot and its network namespace, as its agent proved.
    pub fn place(&self, host: usize) -> Option<(&str, u64)> {
        let identity = &self.all[host].introduction.as_ref()?.identity;
        Some((&identity.boot_id, identity.network_namespace))
    }

    /// Whether two hosts read the same clock: they are of one boot, and in no namespaces of time that differ.
    pub fn share_a_clock(&self, one: usize, other: usize) -> bool {
        let boot = |host: usize| self.all[host].introduction.as_ref().map(|told| &told.identity.boot_id);
        let is_ours = |host: usize| {
            let (offset_ns, bound_ns) = self.all[host].clock;
            offset_ns.unsigned_abs() <= bound_ns
        };
        boot(one).is_some() && boot(one) == boot(other) && is_ours(one) && is_ours(other)
    }

    /// How far [`Self::on_its_clock`] may be wrong, nanoseconds.
    pub fn clock_bound_ns(&self, host: usize) -> u64 {
        self.all[host].clock.1
    }
}

impl Hosts {
    /// Adds a host, and connects to it; one that cannot be reached is lost.
    fn open(&mut self, reach: Reach, folder: Option<PathBuf>) -> usize {
        let number = self.all.len();
        let connected = self.known_binary().and_then(|known| {
            reach.connect(&self.program, known.as_ref(), folder, number, self.words.clone())
        });
        let (connection, failure) = match connected {
            Ok(connection) => (Some(connection), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let ended = connection.is_none();
        self.all.push(Host {
            reach,
            connection,
            introduction: None,
            clock: (0, 0),
            lost: None,
            ended,
            named: false,
        });
        if let Some(why) = failure {
            self.lose(number, &why);
        }
        number
    }

    /// The binary's hash, read when the second host comes: the first runs the same file by construction, and finds out
    /// by itself.
    fn known_binary(&mut self) -> io::Result<Option<KnownBinary>> {
        if self.known.is_none() && !self.all.is_empty() {
            self.known = Some(KnownBinary::of(&self.program.0)?);
        }
        Ok(self.known.clone())
    }

    fn await_introductions(&mut self, of: &[usize]) {
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        let is_awaited = |host: &Host| host.introduction.is_none() && host.lost.is_none();
        while of.iter().any(|&number| is_awaited(&self.all[number])) {
            if self.wait_for_a_word(give_up).is_err() {
                for &number in of {
                    if is_awaited(&self.all[number]) {
                        self.lose(number, &format!("its agent did not answer within {PATIENCE:?}"));
                    }
                }
            }
        }
    }

    /// Two names for one network namespace of one boot would measure its loopback interface, whatever they say.
    fn refuse_twin(&mut self, number: usize) {
        let Some(own) = &self.all[number].introduction else { return };
        let is_twin = |other: &&Host| {
            let identity = other.introduction.as_ref().map(|introduction| &introduction.identity);
            other.named
                && other.lost.is_none()
                && identity.is_some_and(|other| own.identity.is_same_host(other))
        };
        if let Some(twin) = self.all[..number].iter().find(is_twin) {
            let why = format!(
                "it and {} are one host, the same network namespace of the same boot (allow_same_host = true allows it)",
                twin.reach.name
            );
            self.lose(number, &why);
        }
    }

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

    /// The next answer of an agent itself that is wanted, with the time when it came.
    fn answer(&mut self, host: usize, is_wanted: impl Fn(&Reply) -> bool) -> io::Result<(Reply, u64)> {
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        loop {
            self.present(host)?;
            while let Some((of, reply, at_ns)) = self.answers.pop_front() {
                // What else it answered is late: nobody waits for it any more.
                if of == host && is_wanted(&reply) {
                    return Ok((reply, at_ns));
                }
            }
            self.wait_for_a_word(give_up)?;
        }
    }

    fn wait_for_a_word(&mut self, give_up: u64) -> io::Result<()> {
        let left = Duration::from_nanos(give_up.saturating_sub(clock::now()));
        let word = self.incoming.recv_timeout(left).map_err(|_| {
            // We hold a sender ourselves: this is no disconnection.
            io::Error::new(io::ErrorKind::TimedOut, "no agent said anything in that time")
        })?;
        self.take_in(word);
        Ok(())
    }

    /// Puts a word where it is looked for.
    fn take_in(&mut self, (host, word, at_ns): (usize, Word, u64)) {
        if let Word::Gone(_) = word {
            self.all[host].ended = true;
        }
        if self.all[host].lost.is_some() {
            return; // whoever is given up has no say
        }
        match word {
            Word::Ready(introduction) => self.greet(host, *introduction),
            Word::Stranger(who) => self.refuse(host, &who),
            Word::Gone(how) => self.lose(host, &how),
            Word::Reply(Reply::Said { id, line }) => {
                let worker = Worker { host, id };
                match agent::declared(&line) {
                    Some(remains) => self.declared.push((worker, remains)),
                    None => self.kept.entry(worker).or_default().push_back(Heard::Said(line)),
                }
            }
            Word::Reply(Reply::Ended { id, how, words }) => {
                let worker = Worker { host, id };
                // The agent has removed what this worker declared.
                self.declared.retain(|(whose, _)| *whose != worker);
                self.kept.entry(worker).or_default().push_back(Heard::Ended(how, words));
            }
            Word::Reply(Reply::Ready(_)) => {}
            Word::Reply(reply @ (Reply::Probed(_) | Reply::Now { .. })) => {
                self.answers.push_back((host, reply, at_ns));
            }
        }
    }

    fn greet(&mut self, host: usize, introduction: Introduction) {
        let identity = &introduction.identity;
        let is_same = host == HERE
            || self.known.as_ref().is_some_and(|known| known.hash == identity.binary_hash)
                && identity.version == env!("CARGO_PKG_VERSION");
        let who = format!("version {}, {}", identity.version, identity.binary_hash);
        if let Some(connection) = &mut self.all[host].connection {
            connection.pushed = None; // an agent that speaks has removed it
        }
        if is_same {
            self.all[host].introduction = Some(introduction);
        } else {
            self.refuse(host, &who);
        }
    }

    fn refuse(&mut self, host: usize, who: &str) {
        let hash = self.known.as_ref().map_or("", |known| known.hash.as_str());
        let why = format!(
            "it has another ferrybench ({who}) than this one (version {}, {hash}); push = true copies this one there",
            env!("CARGO_PKG_VERSION")
        );
        self.lose(host, &why);
    }

    /// Gives a host up. What its agent, where that was killed, could not remove is removed for it.
    fn lose(&mut self, number: usize, why: &str) {
        let host = &mut self.all[number];
        host.lost = Some(match number {
            HERE => format!("the agent is lost: {why}"),
            _ if host.introduction.is_none() => format!("host {} cannot be reached: {why}", host.reach.name),
            _ => format!("host {} is lost: {why}", host.reach.name),
        });
        if let Some(connection) = &mut host.connection {
            connection.close();
        }
        if number == HERE {
            self.remove_declared();
            return;
        }
        let mut left: Vec<PathBuf> =
            host.connection.as_mut().and_then(|connection| connection.pushed.take()).into_iter().collect();
        if host.ended {
            left.extend(host.introduction.as_ref().map(|introduction| introduction.folder.clone()));
            let declared = self.declared.extract_if(.., |(worker, _)| worker.host == number);
            left.extend(declared.filter_map(|(_, remains)| match remains {
                Remains::Path(path) => Some(path),
                // Roles that make queues run on this machine only.
                Remains::PosixQueue(_) | Remains::SystemVQueue(_) => None,
            }));
        }
        if !left.is_empty() {
            let reach = host.reach.clone();
            // On a thread of its own: the run goes on with the other hosts.
            self.cleaners.push(thread::spawn(move || reach.remove(&left)));
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
