//! The system's own tools inside a namespace: `ip`, `bridge`, `tc` and `nft`, each fed with a batch.

use crate::process::partner::how_it_ended;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    env,
    io::{self, Read, Write},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longest that one tool may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Runs a tool in a namespace with that input; returns what it printed. An error names the tool and its last words.
pub(super) fn run(prefix: &[String], tool: &[&str], input: String) -> io::Result<String> {
    let mut words = prefix.iter().map(String::as_str).chain(tool.iter().copied());
    let name = tool.first().copied().unwrap_or_default();
    let mut command = Command::new(words.next().unwrap_or_default());
    // Not every user's path has where these tools lie.
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        io::Error::new(error.kind(), format!("`{program}` could not be started: {error}"))
    })?;
    let mut stdin = child.stdin.take().expect("standard input was asked to be a pipe");
    let stdout = child.stdout.take().expect("standard output was asked to be a pipe");
    let stderr = child.stderr.take().expect("standard error was asked to be a pipe");
    let pid = Pid::from_raw(child.id() as i32);
    thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let errors = thread::spawn(move || whole(stderr));
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let printed = whole(stdout);
        let good = child.wait().is_ok_and(|status| status.success());
        let _ = done.send((good, how_it_ended(&mut child), printed, errors.join().unwrap_or_default()));
    });
    match ended.recv_timeout(DEADLINE) {
        Ok((true, _, printed, _)) => Ok(printed),
        Ok((false, how, _, words)) => {
            // The first line says what is wrong; those after it only where.
            let first = words.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
            let why = if first.is_empty() { how } else { first.to_owned() };
            Err(io::Error::other(format!("{name}: {why}")))
        }
        Err(_) => {
            let _ = kill(pid, Signal::SIGKILL);
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("{name} took longer than {DEADLINE:?}")))
        }
    }
}

fn whole(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
