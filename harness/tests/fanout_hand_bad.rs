//! What `send` and `receive` say of a request that cannot be met, and of a network or a disk that fails them.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::fanout::frame::{Announce, Ask, HEADER, Header, Kind};
use std::{fs, net::UdpSocket};
use support::{
    Place,
    fanout::content,
    hand::{Receiver, apart, files_in},
    say,
};

#[test]
fn a_full_disk_is_told_and_the_others_have_the_file() {
    let place = Place::new();
    fs::write(place.path("a.bin"), content(2_000_000, 3)).unwrap();
    fs::create_dir(place.path("full")).unwrap();
    // A disk of 256 KiB that goes with the namespace it is mounted in.
    let script = r#"mount -t tmpfs -o size=256k tmpfs full && exec "$1" receive --listen 127.0.0.1:0 --into full --idle 300ms"#;
    let Some(full) = Receiver::start(&mut apart(&place, "m", script)) else {
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

/// Each of these command lines is refused with this sentence, and leaves nothing.
fn refused(place: &Place, cases: &[(&[&str], &str)]) {
    for (words, why) in cases {
        let ended = place.ferrybench(words).assert().code(2);
        let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
        assert!(said.contains(why) && said.trim().lines().count() == 1, "{words:?}: {said}");
    }
    assert!(place.temporary().is_empty());
}

#[test]
fn what_cannot_be_is_one_sentence_and_code_2() {
    let place = Place::new();
    fs::write(place.path("a.bin"), b"a").unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    refused(
        &place,
        &[
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
        ],
    );
}

#[test]
fn ways_and_words_that_do_not_fit_are_refused_before_anything_is_sent() {
    let place = Place::new();
    fs::write(place.path("a.bin"), b"a").unwrap();
    refused(
        &place,
        &[
            (
                &["send", "a.bin", "--to", "127.0.0.1:9", "--delivery", "limited-broadcast"],
                "--delivery limited-broadcast needs --interface",
            ),
            (
                &[
                    "send",
                    "a.bin",
                    "--to",
                    "127.0.0.1:9",
                    "--delivery",
                    "limited-broadcast",
                    "--interface",
                    "192.0.2.1",
                ],
                "no interface of this host has the address 192.0.2.1",
            ),
            (
                &[
                    "send",
                    "a.bin",
                    "--to",
                    "127.0.0.1:9",
                    "--delivery",
                    "broadcast",
                    "--via",
                    "127.255.255.255:9",
                    "--interface",
                    "192.0.2.1",
                ],
                "no interface of this host has the address 192.0.2.1",
            ),
            (
                &[
                    "send",
                    "a.bin",
                    "--to",
                    "127.0.0.1:9",
                    "--delivery",
                    "multicast",
                    "--via",
                    "239.1.1.1:9",
                    "--interface",
                    "192.0.2.1",
                ],
                "no interface of this host has the address 192.0.2.1",
            ),
            (
                &["send", "a.bin", "--to", "127.0.0.1:9", "--interface", "127.0.0.1"],
                "--interface is for broadcast and multicast",
            ),
            (
                &["send", "a.bin", "--to", "127.0.0.1:9", "--unproven-ok"],
                "--unproven-ok is for --framing bare",
            ),
            (
                &["receive", "--listen", "127.0.0.1:0", "--into", "tmp", "--unproven-ok"],
                "--unproven-ok is for --framing bare",
            ),
            (
                &["receive", "--listen", "127.0.0.1:0", "--into", "tmp", "--interface", "127.0.0.1"],
                "--interface is for --group",
            ),
            (
                &[
                    "receive",
                    "--listen",
                    "0.0.0.0:0",
                    "--into",
                    "tmp",
                    "--group",
                    "239.1.1.1",
                    "--interface",
                    "192.0.2.1",
                ],
                "cannot be joined on the interface of 192.0.2.1",
            ),
            (
                &["send", "--url", "ftp://127.0.0.1/a", "--url", "ftp://127.0.0.1/a", "--to", "127.0.0.1:9"],
                "two files are called a",
            ),
        ],
    );
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

#[test]
fn without_a_route_it_says_so_and_sends_nothing() {
    let place = Place::new();
    fs::write(place.path("a.bin"), content(10_000, 8)).unwrap();
    // A namespace of its own has no way out.
    let said = |script: &str| {
        let output = apart(&place, "n", script).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    if said("exit 0").0 != Some(0) {
        return say("skipped: a network without a route needs the right to make a namespace");
    }
    let ways = [
        "",
        " --framing bare --unproven-ok",
        " --sender-model tokio",
        " --delivery multicast --via 239.1.1.1:7000",
        " --delivery broadcast --via 10.9.9.255:7000",
    ];
    for way in ways {
        let script = format!(r#"exec "$1" send a.bin --to 10.9.9.9:7000{way}"#);
        let (code, table, errors) = said(&script);
        assert_eq!(code, Some(1), "{way}: {table} {errors}");
        assert!(table.contains("there is no route to it"), "{way}: {table} {errors}");
    }
    assert!(place.temporary().is_empty());
}

#[test]
fn a_forged_name_with_a_path_is_refused_and_nothing_is_written_for_it() {
    let place = Place::new();
    let real = content(10_000, 9);
    fs::write(place.path("a.bin"), &real).unwrap();
    let receiver = Receiver::of(&place, "inner", &[]);
    let outside = place.path("outside").display().to_string();
    let names =
        ["../outside", &outside, "deep/../../outside", "..", ".ferrybench-1-0.part", "a\\outside", ""];
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (name, file) in names.into_iter().zip(1..) {
        let content = b"forged";
        let hash = ferrybench::shelf::hash(&mut &content[..]).unwrap().to_hex();
        let hash = u128::from_str_radix(&hash, 16).unwrap();
        let announce = Announce { name: name.to_owned(), bytes: 6, hash, payload_bytes: 6, repairs: true };
        forger.send_to(&announce.encode(7, file), &receiver.address).unwrap();
        let mut data = vec![0; HEADER + content.len()];
        data[HEADER..].copy_from_slice(content);
        Header { kind: Kind::Data, session: 7, file, serial: 0, position: 0 }.seal(&mut data);
        forger.send_to(&data, &receiver.address).unwrap();
        let ask = Ask { number: 1, sent: 1, frontier: 1, from: 0, ended: true };
        forger.send_to(&ask.encode(7, file), &receiver.address).unwrap();
    }
    // The same with a name that may be: all else about it is right.
    place.ferrybench(&["send", "a.bin", "--to", &receiver.address]).assert().success();
    let (code, said, _) = receiver.end();
    assert_eq!(code, Some(1), "{said}");
    for why in ["a name has no path in it", ".. is not a file", "names that begin with .ferrybench- are ours"]
    {
        assert!(said.contains(why), "{why}: {said}");
    }
    assert_eq!(files_in(&place.path("inner")), ["a.bin"]);
    assert_eq!(fs::read(place.path("inner/a.bin")).unwrap(), real);
    assert_eq!(files_in(place.folder.path()), ["a.bin", "inner", "tmp"]);
}
