//! How a host is reached: a command prefix in front of our own binary, `ssh h1`, `ip netns exec h1` or none at all.
//!
//! What the prefix prints before the agent speaks (a banner, a message of the day) is skipped, and so is noise later:
//! a line is the agent's if it is one of its answers.

use super::{
    agent::{Agent, Cue, Introduction, Job, Reply, last_words},
    identity::KnownBinary,
    partner::{Program, how_it_ended, write_line},
    role::{Role, WORKER},
};
use crate::measure::clock;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// A host by its name and the command that reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// What the plan, or the test bed, calls it.
    pub name: String,
    /// The command, word by word; empty for this machine itself.
    pub prefix: Vec<String>,
    /// Where ferrybench lies on that host; absent: where this binary lies here.
    pub binary: Option<PathBuf>,
    /// Whether this binary is copied there first, and removed again.
    pub push: bool,
}

/// What comes over a connection, with the time of its arrival on our clock.
#[derive(Debug)]
pub(super) enum Word {
    /// The agent introduces itself.
    Ready(Box<Introduction>),
    /// It introduces itself as another version does: its version and the hash of its binary.
    Stranger(String),
    /// Any other answer.
    Reply(Reply),
    /// It has ended: how, with the last that was heard on standard error.
    Gone(String),
}

/// Where words go: the number of the host, the word, and when it came.
pub(super) type Words = mpsc::Sender<(usize, Word, u64)>;

/// A running agent with its input.
pub(super) struct Connection {
    /// Its end ends the agent.
    input: Option<ChildStdin>,
    group: Pid,
    /// Our binary on that host, until its agent has removed it.
    pub(super) pushed: Option<PathBuf>,
}

/// Longest line that is taken for an agent's; a longer one is noise, and so is what follows it up to its end.
const LONGEST_LINE: u64 = 64 << 20;
/// Lines, and bytes, of noise before the agent introduces itself.
const MOST_NOISE: usize = 10_000;
const MOST_NOISE_BYTES: usize = 64 << 20;
/// Longest that a command of a moment may take on the other side.
const A_MOMENT: Duration = Duration::from_secs(10);
/// Longest that copying the binary may take.
const A_COPY: Duration = Duration::from_secs(120);

impl Reach {
    /// A command on that host. Without a prefix it is the command itself.
    pub fn command(&self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Command {
        let mut all = self.prefix.iter().map(OsString::from).chain(words.into_iter().map(Into::into));
        let mut command = Command::new(all.next().unwrap_or_default());
        // A group of its own: a terminal's Ctrl-C must not cut the connection before it is told to end.
        command.args(all).process_group(0);
        command
    }

    /// What it is called in a sentence about how it ended.
    fn spoken(&self) -> String {
        if self.prefix.is_empty() { "it".to_owned() } else { format!("`{}`", self.prefix.join(" ")) }
    }

    /// Starts its agent. What it says comes as words of that number.
    pub(super) fn connect(
        &self,
        program: &Program,
        known: Option<&KnownBinary>,
        folder: Option<PathBuf>,
        number: usize,
        words: Words,
    ) -> io::Result<Connection> {
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None if self.prefix.is_empty() => program.0.clone(),
            None => program.path()?,
        };
        let pushed = if self.push && !self.prefix.is_empty() { Some(self.pushed(program)?) } else { None };
        let mut command = if self.prefix.is_empty() && self.binary.is_none() {
            program.playing(Agent::NAME)
        } else {
            let binary = pushed.as_ref().unwrap_or(&binary).as_os_str().to_owned();
            self.command([binary, WORKER.into(), Agent::NAME.into()])
        };
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                let first = command.get_program().to_string_lossy().into_owned();
                io::Error::new(error.kind(), format!("`{first}` could not be started: {error}"))
            })?;
        let mut input = child.stdin.take().expect("standard input was asked to be a pipe");
        let group = Pid::from_raw(child.id() as i32);
        let job = Job { folder, known: known.cloned(), remove: pushed.clone() };
        // One that is gone already says so by its end.
        let _ = write_line(&mut input, &job);
        let spoken = self.spoken();
        thread::spawn(move || listen(child, &spoken, number, &words));
        Ok(Connection { input: Some(input), group, pushed })
    }

    /// Copies our binary there, under a name that nothing else has; returns the name.
    fn pushed(&self, program: &Program) -> io::Result<PathBuf> {
        let path = format!("/tmp/ferrybench-{}-{}", std::process::id(), clock::now());
        // Read twice by a shell where the prefix is ssh, once where it is docker: it means the same both times.
        let script = format!("umask 077; cat > {path} && chmod 700 {path}");
        let mut command = self.command(["sh", "-c", &script]);
        command.stdin(File::open(program.path()?)?).stdout(Stdio::null()).stderr(Stdio::piped());
        finish(&mut command, A_COPY)
            .map_err(|why| io::Error::other(format!("the binary could not be copied there: {why}")))?;
        Ok(PathBuf::from(path))
    }

    /// Removes what a killed agent left on its host; what is not there any more is no error.
    pub(super) fn remove(&self, paths: &[PathBuf]) {
        let words = ["rm", "-rf", "--"].map(OsString::from);
        let mut command = self.command(words.into_iter().chain(paths.iter().map(OsString::from)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let _ = finish(&mut command, A_MOMENT);
    }
}

/// Runs a command to its end; an error says how it ended and what it last said.
pub(crate) fn finish(command: &mut Command, deadline: Duration) -> Result<(), String> {
    let mut child = command.process_group(0).spawn().map_err(|error| {
        format!("`{}` could not be started: {error}", command.get_program().to_string_lossy())
    })?;
    let group = Pid::from_raw(child.id() as i32);
    let errors = child.stderr.take();
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let words = errors.map(last_words).unwrap_or_default();
        let _ =
            done.send((child.wait().is_ok_and(|status| status.success()), how_it_ended(&mut child), words));
    });
    match ended.recv_timeout(deadline) {
        Ok((true, ..)) => Ok(()),
        Ok((false, how, words)) => Err(told(&how, &words)),
        Err(_) => {
            let _ = killpg(group, Signal::SIGKILL);
            Err(format!("it took longer than {deadline:?}"))
        }
    }
}

