//! `send` and `receive` as a person types them.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::{fs, net::UdpSocket};
use support::{
    Place,
    fanout::content,
    hand::{Receiver, files_in, served},
};

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
    let sent = place.ferrybench(&words).assert().code(1);
    let table = String::from_utf8_lossy(&sent.get_output().stdout).into_owned();
    assert!(table.contains("sent; without a header nobody can say whether it arrived"), "{table}");
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
fn what_nobody_can_prove_is_good_only_for_whoever_says_so() {
    let place = Place::new();
    fs::write(place.path("a.bin"), b"some content").unwrap();
    for more in [&[][..], &["--unproven-ok"]] {
        let code = i32::from(more.is_empty());
        let receiver = Receiver::of(&place, "one", &[&["--framing", "bare"], more].concat());
        let words = ["send", "a.bin", "--to", &receiver.address, "--framing", "bare", "--out"];
        let run = format!("run-{code}");
        let sent = place.ferrybench(&[&words[..], &[&run], more].concat()).assert().code(code);
        let table = String::from_utf8_lossy(&sent.get_output().stdout).into_owned();
        assert!(!table.lines().any(|line| line.trim_end().ends_with(" ok")), "{table}");
        let noted = String::from_utf8_lossy(&sent.get_output().stderr).into_owned();
        assert_eq!(noted.contains("Nobody can prove what was sent without a header"), code == 1, "{noted}");
        let (ended, said, noted) = receiver.end();
        assert_eq!(ended, Some(code), "{said} {noted}");
        assert_eq!(noted.contains("Nobody can prove what came without a header"), code == 1, "{noted}");
        assert!(said.contains("it arrived; whether it is whole was not told"), "{said}");
        assert_eq!(fs::read(place.path("one/file-1")).unwrap(), b"some content");
        let rows = place.read(&format!("{run}/receivers.csv"));
        assert!(rows.contains("nobody can say whether it arrived"), "{rows}");
        place.ferrybench(&["report", &run, "--allow-debug"]).assert().success();
    }
    // What is held against a copy is proven, on its side.
    let receiver = Receiver::of(&place, "two", &["--framing", "bare", "--expect", "a.bin"]);
    place.ferrybench(&["send", "a.bin", "--to", &receiver.address, "--framing", "bare"]).assert().code(1);
    assert_eq!(receiver.end().0, Some(0));
}

#[test]
fn without_a_terminal_a_line_now_and_then_says_how_far_it_is() {
    let url = served(content(2_000_000, 5));
    let models: [&[&str]; 3] = [
        &["--sender-model", "thread-pool", "--fetch-where", "in-worker"],
        &["--sender-model", "process-pool", "--fetch-where", "in-worker"],
        &["--sender-model", "process-per-file"],
    ];
    for model in models {
        let place = Place::new();
        fs::write(place.path("b.bin"), content(2_000_000, 6)).unwrap();
        let receivers = ["one", "two"].map(|into| Receiver::of(&place, into, &["--files", "2"]));
        let [first, second] = [0, 1].map(|number: usize| receivers[number].address.clone());
        let words =
            ["send", "b.bin", "--url", &url, "--to", &first, &second, "--pace", "3MB", "--progress", "50ms"];
        let sent = place.ferrybench(&[&words[..], model].concat()).assert().success();
        let noted = String::from_utf8_lossy(&sent.get_output().stderr).into_owned();
        // Two files to each of two: the size of the fetched one counts once it is known.
        let is_progress = |line: &&str| line.contains(" of 7.6 MiB sent in ") && !line.starts_with("0B ");
        assert!(noted.lines().any(|line| is_progress(&line)), "{model:?}: {noted}");
        for receiver in receivers {
            assert_eq!(receiver.end().0, Some(0));
        }
    }
}
