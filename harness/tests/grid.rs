//! The stress grid as its users run it: against our own servers, broken ones included, and against other people's.

#![allow(clippy::unwrap_used, reason = "a test may, and this is one")]

mod support;

use ferrybench_data::{
    dataset::Dataset,
    fileserver::{FileServer, Operation, Verified},
    record::{Fate, Record, Row},
};
use std::{fs, path::Path};
use support::{
    Place,
    client::{Wire, bytes},
    server::{MODELS, Server},
};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers");

/// Runs a command into a folder `run`; the rows, and whether it said that all is good.
fn rows(place: &Place, words: &[&str]) -> (Vec<Record<FileServer>>, bool) {
    let output = place.ferrybench(words).args(["--out", "run"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    assert_eq!(place.processes(), [], "nobody is left");
    assert_eq!(place.temporary(), [""; 0].map(std::path::PathBuf::from), "nothing is left");
    (Dataset::read(&place.path("run")).unwrap().fileserver, output.status.success())
}

fn of(rows: &[Record<FileServer>], operation: Operation) -> &Record<FileServer> {
    rows.iter().find(|row| row.spec.operation == operation).unwrap()
}

fn reason(row: &Record<FileServer>) -> String {
    match row.fate() {
        Fate::Refused(reasons) => reasons.join("; "),
        Fate::Failed(why) | Fate::Skipped(why) => why.to_owned(),
        Fate::Proved | Fate::SelfReported => String::new(),
    }
}

#[test]
fn every_model_protocol_and_way_to_accept_proves_itself() {
    let place = Place::new();
    let words = ["run", "smoke", "--volume", "300KiB", "--client-pool", "4", "--server-pool", "3"];
    let (rows, good) = rows(&place, &[&words[..], &["--accept", "shared,reuseport,handoff"]].concat());
    let bad: Vec<_> =
        rows.iter().filter(|row| row.good().is_none()).map(|row| (row.trial(), reason(row))).collect();
    assert_eq!(bad, []);
    assert!(good && rows.len() > 90, "{} rows", rows.len());
    for row in &rows {
        let seen = row.seen().unwrap();
        assert_eq!(seen.clients_ok, 4, "{}", row.trial());
        assert_eq!(seen.server_transfers_ok, Some(4), "{}", row.trial());
        if row.spec.server_pool > 0 {
            let told = [seen.servers_ok, seen.servers_failed, seen.servers_idle].map(Option::unwrap);
            assert_eq!(told.iter().sum::<u32>(), row.spec.server_pool, "{}", row.trial());
        }
    }
}

#[test]
fn servers_that_are_broken_on_purpose_are_seen_to() {
    let place = Place::new();
    let models = "broken-idle,process-broken-pool,broken-truncate,broken-drop";
    let axes = ["--protocol", "raw", "--client-pool", "2", "--server-pool", "3", "--volume", "100KiB"];
    let words =
        [&["run", "smoke", "--client-model", "thread-pool", "--server-model", models][..], &axes].concat();
    let (rows, good) = rows(&place, &words);
    assert!(!good);
    let why = |model: &str, operation: Operation| {
        let row = rows.iter().find(|row| row.spec.server_model == model && row.spec.operation == operation);
        reason(row.unwrap())
    };
    assert!(
        why("broken-idle", Operation::Download)
            .contains("3 server workers claim a transfer, and there were 2")
    );
    let processes = "the 3 worker processes of the server are 1 processes";
    assert!(why("process-broken-pool", Operation::Download).contains(processes));
    assert!(why("broken-truncate", Operation::Download).contains("102399 bytes arrived instead of 102400"));
    assert!(why("broken-drop", Operation::Upload).contains("nothing arrived"));
}

/// A grid of one volume against a Python server; `None` where there is no Python.
fn against(place: &Place, program: &str, more: &[&str]) -> Option<(Vec<Record<FileServer>>, bool)> {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        support::say("skipped: python3 is not installed");
        return None;
    }
    fs::create_dir_all(place.path("served")).unwrap();
    let served = place.path("served").display().to_string();
    let command =
        format!("exec python3 {PEERS}/{program} --port {{port}} --workers {{workers}} --root {served}");
    let command = if program.contains("--mistake") { command } else { command + " --tell" };
    let axes = ["--volume", "300KiB", "--operation", "download,upload"];
    let pools = ["--client-pool", "4", "--server-pool", "3"];
    let pools = if more.contains(&"--client-pool") { &[][..] } else { &pools };
    let grid = ["grid", "--allow-debug", "--deadline", "30s", "--server-cmd", &command];
    let words = [&grid[..], &axes, pools, more].concat();
    Some(rows(place, &words))
}

#[test]
fn an_independent_server_is_proved_through_its_folder_or_from_outside() {
    for (model, root) in [("thread", true), ("process", false)] {
        let place = Place::new();
        let served = place.path("served").display().to_string();
        let root: &[&str] = if root { &["--server-root", &served] } else { &[] };
        let Some((rows, good)) = against(&place, &format!("course_server.py --model {model}"), root) else {
            return;
        };
        assert!(good, "{:?}", rows.iter().map(reason).collect::<Vec<_>>());
        for row in &rows {
            let seen = row.good().unwrap();
            assert_eq!((seen.clients_ok, seen.clients_failed), (4, 0));
            // Its workers tell of their transfers on standard error.
            let told = [seen.servers_ok, seen.servers_failed, seen.servers_idle].map(Option::unwrap);
            assert_eq!((told[1], told.iter().sum::<u32>()), (0, 3));
            assert!(seen.server_cpu_s.is_some() && seen.server_peak_rss_bytes > Some(1 << 20), "{seen:?}");
            // A pool of threads grows only while nobody is idle; processes are all there from the start.
            let least = if model == "process" { 3 } else { 1 };
            assert!(seen.servers_seen >= Some(least), "{seen:?}");
        }
        let upload = of(&rows, Operation::Upload).good().unwrap();
        assert_eq!(upload.verified, if root.is_empty() { Verified::Again } else { Verified::After });
        let left: Vec<_> = visible(&place.path("served"));
        // The source that had to be uploaded first is the one thing that may stay.
        assert!(left.is_empty() || left == ["file_307200b.txt"], "{left:?}");
    }
}

fn visible(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

#[test]
fn bad_servers_are_graded_as_what_they_are() {
    for (mistake, reasons) in [
        ("copies-success", &["cannot be downloaded again"][..]),
        ("mixes-files", &["another upload's", "not what was uploaded", "cannot be downloaded again"]),
        ("truncates", &["not what was uploaded", "bytes arrived instead"]),
        ("garbage", &["the reply is not JSON"]),
        ("closes-early", &["closed after", "cannot be downloaded again", "before the end of its reply"]),
        ("bytes-literal", &["not what was uploaded", "not the source's"]),
    ] {
        let place = Place::new();
        let Some((rows, good)) = against(&place, &format!("bad_server.py --mistake {mistake}"), &[]) else {
            return;
        };
        assert!(!good, "{mistake}");
        let upload = reason(of(&rows, Operation::Upload));
        assert!(reasons.iter().any(|reason| upload.contains(reason)), "{mistake}: {upload}");
    }
}

#[test]
fn a_server_that_dies_under_load_fails_its_rows_and_the_grid_goes_on() {
    let place = Place::new();
    let more = ["--client-pool", "1,20", "--server-pool", "20"];
    let Some((rows, good)) = against(&place, "bad_server.py --mistake dies-under-load", &more) else {
        return;
    };
    assert!(!good);
    assert_eq!(rows.len(), 4);
    for row in &rows {
        match row.spec.client_pool {
            1 => assert!(row.good().is_some(), "{}", reason(row)),
            _ => assert!(reason(row).contains("the server "), "{}", reason(row)),
        }
    }
}

#[test]
fn a_server_that_never_starts_or_eats_memory_is_a_failed_row() {
    let place = Place::new();
    let axes = ["--volume", "64KiB", "--operation", "upload", "--client-pool", "2", "--server-pool", "2"];
    let words =
        [&["grid", "--allow-debug", "--server-cmd", "echo no such module >&2; exit 3"][..], &axes].concat();
    let (found, good) = rows(&place, &words);
    assert!(!good);
    assert_eq!(reason(&found[0]), "the server ended with code 3 before it listened: no such module");
    let place = Place::new();
    let hungry = "exec python3 -c 'import socket
s = socket.create_server((\"127.0.0.1\", {port}))
kept = []
while True:
    kept.append((s.accept(), bytearray(200_000_000)))'";
    let words =
        [&["grid", "--allow-debug", "--server-memory", "100MiB", "--server-cmd", hungry][..], &axes].concat();
    if std::process::Command::new("python3").arg("--version").output().is_ok() {
        let (found, good) = rows(&place, &words);
        assert!(!good);
        assert!(reason(&found[0]).starts_with("memory: the server held "), "{}", reason(&found[0]));
    }
}

#[test]
fn a_budget_that_is_used_up_skips_what_is_left() {
    let place = Place::new();
    let Some((rows, _)) = against(&place, "course_server.py --model thread", &["--budget", "1us"]) else {
        return;
    };
    // The first row begins the time.
    assert!(
        rows[1..].iter().all(|row| reason(row).starts_with("budget: ")),
        "{:?}",
        rows.iter().map(reason).collect::<Vec<_>>()
    );
}

#[test]
fn runs_of_two_servers_make_one_table() {
    let place = Place::new();
    let axes = ["--volume", "64KiB", "--operation", "download", "--client-pool", "2", "--server-pool", "2"];
    let ours = [
        &["run", "smoke", "--protocol", "course", "--server-model", "thread-pool", "--out", "ours"][..],
        &axes,
    ];
    place.ferrybench(&ours.concat()).assert().success();
    let Some((rows, good)) = against(&place, "course_server.py --model thread", &["--label", "mine"]) else {
        return;
    };
    assert!(good && !rows.is_empty());
    let report = ["report", "--allow-debug", "ours", "run", "--out", "both"];
    place.ferrybench(&report).assert().success();
    let text = place.read("both/report/REPORT.md");
    assert!(text.contains("mine") && text.contains("thread-pool"), "{text}");
    let twice = place.ferrybench(&["report", "--allow-debug", "ours", "ours"]).output().unwrap();
    assert_eq!(twice.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("was measured by two runs"));
}

#[test]
fn a_wrong_request_is_one_sentence() {
    let place = Place::new();
    for (words, sentence) in [
        (&["grid", "--allow-debug"][..], "--server-cmd"),
        (&["grid", "--allow-debug", "--target", "127.0.0.1:1"], "say which by --server-pool N"),
        (&["grid", "--allow-debug", "--target", "nowhere", "--server-pool", "1"], "nowhere is no HOST:PORT"),
        (&["grid", "--allow-debug", "--server-cmd", "x", "--server-root", "none"], "is not a folder"),
        (
            &["grid", "--allow-debug", "--server-cmd", "x", "--label", "tokio"],
            "is the name of a model of ours",
        ),
        (&["grid", "--allow-debug", "--server-cmd", "x", "--files", "a.txt"], "need {mb} in them"),
    ] {
        let output = place.ferrybench(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(sentence), "{words:?}: {said}");
    }
}

#[test]
fn the_original_s_kind_of_client_is_served_by_every_model() {
    let python = std::process::Command::new("python3").arg("--version").output();
    if python.is_err() {
        support::say("skipped: python3 is not installed");
        return;
    }
    for model in MODELS {
        let server = Server::start(model, Wire::Course);
        let content = bytes(5_000, 9);
        fs::write(server.path("../source"), &content).unwrap();
        let client = |words: &str| -> serde_json::Value {
            let port = server.address.port().to_string();
            let mut command = std::process::Command::new("python3");
            command.arg(format!("{PEERS}/course_client.py")).args(["--port", &port, "--read", "16"]);
            command.args(words.split(' ')).current_dir(server.path(".."));
            serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
        };
        for words in ["upload a.bin --file source", "get a.bin --file got", "download a.bin --file twin"] {
            let line = client(words);
            assert_eq!(
                (&line["ok"], &line["bytes"]),
                (&true.into(), &5_000.into()),
                "{model:?} {words}: {line}"
            );
        }
        assert_eq!(client("list")["names"], serde_json::json!(["a.bin"]), "{model:?}");
        assert_eq!(client("delete a.bin")["ok"], true, "{model:?}");
        assert_eq!(client("get a.bin")["ok"], false, "{model:?}");
        for name in ["got", "twin"] {
            assert!(fs::read(server.path("..").join(name)).unwrap() == content, "{model:?}: {name}");
        }
    }
}

#[test]
fn the_course_s_original_server_is_measured_with_the_files_it_has() {
    let place = Place::new();
    fs::create_dir_all(place.path("served")).unwrap();
    fs::write(place.path("served/file_1mb.txt"), "abcdefgh".repeat(1 << 17)).unwrap();
    let served = place.path("served").display().to_string();
    let command = format!("exec python3 {PEERS}/original_server.py --port {{port}} --root {served}");
    let grid = ["grid", "--allow-debug", "--server-cmd", &command, "--files", "file_{mb}mb.txt"];
    let axes =
        ["--volume", "1MiB", "--operation", "list,download", "--client-pool", "3", "--server-pool", "1"];
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        support::say("skipped: python3 is not installed");
        return;
    }
    let (rows, good) = rows(&place, &[&grid[..], &axes].concat());
    assert!(good && rows.len() == 2, "{:?}", rows.iter().map(reason).collect::<Vec<_>>());
}
