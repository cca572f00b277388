//! `send` and `receive` as a person types them, and what becomes of them when something goes wrong.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use nix::sys::signal::Signal;
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::UdpSocket,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};
use support::{BINARY, Place, eventually, fanout::content, say, signal};

/// A receiver that somebody started.
struct Receiver {
    child: Child,
    words: BufReader<ChildStderr>,
    address: String,
}

impl Receiver {
    /// Starts it by a command; where it listens is its first line.
    fn start(command: &mut Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        words.read_line(&mut line).unwrap();
        let Some(rest) = line.strip_prefix("Listening on ") else {
            let _ = child.wait();
            return None;
        };
        let address = rest.split(',').next().unwrap().to_owned();
        Some(Self { child, words, address })
    }

    fn of(place: &Place, into: &str, more: &[&str]) -> Self {
        let folder = place.path(into);
        fs::create_dir_all(&folder).unwrap();
        let mut command = place.command(BINARY);
        command.args(["receive", "--listen", "127.0.0.1:0", "--idle", "300ms", "--into"]).arg(&folder);
        Self::start(command.args(more)).unwrap()
    }

    /// Waits for its end: exit code, standard output, standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut said, mut noted) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.words.read_to_string(&mut noted).unwrap();
        (self.child.wait().unwrap().code(), said, noted)
    }
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn files_go_to_two_receivers_and_both_sides_say_so() {
    let place = Place::new();
    let (a, b) = (content(200_000, 1), content(1, 2));
    fs::write(place.path("a.bin"), &a).unwrap();
    fs::create_dir(place.path("more")).unwrap();
    fs::write(place.path("more/b.bin"), &b).unwrap();
    fs::write(place.path("more/empty"), b"").unwrap();
    let receivers = ["one", "two"].map(|into| Receiver::of(&place, into, &["--files", "3"]));
    let [first, second] = [0, 1].map(|number: usize| receivers[number].address.clone());
    let words = ["send", "a.bin", "more", "--out", "run", "--to", &first, &second];
    let sent = place.ferrybench(&words).assert().success();
    let table = String::from_utf8_lossy(&sent.get_output().stdout).into_owned();
    assert_eq!(table.lines().filter(|line| line.trim_end().ends_with(" ok")).count(), 6, "{table}");
    for (receiver, into) in receivers.into_iter().zip(["one", "two"]) {
        let (code, said, noted) = receiver.end();
        assert_eq!(code, Some(0), "{said} {noted}");
        assert_eq!(said.lines().filter(|line| line.trim_end().ends_with(" ok")).count(), 3, "{said}");
        assert_eq!(files_in(&place.path(into)), ["a.bin", "b.bin", "empty"]);
        assert!(fs::read(place.path(into).join("a.bin")).unwrap() == a);
    }
    assert!(place.temporary().is_empty());
    let rows = fs::read_to_string(place.path("run/receivers.csv")).unwrap();
    assert_eq!(rows.lines().filter(|line| line.ends_with(",ok")).count(), 6, "{rows}");
    let row = fs::read_to_string(place.path("run/fanout.csv")).unwrap();
    assert!(row.lines().count() == 2 && row.contains(",pass,"), "{row}");
    place.ferrybench(&["report", "run", "--allow-debug"]).assert().success();
}

#[test]
fn a_program_of_ones_own_can_be_at_either_end() {
    let place = Place::new();
    fs::write(place.path("a.bin"), b"some content").unwrap();
    // Somebody else sends, a byte to a datagram.
    let receiver = Receiver::of(&place, "one", &["--framing", "bare", "--expect", "a.bin"]);
    let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
    for byte in b"some content" {
        theirs.send_to(&[*byte], &receiver.address).unwrap();
    }
    let (code, said, noted) = receiver.end();
    assert_eq!(code, Some(0), "{said} {noted}");
    assert_eq!(fs::read(place.path("one/a.bin")).unwrap(), b"some content");
    // Somebody else receives.
    let to = theirs.local_addr().unwrap().to_string();
    let words = ["send", "a.bin", "--to", &to, "--framing", "bare", "--datagram-bytes", "5"];
    place.ferrybench(&words).assert().success();
    let mut heard = Vec::new();
    for _ in 0..3 {
        let mut datagram = [0; 100];
        let length = theirs.recv(&mut datagram).unwrap();
        heard.push(String::from_utf8_lossy(&datagram[..length]).into_owned());
    }
    assert_eq!(heard, ["some ", "conte", "nt"]);
}

