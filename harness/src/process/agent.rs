//! The agent of a host: starts workers, relays what they say, and removes what outlives a process.
//!
//! It is a process of its own so that it is still there when the coordinator is killed: its input ends then, it ends
//! its workers and removes their remains and the scratch folder. Should the agent itself be killed, its workers' input
//! ends, and the coordinator, which hears of every declaration too, removes the rest.

use super::{
    identity::{Identity, KnownBinary},
    partner::{Program, how_it_ended, write_line},
    remains::{Remains, unique_name},
    role::{Port, Role},
};
use crate::measure::{
    clock,
    noise::{self, Probe},
};
use nix::{
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::HashMap,
    env,
    fs::{self, DirBuilder},
    io::{self, BufRead, BufReader, Read},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::PathBuf,
    process::{ChildStdin, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The role of a host's agent.
pub enum Agent {}

/// What an agent is told first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its scratch folder: it makes it, and removes it at its end. Absent: it takes a name of its own, for whoever starts
    /// it does not know where this host keeps temporary files.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// A binary whose hash is known: perhaps its own.
    #[serde(default)]
    pub known: Option<KnownBinary>,
    /// Its own binary, where that was copied here for it: it removes the file at once, and runs on.
    #[serde(default)]
    pub remove: Option<PathBuf>,
}

/// What an agent tells first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Introduction {
    /// Who it is and where it runs.
    pub identity: Identity,
    /// Its scratch folder, which is there now.
    pub folder: PathBuf,
}

/// What an agent is told later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Cue {
    /// Start a worker.
    Start {
        /// What its replies will be marked with.
        id: u64,
        /// The role that it plays.
        role: String,
        /// Its job.
        job: Value,
        /// How long it may run, milliseconds.
        deadline_ms: u64,
    },
    /// Tell a worker something.
    Tell {
        /// Which.
        id: u64,
        /// What: one framed message.
        line: Value,
    },
    /// Tell a worker that there is no more: its input ends, and it may take leave.
    Leave {
        /// Which.
        id: u64,
    },
    /// End a worker before its time.
    Stop {
        /// Which.
        id: u64,
    },
    /// Look how quiet the machine is.
    Probe {
        /// CPUs to spin on.
        cpus: Vec<u32>,
        /// CPUs to pass a cache line between.
        pair: Option<[u32; 2]>,
    },
    /// Read the clock.
    Now {
        /// What the answer is marked with.
        asked: u64,
    },
}

/// What an agent answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It is there, and its scratch folder is.
    Ready(Box<Introduction>),
    /// A worker said something.
    Said {
        /// Which.
        id: u64,
        /// What: one framed message.
        line: Value,
    },
    /// A worker has ended, and what it left is removed.
    Ended {
        /// Which.
        id: u64,
        /// How, in words.
        how: String,
        /// The end of what it wrote on standard error.
        words: String,
    },
    /// What a probe saw.
    Probed(Probe),
    /// What this host's monotonic clock shows.
    Now {
        /// The mark of the question.
        asked: u64,
        /// Nanoseconds.
        now_ns: u64,
    },
}

/// The remains that a worker's line declares, if it is a declaration: an object with the one key `Declare`.
pub fn declared(line: &Value) -> Option<Remains> {
    serde_json::from_value(line.get("Declare")?.clone()).ok()
}

/// Longest piece of a worker's standard error that is kept.
const MOST_WORDS: usize = 2_000;
/// Without a worker there is no deadline; the loop looks up now and then all the same.
const IDLE: Duration = Duration::from_secs(3600);

impl Role for Agent {
    const NAME: &'static str = "agent";
    // Ending its workers and removing what they left comes first; that takes milliseconds.
    const GRACE: Duration = Duration::from_secs(3);
    const LEADS_GROUP: bool = true;
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn play(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        if let Some(copy) = &job.remove {
            let _ = fs::remove_file(copy);
        }
        let folder =
            job.folder.unwrap_or_else(|| env::temp_dir().join(format!("{}-{}", unique_name(), clock::now())));
        let identity = Identity::of_this_process(job.known.as_ref())?;
        DirBuilder::new().mode(0o700).create(&folder)?;
        let introduction = Introduction { identity, folder: folder.clone() };
        // From here on the folder is removed whatever happens: nobody may be there to be told any more.
        let ended = port.replies.send(&Reply::Ready(Box::new(introduction))).and_then(|()| work(port));
        Remains::Path(folder).remove();
        ended
    }
}

/// Does what it is told until its input ends; then ends every worker.
fn work(port: Port<Cue, Reply>) -> io::Result<()> {
    let (events, incoming) = mpsc::channel();
    let cues = events.clone();
    thread::spawn(move || {
        for cue in port.cues {
            if cues.send(Event::Cue(cue)).is_err() {
                return;
            }
        }
        let _ = cues.send(Event::InputEnded);
    });
    let mut workers = Workers { running: HashMap::new(), events };
    let ended = serve(&mut workers, &incoming, |reply| port.replies.send(&reply));
    workers.end_all(&incoming);
    ended
}

enum Event {
    Cue(Cue),
    InputEnded,
    Line(u64, Value),
    Ended(u64, String, String),
}

struct Workers {
    running: HashMap<u64, Worker>,
    events: mpsc::Sender<Event>,
}

struct Worker {
    group: Pid,
    deadline_ns: u64,
    overdue: bool,
    remains: Vec<Remains>,
    /// Kept open: its end ends the worker.
    input: Option<ChildStdin>,
}

