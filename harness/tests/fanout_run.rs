//! Files over UDP as a run measures them: over test hosts, over hosts that the plan names, over loopback; whose files they are.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use assert_cmd::Command;
use ferrybench_data::{
    dataset::Dataset,
    fanout::{Hosts, OK},
    record::{Fate, Row},
};
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};
use support::{
    Daemon, Place,
    bed::has_hosts,
    client::Wire,
    fanout::content,
    now, say,
    server::{SINGLE, Server},
};

/// With and without processes and our header, files fetched first: a second or so.
const PLAN: &str = r#"
name = "files"
blocks = 1

[fanout]
sender_models = ["single-thread", "process-pool"]
pool_sizes = [2]
file_bytes = ["pictures"]
framings = ["ledger", "bare"]
fetch_where = ["parent-serial"]
paces = ["20MB"]
"#;

/// One trial that is quick: repaired, so that every file must be there.
const ONE: &str = "name = \"one\"\nblocks = 1\n[fanout]\nsender_models = [\"thread-per-file\"]\nreliabilities = [\"repair\"]\n";

/// Runs a command into the folder `run`: what it recorded, its exit code, and what it said.
fn recorded(place: &Place, mut command: Command) -> (Dataset, Option<i32>, String) {
    let output = command.args(["--out", "run"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(place.processes(), [], "nobody is left");
    assert_eq!(place.temporary(), [""; 0].map(PathBuf::from), "nothing is left");
    let data = Dataset::read(&place.path("run")).unwrap_or_else(|error| panic!("{error}: {said}"));
    (data, output.status.code(), said)
}

/// The same for a run whose every row must pass its audit.
fn proved(place: &Place, command: Command) -> (Dataset, String) {
    let (data, code, said) = recorded(place, command);
    for row in &data.fanout {
        let why = match row.fate() {
            Fate::Proved | Fate::SelfReported => continue,
            Fate::Refused(reasons) => reasons.join("; "),
            Fate::Failed(why) | Fate::Skipped(why) => why.to_owned(),
        };
        panic!("{}: {why}\n{said}", row.trial());
    }
    assert_eq!(code, Some(0), "{said}");
    assert!(!data.fanout.is_empty());
    (data, said)
}

/// Where namespaces cannot be made, a run takes loopback: there is nothing to see here then.
fn has_namespaces(data: &Dataset) -> bool {
    let has = data.fanout.iter().all(|row| row.spec.hosts == Hosts::Namespaces);
    if !has {
        let why = data.info.catalogue.fanout.namespaces_lacking.as_deref().unwrap_or("for no reason");
        say(&format!("skipped: {why}"));
    }
    has
}

#[test]
fn a_run_over_test_hosts_records_every_host_file_and_fetch() {
    let place = Place::new();
    place.write("plan.toml", PLAN);
    let (data, _) = proved(&place, place.ferrybench(&["run", "plan.toml"]));
    if !has_namespaces(&data) {
        return;
    }
    assert_eq!(data.fanout.len(), 4);
    assert!(data.fanout.iter().all(|row| row.seen().unwrap().hosts_distinct == 3));
    // Two files to two receivers, in each of four blocks.
    for (server, address) in [("server1", "10.77.0.2:"), ("server2", "10.77.0.3:")] {
        let rows: Vec<_> = data.receivers.iter().filter(|row| row.host == server).collect();
        assert_eq!(rows.len(), 4 * 2);
        assert!(rows.iter().all(|row| row.address.starts_with(address) && row.bytes > 100_000), "{rows:?}");
    }
    assert_eq!(data.receivers.len(), 4 * 4);
    assert_eq!(data.fetches.len(), 4 * 2);
    assert!(data.fetches.iter().all(|row| row.outcome == OK && row.content_type == "image/jpeg"));
    let names: Vec<&str> = data.info.participants.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["client", "server1", "server2"]);
    let namespaces: BTreeSet<u64> =
        data.info.participants.iter().map(|host| host.network_namespace).collect();
    assert_eq!(namespaces.len(), 3);
    for host in names {
        assert!(
            data.captures.iter().any(|(name, text)| name.contains(host) && !text.is_empty()),
            "{host} printed nothing: {:?}",
            data.captures.iter().map(|(name, _)| name).collect::<Vec<_>>()
        );
    }
}

/// A network that a plan chooses: addresses, packets that Ethernet does not carry, and links that are too slow for it.
const NETWORK: &str = r#"
name = "network"
blocks = 1

[fanout]
subnet = "172.16.9.0/24"
sender_models = ["single-thread"]
files = [1]
datagram_bytes = [8192]
batchings = ["gso"]
segmented = ["stack"]
mtu_bytes = [9000]
rates = ["2MB"]
"#;

#[test]
fn the_network_is_as_the_plan_has_it() {
    let place = Place::new();
    place.write("plan.toml", NETWORK);
    let (data, code, said) = recorded(&place, place.ferrybench(&["run", "plan.toml"]));
    assert!(!data.fanout.is_empty(), "{said}");
    // Where there are no namespaces, or no rate limits in them, the row says why it was skipped.
    if let Fate::Skipped(why) = data.fanout[0].fate() {
        return say(&format!("skipped: {why}"));
    }
    assert_eq!(code, Some(0), "{said}");
    for (number, host) in (1..).zip(&data.info.participants) {
        assert_eq!(host.interfaces[0].address, format!("172.16.9.{number}/24"));
    }
    assert_eq!(data.info.participants.len(), 3);
    for row in &data.receivers {
        assert_eq!(row.address.split(':').next().unwrap(), format!("172.16.9.{}", row.receiver + 1));
    }
    let [row] = &data.fanout[..] else { panic!("one row: {said}") };
    assert!(matches!(row.fate(), Fate::Proved), "{:?}", row.fate());
    // The kernel itself refuses to cut a batch into packets above the MTU: 128 went to each of two receivers.
    let seen = row.seen().unwrap();
    assert_eq!((row.spec.mtu_bytes, seen.wire_datagrams), (9000, 2 * 128));
    // A link's queue holds some 200 kB, a file has 1 MiB.
    let (lost, dropped) = (seen.lost.unwrap(), seen.interface_dropped.unwrap());
    assert!(lost > 0 && dropped > 0, "{seen:?}");
    assert!(
        lost <= dropped + seen.socket_dropped.unwrap(),
        "what was lost was dropped by the queue: {seen:?}"
    );
    assert_eq!(seen.injected_drops.unwrap_or(0), 0);
}

#[test]
fn sixty_four_receivers_prove_themselves() {
    let place = Place::new();
    let axes =
        "deliveries = [\"unicast\", \"multicast\"]\nreceivers = [64]\nfiles = [1]\nbatchings = [\"gso\"]\n";
    place.write(
        "plan.toml",
        &ONE.replace("thread-per-file", "single-thread").replace("[fanout]\n", &format!("[fanout]\n{axes}")),
    );
    let (data, said) = proved(&place, place.ferrybench(&["run", "plan.toml"]));
    if !has_namespaces(&data) {
        return;
    }
    assert_eq!(data.fanout.len(), 2, "{said}");
    for row in &data.fanout {
        let seen = row.seen().unwrap();
        assert_eq!((seen.hosts_distinct, seen.files_asked, seen.files_intact), (65, 64, 64));
        assert!(
            seen.complete_s.is_some() && seen.receiver_peak_rss_bytes > 0,
            "their cost is told: {seen:?}"
        );
    }
    let own = data.receivers.iter().map(|row| row.address.split(':').next().unwrap());
    assert_eq!(own.collect::<BTreeSet<_>>().len(), 64, "each has an address of its own");
    assert!(data.receivers.iter().all(|row| row.outcome == OK && row.hash == row.source_hash));
}

#[test]
fn without_namespaces_it_says_so_and_takes_loopback() {
    let place = Place::new();
    place.write("plan.toml", PLAN);
    let mut command = place.ferrybench(&["run", "plan.toml"]);
    // Nobody makes interfaces without `ip`.
    command.env("PATH", place.path("tmp"));
    let (data, said) = proved(&place, command);
    assert!(data.fanout.iter().all(|row| row.spec.hosts == Hosts::Loopback));
    assert!(data.fanout.iter().all(|row| row.seen().unwrap().hosts_distinct == 1));
    assert_eq!(data.receivers.len(), 4 * 4);
    assert!(data.receivers.iter().all(|row| row.address.starts_with("127.0.0.")));
    assert!(said.contains("loopback") && said.contains("network namespaces cannot be made here"), "{said}");
}

/// The plan's tables of test hosts that stay; they go with this value. `None`, with the reason said, where there are none.
struct Lab<'a> {
    place: &'a Place,
    tables: String,
}

