//! Round trips and the file server between two hosts: each end in a network namespace of its own.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::host::testbed::TestBed;
use ferrybench_data::{
    dataset::{Dataset, TrialView},
    fileserver::FileServer,
    record::{Fate, Row},
};
use nix::sys::signal::Signal;
use std::{fs, process::Command};
use support::{Place, bed::bed, eventually, say, signal};

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

fn parent_of(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

/// Bytes that went out of a host's interface.
fn sent_by(bed: &TestBed, host: usize) -> u64 {
    let seen = fs::read_to_string(format!("/proc/{}/net/dev", bed.hosts()[host].prefix[2])).unwrap();
    let line = seen.lines().find(|line| line.trim().starts_with("eth0:")).unwrap();
    line.split_whitespace().nth(9).unwrap().parse().unwrap()
}

#[test]
fn files_go_both_ways_between_two_hosts_and_are_looked_at_on_each() {
    let Some(bed) = bed(1) else { return };
    let place = Place::new();
    let text = format!(
        "name = \"files\"\nblocks = 1\n{}\
         [[fileserver]]\noperations = [\"download\", \"upload\", \"list\", \"delete\"]\nvolume_bytes = [\"1MiB\"]\n\
         protocols = [\"raw\", \"course\", \"http\"]\nclient_models = [\"thread-pool\", \"process-pool\"]\n\
         client_pools = [3]\nserver_models = [\"thread-pool\", \"process-pool\", \"tokio\"]\nserver_pools = [2]\n\
         hosts = [\"client:server1\"]\n\
         [[fileserver]]\nvolume_bytes = [\"1MiB\"]\nreceived = [\"discarded\"]\nserver_models = [\"thread-pool\"]\n\
         hosts = [\"server1:client\"]\nleg = \"50ms\"\n\
         [[fileserver]]\nvolume_bytes = [\"1MiB\"]\nserver_models = [\"thread-pool\"]\n",
        tables(&bed)
    );
    place.write("plan.toml", &text);
    let before = [sent_by(&bed, 0), sent_by(&bed, 1)];
    place.ferrybench(&["run", "plan.toml", "--out", "run"]).assert().success();
    let data = Dataset::read(&place.path("run")).unwrap();
    let trials = data.fileserver_trials();
    let between = |trial: &&TrialView<'_, FileServer>| !trial.spec.is_here();
    assert_eq!((trials.len(), trials.iter().filter(between).count()), (4 * 3 * 2 * 3 + 2 + 2, 74));
    for trial in &trials {
        let evidence =
            trial.rows[0].seen().unwrap_or_else(|| panic!("{}: {:?}", trial.id(), trial.rows[0].fate()));
        assert!(matches!(trial.rows[0].fate(), Fate::Proved), "{}: {:?}", trial.id(), trial.rows[0].fate());
        // The server's workers told, whichever host they are on, and were found by the clients' ports.
        assert_eq!(evidence.server_transfers_ok, Some(evidence.transfers_ok), "{}", trial.id());
    }
    assert!(data.transfers.iter().all(|row| row.worker.is_some()), "each transfer is known to its worker");
    // 18 downloads of 3 MiB went out of one, as many uploads out of the other; the second table goes the other way.
    let least = 18 * (3 << 20);
    let after = [sent_by(&bed, 0) - before[0], sent_by(&bed, 1) - before[1]];
    assert!(after.iter().all(|bytes| *bytes > least), "{after:?}");
    let names: Vec<&str> = data.info.participants.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["client", "server1"]);
    eventually("nothing is left", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
}

/// Folders with the files of a run, in the memory that all hosts of a test share.
fn stores_of(run: u32) -> Vec<String> {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(&format!("ferrybench-{run}-"))).collect()
}

