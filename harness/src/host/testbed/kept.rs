//! Test hosts that stay when the command that made them ends: a holder in a session of its own, and a note of where.
//!
//! The note names the holder by its number and the moment of its start, so that nobody else is ever ended in its place.

use super::{
    BedHost, Link, Net, Subnet, either,
    holder::{Cue, Hold, Job, Reply},
    namespaces_for,
};
use crate::process::{
    identity::boot_id,
    partner::{Program, write_line},
    role::Role,
};
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};
use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead, BufReader, ErrorKind},
    net::Ipv4Addr,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longest that a holder may take for an answer, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is noted about hosts that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What they are called together.
    pub name: String,
    /// Each of them: the client, then the servers.
    pub hosts: Vec<BedHost>,
    /// The address of all at once.
    pub broadcast: Ipv4Addr,
    holder: Holder,
}

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    process: i32,
    /// When it was started, clock ticks since the boot.
    started: u64,
    boot_id: String,
}

/// Makes hosts that stay. An error of kind `AlreadyExists` says that there are some of that name.
pub fn up(program: &Program, name: &str, servers: u32, subnet: Subnet, link: &Link) -> io::Result<Kept> {
    let notes = Notes::open()?;
    let path = notes.path(name)?;
    if let Some(kept) = Notes::read(&path)?
        && kept.is_up()
    {
        let why = format!("test hosts {name} are up already; `ferrybench hosts down {name}` removes them");
        return Err(io::Error::new(ErrorKind::AlreadyExists, why));
    }
    let namespaces = namespaces_for(servers)?;
    let (mut start, net) = either(|user_namespace| {
        let mut start = Start::of(program)?;
        let threads = start.hold(&Job { namespaces, user_namespace })?;
        let mut net = Net::lay(&threads, user_namespace, subnet)?;
        net.configure(link)?;
        Ok((start, net))
    })?;
    let process = start.child.id() as i32;
    let started = started(process).ok_or_else(|| io::Error::other("the holder ended at once"))?;
    let holder = Holder { process, started, boot_id: boot_id()? };
    let kept = Kept { name: name.to_owned(), broadcast: subnet.broadcast(), hosts: net.hosts, holder };
    // Noted before it is told to stay: should we be killed in between, it ends with us.
    Notes::write(&path, &kept)?;
    start.keep().inspect_err(|_| drop(fs::remove_file(&path)))?;
    Ok(kept)
}

/// Removes hosts; whether they were still there. An error of kind `NotFound` says that nothing of that name is noted.
pub fn down(name: &str) -> io::Result<bool> {
    let notes = Notes::open()?;
    let path = notes.path(name)?;
    let was_up = match Notes::read(&path)? {
        Some(kept) => kept.holder.end()?,
        // A note that cannot be read names nobody who could be ended.
        None if path.exists() => false,
        None => {
            let why =
                format!("there are no test hosts {name}; `ferrybench hosts list` shows those that there are");
            return Err(io::Error::new(ErrorKind::NotFound, why));
        }
    };
    fs::remove_file(&path)?;
    Ok(was_up)
}

/// Every note, by name.
pub fn list() -> io::Result<Vec<Kept>> {
    let notes = Notes::open()?;
    let mut all = Vec::new();
    for entry in fs::read_dir(&notes.folder)?.filter_map(Result::ok) {
        if entry.path().extension().is_some_and(|extension| extension == "json") {
            all.extend(Notes::read(&entry.path())?);
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

impl Kept {
    /// Whether their holder is there.
    pub fn is_up(&self) -> bool {
        self.holder.is_there()
    }
}

impl Holder {
    fn is_there(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot_id) && started(self.process) == Some(self.started)
    }

    /// Ends it and waits until it is gone; whether it was there.
    fn end(&self) -> io::Result<bool> {
        let Some(pid) = Pid::from_raw(self.process) else { return Ok(false) };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(false) };
        // Looked at after it was opened: from here on it is this process and no other.
        if !self.is_there() {
            return Ok(false);
        }
        pidfd_send_signal(&process, Signal::KILL)?;
        let wait = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&wait))? {
            0 => Err(io::Error::new(ErrorKind::TimedOut, "the holder of the hosts does not end")),
            _ => Ok(true),
        }
    }
}

