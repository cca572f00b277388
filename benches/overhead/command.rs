//! Other programs, and our own binary as a whole.

use super::held::{Bar, Table};
use ferrybench::measure::{clock, place};
use nix::sys::resource::{UsageWho, getrusage};
use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

const BINARY: &str = env!("CARGO_BIN_EXE_ferrybench");
const PYTHON_PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/python_peer.py");
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/sample");

fn output(program: &str, arguments: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then_some(output)
}

/// Nanoseconds an exchange of `perf bench sched pipe`, both its processes on one CPU.
pub(super) fn perf_pipe([cpu, _]: [u32; 2]) -> Option<f64> {
    place::pin(cpu).ok()?; // what it starts inherits this
    let output = output("perf", &["bench", "-f", "simple", "sched", "pipe", "-l", "50000"])?;
    let seconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().ok()?;
    Some(seconds * 1e9 / 50_000.0)
}

/// Seconds an exchange of Python's multiprocessing.Queue, one for each direction, 64 bytes.
pub(super) fn python_queue([near, far]: [u32; 2]) -> Option<f64> {
    place::allow(&if near == far { vec![near] } else { vec![near, far] }).ok()?;
    let cpus = format!("{near},{far}");
    let output =
        output("python3", &[PYTHON_PEER, "mp-queue", "--rounds", "2000", "--bytes", "64", "--cpus", &cpus]);
    place::pin(near).ok()?;
    let said: serde_json::Value = serde_json::from_slice(&output?.stdout).ok()?;
    Some(said["elapsed_s"].as_f64()? / said["exchanges"].as_f64()? * 1e9)
}

/// Bars of the program as a whole.
pub(super) fn rows(table: &mut Table) {
    let helps: Vec<f64> = (0..31).map(|_| timed_s(&["--help"]) * 1e3).collect();
    table.figure("`--help`", &helps, "ms", Bar::AtMost(10.0));
    let (report, bar) = ("a report from 10 000 rows", Bar::AtMost(2.0));
    let Ok(folder) = tempfile::tempdir() else {
        return table.failed(report, "there is no temporary folder", bar, "s");
    };
    match large_run(folder.path()) {
        Some(rows) => {
            let run = folder.path().display().to_string();
            let reports: Vec<f64> = (0..5).map(|_| timed_s(&["report", "--allow-debug", &run])).collect();
            table.figure(&format!("a report from {rows} rows"), &reports, "s", bar);
        }
        None => table.skipped(report, "reports/sample has no records", bar),
    }
}

/// Memory of the largest process of a run. Asked first: the system only tells of all children so far.
pub(super) fn memory(table: &mut Table) {
    let (what, bar) = ("memory of the largest process of `bench smoke`", Bar::AtMost(64.0));
    let largest_kib = tempfile::tempdir().ok().and_then(|folder| {
        let run = folder.path().join("smoke").display().to_string();
        output(BINARY, &["bench", "smoke", "--out", &run])?;
        Some(getrusage(UsageWho::RUSAGE_CHILDREN).ok()?.max_rss())
    });
    match largest_kib {
        Some(kib) => table.figure(what, &[kib as f64 / 1024.0], "MiB", bar),
        None => table.failed(what, "`bench smoke` did not end well", bar, "MiB"),
    }
}

fn timed_s(arguments: &[&str]) -> f64 {
    let begun = clock::now();
    output(BINARY, arguments).expect("the command succeeds");
    (clock::now() - begun) as f64 / 1e9
}

/// A run of at least 10 000 rows: the sample's records again and again, as further blocks.
fn large_run(folder: &Path) -> Option<usize> {
    for name in ["run.json", "plan.toml"] {
        fs::copy(Path::new(SAMPLE).join(name), folder.join(name)).ok()?;
    }
    let rows = repeated("roundtrip.csv", folder, None)?;
    repeated("histograms.csv", folder, Some(rows.1))?;
    Some(rows.0)
}

/// Writes a table's rows so many times, or until there are 10 000; returns rows and times.
fn repeated(name: &str, folder: &Path, times: Option<usize>) -> Option<(usize, usize)> {
    let text = fs::read_to_string(Path::new(SAMPLE).join(name)).ok()?;
    let (header, body) = text.split_once('\n')?;
    let lines: Vec<&str> = body.lines().collect();
    let times = times.unwrap_or_else(|| 10_000_usize.div_ceil(lines.len().max(1)));
    let mut large = format!("{header}\n");
    for copy in 0..times {
        for line in &lines {
            let mut cells = line.splitn(3, ',');
            let (trial, block, rest) = (cells.next()?, cells.next()?.parse::<usize>().ok()?, cells.next()?);
            writeln!(large, "{trial},{},{rest}", block + copy * 100).ok()?;
        }
    }
    fs::write(folder.join(name), large).ok()?;
    Some((lines.len() * times, times))
}
