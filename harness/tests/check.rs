//! `check` against servers that others wrote: a correct one passes, and each mistake gets its own name. The servers are in
//! `peers/`, in Python, and share nothing with this project's own code.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::fileserver::check::Diagnosis;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
};
use support::{NOBODY, Place, eventually, signal};

/// A Python program that serves the folder `root` of its place.
struct Server {
    place: Place,
    child: Child,
    target: String,
}

impl Server {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let place = Place::new();
        fs::create_dir(place.path("root")).unwrap();
        Self::start_in(place, program, arguments)
    }

    fn start_in(place: Place, program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("python3")
            .arg(peer(program))
            .arg("--root")
            .arg(place.path("root"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Some(target) = line.trim_end().strip_prefix("listening ") else {
            panic!("{program} {arguments:?} said `{line}`");
        };
        Self { place, target: target.to_owned(), child }
    }

    fn check(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let all = [&["check", "--target", &self.target][..], arguments].concat();
        let output = self.place.ferrybench(&all).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    fn check_as_json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let (code, text) = self.check(&[arguments, &["--json"]].concat());
        (code, serde_json::from_str(&text).unwrap())
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path("root")).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.path().is_file());
        files.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    /// Ends the server and returns what it said on standard error.
    fn end(&mut self) -> String {
        signal(self.child.id() as i32, Signal::SIGTERM);
        eventually("the server ends", || self.child.try_wait().unwrap().is_some());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        signal(self.child.id() as i32, Signal::SIGTERM);
        // Its end is awaited where it matters; a server that ignores the signal must not outlive the test.
        for _ in 0..200 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            support::pause(10);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peer(program: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "peers", program].iter().collect()
}

/// Whether there is a Python to run the servers; says so where there is none.
#[allow(clippy::print_stderr, reason = "a test that is skipped says why")]
fn python() -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: python3 is not there");
    }
    there
}

/// Diagnoses, each with the cases that led to it.
fn diagnoses(report: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in report["cases"].as_array().unwrap() {
        if let Some(name) = case["diagnosis"].as_str() {
            let seen = format!("{}: {}", case["name"].as_str().unwrap(), case["seen"].as_str().unwrap());
            found.entry(name.to_owned()).or_default().push(seen);
        }
    }
    found
}

fn skipped(report: &Value) -> Vec<&str> {
    let cases = report["cases"].as_array().unwrap().iter();
    cases.filter(|case| case["result"] == "skip").map(|case| case["name"].as_str().unwrap()).collect()
}

#[test]
fn a_correct_server_passes_every_case() {
    if !python() {
        return;
    }
    for model in ["thread", "process"] {
        let mut server = Server::start("course_server.py", &["--workers", "4", "--model", model, "--tell"]);
        fs::write(server.place.path("root/ours.txt"), "not the check's").unwrap();
        let (code, report) = server.check_as_json(&["--server-pool", "4"]);
        assert_eq!(diagnoses(&report), BTreeMap::new(), "{model}");
        assert_eq!((code, &report["good"], &report["kind"]), (Some(0), &true.into(), &"course".into()));
        assert_eq!(skipped(&report), [""; 0], "{model}: every case was tried");
        assert_eq!(server.files(), ["ours.txt"], "{model}: the check took its files away, and no other");
        assert_eq!(report["left_behind"], serde_json::json!([]));
        let said = server.end();
        // Clients of the check go away in the middle and send what cannot be decoded: workers that met them have failed.
        let told = |how: &str| {
            said.lines().filter(|line| line.starts_with("ferrybench-worker ") && line.ends_with(how)).count()
        };
        assert!(told(" ok") > 0 && told(" failed") > 0, "{model}: {said}");
    }
}

#[test]
fn a_correct_server_of_one_worker_passes() {
    if !python() {
        return;
    }
    let server = Server::start("course_server.py", &["--workers", "1"]);
    let (code, report) = server.check_as_json(&["--server-pool", "1"]);
    assert_eq!((code, diagnoses(&report)), (Some(0), BTreeMap::new()));
    assert_eq!(skipped(&report), ["server-pool", "slow-client"]);
}

