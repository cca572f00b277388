//! The ledger of datagrams is exact: over test hosts whose network loses and repeats at random, each row is held against the
//! firewall's own counters, to the datagram.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::host::testbed::{Lacking, lacking};
use ferrybench_data::{
    dataset::Dataset,
    fanout::{Evidence, Fanout, OK, ReceiverRow, Reliability, Spec},
    record::{Audit, Outcome, Record},
};
use support::{Place, program, say};

/// Each way of batching, as single packets on the wire, so that the firewall counts datagrams; with and without repair; to
/// each receiver by itself and to both at once; without impairment, with either and with both.
///
/// Many small files: no buffer overflows, however small an ordinary user's is, since the sender hears from its receivers
/// before the next file.
const PLAN: &str = r#"
name = "exact"
blocks = 1

[fanout]
sender_models = ["single-thread"]
deliveries = ["unicast", "multicast"]
assignments = ["all"]
receivers = [2]
files = [8]
file_bytes = ["40KiB"]
datagram_bytes = [1400]
framings = ["ledger"]
batchings = ["one", "sendmmsg", "gso"]
segmented = ["stack"]
reliabilities = ["none", "repair"]
loss_percents = [0, 10]
duplicate_percents = [0, 10]
"#;
/// Cells of that plan.
const ROWS: usize = 2 * 3 * 2 * 2 * 2;

/// What the network did to datagrams of data, by the firewall's counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    drops: u64,
    duplicates: u64,
}

#[test]
fn every_datagram_is_accounted_for() {
    let Lacking { namespaces, impairment, .. } = lacking(&program());
    if let Some(why) = namespaces.or(impairment) {
        return say(&format!("skipped: {why}"));
    }
    let place = Place::new();
    place.write("exact.toml", PLAN);
    place.ferrybench(&["run", "exact.toml", "--out", "run"]).assert().success();
    let data = Dataset::read(&place.path("run")).unwrap();
    assert_eq!((data.fanout.len(), data.damaged), (ROWS, 0));
    let mut all = Told::default();
    for row in &data.fanout {
        let Outcome::Measured { evidence, audit: Audit::Pass } = &row.outcome else {
            panic!("{}: {:?}", row.trial(), row.outcome);
        };
        let told = agrees_with_the_firewall(row, evidence);
        all = Told { drops: all.drops + told.drops, duplicates: all.duplicates + told.duplicates };
        let files: Vec<&ReceiverRow> = data
            .receivers
            .iter()
            .filter(|file| file.trial == row.trial() && file.block == row.block)
            .collect();
        assert_eq!(files.len() as u32, evidence.files_asked, "{}", row.trial());
        adds_up(&row.spec, evidence, &files);
    }
    // Of some 4 500 datagrams under each, no chance spares all.
    assert!(all.drops > 0 && all.duplicates > 0, "the network did nothing: {all:?}");
}

/// Copies are made before the loss, so that of each datagram the firewall lets through what was sent, less what it
/// dropped, with what it copied.
fn agrees_with_the_firewall(row: &Record<Fanout>, seen: &Evidence) -> Told {
    let id = row.trial();
    let Spec { loss_percent, duplicate_percent, .. } = row.spec;
    let told = Told { drops: seen.injected_drops.unwrap(), duplicates: seen.injected_duplicates.unwrap() };
    let [sent, lost, duplicate, received] =
        [seen.sent, seen.lost, seen.duplicate, seen.received].map(Option::unwrap);
    assert_eq!((seen.socket_dropped, seen.interface_dropped), (Some(0), Some(0)), "{id}");
    assert_eq!((seen.corrupt, seen.foreign), (Some(0), 0), "{id}");
    assert_eq!(received + told.drops, sent + told.duplicates, "{id}: {told:?}");
    match (loss_percent, duplicate_percent) {
        (0, 0) => assert_eq!((lost, duplicate, told), (0, 0, Told::default()), "{id}"),
        (_, 0) => assert_eq!((lost, duplicate), (told.drops, 0), "{id}"),
        (0, _) => assert_eq!((lost, duplicate), (0, told.duplicates), "{id}"),
        // A drop took a datagram's only copy, and it is lost; or one of two, and it is no duplicate.
        _ => {
            assert!(lost <= told.drops, "{id}: {lost} lost, {told:?}");
            assert_eq!(told.drops - lost, told.duplicates - duplicate, "{id}: {told:?}");
        }
    }
    told
}

/// The rows of receivers make up the row, and files are there or not as their own ledgers say.
fn adds_up(spec: &Spec, seen: &Evidence, files: &[&ReceiverRow]) {
    let sum = |of: fn(&ReceiverRow) -> Option<u64>| files.iter().map(|file| of(file)).sum::<Option<u64>>();
    assert_eq!(sum(|file| file.sent), seen.sent);
    assert_eq!(sum(|file| file.lost), seen.lost);
    assert_eq!(sum(|file| file.duplicate), seen.duplicate);
    assert_eq!(sum(|file| file.received), seen.received);
    for file in files {
        let of = |count: Option<u64>| count.unwrap();
        assert_eq!(of(file.unique) + of(file.lost), of(file.sent), "{file:?}");
        assert_eq!(of(file.received), of(file.unique) + of(file.duplicate) + of(file.corrupt), "{file:?}");
        let is_intact = file.outcome == OK;
        assert_eq!(is_intact, file.hash == file.source_hash, "{file:?}");
        match spec.reliability {
            Reliability::Repair => assert!(is_intact, "{file:?}"),
            Reliability::Unrepaired => assert_eq!(is_intact, file.lost == Some(0), "{file:?}"),
        }
    }
}
