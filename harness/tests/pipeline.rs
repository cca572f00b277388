//! From a plan to records and a report with a scripted subject: the same in, the same bytes out.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::run::coordinator::Ending;
use ferrybench_data::{
    dataset::{Dataset, DatasetError, TrialView},
    fanout::{self, Fanout, GOODPUT},
    fileserver::{self, AGGREGATE, FileServer},
    record::{Audit, Outcome, Record},
    roundtrip::{Evidence, Placement, RATE},
};
use std::{fs, path::Path};
use support::script::{FANOUT_ROWS, FILE_SERVER_ROWS, ROUND_TRIP_ROWS, TABLES, measure};

#[test]
fn same_in_same_bytes_out() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for run in [&first, &second] {
        assert_eq!(measure(run, usize::MAX), Ending::Complete);
        ferrybench_reports::write(&Dataset::read(run).unwrap(), run).unwrap();
    }
    for file in TABLES.into_iter().chain(["plan.toml", "run.json", "report/REPORT.md"]) {
        assert_eq!(fs::read(first.join(file)).unwrap(), fs::read(second.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn every_outcome_becomes_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    measure(&run, usize::MAX);
    let data = Dataset::read(&run).unwrap();
    let count =
        |is: fn(&Outcome<Evidence>) -> bool| data.roundtrip.iter().filter(|row| is(&row.outcome)).count();
    // Two mechanisms, two sizes, two placements; a pipe of 4096 bytes is beyond this catalogue's limit.
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Skipped(_))), 2);
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Failed { .. })), 1);
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Measured { audit: Audit::Fail(_), .. })), 2);
    assert_eq!(data.roundtrip.len(), ROUND_TRIP_ROWS);

    let trials = data.trials();
    let find = |name: &str, placement, size| {
        trials
            .iter()
            .find(|trial| {
                (trial.spec.mechanism.as_str(), trial.spec.placement, trial.spec.message_bytes)
                    == (name, placement, size)
            })
            .unwrap()
    };
    let pipe = find("pipe", Placement::Split, 64);
    let tcp = find("tcp", Placement::Split, 64);
    assert_eq!(pipe.values(RATE).len(), 6);
    assert_eq!(tcp.values(RATE).len(), 5, "the failed block has no figure");
    let ratio = pipe.ratio(tcp, RATE).unwrap();
    assert_eq!((ratio.blocks, ratio.interval), (5, None), "five pairs carry no interval");
    assert!((ratio.value - 2.0).abs() < 0.01);
    let wide = find("tcp", Placement::Split, 4096);
    assert!(wide.estimate(RATE).unwrap().interval.is_some());
    assert_eq!(pipe.rows[0].spec.placement, Placement::Split);
    assert!(data.merged_histogram(pipe).unwrap().len() == 60_000);
}

#[test]
fn a_stopped_run_resumes_to_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, halves) = (folder.path().join("whole"), folder.path().join("halves"));
    measure(&whole, usize::MAX);
    assert_eq!(measure(&halves, 17), Ending::Interrupted);
    for (table, torn) in [
        ("roundtrip.csv", "roundtrip/tcp/rtt/64B,1,2"),
        ("fileserver.csv", "fileserver/down"),
        ("transfers.csv", "file"),
        ("fanout.csv", "fanout/single"),
        ("receivers.csv", "fanout/single-thread,1"),
        ("fetches.csv", "f"),
    ] {
        let text = fs::read_to_string(halves.join(table)).unwrap();
        // A whole detail row without its trial row: the run was killed between the two.
        let is_detail = ["transfers.csv", "receivers.csv", "fetches.csv"].contains(&table);
        let orphan = if is_detail { orphan(&text) } else { String::new() };
        fs::write(halves.join(table), text + &orphan + torn).unwrap();
    }
    let read = Dataset::read(&halves).unwrap();
    assert!(read.transfers.iter().all(|row| row.block < 7));
    assert!(read.receivers.iter().all(|row| row.block < 7) && read.fetches.iter().all(|row| row.block < 7));
    assert!(!read.receivers.is_empty() && !read.fetches.is_empty());
    assert_eq!(measure(&halves, usize::MAX), Ending::Complete);
    for table in TABLES {
        let text = |run: &Path| fs::read_to_string(run.join(table)).unwrap();
        assert_eq!(text(&whole), text(&halves), "{table}");
    }
}

/// The last row of a table under a block that was never measured.
fn orphan(text: &str) -> String {
    let last = text.lines().last().unwrap();
    let (trial, rest) = last.split_once(',').unwrap();
    let (_, rest) = rest.split_once(',').unwrap();
    format!("{trial},7,{rest}\n")
}