#[test]
fn a_killed_server_side_costs_a_block_and_a_killed_agent_the_host() {
    let Some(bed) = bed(1) else { return };
    let place = Place::new();
    let text = format!(
        "name = \"files\"\nblocks = 12\n{}[fileserver]\noperations = [\"upload\"]\nvolume_bytes = [\"1MiB\"]\n\
         client_pools = [2]\nserver_models = [\"process-pool\"]\nserver_pools = [2]\nhosts = [\"client:server1\"]\n\
         leg = \"1s\"\n",
        tables(&bed)
    );
    place.write("plan.toml", &text);
    let mut run = place.start(&["run", "plan.toml", "--out", "run"]);
    place.eventually_playing("serve");
    signal(place.eventually_playing("server-afar"), Signal::SIGKILL);
    eventually("the second block is there", || {
        place.path("run/fileserver.csv").exists() && place.read("run/fileserver.csv").lines().count() > 2
    });
    assert_eq!(stores_of(run.id()).len(), 2, "one for each host");
    place.eventually_playing("serve");
    signal(parent_of(place.eventually_playing("server-afar")), Signal::SIGKILL);
    let id = run.id();
    assert_eq!(run.wait().unwrap().code(), Some(1));
    let data = Dataset::read(&place.path("run")).unwrap();
    let fates: Vec<String> = data.rows().map(|row| format!("{:?}", row.fate())).collect();
    assert_eq!(fates.len(), 12);
    assert!(fates[0].contains("the server-side worker on another host is gone"), "{fates:?}");
    assert_eq!(fates[1], format!("{:?}", Fate::Proved));
    let lost =
        fates.iter().filter(|fate| fate.contains("host server1 is lost: ") && fate.contains("SIGKILL"));
    assert!(lost.count() >= 3, "{fates:?}");
    eventually("nothing is left", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
    assert_eq!(stores_of(id), Vec::<String>::new());
}

#[test]
fn a_host_without_room_has_skipped_rows_and_the_other_trials_go_on() {
    let Some(bed) = bed(1) else { return };
    let place = Place::new();
    // Of 6 TiB of files no machine's memory has half to spare.
    let text = format!(
        "name = \"large\"\nblocks = 1\n{}\
         [[fileserver]]\noperations = [\"download\"]\nvolume_bytes = [\"64MiB\"]\nclient_pools = [100]\ntransfers = 1000\n\
         server_models = [\"thread-pool\"]\nhosts = [\"client:server1\"]\n\
         [[fileserver]]\noperations = [\"download\", \"list\"]\nvolume_bytes = [\"1MiB\"]\n\
         server_models = [\"thread-pool\"]\nhosts = [\"client:server1\"]\n\
         [[fileserver]]\noperations = [\"list\"]\nserver_models = [\"thread-pool\"]\n",
        tables(&bed)
    );
    place.write("plan.toml", &text);
    place.ferrybench(&["run", "plan.toml", "--out", "run"]).assert().success();
    let rows = place.read("run/fileserver.csv");
    let good = |line: &&str| line.contains(",ok,");
    assert_eq!(rows.lines().filter(good).count(), 3, "what is small has room: {rows}");
    assert!(rows.contains("host client: memory: its files need 6400070 MiB of /dev/shm"), "{rows}");
    assert_eq!(rows.lines().filter(|line| line.contains("list")).count(), 2, "{rows}");
}

#[test]
fn both_ends_prove_themselves_on_two_hosts() {
    let Some(bed) = bed(1) else { return };
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
    assert!(sent_by(&bed, 0) > 1_000 * 64);
    eventually("nothing is left", || place.processes().is_empty());
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_lost_host_fails_what_needs_it_and_nothing_else() {
    let Some(bed) = bed(1) else { return };
    let place = Place::new();
    let table = "mechanisms = [\"tcp\"]\npatterns = [\"rtt\"]\nhosts = [\"client:server1\"]\nleg = \"2s\"\n\
                 [[roundtrip]]\nmechanisms = [\"pipe\"]\npatterns = [\"rtt\"]\nplacements = [\"same-cpu\"]\nleg = \"20ms\"\n";
    let text = plan(&bed, 6, table).replace("\n[roundtrip]", "\n[[roundtrip]]");
    place.write("plan.toml", &text);
    let mut run = place.start(&["run", "plan.toml", "--out", "run"]);
    // Its agent is the parent of the worker there.
    signal(parent_of(place.eventually_playing("afar")), Signal::SIGKILL);
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
        ("[fileserver]\nhosts = [\"a:c\"]", "the plan has no [[host]] called \"c\""),
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

/// What a plan's prefix says that makes clocks of a host show another time: its monotonic clock is so many seconds ahead.
const ELSEWHEN: [&str; 5] = ["unshare", "--time", "--monotonic=1000", "--kill-child", "--fork"];

#[test]
fn hosts_whose_clocks_differ_agree_on_what_happened_when() {
    let Some(bed) = bed(1) else { return };
    let has_time_namespaces = Command::new(ELSEWHEN[0]).args(&ELSEWHEN[1..]).arg("true").output();
    if !has_time_namespaces.is_ok_and(|output| output.status.success()) {
        return say("skipped: no clocks of their own can be made for processes here");
    }
    let place = Place::new();
    let mut hosts = tables(&bed);
    let end = hosts.rfind("]\naddress").unwrap();
    hosts.insert_str(end, &ELSEWHEN.map(|word| format!(", {word:?}")).concat());
    let text = format!(
        "name = \"clocks\"\nblocks = 1\n{hosts}[roundtrip]\nmechanisms = [\"tcp\"]\npatterns = [\"rtt\"]\n\
         hosts = [\"client:server1\"]\nleg = \"20ms\"\n[fileserver]\noperations = [\"download\", \"upload\"]\n\
         volume_bytes = [\"1MiB\"]\nclient_pools = [2]\nserver_pools = [2]\nhosts = [\"client:server1\"]\n\
         leg = \"20ms\"\n[fanout]\nreceivers = [1]\nfile_bytes = [\"pictures\"]\n"
    );
    place.write("plan.toml", &text);
    place.ferrybench(&["run", "plan.toml", "--out", "run"]).assert().success();
    let data = Dataset::read(&place.path("run")).unwrap();
    let offsets: Vec<f64> = data.info.participants.iter().map(|host| host.clock_offset_s).collect();
    assert!((offsets[1] - offsets[0] - 1000.0).abs() < 1.0, "{offsets:?}");
    for row in &data.fanout {
        let skew = row.good().unwrap().start_skew_s.unwrap();
        assert!(skew < 100.0, "{skew} s between the hosts, whose clocks are 1000 s apart");
    }
    for row in &data.receivers {
        // A wrong sign would be 1000 or 2000 s off.
        let times = [row.first_s, row.last_s, row.verified_s].map(Option::unwrap);
        assert!(times.iter().all(|time| (0.0..100.0).contains(time)), "{times:?}");
    }
    assert!(!data.receivers.is_empty());
    for row in &data.fileserver {
        let seen = row.good().unwrap();
        let waits = [seen.client_wait_mean_s, seen.client_service_mean_s].map(Option::unwrap);
        assert!(waits.iter().all(|time| (0.0..100.0).contains(time)), "{waits:?}");
    }
}