#[test]
fn the_original_gets_its_findings() {
    if !python() {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("root")).unwrap();
    place.write("root/notes.txt", "what the original serves");
    let server = Server::start_in(place, "original_server.py", &[]);
    let (code, report) = server.check_as_json(&["--server-pool", "8"]);
    let found = diagnoses(&report);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    // `GET ""` is answered with `null` there, which is no object.
    assert_eq!(names, ORIGINAL, "{found:#?}");
    assert_eq!((code, &report["kind"]), (Some(1), &"original".into()));
    assert_eq!(server.files(), ["notes.txt"]);
    let (_, text) = server.check(&["--only", "list-cr-lf"]);
    assert!(text.contains("answers each read of 32 bytes"), "{text}");
}

const ORIGINAL: &[&str] = &[
    "answers-each-read",
    "loses-second-request",
    "lower-cases-parameters",
    "no-download",
    "no-upload",
    "not-json",
    "path-escape",
];

/// Each mistake of `bad_server.py`, the diagnoses that it gets, and whether a stress test may go ahead all the same.
const MISTAKES: &[(&str, &[&str], bool)] = &[
    ("hangs", &["no-reply"], false),
    ("garbage", &["not-json"], false),
    ("no-status", &["no-status"], false),
    ("no-end-mark", &["no-end-mark"], false),
    ("extra-bytes", &["extra-bytes"], false),
    ("closes-early", &["closes-early"], false),
    ("missing-field", &["missing-field"], false),
    ("hides-errors", &["hides-errors"], false),
    ("other-words", &["other-words"], false),
    ("needs-crlf", &["needs-cr-lf", "needs-line-ending"], false),
    ("needs-blank-line", &["needs-blank-line"], false),
    ("needs-line-ending", &["needs-line-ending"], false),
    ("keeps-line-ending", &["keeps-line-ending"], false),
    ("loses-second-request", &["loses-second-request"], true),
    ("one-request-per-connection", &["one-request-per-connection"], false),
    ("closes-after-error", &["closes-after-error"], false),
    ("knows-one-case", &["knows-one-case"], false),
    ("no-quotes", &["no-quotes"], false),
    ("lower-cases-parameters", &["lower-cases-parameters"], false),
    ("lower-cases", &["lower-cases-base64", "lower-cases-parameters"], false),
    ("path-escape", &["path-escape"], false),
    ("takes-bad-names", &["takes-bad-names"], false),
    ("refuses-long-names", &["refuses-long-names"], false),
    ("list-hides-names", &["list-hides-names"], true),
    ("no-upload", &["no-upload"], false),
    ("no-download", &["no-download"], false),
    ("no-delete", &["no-delete"], false),
    ("delete-keeps-file", &["delete-keeps-file"], false),
    ("refuses-good-request", &["refuses-good-request"], false),
    ("copies-success", &["copies-success"], false),
    ("stores-part", &["truncates"], false),
    ("one-name-for-all", &["one-name-for-all"], false),
    ("mixes-files", &["mixes-files"], false),
    ("bytes-literal", &["bytes-literal"], false),
    ("bytes-literal-reply", &["bytes-literal"], false),
    ("adds-bytes", &["adds-bytes"], false),
    ("appends", &["appends"], false),
    ("text-only", &["text-only"], true),
    ("loose-base64", &["loose-base64"], true),
    ("ignores-bad-base64", &["ignores-bad-base64", "loose-base64"], false),
    ("truncates", &["truncates"], false),
    ("wrong-content", &["wrong-content"], false),
    ("pause-ends-upload", &["pause-ends-upload"], false),
    ("stores-half", &["stores-half"], false),
    ("dies", &["dies"], false),
    ("one-thread", &["one-thread"], false),
    ("smaller-pool", &["smaller-pool"], false),
    ("dies-under-load", &["dies-under-load"], false),
    ("quadratic", &["quadratic"], true),
];

