//! Starting somebody else's server, waiting until it listens, and stopping it with everything that it started.

use super::watch::{Family, Watched};
use crate::{measure::clock, process::partner::how_it_ended};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs, io,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{self, Child, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How somebody else's server is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// A command for the shell, with `{port}`, `{workers}` and `{root}`.
    pub line: String,
    /// What `{root}` stands for.
    pub root: Option<PathBuf>,
    /// Anonymous memory that it may hold, bytes; more ends it.
    pub memory_bytes: u64,
}

/// Longest until it listens.
const START_NS: u64 = 30_000_000_000;
/// Between two looks whether it listens, and between two looks at its memory.
const LOOK: Duration = Duration::from_millis(10);
/// Between being told to end and being ended.
const FAREWELL_NS: u64 = 3_000_000_000;
/// How long the last lines of its workers are waited for.
const LAST_LINES_NS: u64 = 1_000_000_000;
/// Without a line for so long, its workers have told what they had to tell.
const SILENCE: Duration = Duration::from_millis(150);
/// Lines of its standard error that are kept.
const MOST_LINES: usize = 20;
/// What a line begins with by which a worker tells of a transfer: `ferrybench-worker 3 ok`, or `... failed`.
const WORKER_LINE: &str = "ferrybench-worker ";

/// A server of somebody else.
pub(super) struct Server {
    address: SocketAddr,
    start_s: f64,
    started: Option<Started>,
}

struct Started {
    child: Child,
    watch: Arc<Mutex<Watch>>,
    /// CPU time in ticks when the block began.
    ticks: (u64, u64),
    /// What workers told after the first round of the block; nothing where there was another.
    told: Option<BTreeMap<u32, (u64, u64)>>,
    /// Whether a worker has ever told of a transfer; and whether it is known that none does.
    told_once: bool,
    silent: bool,
}

/// What the watching threads share with whoever conducts.
#[derive(Default)]
struct Watch {
    watched: Watched,
    /// Processes that were there at the last look.
    pids: BTreeSet<u32>,
    lines: VecDeque<String>,
    over: bool,
}

impl Server {
    /// One that runs already.
    pub(super) fn at(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect_timeout(&address, Duration::from_secs(5))
            .map_err(|error| io::Error::new(error.kind(), format!("nobody answers at {address}: {error}")))?;
        Ok(Self { address, start_s: 0.0, started: None })
    }

