//! From a plan to records and a report with a scripted subject: the same in, the same bytes out.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::{
    measure::noise::Probe,
    run::{
        coordinator::{Attempt, Ending, Event, Seen, Subject, run},
        folder::RunFolder,
    },
};
use ferrybench_data::{
    dataset::{Dataset, DatasetError, TrialView},
    fanout::{self, Fanout, FetchRow, GOODPUT, ReceiverRow, Reliability},
    fileserver::{self, AGGREGATE, FileServer, TransferRow, Verified},
    latency,
    plan::{
        Cell, Plan, Trial,
        catalogue::{
            Catalogue, Fanouts, FileServers, Group, Mechanism, Named, Nature, Places, Pool, Room,
            SenderModel, ServerModel, WhenFull,
        },
    },
    record::{Audit, Outcome, Record},
    roundtrip::{self, Evidence, Pattern, Peers, Placement, RATE, Wait},
    run_info::{Ended, HostFacts, RunInfo, SCHEMA},
};
use std::{
    fs, io,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

const PLAN: &str = r#"
name = "scripted"
blocks = 6

[roundtrip]
mechanisms = ["pipe", "tcp"]
patterns = ["rtt"]
message_bytes = [64, 4096]

[fileserver]
operations = ["download", "list"]
client_pools = [2]
server_pools = [2]

[fanout]
file_bytes = [2900]
datagram_bytes = [1400, 70000]
reliabilities = ["none", "repair"]
fetch_where = ["in-worker"]
"#;

/// Rows of the plan: two mechanisms, two sizes, two placements less what is skipped; two operations; two reliabilities,
/// and both with a datagram that is too large.
const ROUND_TRIP_ROWS: usize = 2 + 6 * 6;
const FILE_SERVER_ROWS: usize = 2 * 6;
const FANOUT_ROWS: usize = 2 + 2 * 6;
/// Tables that hold what was measured.
const TABLES: [&str; 7] = [
    "roundtrip.csv",
    "histograms.csv",
    "fileserver.csv",
    "transfers.csv",
    "fanout.csv",
    "receivers.csv",
    "fetches.csv",
];

fn catalogue() -> Catalogue {
    let mechanism = |name: &str, group, largest_bytes| Mechanism {
        name: name.into(),
        help: String::new(),
        group,
        nature: Nature {
            boundaries: false,
            when_full: WhenFull::BackPressure,
            unrelated: false,
            between_hosts: false,
            pollable: true,
            after_crash: "nothing".into(),
            portability: "POSIX".into(),
        },
        patterns: Pattern::ALL.to_vec(),
        peers: vec![Peers::Process],
        waits: vec![Wait::Block],
        many_producers: false,
        largest_bytes,
        lacking: None,
        hidden: false,
    };
    Catalogue {
        mechanisms: vec![mechanism("pipe", Group::Pipe, Some(64)), mechanism("tcp", Group::Loopback, None)],
        cpus: vec![0, 1],
        places: Places { same: 1, split: Some([0, 1]) },
        missing_programs: Vec::new(),
        fileserver: FileServers {
            protocols: vec![Named { name: "raw".into(), help: String::new() }],
            client_models: vec![Named { name: "thread-pool".into(), help: String::new() }],
            server_models: vec![ServerModel {
                name: "thread-pool".into(),
                help: String::new(),
                pool: Pool::Sized,
                processes: false,
                hidden: false,
                lacking: None,
            }],
            room: Room {
                memory_available_bytes: 1 << 30,
                tmpfs_free_bytes: Some(1 << 30),
                disk_free_bytes: 0,
                descriptors: 1024,
            },
        },
        fanout: Fanouts {
            sender_models: vec![SenderModel {
                name: "single-thread".into(),
                assignment_name: "single thread".into(),
                help: String::new(),
                sized: false,
                processes: false,
            }],
            ..Fanouts::default()
        },
    }
}

/// A machine that always does the same: 5 us an exchange on one CPU, 40 across; one block fails, one loses its payload.
struct Script<'a> {
    interrupted: &'a AtomicBool,
    stop_after: usize,
    blocks: usize,
}

