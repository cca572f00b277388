//! Our fan-out held against UFTP and iperf3 on the same hosts, alternating in one run, and against limits to its memory.
//! Prints a Markdown table; METHODOLOGY.md quotes one. `just fanout-peers` runs it as root, in minutes; `just fanout-peers GRO`
//! only the rows whose words contain that one. Exit code 1 where a bar is missed.

#![expect(clippy::print_stderr, reason = "its output is its result")]

mod cost;
#[path = "../held/mod.rs"]
mod held;
mod hosts;
mod ours;
mod theirs;

use ferrybench::fanout::receive::Keep;
use ferrybench_data::fanout::{Batching, Delivery, OK, ReceiveOffload, Reliability};
use held::{Bar, Table, alternating};
use hosts::Hosts;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

const MIB: u64 = 1 << 20;
/// Pairs of runs, the first of either changing from pair to pair.
const PAIRS: usize = 8;
/// Content of the runs that count datagrams: 380 thousand of them.
const MANY: u64 = 512 * MIB;

fn main() -> ExitCode {
    let hosts = match Hosts::up(2) {
        Ok(hosts) => hosts,
        Err(why) => {
            eprintln!("namespaces cannot be made here: {why}");
            return ExitCode::FAILURE;
        }
    };
    let Ok(place) = tempfile::Builder::new().prefix("ferrybench-fanout-").tempdir_in("/dev/shm") else {
        eprintln!("/dev/shm cannot be written to, and disks are not what is measured here");
        return ExitCode::FAILURE;
    };
    hosts::remove_on_a_signal(place.path());
    let into: Vec<PathBuf> = ["one", "two"].map(|name| place.path().join(name)).into();
    for folder in &into {
        fs::create_dir(folder).expect("the folder is ours");
    }
    let mut table = Table::begin();
    uftp(&mut table, &hosts, place.path(), &into);
    iperf(&mut table, &hosts, place.path(), &into);
    cost::memory(&mut table, &hosts, place.path(), &into);
    // A switch of few ports is another than one of many.
    drop(hosts);
    cost::many(&mut table, place.path());
    table.end()
}

/// Whether a row is asked for: all are, where the command line names none. (Cargo adds options of its own.)
fn is_wanted(what: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| what.contains(&word))
}

/// A file of that length, its pages written.
fn source(folder: &Path, name: &str, bytes: u64) -> PathBuf {
    let path = folder.join(name);
    let mut file = fs::File::create(&path).expect("there is room");
    let piece: Vec<u8> = (0..MIB).map(|place| (place % 251) as u8).collect();
    for _ in 0..bytes / MIB {
        file.write_all(&piece).expect("there is room");
    }
    path
}

/// 100 MiB to two receivers, verified, from the first byte to the last verified answer; UFTP by its own elapsed time.
fn uftp(table: &mut Table, hosts: &Hosts, folder: &Path, into: &[PathBuf]) {
    let what = "100 MiB to 2 receivers by multicast, repaired and verified: ours, against UFTP";
    if !is_wanted(what) {
        return;
    }
    if !theirs::is_there("uftp") {
        return table.skipped(what, "uftp is not installed", Bar::AtLeast(4.0));
    }
    let file = source(folder, "hundred", 100 * MIB);
    let spec = ours::spec(Delivery::Multicast, 2, Reliability::Repair, Batching::Gso);
    let daemons = theirs::Uftp::start(hosts, into);
    let mut sent_for_one = 0.0_f64;
    let mut own = || {
        let seen = ours::block(hosts, &spec, &file, into, Keep::Files);
        assert_eq!(seen.files_intact, 2, "every receiver has verified the file: {OK}");
        sent_for_one = sent_for_one.max(seen.wire_datagrams as f64 * 1400.0 / (100 * MIB) as f64);
        (100 * MIB) as f64 / seen.complete_s.expect("all files are intact")
    };
    table.ratio(
        what,
        &alternating(PAIRS, &mut own, &mut || daemons.rate(&file, 100 * MIB)),
        Bar::AtLeast(4.0),
    );
    eprintln!("of each byte at most {sent_for_one:.3} were sent");
    fs::remove_file(file).expect("it was made above");
}

/// Datagrams of 1400 bytes from one sender to one receiver, sent and forgotten: those that arrived, in a second.
fn iperf(table: &mut Table, hosts: &Hosts, folder: &Path, into: &[PathBuf]) {
    let have_iperf = theirs::is_there("iperf3");
    let file = source(folder, "many", MANY);
    for (what, batching, offload, segments, bar) in [
        ("1400 B, gso with GRO", Batching::Gso, ReceiveOffload::Gro, 65_535, Bar::AtLeast(8.0)),
        ("1400 B, gso without GRO", Batching::Gso, ReceiveOffload::Off, 65_535, Bar::AtLeast(5.0)),
        (
            "1400 B, gso, gso_max_segs 1: real datagrams on the wire",
            Batching::Gso,
            ReceiveOffload::Gro,
            1,
            Bar::AtLeast(2.0),
        ),
        ("1400 B, sendmmsg (for context)", Batching::Sendmmsg, ReceiveOffload::Gro, 65_535, Bar::Context),
    ] {
        let what = format!("{what}, against iperf3 -u -b 0 -l 1400");
        if !is_wanted(&what) {
            continue;
        }
        if !have_iperf {
            table.skipped(&what, "iperf3 is not installed", bar);
            continue;
        }
        hosts.segments(segments).expect("the interface is there");
        let mut spec = ours::spec(Delivery::Unicast, 1, Reliability::Unrepaired, batching);
        spec.receive_offload = offload;
        let mut own = || ours::block(hosts, &spec, &file, into, Keep::Counted).delivered_per_s;
        table.ratio(&what, &alternating(PAIRS, &mut own, &mut || theirs::iperf(hosts)), bar);
    }
}