fn serve(
    workers: &mut Workers,
    incoming: &mpsc::Receiver<Event>,
    reply: impl Fn(Reply) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        match incoming.recv_timeout(workers.until_next_deadline()) {
            Err(_) => workers.end_overdue(),
            Ok(Event::InputEnded) => return Ok(()),
            Ok(Event::Cue(Cue::Start { id, role, job, deadline_ms })) => {
                if let Err(error) = workers.start(id, &role, &job, deadline_ms) {
                    let how = format!("could not be started: {error}");
                    reply(Reply::Ended { id, how, words: String::new() })?;
                }
            }
            Ok(Event::Cue(Cue::Tell { id, line })) => workers.tell(id, &line),
            Ok(Event::Cue(Cue::Leave { id })) => workers.let_go(id),
            Ok(Event::Cue(Cue::Stop { id })) => workers.stop(id),
            Ok(Event::Cue(Cue::Probe { cpus, pair })) => reply(Reply::Probed(noise::probe(&cpus, pair)))?,
            Ok(Event::Cue(Cue::Now { asked })) => reply(Reply::Now { asked, now_ns: clock::now() })?,
            Ok(Event::Line(id, line)) => {
                workers.note_remains(id, &line);
                reply(Reply::Said { id, line })?;
            }
            Ok(Event::Ended(id, how, words)) => {
                let overdue = workers.bury(id);
                let how = if overdue { "hung, and was ended at its deadline".to_owned() } else { how };
                reply(Reply::Ended { id, how, words })?;
            }
        }
    }
}

impl Workers {
    fn start(&mut self, id: u64, role: &str, job: &Value, within_ms: u64) -> io::Result<()> {
        let mut command = Program::myself().playing(role);
        // A group of its own: whatever it starts ends with it.
        let mut child = command.process_group(0).stderr(Stdio::piped()).spawn()?;
        let group = Pid::from_raw(child.id() as i32);
        let mut input = child.stdin.take().expect("standard input was asked to be a pipe");
        let output = child.stdout.take().expect("standard output was asked to be a pipe");
        let errors = child.stderr.take().expect("standard error was asked to be a pipe");
        // A worker that is gone already says so by its end.
        let _ = write_line(&mut input, job);
        let lines = self.events.clone();
        let relay = thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let parsed = line.map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line)));
                if !parsed.is_ok_and(|line| lines.send(Event::Line(id, line)).is_ok()) {
                    return;
                }
            }
        });
        let words = thread::spawn(move || last_words(errors));
        let events = self.events.clone();
        thread::spawn(move || {
            // Its group goes before it is reaped, while its number cannot belong to anybody else.
            let _ = waitid(Id::Pid(group), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            let _ = killpg(group, Signal::SIGKILL);
            let how = how_it_ended(&mut child);
            let _ = relay.join();
            let _ = events.send(Event::Ended(id, how, words.join().unwrap_or_default()));
        });
        let deadline_ns = clock::now() + within_ms * 1_000_000;
        let worker = Worker { group, deadline_ns, overdue: false, remains: Vec::new(), input: Some(input) };
        self.running.insert(id, worker);
        Ok(())
    }

    /// A worker that cannot hear any more says so by its end.
    fn tell(&mut self, id: u64, line: &Value) {
        if let Some(input) = self.running.get_mut(&id).and_then(|worker| worker.input.as_mut()) {
            let _ = write_line(input, line);
        }
    }

    fn let_go(&mut self, id: u64) {
        if let Some(worker) = self.running.get_mut(&id) {
            worker.input = None;
        }
    }

    fn stop(&mut self, id: u64) {
        if let Some(worker) = self.running.get(&id) {
            let _ = killpg(worker.group, Signal::SIGKILL);
        }
    }

    fn until_next_deadline(&self) -> Duration {
        let next =
            self.running.values().filter(|worker| !worker.overdue).map(|worker| worker.deadline_ns).min();
        next.map_or(IDLE, |next| Duration::from_nanos(next.saturating_sub(clock::now())))
    }

    fn end_overdue(&mut self) {
        let now = clock::now();
        for worker in self.running.values_mut().filter(|worker| worker.deadline_ns <= now) {
            worker.overdue = true;
            let _ = killpg(worker.group, Signal::SIGKILL);
        }
    }

    fn note_remains(&mut self, id: u64, line: &Value) {
        if let (Some(remains), Some(worker)) = (declared(line), self.running.get_mut(&id)) {
            worker.remains.push(remains);
        }
    }

    /// Removes what an ended worker left; whether it had to be ended at its deadline.
    fn bury(&mut self, id: u64) -> bool {
        let Some(worker) = self.running.remove(&id) else { return false };
        worker.remains.iter().for_each(Remains::remove);
        worker.overdue
    }

    /// Ends every worker and removes what it left, its last declarations included.
    fn end_all(&mut self, incoming: &mpsc::Receiver<Event>) {
        for worker in self.running.values() {
            let _ = killpg(worker.group, Signal::SIGKILL);
        }
        while !self.running.is_empty() {
            match incoming.recv_timeout(Duration::from_secs(2)) {
                Ok(Event::Line(id, line)) => self.note_remains(id, &line),
                Ok(Event::Ended(id, ..)) => {
                    self.bury(id);
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

/// The end of what a worker writes, read to its end so that the worker never waits for us.
pub(super) fn last_words(mut from: impl Read) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        kept.extend_from_slice(&piece[..read]);
        kept.drain(..kept.len().saturating_sub(MOST_WORDS));
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}