impl Subject for Script<'_> {
    fn prepare(&mut self, _: &[&Trial]) -> io::Result<()> {
        Ok(())
    }

    fn probe(&mut self) -> io::Result<Probe> {
        Ok(Probe { share: 0.01, gap_s: 0.000_1, c2c_ns: Some(100.0) })
    }

    fn block(&mut self, trial: &Trial, block: u32) -> io::Result<Attempt> {
        self.blocks += 1;
        if self.blocks > self.stop_after {
            self.interrupted.store(true, Ordering::SeqCst);
            return Ok(Attempt::Interrupted);
        }
        Ok(match &trial.cell {
            Cell::RoundTrip(spec) => round_trip(spec, block),
            Cell::FileServer(spec) => files(spec, block),
            Cell::Fanout(spec) => datagrams(spec, block),
        })
    }
}

fn round_trip(spec: &roundtrip::Spec, block: u32) -> Attempt {
    let exchanges = 10_000;
    if (spec.mechanism.as_str(), spec.placement, block) == ("tcp", Placement::Split, 2)
        && spec.message_bytes == 64
    {
        return Attempt::Failed("the far worker was ended by SIGKILL".into());
    }
    let split = spec.placement == Placement::Split;
    let tcp = spec.mechanism == "tcp";
    let micros = (if split { 40.0 } else { 5.0 }) * (if tcp { 2.0 } else { 1.0 }) + f64::from(block) * 0.01;
    let mut times = latency::histogram();
    times.record_n((micros * 1000.0) as u64, exchanges).unwrap();
    let verified = if !split && tcp && block == 3 { 9_999 } else { exchanges };
    let elapsed_s = exchanges as f64 * micros / 1e6;
    let evidence = Evidence {
        ordered: exchanges,
        exchanges,
        far_exchanges: exchanges,
        verified,
        far_verified: exchanges,
        bytes_sent: exchanges * spec.message_bytes,
        bytes_received: exchanges * spec.message_bytes,
        orders: 10,
        elapsed_s,
        rate_per_s: exchanges as f64 / elapsed_s,
        bytes_per_s: exchanges as f64 * spec.message_bytes as f64 / elapsed_s,
        batch: 1,
        samples: exchanges,
        p50_ns: latency::carried(&times, 0.5),
        p99_ns: latency::carried(&times, 0.99),
        p999_ns: latency::carried(&times, 0.999),
        cpu_system_s: elapsed_s / 2.0,
        voluntary_switches: exchanges * 2,
        near_voluntary: exchanges,
        near_pid: 10,
        near_tid: 10,
        far_pid: 11,
        far_tid: 11,
        near_cpu_first: u32::from(!split),
        near_cpu_last: u32::from(!split),
        far_cpu_first: 1,
        far_cpu_last: 1,
        ..Evidence::default()
    };
    let histogram = Some(latency::encode(&times));
    Attempt::Done(Box::new(Seen::RoundTrip { evidence, histogram, run_delay_s: Some(0.0) }))
}

/// Two clients and two server workers; in one block a transfer fails, another is over its budget.
fn files(spec: &fileserver::Spec, block: u32) -> Attempt {
    let moves = spec.operation.moves_content();
    if (moves, block) == (false, 4) {
        return Attempt::Skipped("budget: the operations have used up their time".into());
    }
    let lost = u64::from(moves && block == 2);
    let (bytes, ok) = (spec.volume_bytes * 2, 2 - lost);
    let own = |client: u32| {
        let failed = u64::from(client) <= lost;
        TransferRow {
            round: 1,
            client,
            transfer: 1,
            worker: Some(client),
            end_s: 0.01,
            bytes: spec.volume_bytes,
            outcome: if failed { "the reply\nended early" } else { fileserver::OK }.into(),
            ..TransferRow::default()
        }
    };
    let evidence = fileserver::Evidence {
        rounds: 1,
        transfers_asked: 2,
        transfers_ok: ok,
        clients_ok: ok as u32,
        clients_failed: lost as u32,
        servers_ok: Some(2),
        servers_failed: Some(0),
        servers_idle: Some(0),
        server_transfers_ok: Some(ok),
        elapsed_s: 0.01,
        client_mean_s: 0.01,
        client_max_s: 0.01,
        aggregate_bytes_per_s: bytes as f64 / 0.01,
        operations_per_s: 200.0,
        bytes_expected: bytes,
        bytes_client: bytes,
        bytes_server: moves.then_some(bytes),
        bytes_verified: bytes,
        verified: if moves { Verified::After } else { Verified::Nothing },
        ..fileserver::Evidence::default()
    };
    Attempt::Done(Box::new(Seen::FileServer {
        evidence,
        transfers: [1, 2].map(own).to_vec(),
        run_delay_s: Some(0.0),
        failure: (lost > 0).then(|| "1 of 2 transfers did not end well: the reply ended early".into()),
    }))
}