impl Connection {
    /// Tells the agent something. One that cannot hear any more says so by its end.
    pub(super) fn cue(&mut self, cue: &Cue) {
        if let Some(input) = &mut self.input {
            let _ = write_line(input, cue);
        }
    }

    /// Ends its input: the agent removes everything, and ends.
    pub(super) fn close(&mut self) {
        self.input = None;
    }

    /// Ends the prefix's command itself: for one that does not end with its input.
    pub(super) fn kill(&mut self) {
        self.input = None;
        let _ = killpg(self.group, Signal::SIGKILL);
    }
}

/// Passes on what an agent says until it ends.
fn listen(mut child: Child, spoken: &str, number: usize, words: &Words) {
    let output = child.stdout.take().expect("standard output was asked to be a pipe");
    let errors = child.stderr.take().expect("standard error was asked to be a pipe");
    let last = thread::spawn(move || last_words(errors));
    let mut output = BufReader::new(output);
    let (mut line, mut noise, mut noise_bytes, mut introduced) = (Vec::new(), 0, 0, false);
    let mut is_flood = false;
    while let Ok(1..) = output.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
        let at_ns = clock::now();
        let word = word_of(&line, introduced);
        introduced |= matches!(word, Some(Word::Ready(_)));
        if !introduced && word.is_none() {
            noise += 1;
            noise_bytes += line.len();
            is_flood = noise > MOST_NOISE || noise_bytes > MOST_NOISE_BYTES;
        }
        line.clear();
        let heard = word.is_none_or(|word| words.send((number, word, at_ns)).is_ok());
        if !heard || is_flood {
            break;
        }
    }
    if is_flood {
        let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
    }
    drop(output);
    let ended = how_it_ended(&mut child);
    let how = if is_flood {
        format!("{spoken} printed {noise} lines, {noise_bytes} bytes, and no word of an agent: it was ended")
    } else {
        format!("{spoken} {ended}")
    };
    let _ = words.send((number, Word::Gone(told(&how, &last.join().unwrap_or_default())), clock::now()));
}

/// What a line says, or `None` where it is noise.
fn word_of(line: &[u8], introduced: bool) -> Option<Word> {
    let line: Value = serde_json::from_slice(line).ok()?;
    if introduced {
        return match serde_json::from_value(line).ok()? {
            Reply::Ready(_) => None,
            reply => Some(Word::Reply(reply)),
        };
    }
    // Another version may introduce itself in other words: only these two are for ever.
    let ready = line.get("Ready")?;
    let told = |key: &str| ready.get("identity")?.get(key)?.as_str().map(str::to_owned);
    let (version, hash) = (told("version")?, told("binary_hash")?);
    match serde_json::from_value(line).ok() {
        Some(Reply::Ready(introduction)) => Some(Word::Ready(introduction)),
        _ => Some(Word::Stranger(format!("version {version}, {hash}"))),
    }
}

fn told(how: &str, words: &str) -> String {
    let last = words.lines().last().map_or(String::new(), |line| format!(": {}", line.trim()));
    format!("{how}{last}")
}

impl Program {
    /// Where it lies, for whoever starts it from another process: `/proc/self` would be that one's.
    pub fn path(&self) -> io::Result<PathBuf> {
        if self.0 == Path::new("/proc/self/exe") { std::env::current_exe() } else { Ok(self.0.clone()) }
    }
}
