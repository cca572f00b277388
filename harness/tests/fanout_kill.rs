//! Fan-out between hosts, and somebody is killed: whoever it is and whenever, nothing stays, and what can go on does.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench_data::{
    dataset::Dataset,
    fanout::OK,
    record::{Fate, Row},
};
use nix::sys::signal::Signal;
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::PathBuf,
    process::Child,
};
use support::{Place, bed::has_hosts, eventually, pause, signal};

/// Blocks of some 0.2 s, in which worker processes send; enough of them to be killed in.
const PLAN: &str = r#"
name = "kill"
blocks = 40

[fanout]
sender_models = ["process-pool"]
pool_sizes = [2]
file_bytes = ["1MiB"]
reliabilities = ["repair"]
fetch_where = ["parent-serial"]
paces = ["20MB"]
"#;

/// Address of the second server of a test bed.
const SECOND: &str = "10.77.0.3";

/// A run that was started in a place of its own.
struct Running {
    place: Place,
    coordinator: Child,
}

impl Running {
    fn start(plan: &str) -> Self {
        let place = Place::new();
        place.write("plan.toml", plan);
        let coordinator = place.start(&["run", "plan.toml", "--out", "run"]);
        Self { place, coordinator }
    }

    fn pid(&self) -> i32 {
        self.coordinator.id() as i32
    }

    /// Rows so far, however each of them went.
    fn rows(&self) -> usize {
        let text = fs::read_to_string(self.place.path("run/fanout.csv")).unwrap_or_default();
        text.matches('\n').count().saturating_sub(1)
    }

    /// What this run keeps in memory: names there begin with its number.
    fn in_memory(&self) -> Vec<PathBuf> {
        let mine = format!("ferrybench-{}-", self.pid());
        let entries = fs::read_dir("/dev/shm").into_iter().flatten().filter_map(Result::ok);
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&mine))
            .map(|entry| entry.path())
            .collect()
    }

    /// Waits for its end: its exit code. Nothing of it may be left then.
    fn end(&mut self, what: &str) -> Option<i32> {
        let mut status = None;
        eventually(&format!("the run ends after {what}"), || {
            status = self.coordinator.try_wait().unwrap();
            status.is_some()
        });
        // Its hosts are namespaces: they are gone with the last process in them.
        eventually(&format!("no process after {what}"), || self.place.processes().is_empty());
        eventually(&format!("nothing in memory after {what}"), || self.in_memory().is_empty());
        eventually(&format!("no temporary file after {what}"), || self.place.temporary().is_empty());
        status.unwrap().code()
    }

    /// Why blocks failed, and how many did for that reason.
    fn failures(&self) -> BTreeMap<String, usize> {
        let mut failures = BTreeMap::new();
        for row in Dataset::read(&self.place.path("run")).unwrap().fanout {
            match row.fate() {
                Fate::Failed(why) => *failures.entry(why.to_owned()).or_default() += 1,
                Fate::Proved | Fate::SelfReported => {}
                Fate::Refused(reasons) => panic!("{}: {}", row.trial(), reasons.join("; ")),
                Fate::Skipped(why) => panic!("{}: {why}", row.trial()),
            }
        }
        failures
    }

    /// The agent of the host with this address.
    fn agent_of(&self, address: &str) -> Option<i32> {
        let agents = self.place.processes().into_iter().filter(|(_, line)| line.ends_with("worker agent"));
        // The routes of whoever looks, so those of its namespace.
        let has_it = |pid: &i32| {
            fs::read_to_string(format!("/proc/{pid}/net/fib_trie")).is_ok_and(|text| text.contains(address))
        };
        agents.map(|(pid, _)| pid).find(has_it)
    }
}

#[test]
fn nothing_is_left_behind_whoever_is_killed() {
    if !has_hosts() {
        return;
    }
    let workers = ["hold", "fan-stock", "serve", "fan-receive", "fan-send", "fan-worker"];
    let all = ["coordinator", "agent", "agent of server2"].into_iter().chain(workers);
    // Moments of a block: while it is set up, while it is sent, at its end, in the next.
    for (victim, delay) in all.flat_map(|victim| [0, 40, 130, 290].map(|delay| (victim, delay))) {
        let what = format!("{victim} was killed {delay} ms after it was there");
        let mut run = Running::start(PLAN);
        let found = |run: &Running| match victim {
            "coordinator" => Some(run.pid()),
            "agent of server2" => run.agent_of(SECOND),
            role => run.place.playing(role),
        };
        eventually(&format!("{victim} is there"), || found(&run).is_some());
        pause(delay);
        // A worker of another block may have taken its place, or nobody yet.
        if let Some(pid) = found(&run) {
            signal(pid, Signal::SIGKILL);
        }
        // Then the run is stopped, wherever it is. (In a shell's background SIGINT is ignored until the run listens to it.)
        pause(60);
        signal(run.pid(), Signal::SIGTERM);
        run.end(&what);
        let partial = walk(run.place.path(""));
        assert!(!partial.iter().any(|path| path.contains(".ferrybench-")), "{partial:?} after {what}");
    }
}

/// Every file below a folder.
fn walk(folder: PathBuf) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            files.extend(walk(entry.path()));
        } else {
            files.push(entry.path().display().to_string());
        }
    }
    files
}

