//! Whoever is killed, at any moment: no process, queue, segment, FIFO or file stays behind.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and says why it skips")]

mod support;

use nix::sys::signal::Signal;
use std::{collections::HashSet, fs};
use support::{Place, eventually, pause, posix_queues, signal, system_v_queues};

/// Every mechanism that could leave something behind, each block long enough to be killed in.
const PLAN: &str = r#"
name = "kill"
blocks = 40

[roundtrip]
mechanisms = ["posix-mq", "sysv-mq", "fifo", "unix-stream", "queue", "shm-futex"]
patterns = ["rtt"]
placements = ["same-cpu"]
peers = ["process"]
leg = "20ms"
"#;

struct Before {
    system_v: HashSet<String>,
    shared_memory: HashSet<String>,
}

/// What is ours in shared memory.
fn shared_memory() -> HashSet<String> {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("ferrybench")).collect()
}

impl Before {
    fn look() -> Self {
        Self { system_v: system_v_queues().into_iter().collect(), shared_memory: shared_memory() }
    }

    fn nothing_is_left(&self, place: &Place, who: &str) {
        eventually(&format!("no process after {who} was killed"), || place.processes().is_empty());
        eventually(&format!("no System V queue after {who} was killed"), || {
            system_v_queues().iter().all(|queue| self.system_v.contains(queue))
        });
        eventually(&format!("no temporary file after {who} was killed"), || place.temporary().is_empty());
        eventually(&format!("no shared memory after {who} was killed"), || {
            shared_memory().is_subset(&self.shared_memory)
        });
        let at = place.path("mqueue");
        fs::create_dir_all(&at).unwrap();
        match posix_queues(&at) {
            Some(left) => {
                assert!(left.iter().all(|name| !name.starts_with("ferrybench")), "{left:?} after {who}");
            }
            None => println!("skipped: seeing POSIX queues needs the right to mount"),
        }
    }
}

#[test]
fn nothing_is_left_behind() {
    let before = Before::look();
    // Moments spread over the start and the first blocks: while ends are made, in a warm-up, in a leg, in between.
    for (round, delay) in [0, 3, 17, 40, 71, 110, 163, 240].into_iter().enumerate() {
        for who in ["coordinator", "agent", "near", "far"] {
            let place = Place::new();
            place.write("plan.toml", PLAN);
            let out = format!("run-{round}");
            let mut coordinator = place.start(&["run", "plan.toml", "--out", &out]);
            if who != "coordinator" {
                eventually("the worker is there", || place.playing(who).is_some());
            }
            pause(delay);
            let victim =
                if who == "coordinator" { Some(coordinator.id() as i32) } else { place.playing(who) };
            if let Some(victim) = victim {
                signal(victim, Signal::SIGKILL);
            }
            if who == "near" || who == "far" {
                // The run goes on without that block; then it is stopped as a person would.
                pause(60);
                assert!(coordinator.try_wait().unwrap().is_none(), "the run goes on after {who} was killed");
                signal(coordinator.id() as i32, Signal::SIGINT);
            }
            coordinator.wait().unwrap();
            before.nothing_is_left(&place, who);
        }
    }
}

#[test]
fn a_killed_worker_is_a_failed_row_and_the_run_goes_on() {
    let place = Place::new();
    place.write(
        "plan.toml",
        "name = \"one\"\nblocks = 3\n[roundtrip]\nmechanisms = [\"pipe\"]\npatterns = [\"rtt\"]\nplacements = [\"same-cpu\"]\nleg = \"2s\"\n",
    );
    let mut coordinator = place.start(&["run", "plan.toml", "--out", "run"]);
    signal(place.eventually_playing("far"), Signal::SIGKILL);
    assert_eq!(coordinator.wait().unwrap().code(), Some(1), "something measured failed");
    let rows = place.read("run/roundtrip.csv");
    let count = |status: &str| rows.lines().filter(|row| row.contains(status)).count();
    assert_eq!((count(",failed,"), count(",ok,")), (1, 2), "{rows}");
    assert!(rows.contains("the far worker was ended by SIGKILL"), "{rows}");
}

#[test]
fn ctrl_c_keeps_what_there_is_and_resume_completes_it() {
    let place = Place::new();
    place.write(
        "plan.toml",
        "name = \"stopped\"\nblocks = 6\n[roundtrip]\nmechanisms = [\"pipe\", \"tcp\"]\npatterns = [\"rtt\"]\nplacements = [\"same-cpu\"]\nleg = \"300ms\"\n",
    );
    let mut coordinator = place.start(&["bench", "plan.toml", "--out", "run", "--allow-debug"]);
    let rows = || fs::read_to_string(place.path("run/roundtrip.csv")).unwrap_or_default();
    eventually("some rows are there", || rows().lines().count() > 3);
    signal(coordinator.id() as i32, Signal::SIGINT);
    assert_eq!(coordinator.wait().unwrap().code(), Some(1));
    let kept = rows().lines().count() - 1;
    assert!(kept < 12, "it was stopped before its end");
    let report = place.read("run/report/REPORT.md");
    assert!(report.contains("The run stopped after"), "the report says that it is not whole");
    assert!(place.read("run/run.json").contains("\"ended\": \"interrupted\""));

    // A killed run may leave a torn line: resuming cuts it off.
    let torn = rows() + "roundtrip/pipe/rtt/64B/proc";
    fs::write(place.path("run/roundtrip.csv"), torn).unwrap();
    place.ferrybench(&["bench", "--resume", "--out", "run", "--allow-debug"]).assert().success();
    let rows = rows();
    let ids: Vec<String> =
        rows.lines().skip(1).map(|row| row.split(',').take(2).collect::<Vec<_>>().join(",")).collect();
    let unlike: HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), unlike.len()), (12, 12), "{rows}");
    assert!(place.read("run/run.json").contains("\"ended\": \"complete\""));
}