impl<'a> Lab<'a> {
    fn up(place: &'a Place) -> Option<Self> {
        let output = command_of_hosts(place, &["hosts", "up", "lab"]).output().unwrap();
        if !output.status.success() {
            say(&format!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim()));
            return None;
        }
        Some(Self { place, tables: String::from_utf8(output.stdout).unwrap() })
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        command_of_hosts(self.place, &["hosts", "down", "lab"]).assert().success();
    }
}

/// Notes of hosts are kept in the test's own place.
fn command_of_hosts(place: &Place, words: &[&str]) -> Command {
    let mut command = place.ferrybench(words);
    command.env("XDG_RUNTIME_DIR", place.path(""));
    command
}

#[test]
fn hosts_that_stay_are_hosts_of_a_plan() {
    let place = Place::new();
    let Some(lab) = Lab::up(&place) else { return };
    place.write(
        "plan.toml",
        &format!("{ONE}deliveries = [\"unicast\", \"broadcast\", \"multicast\"]\n{}", lab.tables),
    );
    let output = place.ferrybench(&["run", "plan.toml", "--out", "run"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let data = Dataset::read(&place.path("run")).unwrap();
    assert_eq!(data.fanout.len(), 3);
    for row in &data.fanout {
        assert!(row.good().is_some() && row.spec.hosts == Hosts::Named, "{}: {:?}", row.trial(), row.fate());
        assert_eq!(row.seen().unwrap().hosts_distinct, 3);
    }
    let names: Vec<&str> = data.info.participants.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["client", "server1", "server2"]);
    assert_eq!(place.temporary(), [""; 0].map(PathBuf::from), "nothing is left");
    drop(lab);
    assert_eq!(place.processes(), [], "nobody is left");
}

#[test]
fn a_host_that_cannot_take_part_fails_what_needs_it() {
    let hosts = |addresses: [&str; 2], prefix: &str| {
        let [client, server] = addresses;
        format!(
            "{ONE}receivers = [1, 2]\n\
             [[host]]\nname = \"client\"\naddress = \"{client}\"\n\
             [[host]]\nname = \"server1\"\nprefix = [\"env\"]\naddress = \"{server}\"\n\
             [[host]]\nname = \"server2\"\nprefix = {prefix}\naddress = \"127.0.0.1\"\n"
        )
    };
    let here = ["127.0.0.1", "127.0.0.1"];
    let cases = [
        (hosts(here, "[\"no-such-command\"]"), "host server2 cannot be reached: `no-such-command` could not"),
        (hosts(here, "[\"sh\", \"-c\", \"echo no route >&2; exit 255\"]"), "ended with code 255: no route"),
        (hosts(["127.0.0.1", "::1"], "[\"env\"]"), "files are sent over IPv4, and ::1 is IPv6"),
        (hosts(["127.0.0.1", "h1.invalid"], "[\"env\"]"), "host server1 has the address \"h1.invalid\": "),
    ];
    for (plan, why) in cases {
        let place = Place::new();
        place.write("plan.toml", &format!("allow_same_host = true\n{plan}"));
        let (data, code, said) = recorded(&place, place.ferrybench(&["run", "plan.toml"]));
        assert_eq!((code, data.fanout.len()), (Some(1), 2), "{said}");
        for row in &data.fanout {
            let needs_it = row.spec.receivers == 2 || why.contains("server1") || why.contains("IPv6");
            match row.fate() {
                Fate::Failed(told) if needs_it => assert!(told.contains(why), "{told}"),
                Fate::Proved if !needs_it => {}
                other => panic!("{} of {} receivers: {other:?}", why, row.spec.receivers),
            }
        }
    }
}

#[test]
fn files_of_ones_own_are_sent_an_empty_one_too() {
    let place = Place::new();
    place.write("plan.toml", &format!("{ONE}fetch_where = [\"local\", \"in-worker\"]\n"));
    fs::create_dir(place.path("mine")).unwrap();
    for (name, bytes) in [("a.bin", 100_000), ("b b.bin", 1), ("empty.txt", 0), (".hidden", 9)] {
        fs::write(place.path("mine").join(name), content(bytes, 1)).unwrap();
    }
    fs::write(place.path("c.bin"), content(5_000, 2)).unwrap();
    let words = ["run", "plan.toml", "--file", "mine", "--file", "c.bin"];
    let (data, _) = proved(&place, place.ferrybench(&words));
    let of = |receiver: u32| -> Vec<(&str, u64)> {
        let rows = data.receivers.iter().filter(|row| row.receiver == receiver && row.outcome == OK);
        rows.map(|row| (row.name.as_str(), row.bytes)).collect()
    };
    let files = [("a.bin", 100_000), ("b b.bin", 1), ("empty.txt", 0), ("c.bin", 5_000)];
    for receiver in [1, 2] {
        // In either block.
        assert_eq!(of(receiver), [files, files].concat());
    }
    assert_eq!(data.fetches.len(), 4, "they are fetched from where they lie in one of the blocks");
    assert!(data.receivers.iter().all(|row| row.hash == row.source_hash));
}

#[test]
fn files_are_fetched_from_a_server_of_ones_own() {
    let server = Server::start(SINGLE, Wire::Http);
    fs::write(server.path("a.bin"), content(40_000, 1)).unwrap();
    fs::write(server.path("none.txt"), b"").unwrap();
    let place = Place::new();
    place.write("plan.toml", ONE);
    let [whole, none, gone] =
        ["a.bin", "none.txt", "gone.bin"].map(|name| format!("http://{}/{name}", server.address));
    // The server is on this machine's loopback interface, which test hosts do not see: loopback hosts do.
    let loopback = |words: &[&str]| {
        let mut command = place.ferrybench(&[&["run", "plan.toml"], words].concat());
        command.env("PATH", place.path("tmp"));
        command
    };
    let (data, _) = proved(&place, loopback(&["--url", &whole, "--url", &none]));
    let fetched: Vec<_> =
        data.fetches.iter().map(|row| (row.name.as_str(), row.bytes, row.url.as_str())).collect();
    assert_eq!(fetched, [("a.bin", 40_000, whole.as_str()), ("none.txt", 0, none.as_str())]);
    assert_eq!(data.receivers.len(), 4);
    assert!(data.receivers.iter().all(|row| row.outcome == OK && row.hash == row.source_hash));

    // Test hosts see neither that interface nor anything else: what they send is fetched once, and served to them.
    if has_hosts() {
        fs::remove_dir_all(place.path("run")).unwrap();
        let with_hosts = |words: &[&str]| place.ferrybench(&[&["run", "plan.toml"], words].concat());
        let (data, _) = proved(&place, with_hosts(&["--url", &whole, "--url", &none]));
        assert!(data.fanout.iter().all(|row| row.spec.hosts == Hosts::Namespaces));
        let told: Vec<_> = data
            .info
            .fetched
            .iter()
            .map(|file| (file.url.as_str(), file.name.as_str(), file.bytes))
            .collect();
        assert_eq!(told, [(whole.as_str(), "a.bin", 40_000), (none.as_str(), "none.txt", 0)]);
        assert!(data.fetches.iter().all(|row| row.url.starts_with("http://127.0.0.1:") && row.url != whole));
        assert_eq!((data.fetches.len(), data.receivers.len()), (2, 4));
        assert!(data.receivers.iter().all(|row| row.outcome == OK && row.hash == row.source_hash));

        // What cannot be had fails what needs it, and nothing else.
        for (more, why) in [
            (&["--url", &whole, "--url", &gone][..], "404"),
            (&["--url", &whole, "--fetch-limit", "39999"], "larger than 39999 bytes"),
        ] {
            fs::remove_dir_all(place.path("run")).unwrap();
            let (data, code, said) = recorded(&place, with_hosts(more));
            assert_eq!(code, Some(1), "{said}");
            let Fate::Failed(told) = data.fanout[0].fate() else { panic!("{:?}", data.fanout[0].fate()) };
            assert!(told.contains(why), "{told}");
            assert_eq!(place.temporary(), Vec::<PathBuf>::new());
        }
        fs::remove_dir_all(place.path("run")).unwrap();
        let (data, code, said) = recorded(&place, loopback(&["--url", &whole, "--fetch-limit", "39999"]));
        assert_eq!((code, data.fanout.len()), (Some(1), 1), "{said}");
    }

    // What cannot be fetched fails its block, and says why.
    fs::remove_dir_all(place.path("run")).unwrap();
    let (data, code, said) = recorded(&place, loopback(&["--url", &whole, "--url", &gone]));
    assert_eq!(code, Some(1), "{said}");
    let Fate::Failed(why) = data.fanout[0].fate() else { panic!("{:?}", data.fanout[0].fate()) };
    assert!(why.contains("gone.bin") && why.contains("404"), "{why}");
}

#[test]
fn a_file_that_no_datagram_holds_is_skipped_and_others_are_sent() {
    let place = Place::new();
    place.write("plan.toml", &format!("{ONE}datagram_bytes = [\"whole-file\", 1400]\n"));
    fs::write(place.path("large.bin"), content(70_000, 1)).unwrap();
    let (data, code, said) = recorded(&place, place.ferrybench(&["run", "plan.toml", "--file", "large.bin"]));
    assert_eq!((code, data.fanout.len()), (Some(0), 2), "{said}");
    let fates: Vec<_> = data.fanout.iter().map(|row| (row.spec.datagram_bytes, row.fate())).collect();
    let limit =
        "limit: large.bin, which has 70000 bytes, does not fit into a datagram of at most 65471 bytes";
    assert!(fates.contains(&(0, Fate::Skipped(limit))) && fates.contains(&(1400, Fate::Proved)), "{fates:?}");
}

#[test]
fn files_are_fetched_over_https_from_who_is_vouched_for() {
    let place = Place::new();
    place.write("plan.toml", ONE);
    let theirs = Place::new();
    fs::write(theirs.path("a.bin"), content(40_000, 1)).unwrap();
    let certify = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext \
                   basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1";
    let certified = theirs.command("openssl").args(certify.split(' ')).stderr(Stdio::null()).status();
    if !certified.is_ok_and(|status| status.success()) {
        return say("skipped: openssl is not there to play an HTTPS server");
    }
    let mut server = theirs.command("openssl");
    server.args("s_server -accept 127.0.0.1:0 -key key.pem -cert cert.pem -WWW".split(' '));
    let mut server =
        Daemon(server.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let (tells, told) = mpsc::channel();
    thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tells.send(line))));
    let deadline = now() + Duration::from_secs(30);
    let address = loop {
        match told.recv_timeout(deadline.saturating_duration_since(now())) {
            Ok(line) => {
                if let Some(address) = line.strip_prefix("ACCEPT ").filter(|rest| rest.contains(':')) {
                    break address.trim().to_owned();
                }
            }
            Err(_) => return say("skipped: this openssl does not say where it listens"),
        }
    };
    let url = format!("https://{address}/a.bin");
    let run = |authorities: Option<PathBuf>| {
        let mut command = place.ferrybench(&["run", "plan.toml", "--url", &url]);
        // Hosts of this machine: each block fetches the file itself.
        command.env("PATH", place.path("tmp")).env_remove("SSL_CERT_FILE");
        command.envs(authorities.map(|path| ("SSL_CERT_FILE", path)));
        command
    };
    let (data, _) = proved(&place, run(Some(theirs.path("cert.pem"))));
    assert_eq!((data.fetches[0].url.as_str(), data.fetches[0].bytes), (url.as_str(), 40_000));
    for (authorities, why) in [
        (None, "nobody whom this host trusts vouches for the server"),
        (Some(place.path("plan.toml")), "there is no certificate in it"),
        (Some(place.path("none.pem")), "No such file"),
    ] {
        fs::remove_dir_all(place.path("run")).unwrap();
        let (data, code, said) = recorded(&place, run(authorities));
        let Fate::Failed(told) = data.fanout[0].fate() else { panic!("{said}") };
        assert!(code == Some(1) && told.contains(why), "{told}");
    }
}

#[test]
fn what_cannot_be_sent_is_one_sentence_and_code_2() {
    let place = Place::new();
    place.write("plan.toml", ONE);
    place.write("a.bin", "a");
    fs::create_dir(place.path("sub")).unwrap();
    fs::write(place.path("sub/a.bin"), b"b").unwrap();
    let unnamed = [
        ("--file", "none.bin", "No such file"),
        ("--file", "tmp", "no file to send"),
        ("--url", "ftp://a/b", "http://"),
    ];
    let cases = unnamed.map(|(word, value, why)| (vec![word, value], why));
    let two = (vec!["--file", "a.bin", "--file", "sub/a.bin"], "two files are called a.bin");
    place.write(".ferrybench-1", "d");
    let ours = (vec!["--file", ".ferrybench-1"], "names that begin with .ferrybench- are ours");
    for (words, why) in cases.into_iter().chain([two, ours]) {
        let ended = place.ferrybench(&[&["run", "plan.toml", "--out", "run"], &words[..]].concat()).assert();
        let output = ended.get_output();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(why) && said.trim().lines().count() == 1, "{words:?}: {said}");
        assert!(!place.path("run").exists(), "{words:?} leaves no folder of a run");
    }
    assert!(place.temporary().is_empty());
}
