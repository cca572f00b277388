//! `send` and `receive` by hand: whoever is stopped or killed, and whenever, nothing of it stays.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use nix::sys::signal::Signal;
use std::{fs, io::Read, net::TcpListener, process::Child};
use support::{
    Place, eventually,
    fanout::content,
    hand::{Receiver, files_in, sender, served},
    signal,
};

#[test]
fn whoever_is_killed_no_partial_file_stays() {
    for victim in ["sender", "receiver"] {
        let place = Place::new();
        fs::write(place.path("a.bin"), content(8_000_000, 4)).unwrap();
        let receiver = Receiver::of(&place, "one", &["--deadline", "4s"]);
        let mut sender = place.start(&[
            "send",
            "a.bin",
            "--to",
            &receiver.address,
            "--pace",
            "1MB",
            "--patience",
            "500ms",
        ]);
        let pid = |child: &Child| child.id() as i32;
        // In the middle: some of it has arrived.
        has_written(&receiver.child, 100_000);
        if victim == "sender" {
            signal(pid(&sender), Signal::SIGKILL);
            let _ = sender.wait();
            let (code, said, _) = receiver.end();
            assert_eq!(code, Some(1));
            assert!(said.contains("datagrams never arrived"), "{said}");
        } else {
            signal(pid(&receiver.child), Signal::SIGKILL);
            let _ = receiver.end();
            assert_eq!(sender.wait().unwrap().code(), Some(1));
        }
        assert!(files_in(&place.path("one")).is_empty(), "after the {victim} was killed");
        assert!(place.processes().is_empty());
    }
}

/// Waits until so many bytes have been written by a process.
fn has_written(process: &Child, least: u64) {
    eventually("content arrives", || {
        let io = fs::read_to_string(format!("/proc/{}/io", process.id())).unwrap_or_default();
        let written = io.lines().find_map(|line| line.strip_prefix("wchar: "));
        written.and_then(|bytes| bytes.parse::<u64>().ok()).is_some_and(|bytes| bytes > least)
    });
}

/// A sender has ended: its exit code and what it said. Nothing of it is left.
fn ended(place: &Place, mut child: Child, what: &str) -> (Option<i32>, String) {
    let mut status = None;
    eventually(&format!("it ends: {what}"), || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let mine = ["worker heir", "worker fan-worker"];
    eventually(&format!("no process stays: {what}"), || {
        !place.processes().iter().any(|(_, line)| mine.iter().any(|role| line.ends_with(role)))
    });
    assert!(place.temporary().is_empty(), "{what}: {:?}", place.temporary());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status.unwrap().code(), said)
}

#[test]
fn a_sender_that_is_stopped_or_killed_leaves_nothing_of_what_it_fetched() {
    let url = served(content(8_000_000, 5));
    let models: [&[&str]; 3] = [
        &["--sender-model", "single-thread"],
        &["--sender-model", "process-pool", "--pool-size", "2", "--fetch-where", "in-worker"],
        &["--sender-model", "process-per-file"],
    ];
    for (model, kill) in models.iter().flat_map(|model| [(model, Signal::SIGTERM), (model, Signal::SIGKILL)])
    {
        let what = format!("{} after {kill}", model[1]);
        let place = Place::new();
        let receiver = Receiver::of(&place, "one", &[]);
        let words = ["--url", &url, "--to", &receiver.address, "--pace", "1MB"];
        let child = sender(&place, &[&words[..], model].concat());
        has_written(&receiver.child, 100_000);
        assert_eq!(place.temporary().len(), 1, "{what}");
        signal(child.id() as i32, kill);
        let (code, said) = ended(&place, child, &what);
        if kill == Signal::SIGTERM {
            assert_eq!(code, Some(1), "{what}");
            let sentence = "ferrybench: stopped by SIGTERM before every receiver had every file\n";
            assert_eq!(said, sentence, "{what}");
        }
        let (code, said, _) = receiver.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(files_in(&place.path("one")).is_empty(), "{what}");
    }
}

#[test]
fn a_sender_can_be_stopped_while_it_fetches() {
    // It accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a", silent.local_addr().unwrap());
    for kill in [Signal::SIGTERM, Signal::SIGKILL] {
        let place = Place::new();
        let child = sender(&place, &["--url", &url, "--to", "127.0.0.1:9"]);
        eventually("the folder is there", || place.temporary().len() == 1);
        signal(child.id() as i32, kill);
        let (code, _) = ended(&place, child, &format!("fetching, {kill}"));
        assert_eq!(code, (kill == Signal::SIGTERM).then_some(1));
    }
}

#[test]
fn without_its_heir_a_sender_removes_the_folder_itself() {
    let place = Place::new();
    let url = served(content(3_000_000, 6));
    let receiver = Receiver::of(&place, "one", &["--files", "1"]);
    let child = sender(&place, &["--url", &url, "--to", &receiver.address, "--pace", "1MB"]);
    has_written(&receiver.child, 100_000);
    signal(place.playing("heir").unwrap(), Signal::SIGKILL);
    let (code, said) = ended(&place, child, "the heir was killed");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(receiver.end().0, Some(0));
}

#[test]
fn without_anything_to_fetch_there_is_neither_folder_nor_heir() {
    let place = Place::new();
    fs::write(place.path("a.bin"), content(8_000_000, 7)).unwrap();
    let receiver = Receiver::of(&place, "one", &[]);
    let child = sender(&place, &["a.bin", "--to", &receiver.address, "--pace", "1MB"]);
    has_written(&receiver.child, 100_000);
    assert!(place.temporary().is_empty());
    assert_eq!(place.playing("heir"), None);
    signal(child.id() as i32, Signal::SIGTERM);
    assert_eq!(ended(&place, child, "SIGTERM").0, Some(1));
    assert_eq!(receiver.end().0, Some(1));
}

#[test]
fn what_a_killed_receiver_left_goes_when_the_next_one_starts() {
    let place = Place::new();
    fs::create_dir(place.path("one")).unwrap();
    let [left, living] =
        ["one/.ferrybench-1-0.part", "one/.ferrybench-2-0.part"].map(|name| place.path(name));
    fs::write(&left, "left").unwrap();
    // Whoever writes one has it locked.
    let open = fs::File::create(&living).unwrap();
    rustix::fs::flock(&open, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let receiver = Receiver::of(&place, "one", &["--deadline", "10ms"]);
    assert_eq!(receiver.end().0, Some(1));
    assert_eq!(files_in(&place.path("one")), [".ferrybench-2-0.part"]);
    drop(open);
    let mut server = place.start(&["serve", "--root", "one", "--listen", "127.0.0.1:0"]);
    eventually("the server removes it", || files_in(&place.path("one")).is_empty());
    signal(server.id() as i32, Signal::SIGTERM);
    let _ = server.wait();
}
