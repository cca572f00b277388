//! Hosts as command prefixes: who their agents say that they are, what is refused, and what stays when one is lost.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::{
    measure::clock,
    process::{
        hosts::{HERE, Heard, Hosts, Worker},
        identity::{KnownBinary, boot_id},
        reach::Reach,
    },
};
use nix::sys::signal::Signal;
use serde_json::json;
use std::{
    fs,
    io::ErrorKind,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use support::{BINARY, eventually, program, say, signal};

fn reach(name: &str, prefix: &[&str]) -> Reach {
    let prefix = prefix.iter().map(|&word| word.to_owned()).collect();
    Reach { name: name.into(), prefix, ..Reach::default() }
}

/// A prefix that runs a line of shell before the agent.
fn after(name: &str, line: &str) -> Reach {
    reach(name, &["sh", "-c", &format!("{line}\nexec \"$@\""), "sh"])
}

/// A prefix for a network namespace of its own; `None`, with the reason said, where none can be made.
fn apart() -> Option<&'static [&'static str]> {
    let works = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("true").stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = [&["unshare", "--net"][..], &["unshare", "--user", "--map-root-user", "--net"]]
        .into_iter()
        .find(|words| works(words));
    if found.is_none() {
        say("skipped: neither root nor user namespaces are here, so there is no second host");
    }
    found
}

fn hosts(temporary: &Path) -> Hosts {
    Hosts::start(&program(), temporary).unwrap()
}

/// The reason why the only host that is asked for is lost.
fn refused(reach: &Reach) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = hosts(temporary.path());
    let numbers = hosts.join(std::slice::from_ref(reach), false);
    hosts.lost(numbers[0]).expect("it cannot be reached").to_owned()
}

/// Starts a worker that cannot read its job, and returns what it is heard to do.
fn a_worker_that_ends(hosts: &mut Hosts, host: usize) -> (Worker, Heard) {
    let worker = hosts.start_worker_on(host, "near", json!("no job"), Duration::from_secs(20)).unwrap();
    hosts.hear(&[worker], Duration::from_secs(20)).unwrap()
}

#[test]
fn an_agent_proves_where_it_runs() {
    let Some(prefix) = apart() else { return };
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = hosts(temporary.path());
    let numbers =
        hosts.join(&[reach("client", &[]), reach("server1", prefix), reach("server2", prefix)], false);
    assert_eq!(numbers, [HERE, 1, 2]);
    for &number in &numbers {
        assert_eq!(hosts.lost(number), None);
        assert!(
            matches!(a_worker_that_ends(&mut hosts, number), (of, Heard::Ended(..)) if of.host == number)
        );
    }
    let participants = hosts.participants();
    let names: Vec<&str> = participants.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["client", "server1", "server2"]);
    let namespaces: std::collections::BTreeSet<u64> =
        participants.iter().map(|host| host.network_namespace).collect();
    assert_eq!(namespaces.len(), 3, "{participants:?}");
    let boot = boot_id().unwrap();
    assert!(participants.iter().all(|host| host.boot_id == boot && !host.host_name.is_empty()));
    assert_eq!(participants[1].prefix, prefix);
    assert!(participants[0].interfaces.iter().any(|interface| interface.address == "127.0.0.1/8"));
    assert!(participants[1].interfaces.is_empty(), "nothing is up in a new namespace");
}

#[test]
fn clocks_of_one_machine_are_one_within_the_bound() {
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = hosts(temporary.path());
    let number = hosts.join(&[after("twin", ":")], true)[0];
    let bound = hosts.clock_bound_ns(number);
    assert!(bound > 0, "an exchange takes some time");
    let now = clock::now();
    let there = hosts.on_its_clock(number, now);
    assert!(there.abs_diff(now) <= bound, "the offset is {} ns, the bound {bound} ns", there.abs_diff(now));
    assert_eq!(hosts.on_our_clock(number, there), now);
    hosts.measure_clock(number).unwrap();
    assert!(hosts.clock_bound_ns(number) > 0);
}