/// Two files to two receivers, three datagrams each. Without repair one is lost, and in one block the ledger does not add
/// up; with it a receiver ends in one block, and says nothing of its second file.
fn datagrams(spec: &fanout::Spec, block: u32) -> Attempt {
    let repaired = spec.reliability == Reliability::Repair;
    let gone = (repaired, block) == (true, 3);
    let wrong = u64::from((repaired, block) == (false, 2));
    let (again, missing) = (u64::from(repaired), u32::from(!repaired || gone));
    let (sent, whole) = (12 + again, 4 - missing);
    let row = |(receiver, file): (u32, u32)| ReceiverRow {
        receiver,
        host: format!("server{receiver}"),
        file,
        name: format!("{file}.bin"),
        bytes: spec.file_bytes,
        sent: Some(3),
        hash: "xxh3:1".into(),
        source_hash: "xxh3:1".into(),
        outcome: if gone && (receiver, file) == (2, 2) { "it was\nlost" } else { fanout::OK }.into(),
        ..ReceiverRow::default()
    };
    let fetch = |file: u32| FetchRow {
        file,
        url: format!("http://10.0.0.1/{file}"),
        bytes: spec.file_bytes,
        fetch_s: 0.001,
        outcome: fanout::OK.into(),
        ..FetchRow::default()
    };
    let evidence = fanout::Evidence {
        fetch_s: 0.002,
        send_s: 0.01,
        total_s: 0.02,
        complete_s: (missing == 0).then_some(0.015),
        goodput_bytes_per_s: 1e6 + f64::from(block),
        sent: Some(sent),
        unique: Some(11 + again),
        lost: Some(1 + wrong),
        duplicate: Some(0),
        reordered: Some(0),
        corrupt: Some(0),
        late: Some(0),
        received: Some(11 + again),
        repeated: again,
        repair_rounds: again as u32,
        wire_datagrams: sent,
        wire_bytes: 11_600 + again * 1400 + sent * (spec.header_bytes() + fanout::HEADERS_BYTES),
        sent_bytes: 11_600 + again * 1400,
        received_bytes: 10_200 + again * 1400,
        files_asked: 4,
        files_intact: whole,
        hosts_distinct: 3,
        sender_processes: 1,
        sender_threads: 1,
        ..fanout::Evidence::default()
    };
    Attempt::Done(Box::new(Seen::Fanout {
        evidence,
        receivers: [(1, 1), (1, 2), (2, 1), (2, 2)].map(row).to_vec(),
        fetches: [1, 2].map(fetch).to_vec(),
        captures: vec![("client".into(), "total time: 1 s\n".into())],
        run_delay_s: Some(0.0),
        failure: gone.then(|| "server2 was lost: its agent ended".into()),
    }))
}

fn info(plan: &Plan, trials: usize) -> RunInfo {
    RunInfo {
        schema: SCHEMA,
        suite: "ferrybench".into(),
        version: "0".into(),
        revision: None,
        binary_hash: "xxh3:0".into(),
        build_profile: "release".into(),
        compiler: "rustc".into(),
        command_line: vec!["ferrybench".into(), "bench".into()],
        plan: plan.name.clone(),
        started: "2026-01-01T00:00:00Z".into(),
        ended: Ended::Complete,
        trials: trials as u32,
        blocks: plan.blocks,
        seed: plan.seed,
        wall_s: 1.0,
        hosts: vec![HostFacts {
            cpu: "scripted".into(),
            cpus_online: 2,
            cpus_allowed: 2,
            ..HostFacts::default()
        }],
        catalogue: catalogue(),
        participants: Vec::new(),
    }
}

fn measure(folder: &Path, stop_after: usize) -> Ending {
    let interrupted = AtomicBool::new(false);
    let catalogue = catalogue();
    let plan = Plan::parse(PLAN, "scripted.toml", &catalogue).unwrap();
    let trials = plan.expand(&catalogue).unwrap();
    let mut open = if folder.exists() {
        RunFolder::resume(folder).unwrap().0
    } else {
        RunFolder::create(folder, &info(&plan, trials.len()), &plan.to_toml()).unwrap()
    };
    let mut subject = Script { interrupted: &interrupted, stop_after, blocks: 0 };
    let mut rows = 0;
    let ending = run(&plan, &trials, &mut open, &mut subject, &interrupted, &mut |event| {
        rows += usize::from(matches!(event, Event::Row(_)));
    });
    assert!(rows <= open.len());
    ending.unwrap()
}

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
