//! Somebody else's program beside ours: it is told rounds and size, and prints one JSON line.
//!
//! The contract (CONTRIBUTING.md, "Put your own program beside ours"): the command's `{rounds}`, `{bytes}`, `{cpus}` and
//! `{python_peer}` are filled in; the program may run on the placement's CPUs only; its last line on standard output is
//! one JSON object, [`Said`]. What it says is shown as self-reported: nothing of it was proved.

use crate::{
    measure::place,
    process::role::{Port, Role},
};
use ferrybench_data::roundtrip::Evidence;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The role of whoever runs a foreign peer: it only starts it and reads its line.
pub enum Foreign {}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Program and arguments, with their braces.
    pub command: Vec<String>,
    /// Round trips to make.
    pub rounds: u64,
    /// Payload of one message.
    pub bytes: u64,
    /// CPUs of the near and the far end; empty where they run where they like.
    pub cpus: Vec<u32>,
    /// Folder for the shipped peer.
    pub folder: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Its figures, as evidence that nobody checked.
    Done(Box<Evidence>),
    /// Why there are none.
    Failed(String),
}

/// The line that a foreign peer prints. Unknown keys are let pass: the peer may have other readers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Said {
    /// Round trips made.
    pub exchanges: u64,
    /// Wall time that they took, seconds.
    pub elapsed_s: f64,
    /// CPU time of the end that asks, seconds, over the same time.
    pub parent_cpu_s: Option<f64>,
    /// CPU time of the end that answers.
    pub child_cpu_s: Option<f64>,
    /// Median round trip, nanoseconds.
    pub p50_ns: Option<f64>,
    /// 99th percentile.
    pub p99_ns: Option<f64>,
}

const PYTHON_PEER: &str = include_str!("../../peers/python_peer.py");

impl Role for Foreign {
    const NAME: &'static str = "foreign";
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        let reply = run(&job).map_or_else(Reply::Failed, |evidence| Reply::Done(Box::new(evidence)));
        port.replies.send(&reply)
    }
}

fn run(job: &Job) -> Result<Evidence, String> {
    let python_peer = job.folder.join("python_peer.py");
    fs::write(&python_peer, PYTHON_PEER).map_err(|error| format!("the peer cannot be written: {error}"))?;
    let cpus: Vec<String> = job.cpus.iter().map(u32::to_string).collect();
    let filled = job.command.iter().map(|word| {
        word.replace("{rounds}", &job.rounds.to_string())
            .replace("{bytes}", &job.bytes.to_string())
            .replace("{cpus}", &cpus.join(","))
            .replace("{python_peer}", &python_peer.display().to_string())
    });
    let words: Vec<String> = filled.collect();
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    if !job.cpus.is_empty() {
        place::allow(&job.cpus).map_err(|error| format!("cannot be placed: {error}"))?;
    }
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .ok_or_else(|| format!("{program} said nothing"))?;
    let said: Said = serde_json::from_str(line)
        .map_err(|error| format!("{program} did not print its figures: {error}"))?;
    evidence(&said, job)
}

fn evidence(said: &Said, job: &Job) -> Result<Evidence, String> {
    if said.exchanges == 0 || !said.elapsed_s.is_finite() || said.elapsed_s <= 0.0 {
        return Err(format!("{} exchanges in {} s cannot be", said.exchanges, said.elapsed_s));
    }
    let rate_per_s = said.exchanges as f64 / said.elapsed_s;
    let (near_cpu_s, far_cpu_s) = (said.parent_cpu_s.unwrap_or(0.0), said.child_cpu_s.unwrap_or(0.0));
    Ok(Evidence {
        ordered: job.rounds,
        exchanges: said.exchanges,
        orders: 1,
        elapsed_s: said.elapsed_s,
        rate_per_s,
        bytes_per_s: rate_per_s * job.bytes as f64,
        batch: 1,
        p50_ns: said.p50_ns,
        p99_ns: said.p99_ns,
        // How it divides between user and system was not asked.
        cpu_user_s: near_cpu_s + far_cpu_s,
        near_cpu_s,
        far_cpu_s,
        ..Evidence::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(script: &str) -> Job {
        Job {
            command: vec!["sh".into(), "-c".into(), script.into()],
            rounds: 100,
            bytes: 64,
            cpus: Vec::new(),
            folder: std::env::temp_dir(),
        }
    }

    #[test]
    fn the_last_line_counts_and_braces_are_filled() {
        let seen =
            run(&job(r#"echo hello; echo '{"exchanges": {rounds}, "elapsed_s": 0.5, "more": {bytes}}'"#))
                .unwrap();
        assert_eq!((seen.exchanges, seen.rate_per_s, seen.bytes_per_s), (100, 200.0, 12_800.0));
    }

    #[test]
    fn what_is_no_figure_is_a_reason() {
        let reason = |script: &str| run(&job(script)).unwrap_err();
        assert_eq!(reason("exit 3"), "sh ended with exit status: 3");
        assert_eq!(reason("true"), "sh said nothing");
        assert!(reason("echo fast").starts_with("sh did not print its figures"));
        assert_eq!(reason(r#"echo '{"exchanges": 5, "elapsed_s": 0}'"#), "5 exchanges in 0 s cannot be");
    }
}