#[test]
fn two_names_for_one_host_are_refused_unless_allowed() {
    let temporary = tempfile::tempdir().unwrap();
    let mut here = hosts(temporary.path());
    let numbers = here.join(&[reach("a", &[]), after("b", ":")], false);
    assert_eq!(here.lost(numbers[0]), None);
    let why = here.lost(numbers[1]).unwrap().to_owned();
    assert!(why.contains("it and a are one host"), "{why}");
    let heard = a_worker_that_ends(&mut here, numbers[1]).1;
    assert_eq!(heard, Heard::Lost(why), "what needs it fails with the same reason");
    assert!(matches!(a_worker_that_ends(&mut here, numbers[0]).1, Heard::Ended(..)), "the others go on");

    let mut here = hosts(temporary.path());
    let numbers = here.join(&[reach("a", &[]), after("b", ":")], true);
    assert!(numbers.iter().all(|&number| here.lost(number).is_none()));
}

#[test]
fn noise_on_standard_output_is_skipped() {
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = hosts(temporary.path());
    let banner = "echo Welcome to Lab 3; echo '{\"a\": 1}'; echo; printf '\\377\\376 not text\\n'; echo 17";
    // Noise that goes on while the agent speaks: whole lines between its own.
    let later = "(for n in 1 2 3 4 5 6 7 8 9; do echo still here; sleep 0.01; done) &";
    let numbers = hosts.join(&[after("noisy", banner), after("chatty", later)], true);
    for number in numbers {
        assert_eq!(hosts.lost(number), None);
        assert!(matches!(a_worker_that_ends(&mut hosts, number).1, Heard::Ended(..)));
    }
    let why = refused(&after("endless", "yes | head -n 20000"));
    assert!(why.starts_with("host endless cannot be reached: "), "{why}");
}

#[test]
fn a_prefix_that_does_not_start_is_one_sentence() {
    let why = refused(&reach("nowhere", &["no-such-command-here", "h1"]));
    assert_eq!(
        why,
        "host nowhere cannot be reached: `no-such-command-here` could not be started: No such file or directory (os error 2)"
    );
    let why = refused(&after("deaf", "echo 'connect to host h1 port 22: no route' >&2; exit 255"));
    assert!(why.starts_with("host deaf cannot be reached: `sh -c "), "{why}");
    assert!(why.ends_with("ended with code 255: connect to host h1 port 22: no route"), "{why}");
    let missing = Reach { binary: Some("/no/such/ferrybench".into()), ..after("bare", ":") };
    assert!(refused(&missing).contains("/no/such/ferrybench"), "{}", refused(&missing));
}

#[test]
fn a_prefix_that_floods_its_output_is_ended_with_that_reason() {
    let lines = refused(&after("chatty", "exec yes welcome"));
    assert!(lines.starts_with("host chatty cannot be reached: `sh -c "), "{lines}");
    assert!(
        lines.contains("printed 10001 lines, 80008 bytes, and no word of an agent: it was ended"),
        "{lines}"
    );
    // One line that never ends is no less.
    let bytes = refused(&after("endless", "exec cat /dev/zero"));
    assert!(bytes.contains("bytes, and no word of an agent: it was ended"), "{bytes}");
}

#[test]
fn another_ferrybench_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("ferrybench");
    // By another process: whoever is started while this one has the file open for writing keeps it from being run.
    assert!(Command::new("cp").arg(BINARY).arg(&other).status().unwrap().success());
    let same = Reach { binary: Some(other.clone()), ..after("same", ":") };
    let mut here = hosts(folder.path());
    let number = here.join(std::slice::from_ref(&same), true)[0];
    assert_eq!(here.lost(number), None, "a copy is the same ferrybench");
    drop(here);

    // Bytes behind the end of a program do not change what it does, and do change what it is.
    let append = ["-c", "printf 'another build' >> \"$0\""];
    assert!(Command::new("sh").args(append).arg(&other).status().unwrap().success());
    let why = refused(&Reach { name: "other".into(), ..same });
    let hashes = [BINARY.as_ref(), other.as_path()].map(|path: &Path| KnownBinary::of(path).unwrap().hash);
    assert!(why.starts_with("host other cannot be reached: it has another ferrybench"), "{why}");
    assert!(hashes.iter().all(|hash| why.contains(hash)), "{why} names {hashes:?}");

    let line = r#"echo '{"Ready":{"identity":{"version":"9.9.9","binary_hash":"xxh3:0"},"new":1}}'; exec cat >/dev/null"#;
    let why = refused(&after("newer", line));
    assert!(why.contains("version 9.9.9, xxh3:0") && why.contains(env!("CARGO_PKG_VERSION")), "{why}");
}