#[test]
fn a_file_server_row_has_its_transfers_and_a_failed_one_its_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    measure(&run, usize::MAX);
    let data = Dataset::read(&run).unwrap();
    assert_eq!((data.fileserver.len(), data.transfers.len()), (FILE_SERVER_ROWS, 2 * (FILE_SERVER_ROWS - 1)));
    assert_eq!(data.rows().count(), ROUND_TRIP_ROWS + FILE_SERVER_ROWS + FANOUT_ROWS);
    let trials = data.fileserver_trials();
    let ids: Vec<String> = trials.iter().map(TrialView::id).collect();
    let id =
        |what: &str| format!("fileserver/{what}/raw/thread-pool/2/thread-pool/2/shared/auto/tmpfs/touched");
    assert_eq!(ids, [id("download/10MiB"), id("list/-")]);
    let failed: Vec<&Record<FileServer>> =
        data.fileserver.iter().filter(|row| matches!(row.outcome, Outcome::Failed { .. })).collect();
    assert_eq!(failed.len(), 1);
    let seen = failed[0].seen().expect("what was seen all the same");
    assert_eq!((seen.clients_ok, seen.clients_failed, failed[0].good()), (1, 1, None));
    let told: Vec<&str> = data
        .transfers
        .iter()
        .filter(|row| (row.trial.as_str(), row.block) == (ids[0].as_str(), 2))
        .map(|row| row.outcome.as_str())
        .collect();
    assert_eq!(told, ["the reply ended early", fileserver::OK]);
    let skipped = data.fileserver.iter().filter(|row| matches!(row.outcome, Outcome::Skipped(_)));
    assert_eq!(skipped.map(|row| (row.trial(), row.block)).collect::<Vec<_>>(), [(ids[1].clone(), 4)]);
    assert_eq!(trials[0].values(AGGREGATE).len(), 5, "the failed block has no figure");
    assert!(trials[0].rows.iter().filter_map(|row| row.good()).all(|seen| seen.transfers_asked == 2));
}

#[test]
fn a_fan_out_row_has_its_receivers_and_fetches() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    measure(&run, usize::MAX);
    let data = Dataset::read(&run).unwrap();
    assert_eq!(data.fanout.len(), FANOUT_ROWS);
    assert_eq!((data.receivers.len(), data.fetches.len()), (12 * 4, 12 * 2));
    let trials = data.fanout_trials();
    let id = |payload: &str, repair: &str| {
        format!(
            "fanout/single-thread/0/unicast/all/2/2/2900B/{payload}/ledger/one/{repair}/in-worker/0ms/never"
        )
    };
    let ids: Vec<String> = trials.iter().map(TrialView::id).collect();
    assert_eq!(
        ids,
        [id("1400B", "none"), id("1400B", "repair"), id("70000B", "none"), id("70000B", "repair")]
    );
    assert_eq!(trials[0].values(GOODPUT).len(), 5, "one block is refused");
    assert_eq!(trials[1].values(GOODPUT).len(), 5, "one block failed");
    let refused: Vec<&Outcome<fanout::Evidence>> = data
        .fanout
        .iter()
        .map(|row| &row.outcome)
        .filter(|outcome| matches!(outcome, Outcome::Measured { audit: Audit::Fail(_), .. }))
        .collect();
    let [Outcome::Measured { audit: Audit::Fail(reasons), .. }] = refused[..] else {
        panic!("one row is refused: {refused:?}");
    };
    assert_eq!(*reasons, ["the ledger does not add up: 11 unique and 2 lost of 12 sent"]);
    let failed: Vec<&Record<Fanout>> =
        data.fanout.iter().filter(|row| matches!(row.outcome, Outcome::Failed { .. })).collect();
    assert_eq!((failed.len(), failed[0].block, failed[0].trial()), (1, 3, ids[1].clone()));
    assert_eq!(failed[0].seen().map(|seen| seen.files_intact), Some(3), "what was seen all the same");
    let told: Vec<&str> = data
        .receivers
        .iter()
        .filter(|row| (row.trial.as_str(), row.block) == (ids[1].as_str(), 3))
        .map(|row| row.outcome.as_str())
        .collect();
    assert_eq!(told, [fanout::OK, fanout::OK, fanout::OK, "it was lost"]);
    let skipped = data.fanout.iter().filter(|row| matches!(row.outcome, Outcome::Skipped(_)));
    assert_eq!(skipped.map(Record::trial).collect::<Vec<_>>(), ids[2..]);
}

#[test]
fn runs_are_merged_unless_both_measured_a_trial() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    measure(&run, usize::MAX);
    let read = || Dataset::read(&run).unwrap();
    let (mut one, mut other) = (read(), read());
    one.fileserver.clear();
    one.transfers.clear();
    one.fanout.clear();
    one.receivers.clear();
    one.fetches.clear();
    // What one run skipped is taken from the other; a row that both skipped is there once.
    other.roundtrip.retain(|row| matches!(row.outcome, Outcome::Skipped(_)));
    let both = Dataset::merged(vec![one.clone(), other]).unwrap();
    let rows = ROUND_TRIP_ROWS + FILE_SERVER_ROWS + FANOUT_ROWS;
    assert_eq!((both.rows().count(), both.transfers.len()), (rows, 22));
    assert_eq!((both.receivers.len(), both.fetches.len()), (12 * 4, 12 * 2));
    assert_eq!((both.others.len(), both.infos().count(), both.is_complete()), (1, 2, true));
    let refused = Dataset::merged(vec![one, read()]).unwrap_err();
    assert!(matches!(refused, DatasetError::MeasuredTwice { .. }));
    assert!(
        refused.to_string().contains("measured by two runs, scripted of 2026-01-01T00:00:00Z and scripted")
    );
    assert!(matches!(Dataset::merged(Vec::new()), Err(DatasetError::NoRun)));
}