#[test]
fn a_killed_worker_fails_its_block_and_the_next_is_whole() {
    if !has_hosts() {
        return;
    }
    for (role, host) in [("fan-receive", "server"), ("fan-send", "client")] {
        let mut run = Running::start(&PLAN.replace("blocks = 40", "blocks = 4"));
        // Whoever sends is started when all that receive listen.
        run.place.eventually_playing("fan-send");
        signal(run.place.eventually_playing(role), Signal::SIGKILL);
        assert_eq!(run.end(role), Some(1), "something measured failed");
        let failures = run.failures();
        let [(why, 1)] = failures.iter().map(|(why, count)| (why.as_str(), *count)).collect::<Vec<_>>()[..]
        else {
            panic!("{role}: {failures:?}");
        };
        assert!(
            why.starts_with(host) && why.contains(&format!("the {role} worker was ended by SIGKILL")),
            "{why}"
        );
        assert_eq!(run.rows(), 4);
        if role == "fan-receive" {
            // What the other receiver saw of that block is kept.
            let data = Dataset::read(&run.place.path("run")).unwrap();
            let failed = data.fanout.iter().find(|row| matches!(row.fate(), Fate::Failed(_))).unwrap();
            let told: Vec<(&str, &str, Option<u64>)> = data
                .receivers
                .iter()
                .filter(|row| row.block == failed.block)
                .map(|row| (row.host.as_str(), row.outcome.as_str(), row.unique))
                .collect();
            let (dead, alive): (Vec<_>, Vec<_>) = told.iter().partition(|(host, ..)| why.starts_with(host));
            assert_eq!((dead.len(), alive.len()), (2, 2), "two files at each of two: {told:?}");
            assert!(dead.iter().all(|(_, outcome, unique)| *outcome == why && unique.is_none()), "{told:?}");
            assert!(alive.iter().all(|(_, outcome, unique)| *outcome == OK && unique.is_some()), "{told:?}");
        }
    }
}

#[test]
fn a_lost_host_fails_what_needs_it_and_the_others_go_on() {
    if !has_hosts() {
        return;
    }
    let mut run =
        Running::start(&format!("{}receivers = [1, 2]\n", PLAN.replace("blocks = 40", "blocks = 5")));
    eventually("a row is there", || run.rows() > 0);
    signal(run.agent_of(SECOND).unwrap(), Signal::SIGKILL);
    assert_eq!(run.end("agent of server2"), Some(1), "something measured failed");
    let data = Dataset::read(&run.place.path("run")).unwrap();
    assert_eq!(data.fanout.len(), 10, "no block is left out");
    for row in &data.fanout {
        match row.fate() {
            Fate::Proved => {}
            Fate::Failed(why) => {
                assert_eq!(row.spec.receivers, 2, "one receiver needs no second server: {why}");
                assert!(why.starts_with("host server2 is lost: "), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
    let failed = data.fanout.iter().filter(|row| matches!(row.fate(), Fate::Failed(_))).count();
    assert!((1..=5).contains(&failed), "those before it was lost were measured: {failed}");
}

#[test]
fn lost_test_hosts_are_named_in_every_row_that_needs_them() {
    if !has_hosts() {
        return;
    }
    let mut run = Running::start(&PLAN.replace("blocks = 40", "blocks = 10"));
    eventually("a row is there", || run.rows() > 0);
    signal(run.place.playing("hold").unwrap(), Signal::SIGKILL);
    assert_eq!(run.end("the holder"), Some(1), "something measured failed");
    let failures = run.failures();
    assert_eq!(run.rows(), 10, "{failures:?}");
    assert!(failures.values().sum::<usize>() >= 1, "{failures:?}");
    let names_them = |why: &String| why.contains("the test hosts are gone") || why.contains("is lost: ");
    assert!(failures.keys().all(names_them), "{failures:?}");
}

#[test]
fn ctrl_c_keeps_what_there_is_and_resume_completes_it() {
    if !has_hosts() {
        return;
    }
    let mut run = Running::start(&PLAN.replace("blocks = 40", "blocks = 12"));
    eventually("some rows are there", || run.rows() >= 2);
    signal(run.pid(), Signal::SIGINT);
    assert_eq!(run.end("Ctrl-C"), Some(1));
    assert!(run.rows() < 12, "it was stopped before its end");
    assert!(run.place.read("run/run.json").contains("\"ended\": \"interrupted\""));
    // A killed run may leave detail rows without their block: resuming measures that anew.
    let receivers = run.place.read("run/receivers.csv");
    let mut last: Vec<&str> = receivers.lines().last().unwrap().split(',').collect();
    let before = Dataset::read(&run.place.path("run")).unwrap();
    let open =
        (1..=12).find(|block| before.fanout.iter().all(|row| row.block != *block)).unwrap().to_string();
    last[1] = &open;
    fs::write(run.place.path("run/receivers.csv"), format!("{receivers}{}\n", last.join(","))).unwrap();
    run.place.ferrybench(&["run", "--resume", "--out", "run"]).assert().success();
    let data = Dataset::read(&run.place.path("run")).unwrap();
    assert_eq!(run.failures(), BTreeMap::new());
    let blocks: HashSet<u32> = data.fanout.iter().map(|row| row.block).collect();
    assert_eq!((data.fanout.len(), blocks.len()), (12, 12));
    let details: HashSet<(u32, u32, u32)> =
        data.receivers.iter().map(|row| (row.block, row.receiver, row.file)).collect();
    assert_eq!((data.receivers.len(), details.len()), (48, 48), "each file at each receiver, once a block");
    assert_eq!(data.info.participants.len(), 3);
    assert!(run.place.read("run/run.json").contains("\"ended\": \"complete\""));
}