#[test]
fn each_mistake_gets_its_own_diagnosis() {
    if !python() {
        return;
    }
    let output = Command::new("python3").arg(peer("bad_server.py")).arg("--mistakes").output().unwrap();
    let known: BTreeSet<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    let table: BTreeSet<String> = MISTAKES.iter().map(|(mistake, ..)| (*mistake).to_owned()).collect();
    assert_eq!(table, known, "the table is complete");

    // Most of a check is waiting, so several go on at once.
    let rows = Mutex::new(MISTAKES.iter());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let Some((mistake, expected, good)) = rows.lock().unwrap().next() else { return };
                    let server = Server::start("bad_server.py", &["--mistake", mistake, "--workers", "8"]);
                    let (code, report) = server.check_as_json(&["--server-pool", "8"]);
                    let found = diagnoses(&report);
                    // What is told from two times may be missed where the machine is busy; it is never told of others.
                    let timed = *mistake == "quadratic" && found.is_empty();
                    let fits = timed || found.keys().eq(expected.iter());
                    if !fits || code != Some(i32::from(!good)) {
                        wrong.lock().unwrap().push(format!("{mistake}: exit {code:?}, {found:#?}"));
                    }
                    let left = report["left_behind"].as_array().unwrap();
                    if left.is_empty() != server.files().is_empty() {
                        wrong.lock().unwrap().push(format!("{mistake}: {left:?} left, {:?}", server.files()));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_diagnosis_is_tested() {
    let tested: BTreeSet<&str> =
        MISTAKES.iter().flat_map(|(_, names, _)| *names).chain(ORIGINAL).copied().collect();
    let all: BTreeSet<&str> = Diagnosis::ALL.iter().map(|diagnosis| diagnosis.name()).collect();
    assert_eq!(tested, all);
}

#[test]
fn the_text_has_a_line_for_each_case_and_ends_with_a_verdict() {
    if !python() {
        return;
    }
    let server = Server::start("bad_server.py", &["--mistake", "copies-success"]);
    let (code, text) =
        server.check(&["--only", "list-cr-lf", "--only", "upload-cr-lf", "--only", "downloads-at-once"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(lines[0], "ok    list-cr-lf                  LIST with CR LF is answered with names");
    assert!(lines[1].starts_with("FAIL  upload-cr-lf ") && lines[1].ends_with(": copies-success"), "{text}");
    assert_eq!(lines[3..5].join(" "), " Diagnoses:");
    assert!(lines[5].starts_with("  copies-success: Reply `OK` to UPLOAD after"), "{text}");
    assert!(text.contains("Not visible from here") && text.contains("`ferrybench grid`"), "{text}");
    let verdict =
        format!("{} does not keep to the protocol: 1 passed, 2 failed, 0 warnings, 0 skipped", server.target);
    assert_eq!(lines.last(), Some(&&*verdict));
}

#[test]
fn a_wrong_target_is_a_wrong_request() {
    let place = Place::new();
    for (arguments, says) in [
        (&["--target", NOBODY][..], "no server takes a connection at"),
        (&["--target", "nonsense"], "`nonsense` is no HOST:PORT"),
        (&["--target", NOBODY, "--only", "no-such-case"], "no case is named `no-such-case`"),
    ] {
        let output = place.ferrybench(&[&["check"], arguments].concat()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn the_python_client_and_server_speak_the_same_protocol() {
    if !python() {
        return;
    }
    let mut server = Server::start("course_server.py", &["--workers", "2", "--tell"]);
    let content: Vec<u8> = (0..5000_u32).map(|number| (number * number % 251) as u8).collect();
    fs::write(server.place.path("source"), &content).unwrap();
    let client = |words: &str| -> Value {
        let port = server.target.rsplit(':').next().unwrap();
        let mut command = Command::new("python3");
        command.arg(peer("course_client.py")).args(["--port", port]).args(words.split(' '));
        serde_json::from_slice(&command.current_dir(server.place.folder.path()).output().unwrap().stdout)
            .unwrap()
    };
    for words in
        ["upload a.bin --file source", "get a.bin --file got", "download a.bin --file twin --read 4096"]
    {
        let line = client(words);
        assert_eq!((&line["ok"], &line["bytes"]), (&true.into(), &5000.into()), "{words}: {line}");
    }
    assert_eq!(client("list")["names"], serde_json::json!(["a.bin"]));
    assert_eq!(client("delete a.bin")["ok"], true);
    assert_eq!(client("get a.bin")["ok"], false);
    for name in ["got", "twin"] {
        assert!(fs::read(server.place.path(name)).unwrap() == content, "{name} is what was uploaded");
    }
    let said = server.end();
    // The last GET failed, on one of the two.
    assert_eq!((said.matches(" failed\n").count(), said.matches(" ok\n").count()), (1, 4), "{said}");
}
