//! What a transfer costs beside time: memory of both sides for a large file, and what each of many receivers adds.

use super::{
    MIB,
    held::{Bar, Table},
    hosts::Hosts,
    is_wanted, ours, source,
};
use ferrybench::{fanout::receive::Keep, host::room};
use ferrybench_data::fanout::{Batching, Delivery, Evidence, OK, Reliability};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// The large file; it takes no room before it is received.
const LARGE: u64 = 2048 * MIB;
/// Many receivers, and the file that each gets.
const MANY: u32 = 64;
const SMALL: u64 = 4 * MIB;
/// Runs of each way to many: enough for an interval.
const RUNS: usize = 8;

/// 2 GiB to two receivers that verify it and keep nothing: the peak memory of the sender, and of the receiver that held
/// most.
pub(super) fn memory(table: &mut Table, hosts: &Hosts, folder: &Path, into: &[PathBuf]) {
    let what =
        |side: &str| format!("memory of {side}, 2 GiB to 2 receivers by multicast, repaired and verified");
    let (bar, sides) = (Bar::AtMost(64.0), [what("the sender"), what("each receiver")]);
    if !sides.iter().any(|side| is_wanted(side)) {
        return;
    }
    // What arrives lies in memory until it is verified.
    if !room::look(folder).holds_in_memory(2 * LARGE) {
        for side in &sides {
            table.skipped(side, "4 GiB do not fit into memory", bar);
        }
        return;
    }
    let file = folder.join("large");
    File::create(&file).and_then(|file| file.set_len(LARGE)).expect("the folder is ours");
    let spec = ours::spec(Delivery::Multicast, 2, Reliability::Repair, Batching::Gso);
    let seen = ours::block(hosts, &spec, &file, into, Keep::Verified);
    assert_eq!(seen.files_intact, 2, "every receiver has verified the file: {OK}");
    for (side, bytes) in sides.iter().zip([seen.sender_peak_rss_bytes, seen.receiver_peak_rss_bytes]) {
        table.figure(side, &[bytes as f64 / MIB as f64], "MiB", bar);
    }
    fs::remove_file(file).expect("it was made above");
}

/// What is told of a run: its name, its unit, and where it is found.
type Cost = (&'static str, &'static str, fn(&Evidence) -> f64);

/// A small file to many receivers, each in a namespace of its own: for context, what one of them costs.
pub(super) fn many(table: &mut Table, folder: &Path) {
    let what = |way: Delivery, cost: &str| {
        format!("{MANY} receivers, 4 MiB by {way}, repaired and verified: {cost}")
    };
    let ways = [Delivery::Unicast, Delivery::Multicast];
    let costs: [Cost; 3] = [
        ("time a receiver", "ms", |seen| {
            seen.complete_s.expect("all files are intact") * 1e3 / f64::from(MANY)
        }),
        ("memory of the sender", "MiB", |seen| seen.sender_peak_rss_bytes as f64 / MIB as f64),
        ("memory of a receiver at most", "MiB", |seen| seen.receiver_peak_rss_bytes as f64 / MIB as f64),
    ];
    let ways: Vec<Delivery> =
        ways.into_iter().filter(|way| costs.iter().any(|(cost, ..)| is_wanted(&what(*way, cost)))).collect();
    if ways.is_empty() {
        return;
    }
    let hosts = match Hosts::up(MANY as usize) {
        Ok(hosts) => hosts,
        Err(why) => {
            for way in ways {
                table.skipped(&what(way, "cost"), &why, Bar::Context);
            }
            return;
        }
    };
    let into: Vec<PathBuf> = (1..=MANY).map(|number| folder.join(format!("many-{number}"))).collect();
    for folder in &into {
        fs::create_dir(folder).expect("the folder is ours");
    }
    let file = source(folder, "small", SMALL);
    for way in ways {
        let spec = ours::spec(way, MANY, Reliability::Repair, Batching::Gso);
        let run = || {
            let seen = ours::block(&hosts, &spec, &file, &into, Keep::Verified);
            assert_eq!(seen.files_intact, MANY, "every receiver has verified the file: {OK}");
            seen
        };
        // The first is warm-up.
        let runs: Vec<Evidence> = (0..=RUNS).map(|_| run()).skip(1).collect();
        for (cost, unit, of) in costs {
            let values: Vec<f64> = runs.iter().map(of).collect();
            table.figure(&what(way, cost), &values, unit, Bar::Context);
        }
    }
    fs::remove_file(file).expect("it was made above");
}