    /// Starts one and waits until it listens.
    pub(super) fn start(command: &Command, workers: u32) -> io::Result<Self> {
        let begun = clock::now();
        // Another process could take the port before the server does; then the server says so.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let root = command.root.as_ref().map(|root| root.display().to_string()).unwrap_or_default();
        let line = command
            .line
            .replace("{port}", &port.to_string())
            .replace("{workers}", &workers.to_string())
            .replace("{root}", &root);
        let mut child = process::Command::new("sh")
            .args(["-c", &line])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let watch = Arc::new(Mutex::new(Watch::default()));
        let errors = child.stderr.take().expect("standard error was asked to be a pipe");
        let listening = Arc::clone(&watch);
        thread::spawn(move || listen(errors, &listening));
        let (pid, looking, limit) = (child.id(), Arc::clone(&watch), command.memory_bytes);
        thread::spawn(move || look(pid, limit, &looking));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut started =
            Started { child, watch, ticks: (0, 0), told: None, told_once: false, silent: false };
        while !listens(port) {
            if let Ok(Some(_)) = started.child.try_wait() {
                let how = how_it_ended(&mut started.child);
                return Err(io::Error::other(format!(
                    "the server {how} before it listened{}",
                    started.last_line()
                )));
            }
            if clock::now() - begun > START_NS {
                started.stop();
                let why = "the server did not listen on the port it was given within 30 s";
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{why}{}", started.last_line())));
            }
            clock::pause(LOOK);
        }
        Ok(Self { address, start_s: (clock::now() - begun) as f64 / 1e9, started: Some(started) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From its start until it listened, seconds; 0 where it ran already.
    pub(super) fn start_s(&self) -> f64 {
        self.start_s
    }

    /// A block begins: what is seen from now on is its own.
    pub(super) fn begin_block(&mut self) {
        if let Some(started) = &mut self.started {
            started.await_silence();
            let family = Family::of(started.child.id());
            started.ticks = family.ticks;
            started.told = None;
            let mut watch = started.watch();
            watch.pids.clone_from(&family.pids);
            watch.watched = Watched { died: Some(0), ..Watched::default() };
            watch.see(&family);
        }
    }

    /// A round of so many transfers is over: what its workers tell of it is noted before anything else is asked of them.
    pub(super) fn note_lines(&mut self, transfers: usize) {
        if let Some(started) = &mut self.started {
            started.await_lines(transfers as u64);
            let told = started.watch().watched.told.clone();
            // What is asked between rounds is told as well: of a second round nobody can say which lines are its own.
            started.told = Some(if started.told.is_none() { told } else { BTreeMap::new() });
        }
    }

    /// A block is over: what was seen of the server in it.
    pub(super) fn end_block(&mut self) -> Watched {
        let Some(started) = &mut self.started else { return Watched::default() };
        let family = Family::of(started.child.id());
        let ended = started.child.try_wait().ok().flatten().is_some();
        let ticks = (
            family.ticks.0.saturating_sub(started.ticks.0) as f64,
            family.ticks.1.saturating_sub(started.ticks.1) as f64,
        );
        let a_second =
            nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
        let trouble = if ended {
            let how = how_it_ended(&mut started.child);
            Some(format!("the server {how}{}", started.last_line()))
        } else {
            None
        };
        let told = started.told.take().unwrap_or_default();
        let mut watch = started.watch();
        watch.see(&family);
        let mut watched = watch.watched.clone();
        watched.told = told;
        watched.cpu_s = (!ended).then_some((ticks.0 / a_second, ticks.1 / a_second));
        // Running out of memory is the cause, and its end what follows.
        watched.trouble = watched.trouble.or(trouble);
        watched
    }

    /// An error that a client saw, after what the server did to cause it.
    pub(super) fn explained(&mut self, error: &io::Error) -> String {
        match self.end_block().trouble {
            Some(trouble) => format!("{trouble}; {error}"),
            None => error.to_string(),
        }
    }

    /// How it ended, where it has.
    pub(super) fn gone(&mut self) -> Option<String> {
        let started = self.started.as_mut()?;
        let over = started.watch().over;
        match started.child.try_wait() {
            Ok(None) if !over => None,
            _ => {
                started.stop();
                Some(format!("the server {}", how_it_ended(&mut started.child)))
            }
        }
    }

    /// Ends it, with everything that it started. One that ran already goes on.
    pub(super) fn stop(&mut self) {
        if let Some(started) = &mut self.started {
            started.stop();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Started {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the lines of workers that tell of their transfers. Who told nothing after the first round of all is not
    /// waited for again.
    fn await_lines(&mut self, transfers: u64) {
        let give_up = clock::now() + LAST_LINES_NS;
        while !self.silent && clock::now() < give_up {
            let told: u64 = self.watch().watched.told.values().map(|(ok, failed)| ok + failed).sum();
            self.told_once |= told > 0;
            if told >= transfers {
                return;
            }
            clock::pause(LOOK);
        }
        self.silent = !self.told_once;
    }

    /// Lets workers finish telling of what was asked between blocks, which is not the next block's.
    fn await_silence(&self) {
        let told = || self.watch().watched.told.values().map(|(ok, failed)| ok + failed).sum::<u64>();
        let give_up = clock::now() + LAST_LINES_NS;
        let mut before = told();
        while !self.silent && clock::now() < give_up {
            clock::pause(SILENCE);
            let now = told();
            if now == before {
                return;
            }
            before = now;
        }
    }

    fn last_line(&self) -> String {
        self.watch().lines.back().map_or_else(String::new, |line| format!(": {line}"))
    }

    fn stop(&mut self) {
        let family = Family::of(self.child.id()).pids;
        signal(&family, Signal::SIGTERM);
        let give_up = clock::now() + FAREWELL_NS;
        while clock::now() < give_up && matches!(self.child.try_wait(), Ok(None)) {
            clock::pause(LOOK);
        }
        // Whoever is left, and whoever was started meanwhile.
        let mut left = Family::of(self.child.id()).pids;
        left.extend(family.iter().filter(|pid| is_of_this_group(**pid)));
        signal(&left, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Watch {
    fn see(&mut self, family: &Family) {
        let watched = &mut self.watched;
        watched.most_workers = Some(watched.most_workers.unwrap_or(0).max(family.workers()));
        watched.peak_anonymous_bytes =
            Some(watched.peak_anonymous_bytes.unwrap_or(0).max(family.anonymous_bytes));
        let died = self.pids.difference(&family.pids).count() as u32;
        watched.died = Some(watched.died.unwrap_or(0) + died);
        self.pids.clone_from(&family.pids);
    }
}

fn signal(pids: &BTreeSet<u32>, signal: Signal) {
    for pid in pids {
        let _ = kill(Pid::from_raw(*pid as i32), signal);
    }
}

/// Whether a process is still one of ours: its number may belong to somebody else by now.
fn is_of_this_group(pid: u32) -> bool {
    nix::unistd::getpgid(Some(Pid::from_raw(pid as i32))).is_ok_and(|group| group == nix::unistd::getpgrp())
}

/// Reads what the server writes on standard error: workers' lines are counted, the last others are kept.
fn listen(errors: impl Read, watch: &Mutex<Watch>) {
    for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((worker, ok)) = worker_line(&line) {
            let told: &mut (u64, u64) = watch.watched.told.entry(worker).or_default();
            *(if ok { &mut told.0 } else { &mut told.1 }) += 1;
        } else if !line.is_empty() {
            watch.lines.push_back(line);
            if watch.lines.len() > MOST_LINES {
                watch.lines.pop_front();
            }
        }
    }
}

/// The worker, and whether its transfer went well.
fn worker_line(line: &str) -> Option<(u32, bool)> {
    let (worker, how) = line.strip_prefix(WORKER_LINE)?.split_once(' ')?;
    let ok = match how.trim() {
        "ok" => true,
        "failed" => false,
        _ => return None,
    };
    Some((worker.parse().ok()?, ok))
}

/// Looks at the server's memory until it has ended, and ends it where it holds too much.
fn look(pid: u32, limit: u64, watch: &Mutex<Watch>) {
    loop {
        let family = Family::of(pid);
        if family.pids.is_empty() {
            return;
        }
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.see(&family);
        if family.anonymous_bytes > limit {
            let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
            watch.over = true;
            watch.watched.trouble = Some(format!(
                "memory: the server held {:.2} GiB, and {:.2} GiB is its limit (--server-memory)",
                gib(family.anonymous_bytes),
                gib(limit)
            ));
            signal(&family.pids, Signal::SIGKILL);
            return;
        }
        drop(watch);
        clock::pause(LOOK);
    }
}

/// Whether somebody listens on a port of this host, by the kernel's own table: a connection to find out would be one
/// more for the server to serve.
fn listens(port: u16) -> bool {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let table = fs::read_to_string(table).unwrap_or_default();
        table.lines().skip(1).any(|line| {
            let mut fields = line.split_whitespace();
            let (local, state) = (fields.nth(1), fields.nth(1));
            local.is_some_and(|local| local.ends_with(&wanted)) && state == Some(LISTEN)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_tell_in_lines_of_three_words() {
        assert_eq!(worker_line("ferrybench-worker 3 ok"), Some((3, true)));
        assert_eq!(worker_line("ferrybench-worker 12 failed "), Some((12, false)));
        for other in
            ["ferrybench-worker", "ferrybench-worker x ok", "ferrybench-worker 3 maybe", "worker 3 ok", ""]
        {
            assert_eq!(worker_line(other), None, "{other}");
        }
    }

    #[test]
    fn a_port_is_listened_on_or_not() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is there");
        let port = listener.local_addr().expect("it is bound").port();
        assert!(listens(port));
        drop(listener);
        // A process that another test is just starting can hold a copy of the socket, until its `exec`.
        let give_up = clock::now() + 60_000_000_000;
        while listens(port) {
            assert!(clock::now() < give_up, "it is listened on still");
            clock::pause(LOOK);
        }
    }

    #[test]
    fn what_is_told_is_counted_and_what_is_said_is_kept() {
        let watch = Mutex::new(Watch::default());
        listen(
            &b"starting\nferrybench-worker 1 ok\nferrybench-worker 1 failed\n\nferrybench-worker 2 ok\nbye\n"
                [..],
            &watch,
        );
        let watch = watch.into_inner().expect("nobody panicked");
        assert_eq!(watch.watched.told, BTreeMap::from([(1, (1, 1)), (2, (1, 0))]));
        assert_eq!(watch.lines, ["starting", "bye"]);
    }
}
