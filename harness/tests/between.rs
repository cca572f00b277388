//! Round trips between two hosts: each end in a network namespace of its own.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::{host::testbed::TestBed, process::partner::Program};
use ferrybench_data::{
    dataset::Dataset,
    record::{Fate, Row},
};
use nix::sys::signal::Signal;
use std::fs;
use support::{BINARY, Place, eventually, say, signal};

fn bed() -> Option<TestBed> {
    TestBed::raise(&Program(BINARY.into()), 1).map_err(|error| say(&format!("skipped: {error}"))).ok()
}

/// The `[[host]]` tables of a bed.
fn tables(bed: &TestBed) -> String {
    let hosts = bed.hosts().iter().map(|host| {
        format!(
            "[[host]]\nname = \"{}\"\nprefix = {:?}\naddress = \"{}\"\n",
            host.name, host.prefix, host.address
        )
    });
    hosts.collect()
}

fn plan(bed: &TestBed, blocks: u32, table: &str) -> String {
    format!("name = \"between\"\nblocks = {blocks}\n{}[roundtrip]\n{table}", tables(bed))
}

#[test]
fn both_ends_prove_themselves_on_two_hosts() {
    let Some(bed) = bed() else { return };
    let place = Place::new();
    let table = "hosts = [\"client:server1\", \"server1:client\"]\nwaits = [\"block\", \"spin\"]\n\
                 message_bytes = [64, \"4KiB\"]\nleg = \"20ms\"\n";
    place.write("plan.toml", &plan(&bed, 1, table));
    place.ferrybench(&["run", "plan.toml", "--out", "run"]).assert().success();
    let data = Dataset::read(&place.path("run")).unwrap();
    let rows: Vec<&dyn Row> = data.rows().collect();
    // Two mechanisms reach other hosts; two patterns, sizes, ways of waiting and directions.
    assert_eq!(rows.len(), 32);
    for row in rows {
        assert!(matches!(row.fate(), Fate::Proved), "{}: {:?}", row.trial(), row.fate());
        assert!(
            row.trial().contains("/process/") && row.trial().contains("/unpinned+hosts="),
            "{}",
            row.trial()
        );
    }
    let participants = &data.info.participants;
    let names: Vec<&str> = participants.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["client", "server1"]);
    assert_ne!(participants[0].network_namespace, participants[1].network_namespace);
    // The network between them saw it.
    let ports = bed.counters().unwrap();
    assert_eq!((ports.links.len(), ports.interface_dropped()), (1, 0));
    let seen = fs::read_to_string(format!("/proc/{}/net/dev", bed.hosts()[0].prefix[2])).unwrap();
    let sent = seen.lines().find(|line| line.trim().starts_with("eth0:")).unwrap();
    let packets: u64 = sent.split_whitespace().nth(10).unwrap().parse().unwrap();
    assert!(packets > 1_000, "{seen}");
    eventually("nothing is left", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_lost_host_fails_what_needs_it_and_nothing_else() {
    let Some(bed) = bed() else { return };
    let place = Place::new();
    let table = "mechanisms = [\"tcp\"]\npatterns = [\"rtt\"]\nhosts = [\"client:server1\"]\nleg = \"100ms\"\n\
                 [[roundtrip]]\nmechanisms = [\"pipe\"]\npatterns = [\"rtt\"]\nplacements = [\"same-cpu\"]\nleg = \"20ms\"\n";
    let text = plan(&bed, 6, table).replace("\n[roundtrip]", "\n[[roundtrip]]");
    place.write("plan.toml", &text);
    let mut run = place.start(&["run", "plan.toml", "--out", "run"]);
    eventually("the far host works", || place.playing("afar").is_some());
    // Its agent is the parent of the worker there.
    let afar = place.playing("afar").unwrap();
    let status = fs::read_to_string(format!("/proc/{afar}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap();
    signal(parent, Signal::SIGKILL);
    assert_eq!(run.wait().unwrap().code(), Some(1));
    let data = Dataset::read(&place.path("run")).unwrap();
    let (near, far): (Vec<&dyn Row>, Vec<&dyn Row>) =
        data.rows().partition(|row| row.trial().contains("/pipe/"));
    assert_eq!((near.len(), far.len()), (6, 6));
    assert!(near.iter().all(|row| matches!(row.fate(), Fate::Proved)), "what needs no other host goes on");
    let reasons: Vec<String> = far
        .iter()
        .filter_map(|row| match row.fate() {
            Fate::Failed(why) => Some(why.to_owned()),
            _ => None,
        })
        .collect();
    assert!(reasons.len() >= 5, "{reasons:?}");
    let last = reasons.last().unwrap();
    assert!(last.starts_with("host server1 is lost: ") && last.contains("SIGKILL"), "{last}");
    eventually("nothing is left", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn pairs_that_make_no_sense_are_refused() {
    let place = Place::new();
    let hosts = "[[host]]\nname = \"a\"\n[[host]]\nname = \"b\"\nprefix = [\"no-such-command\"]\n";
    for (table, why) in [
        ("hosts = [\"a\"]", "expected two hosts such as \"client:server1\", not \"a\""),
        ("hosts = [\"a:c\"]", "the plan has no [[host]] called \"c\""),
        ("hosts = [\"a:a\"]", "\"a:a\" is one host twice"),
        ("mechanisms = [\"pipe\"]\nhosts = [\"a:b\"]", "pipe joins ends on one host"),
    ] {
        place.write("plan.toml", &format!("name = \"wrong\"\n{hosts}[roundtrip]\n{table}\n"));
        let output = place.ferrybench(&["plan", "plan.toml"]).assert().code(2).get_output().clone();
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{output:?}");
    }
    // A host that cannot be reached is a failed row with the reason.
    let table = "mechanisms = [\"tcp\"]\npatterns = [\"rtt\"]\nhosts = [\"a:b\"]\nleg = \"20ms\"\n";
    place.write("plan.toml", &format!("name = \"unreached\"\nblocks = 1\n{hosts}[roundtrip]\n{table}"));
    place.ferrybench(&["run", "plan.toml", "--out", "run"]).assert().code(1);
    let rows = place.read("run/roundtrip.csv");
    assert!(rows.contains("host b cannot be reached: `no-such-command` could not be started"), "{rows}");
}
