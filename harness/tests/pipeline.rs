//! From a plan to records and a report with a scripted subject: the same in, the same bytes out.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::{
    measure::noise::Probe,
    run::{
        coordinator::{Attempt, Ending, Event, Subject, run},
        folder::RunFolder,
    },
};
use ferrybench_data::{
    dataset::Dataset,
    latency,
    plan::{
        Plan, Trial,
        catalogue::{Catalogue, Group, Mechanism, Nature, Places, WhenFull},
    },
    record::{Audit, Outcome},
    roundtrip::{Evidence, Pattern, Peers, Placement, RATE, Wait},
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
"#;

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
    }
}

/// A machine that always does the same: 5 us an exchange on one CPU, 40 across; one block fails, one loses its payload.
struct Script {
    interrupted: &'static AtomicBool,
    stop_after: usize,
    blocks: usize,
}

impl Subject for Script {
    fn probe(&mut self) -> io::Result<Probe> {
        Ok(Probe { share: 0.01, gap_s: 0.000_1, c2c_ns: Some(100.0) })
    }

    fn block(&mut self, trial: &Trial, block: u32) -> io::Result<Attempt> {
        self.blocks += 1;
        if self.blocks > self.stop_after {
            self.interrupted.store(true, Ordering::SeqCst);
            return Ok(Attempt::Interrupted);
        }
        let (spec, exchanges) = (&trial.spec, 10_000);
        if (spec.mechanism.as_str(), spec.placement, block) == ("tcp", Placement::Split, 2)
            && spec.message_bytes == 64
        {
            return Ok(Attempt::Failed("the far worker was ended by SIGKILL".into()));
        }
        let split = spec.placement == Placement::Split;
        let tcp = spec.mechanism == "tcp";
        let micros =
            (if split { 40.0 } else { 5.0 }) * (if tcp { 2.0 } else { 1.0 }) + f64::from(block) * 0.01;
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
        Ok(Attempt::Done { evidence: Box::new(evidence), histogram, run_delay_s: Some(0.0) })
    }
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
    }
}

fn measure(folder: &Path, stop_after: usize) -> Ending {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    INTERRUPTED.store(false, Ordering::SeqCst);
    let catalogue = catalogue();
    let plan = Plan::parse(PLAN, "scripted.toml", &catalogue).unwrap();
    let trials = plan.expand(&catalogue).unwrap();
    let mut open = if folder.exists() {
        RunFolder::resume(folder).unwrap().0
    } else {
        RunFolder::create(folder, &info(&plan, trials.len()), &plan.to_toml()).unwrap()
    };
    let mut subject = Script { interrupted: &INTERRUPTED, stop_after, blocks: 0 };
    let mut rows = 0;
    let ending = run(&plan, &trials, &mut open, &mut subject, &INTERRUPTED, &mut |event| {
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
    for file in ["roundtrip.csv", "histograms.csv", "plan.toml", "run.json", "report/REPORT.md"] {
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
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Failed(_))), 1);
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Measured { audit: Audit::Fail(_), .. })), 2);
    assert_eq!(data.roundtrip.len(), 2 + 6 * 6);

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
    let torn = fs::read_to_string(halves.join("roundtrip.csv")).unwrap() + "roundtrip/tcp/rtt/64B,1,2";
    fs::write(halves.join("roundtrip.csv"), torn).unwrap();
    assert_eq!(measure(&halves, usize::MAX), Ending::Complete);
    assert_eq!(
        fs::read(whole.join("roundtrip.csv")).unwrap(),
        fs::read(halves.join("roundtrip.csv")).unwrap()
    );
}