#[test]
fn what_is_not_whole_is_told_and_not_kept() {
    let place = Place::new();
    fs::write(place.path("a.bin"), b"some content").unwrap();
    let receiver = Receiver::of(&place, "one", &["--framing", "bare", "--expect", "a.bin"]);
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"some", &receiver.address).unwrap();
    let (code, said, _) = receiver.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("4 of its 12 bytes arrived"), "{said}");
    assert!(files_in(&place.path("one")).is_empty());
}

#[test]
fn a_full_disk_is_told_and_the_others_have_the_file() {
    let place = Place::new();
    fs::write(place.path("a.bin"), content(2_000_000, 3)).unwrap();
    fs::create_dir(place.path("full")).unwrap();
    let mut small = place.command("unshare");
    // A disk of 256 KiB that goes with the namespace it is mounted in.
    let script = r#"mount -t tmpfs -o size=256k tmpfs full && exec "$1" receive --listen 127.0.0.1:0 --into full --idle 300ms"#;
    small.args(["-m", "sh", "-c", script, "sh", BINARY]);
    let Some(full) = Receiver::start(&mut small) else {
        return say("skipped: a small disk needs the right to mount");
    };
    let other = Receiver::of(&place, "other", &[]);
    let sent = place.ferrybench(&["send", "a.bin", "--to", &full.address, &other.address]).assert().code(1);
    let table = String::from_utf8_lossy(&sent.get_output().stdout).into_owned();
    assert!(table.contains("there is no space left on the disk"), "{table}");
    assert_eq!(full.end().0, Some(1));
    assert_eq!(other.end().0, Some(0));
    assert_eq!(files_in(&place.path("other")), ["a.bin"]);
}

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
            "4MB",
            "--patience",
            "500ms",
        ]);
        let pid = |child: &Child| child.id() as i32;
        // In the middle: some of it has arrived.
        eventually("content arrives", || {
            let io = fs::read_to_string(format!("/proc/{}/io", receiver.child.id())).unwrap_or_default();
            let written = io.lines().find_map(|line| line.strip_prefix("wchar: "));
            written.and_then(|bytes| bytes.parse::<u64>().ok()).is_some_and(|bytes| bytes > 1_000_000)
        });
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

#[test]
fn what_cannot_be_is_one_sentence_and_code_2() {
    let place = Place::new();
    fs::write(place.path("a.bin"), b"a").unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str); 16] = [
        (&["send", "none.bin", "--to", "127.0.0.1:9"], "No such file"),
        (&["send", "a.bin", "--to", "127.0.0.1"], "HOST:PORT"),
        (&["send", "a.bin", "--to", "127.0.0.1:0"], "nobody listens on port 0"),
        (&["send", "a.bin", "--to", "127.0.0.1:9", "localhost:9"], "--to names 127.0.0.1:9 twice"),
        (&["send", "a.bin", "--to", "127.0.0.1:9", "--out", "."], ". exists already"),
        (&["send", "a.bin", "--to", "127.0.0.1:9", "--out", "a.bin"], "a.bin: Not a directory"),
        (&["send", "/dev/zero", "--to", "127.0.0.1:9"], "/dev/zero: it is not a regular file"),
        (&["send", "a.bin", "--to", "no-such-host.invalid:9"], "HOST:PORT"),
        (&["send", "tmp", "--to", "127.0.0.1:9"], "tmp: the folder has no file to send"),
        (&["send", "a.bin", "a.bin", "--to", "127.0.0.1:9"], "two files are called a.bin"),
        (
            &["send", "a.bin", "--to", "127.0.0.1:9", "--sender-model", "thread-pol"],
            "did you mean \"thread-pool\"?",
        ),
        (&["send", "a.bin", "--to", "127.0.0.1:9", "--delivery", "multicast"], "needs --via"),
        (
            &["send", "a.bin", "--to", "127.0.0.1:9", "--framing", "bare", "--reliability", "repair"],
            "no repair",
        ),
        (
            &["send", "a.bin", "--to", "127.0.0.1:9", "--batching", "gso", "--datagram-bytes", "1500"],
            "segmentation",
        ),
        (&["receive", "--listen", &port, "--into", "tmp"], "is in use already"),
        (&["receive", "--listen", "127.0.0.1:0", "--into", "none"], "none: No such file"),
    ];
    for (words, why) in cases {
        let ended = place.ferrybench(words).assert().code(2);
        let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
        assert!(said.contains(why) && said.trim().lines().count() == 1, "{words:?}: {said}");
    }
    assert!(place.temporary().is_empty());
}

#[test]
fn nobody_there_is_named_and_code_1() {
    let place = Place::new();
    fs::write(place.path("a.bin"), b"a").unwrap();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let ended =
        place.ferrybench(&["send", "a.bin", "--to", &address, "--patience", "200ms"]).assert().code(1);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    assert!(said.contains("it never answered, for 200 ms"), "{said}");
}
