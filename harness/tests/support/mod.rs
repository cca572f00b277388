//! What several tests need: the binary in an empty folder, and a look at what it leaves behind.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may, and this is part of tests")]
#![allow(unreachable_pub, reason = "a module of tests has no outside")]

pub mod bed;
pub mod block;
pub mod client;
pub mod fanout;
pub mod hand;
pub mod script;
pub mod server;

use assert_cmd::Command;
use ferrybench::process::partner::Program;
use nix::{sys::signal::Signal, unistd::Pid};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_ferrybench");
const MARK: &str = "FERRYBENCH_TEST_MARK";

/// An empty folder to stand in, with a temporary folder of its own.
pub struct Place {
    pub folder: TempDir,
    mark: String,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let mark = folder.path().display().to_string();
        Self { folder, mark }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command, to be run to its end.
    pub fn ferrybench(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .current_dir(self.folder.path())
            .env("TMPDIR", self.path("tmp"))
            .env(MARK, &self.mark)
            .args(arguments);
        command.timeout(Duration::from_secs(300));
        command
    }

    /// A program in this place, not started.
    pub fn command(&self, program: &str) -> process::Command {
        let mut command = process::Command::new(program);
        command.current_dir(self.folder.path()).env("TMPDIR", self.path("tmp")).env(MARK, &self.mark);
        command
    }

    /// The command, started and left running.
    pub fn start(&self, arguments: &[&str]) -> process::Child {
        let mut command = self.command(BINARY);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A worker, with pipes on its input and output.
    pub fn worker(&self, role: &str) -> process::Child {
        let mut command = program().playing(role);
        command.current_dir(self.folder.path()).env(MARK, &self.mark).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Processes that were started from here and live: their numbers and command lines.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let mark = format!("{MARK}={}", self.mark);
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        entries
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
                let environment = fs::read(entry.path().join("environ")).ok()?;
                environment.split(|&byte| byte == 0).any(|line| line == mark.as_bytes()).then_some(())?;
                let words = fs::read(entry.path().join("cmdline")).ok()?;
                let words = String::from_utf8_lossy(&words).replace('\0', " ");
                Some((pid, words.trim().to_owned()))
            })
            .collect()
    }

    /// A process that plays a role.
    pub fn playing(&self, role: &str) -> Option<i32> {
        let words = format!("worker {role}");
        self.processes().into_iter().find(|(_, line)| line.ends_with(&words)).map(|(pid, _)| pid)
    }

    /// Waits until a process plays a role: its number.
    pub fn eventually_playing(&self, role: &str) -> i32 {
        let mut found = None;
        eventually(&format!("{role} is there"), || {
            found = self.playing(role);
            found.is_some()
        });
        found.unwrap()
    }

    /// What is in the temporary folder.
    pub fn temporary(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// Somebody else's program that ends with the test.
pub struct Daemon(pub process::Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The binary under test, as whoever starts workers and agents.
pub fn program() -> Program {
    Program(BINARY.into())
}

/// Asks again until the answer is yes, for at most a minute: an event that has no descriptor to wait for.
pub fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = now() + Duration::from_secs(60);
    while !is() {
        assert!(now() < deadline, "not within 60 s: {what}");
        pause(5);
    }
}

/// Where nobody listens. A port that was free a moment ago would not do: a process that is just being started by another
/// test can hold a copy of the socket.
pub const NOBODY: &str = "127.0.0.1:1";

#[expect(clippy::disallowed_methods, reason = "a test's deadline is no measurement")]
pub fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a kill must come at some moment")]
pub fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// A line for whoever reads a test's output: why something was skipped.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub fn signal(pid: i32, signal: Signal) {
    // A process that is gone already is one that need not be killed.
    let _ = nix::sys::signal::kill(Pid::from_raw(pid), signal);
}

/// System V queues of this IPC namespace, by id.
pub fn system_v_queues() -> Vec<String> {
    let table = fs::read_to_string("/proc/sysvipc/msg").unwrap_or_default();
    table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned)).collect()
}

/// POSIX queues of this IPC namespace, seen through a mount of their file system in a mount namespace of its own; `None`
/// where this user may not make one.
pub fn posix_queues(at: &Path) -> Option<Vec<String>> {
    let script = r#"mount -t mqueue mqueue "$1" && ls "$1""#;
    let output =
        process::Command::new("unshare").args(["-m", "sh", "-c", script, "sh"]).arg(at).output().ok()?;
    let names = || String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    output.status.success().then(names)
}
