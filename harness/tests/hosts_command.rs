//! `ferrybench hosts`: test hosts that stay until they are put down, whoever is killed meanwhile.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::host::testbed::kept;
use nix::{sys::signal::Signal, unistd::geteuid};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};
use support::{
    BINARY, Place,
    bed::{bed, on},
    eventually, pause, say, signal,
};

/// `hosts` with a place of its own for its notes.
fn command(place: &Place, words: &[&str]) -> assert_cmd::Command {
    let mut command = place.ferrybench(&[]);
    command.env("XDG_RUNTIME_DIR", place.path("tmp")).arg("hosts").args(words);
    command
}

fn said(place: &Place, words: &[&str], code: i32) -> (String, String) {
    let output = command(place, words).assert().code(code).get_output().clone();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn note_of(place: &Place, name: &str) -> kept::Kept {
    serde_json::from_str(&place.read(&format!("tmp/ferrybench/{name}.json"))).unwrap()
}

#[test]
fn hosts_stay_until_they_are_put_down() {
    if bed(1).is_none() {
        return;
    }
    let place = Place::new();
    let (plan, _) = said(&place, &["up", "lab", "--servers", "3", "--subnet", "192.168.40.0/24"], 0);
    assert_eq!(plan.matches("[[host]]").count(), 4, "{plan}");
    for word in ["name = \"server3\"", "address = \"192.168.40.4\"", "prefix = [\"nsenter\", \"-t\", "] {
        assert!(plan.contains(word), "{plan}");
    }
    toml_of(&plan);
    let kept = note_of(&place, "lab");
    assert!(on(&kept.hosts[3], &["ip", "-br", "address"]).contains("192.168.40.4/24"));
    let (_, why) = said(&place, &["up", "lab"], 2);
    assert_eq!(why, "ferrybench: test hosts lab are up already; `ferrybench hosts down lab` removes them\n");
    said(&place, &["up", "other"], 0);
    assert_eq!(said(&place, &["list"], 0).0.matches(": up").count(), 2);
    assert!(said(&place, &["down", "lab"], 0).0.contains("are removed"));
    eventually("its hosts are gone", || !Path::new("/proc").join(&kept.hosts[0].prefix[2]).exists());
    let (_, why) = said(&place, &["down", "lab"], 2);
    assert!(why.contains("there are no test hosts lab"), "{why}");

    let holder = place.playing("hold").unwrap();
    signal(holder, Signal::SIGKILL);
    eventually("the holder is gone", || place.processes().is_empty());
    assert!(said(&place, &["list"], 0).0.contains("gone: somebody ended their holder"));
    assert!(said(&place, &["down", "other"], 0).0.contains("were gone already"));
    assert!(said(&place, &["list"], 0).0.is_empty());

    // A note of another boot, of another process with the same number, or torn: never anybody's end.
    said(&place, &["up", "lab"], 0);
    let path = place.path("tmp/ferrybench/lab.json");
    let whole = fs::read_to_string(&path).unwrap();
    let started = whole.split("\"started\": ").nth(1).unwrap().split(',').next().unwrap();
    for wrong in [whole.replace(started, "1"), whole[..whole.len() / 2].to_owned()] {
        fs::write(&path, wrong).unwrap();
        assert!(said(&place, &["down", "lab"], 0).0.contains("were gone already"));
        assert!(place.playing("hold").is_some(), "whoever is not named is not ended");
    }
    fs::write(&path, whole).unwrap();
    said(&place, &["down", "lab"], 0);
    eventually("nothing is left", || place.processes().is_empty());
}

fn toml_of(plan: &str) {
    let lines: Vec<&str> = plan.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(lines.len(), 5, "each host and the broadcast address, as comments: {plan}");
    assert!(plan.lines().all(|line| line.is_empty() || line.starts_with(['#', '[']) || line.contains(" = ")));
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    let place = Place::new();
    for words in [
        &["up", "a/b"][..],
        &["up", ""],
        &["up", "lab", "--servers", "0"],
        &["up", "lab", "--servers", "254"],
        &["up", "lab", "--subnet", "8.8.8.0/24"],
        &["up", "lab", "--mtu", "100"],
        &["up", "lab", "--loss-percent", "91"],
        &["down", "../lab"],
        &["down", "lab"],
    ] {
        let (_, why) = said(&place, words, 2);
        assert!(why.starts_with("error: ") || why.starts_with("ferrybench: "), "{words:?}: {why}");
    }
    // Whoever may write into that folder says which process is ended.
    let folder = place.path("tmp/ferrybench");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    assert!(said(&place, &["list"], 2).1.contains("must be a folder that is yours alone"));
    assert!(place.processes().is_empty());
}

#[test]
fn whoever_is_killed_while_hosts_come_up_leaves_none_that_nobody_knows() {
    if bed(1).is_none() {
        return;
    }
    for delay in [0, 4, 9, 15, 22, 30, 40, 60, 100] {
        let place = Place::new();
        let mut up = place.command(BINARY);
        up.env("XDG_RUNTIME_DIR", place.path("tmp")).args(["hosts", "up", "lab"]);
        let mut up = up.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause(delay);
        signal(up.id() as i32, Signal::SIGKILL);
        up.wait().unwrap();
        // Either it was done, or it is undone.
        eventually("hosts are known or gone", || {
            let list = said(&place, &["list"], 0).0;
            list.contains(": up") || place.processes().is_empty()
        });
        command(&place, &["down", "lab"]).output().unwrap();
        eventually("nothing is left", || place.processes().is_empty());
    }
}

#[test]
fn an_ordinary_user_has_test_hosts_as_well() {
    const NOBODY: &str = "65534";
    if !geteuid().is_root() {
        say("skipped: the tests run as an ordinary user already, so all of them show it");
        return;
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    // A copy where an ordinary user finds it, whoever built it.
    let binary = folder.path().join("ferrybench");
    assert!(Command::new("cp").arg(BINARY).arg(&binary).status().unwrap().success());
    let as_nobody = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).args(words);
        command.current_dir("/").env_remove("XDG_RUNTIME_DIR").env("TMPDIR", folder.path()).output().unwrap()
    };
    if !as_nobody(&["unshare", "--user", "--map-root-user", "--net", "true"]).status.success() {
        say("skipped: an ordinary user may not make user namespaces here");
        return;
    }
    let hosts = |words: &[&str]| {
        let output = as_nobody(&[&[binary.to_str().unwrap(), "hosts"], words].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    hosts(&[
        "up",
        "lab",
        "--loss-percent",
        "10",
        "--duplicate-percent",
        "5",
        "--rate",
        "10MiB",
        "--mtu",
        "9000",
    ]);
    let note = fs::read_to_string(folder.path().join(format!("ferrybench-{NOBODY}/lab.json"))).unwrap();
    let kept: kept::Kept = serde_json::from_str(&note).unwrap();
    let prefix: Vec<&str> = kept.hosts[1].prefix.iter().map(String::as_str).collect();
    assert!(prefix.contains(&"--preserve-credentials") && prefix.contains(&"-U"), "{prefix:?}");
    let seen = as_nobody(&[&prefix[..], &["ip", "-br", "address"]].concat());
    assert!(String::from_utf8_lossy(&seen.stdout).contains("10.77.0.2/24"), "{seen:?}");
    assert!(hosts(&["list"]).contains(": up"));
    assert!(hosts(&["down", "lab"]).contains("are removed"));
    eventually("its hosts are gone", || !Path::new("/proc").join(prefix[2]).exists());
}