/// When a process was started, clock ticks since the boot; `None` where there is none, or it has ended.
fn started(process: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name may hold anything; what follows its last bracket is words.
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?;
    if matches!(state, "Z" | "X") { None } else { words.nth(18)?.parse().ok() }
}

/// A holder that is being started. Where it is given up, it ends.
struct Start {
    child: Child,
    /// Its end ends the holder, until that is told to stay.
    input: ChildStdin,
    answers: mpsc::Receiver<String>,
    kept: bool,
}

impl Start {
    fn of(program: &Program) -> io::Result<Self> {
        let mut child = program.playing(Hold::NAME).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take().expect("standard input was asked to be a pipe");
        let output = child.stdout.take().expect("standard output was asked to be a pipe");
        Ok(Self { child, input, answers: lines(output), kept: false })
    }

    fn hold(&mut self, job: &Job) -> io::Result<Vec<i32>> {
        write_line(&mut self.input, job)?;
        match self.answer()? {
            Reply::Holding { threads } => Ok(threads),
            Reply::Failed(why) => Err(io::Error::other(why)),
            Reply::Kept => Err(io::Error::other("the holder answered out of turn")),
        }
    }

    fn keep(&mut self) -> io::Result<()> {
        write_line(&mut self.input, &Cue::Keep)?;
        self.kept = matches!(self.answer()?, Reply::Kept);
        if self.kept { Ok(()) } else { Err(io::Error::other("the holder answered out of turn")) }
    }

    fn answer(&self) -> io::Result<Reply> {
        let line = self.answers.recv_timeout(PATIENCE);
        let line = line.map_err(|_| io::Error::other("the holder of the hosts ended, or does not answer"))?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn lines(from: ChildStdout) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
    });
    told
}

/// The folder of notes, which one command at a time may use.
struct Notes {
    folder: PathBuf,
    _alone: Flock<File>,
}

impl Notes {
    /// Opens it: under the user's run-time folder where there is one. It must be this user's alone, for whoever writes
    /// into it says which process is to be ended.
    fn open() -> io::Result<Self> {
        let own = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
        let folder = match own {
            Some(own) => own.join("ferrybench"),
            None if geteuid().is_root() => PathBuf::from("/run/ferrybench"),
            None => env::temp_dir().join(format!("ferrybench-{}", geteuid())),
        };
        let place = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("notes of test hosts cannot be kept in {}: {error}", folder.display()),
            )
        };
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(place(error)),
            _ => {}
        }
        let facts = fs::symlink_metadata(&folder).map_err(place)?;
        if !facts.is_dir() || facts.uid() != geteuid().as_raw() || facts.mode() & 0o077 != 0 {
            let why = format!("{} must be a folder that is yours alone (mode 0700)", folder.display());
            return Err(io::Error::new(ErrorKind::PermissionDenied, why));
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false).mode(0o600);
        let lock = options.open(folder.join("lock")).map_err(place)?;
        let alone = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|_| {
            io::Error::new(
                ErrorKind::WouldBlock,
                "another `ferrybench hosts` is at work; try again when it is done",
            )
        })?;
        Ok(Self { folder, _alone: alone })
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (1..=32).contains(&name.len()) && name.bytes().all(is_plain) {
            return Ok(self.folder.join(format!("{name}.json")));
        }
        let why = format!(
            "a name of test hosts is letters, digits, '-' and '_', at most 32 of them, not \"{name}\""
        );
        Err(io::Error::new(ErrorKind::InvalidInput, why))
    }

    /// What a note says; `None` where there is none, or none that can be read.
    fn read(path: &Path) -> io::Result<Option<Kept>> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a note whole: under another name first.
    fn write(path: &Path, kept: &Kept) -> io::Result<()> {
        let partial = path.with_extension("partial");
        fs::write(&partial, serde_json::to_vec_pretty(kept)?)?;
        fs::rename(&partial, path)
    }
}