#[test]
fn a_pushed_binary_runs_and_is_gone() {
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = hosts(temporary.path());
    // It cannot be there under its own name, so it can only run from where it was copied to.
    let pushed = Reach { binary: Some("/no/such/ferrybench".into()), push: true, ..after("pushed", ":") };
    let number = hosts.join(&[pushed], true)[0];
    assert_eq!(hosts.lost(number), None);
    let mine = format!("ferrybench-{}-", std::process::id());
    let copies = fs::read_dir("/tmp").unwrap().map(|entry| entry.unwrap());
    let copies: Vec<_> = copies
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&mine))
        .filter(|entry| entry.path().is_file())
        .collect();
    assert!(copies.is_empty(), "{copies:?}");
    assert!(
        matches!(a_worker_that_ends(&mut hosts, number).1, Heard::Ended(..)),
        "its workers run all the same"
    );
}

#[test]
fn a_host_that_is_lost_takes_its_workers_and_nobody_else() {
    let place = support::Place::new();
    let mut hosts = hosts(&place.path("tmp"));
    let marked = format!("export TMPDIR={} FERRYBENCH_TEST_MARK={0}", place.path("tmp").display());
    let mine = place.path("pid");
    let pid = format!("{marked}; echo $$ > {}", mine.display());
    let numbers = hosts.join(&[after("doomed", &pid), after("other", &marked)], true);
    assert_eq!(numbers.iter().find_map(|&number| hosts.lost(number)), None);
    let folders: Vec<_> = numbers.iter().map(|&number| hosts.folder(number).unwrap().to_owned()).collect();
    assert!(folders.iter().all(|folder| folder.is_dir()));
    // A keeper with no files to make waits until it is told to end.
    let folder = place.path("store");
    let job = json!({ "store": { "folder": folder }, "volumes": [], "seed": 1 });
    let workers: Vec<Worker> = numbers
        .iter()
        .map(|&number| hosts.start_worker_on(number, "keeper", job.clone(), Duration::from_secs(60)).unwrap())
        .collect();
    let doomed: i32 = fs::read_to_string(&mine).unwrap().trim().parse().unwrap();
    signal(doomed, Signal::SIGKILL);
    let lost = loop {
        match hosts.hear(&workers[..1], Duration::from_secs(20)).unwrap() {
            (of, Heard::Lost(why)) => break (of, why),
            (_, Heard::Said(_) | Heard::Ended(..)) => {}
        }
    };
    assert_eq!(lost.0, workers[0]);
    assert!(
        lost.1.starts_with("host doomed is lost: ") && lost.1.contains("was ended by SIGKILL"),
        "{}",
        lost.1
    );
    eventually("its scratch folder is removed", || !folders[0].exists());
    assert_eq!(a_worker_that_ends(&mut hosts, numbers[0]).1, Heard::Lost(lost.1.clone()));
    assert!(matches!(a_worker_that_ends(&mut hosts, numbers[1]).1, Heard::Ended(..)));
    // Nothing that is said while somebody else is waited for is lost.
    assert!(matches!(hosts.hear(&workers[1..], Duration::from_secs(20)), Ok((of, _)) if of == workers[1]));
    drop(hosts);
    eventually("no process is left", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn waiting_has_an_end() {
    let temporary = tempfile::tempdir().unwrap();
    let mut hosts = hosts(temporary.path());
    let nobody = Worker { host: HERE, id: 99 };
    let error = hosts.hear(&[nobody], Duration::from_millis(10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}
