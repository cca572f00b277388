//! A subject that is scripted: machines that always do the same, for a plan with every outcome in all three families.

use ferrybench::{
    measure::noise::Probe,
    run::{
        coordinator::{Attempt, Ending, Event, Seen, Subject, run},
        folder::RunFolder,
    },
};
use ferrybench_data::{
    fanout::{self, FetchRow, ReceiverRow, Reliability},
    fileserver::{self, TransferRow, Verified},
    latency,
    plan::{
        Cell, Plan, Trial,
        catalogue::{
            Catalogue, Fanouts, FileServers, Group, Mechanism, Named, Nature, Places, Pool, Room,
            SenderModel, ServerModel, WhenFull,
        },
    },
    roundtrip::{self, Evidence, Pattern, Peers, Placement, Wait},
    run_info::{Ended, HostFacts, RunInfo, SCHEMA},
};
use std::{
    io,
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
pub const ROUND_TRIP_ROWS: usize = 2 + 6 * 6;
pub const FILE_SERVER_ROWS: usize = 2 * 6;
pub const FANOUT_ROWS: usize = 2 + 2 * 6;
/// Tables that hold what was measured.
pub const TABLES: [&str; 7] = [
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
        fetched: Vec::new(),
    }
}

/// Measures the plan into a folder, or goes on there, until `stop_after` blocks.
pub fn measure(folder: &Path, stop_after: usize) -> Ending {
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
