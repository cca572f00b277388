//! A whole run, made up: the same rows each time, with one of everything that a report has to cope with.
#![allow(dead_code, unreachable_pub, reason = "each test and example uses its own part")]

mod catalogue;
pub mod fanout;
pub mod fileserver;
mod folder;

use ferrybench_data::{
    criterion::CriterionRow,
    dataset::Dataset,
    family::Family,
    fanout::{Fanout, FetchRow, ReceiverRow},
    fileserver::{FileServer, TransferRow},
    latency::{self, HistogramRow},
    record::{Audit, Noise, Outcome, Record},
    roundtrip::{Evidence, Pattern, Peers, Placement, RoundTrip, Source, Spec, Wait},
    run_info::{Ended, HostFacts, Limit, RunInfo, SCHEMA},
};

pub use catalogue::{Model, catalogue, model};

/// A run under construction.
pub struct Run {
    pub info: RunInfo,
    pub records: Vec<Record<RoundTrip>>,
    pub histograms: Vec<HistogramRow>,
    pub criterion: Vec<CriterionRow>,
    pub files: Vec<Record<FileServer>>,
    pub made: Vec<TransferRow>,
    pub fanouts: Vec<Record<Fanout>>,
    pub receivers: Vec<ReceiverRow>,
    pub fetches: Vec<FetchRow>,
    pub captures: Vec<(String, String)>,
    pub blocks: u32,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Run {
    /// A run of a plan, without rows yet.
    pub fn new(plan: &str, blocks: u32) -> Self {
        Self {
            info: info(plan, blocks),
            records: vec![],
            histograms: vec![],
            criterion: vec![],
            files: vec![],
            made: vec![],
            fanouts: vec![],
            receivers: vec![],
            fetches: vec![],
            captures: vec![("run.txt".into(), "Measuring into out, about 60 s.\n".into())],
            blocks,
        }
    }

    /// One of everything, in that many blocks.
    pub fn full(blocks: u32) -> Self {
        let mut run = Self::new("synthetic", blocks);
        for placement in Placement::ALL {
            for model in catalogue::MODELS {
                run.measure(&natural(model, Pattern::Rtt, 64, *placement));
            }
        }
        for name in ["null", "memcpy"] {
            let floor = Spec { peers: Peers::None, wait: Wait::Spin, ..rtt(name, 64, Placement::SameCpu) };
            run.measure(&floor);
        }
        run.sizes();
        run.waits();
        run.producers();
        for name in ["python-mp-queue", "python-mp-pipe"] {
            for placement in [Placement::SameCpu, Placement::Split] {
                run.measure(&Spec { source: Source::Foreign, ..rtt(name, 64, placement) });
            }
        }
        run.mishaps();
        run.criterion();
        run
    }

    fn sizes(&mut self) {
        for name in ["pipe", "queue", "unix-stream", "tcp", "udp", "shm-futex", "crossbeam", "rtrb"] {
            for bytes in [1, 4 * KIB, 64 * KIB - 64, MIB] {
                if (name, bytes) == ("udp", MIB) {
                    self.skip(&rtt(name, bytes, Placement::Split), "a datagram carries up to 65507 bytes");
                } else {
                    self.measure(&natural(model(name), Pattern::Rtt, bytes, Placement::Split));
                }
            }
        }
        let names = [
            "pipe",
            "fifo",
            "queue",
            "unix-stream",
            "tcp",
            "udp",
            "shm-spin",
            "shm-futex",
            "crossbeam",
            "rtrb",
        ];
        for name in names {
            for bytes in [64, 4 * KIB, 32 * KIB, MIB] {
                if (name, bytes) != ("udp", MIB) {
                    self.measure(&natural(model(name), Pattern::Stream, bytes, Placement::Split));
                }
            }
        }
        self.skip(&rtt("posix-mq", MIB, Placement::Split), "a message carries up to 8192 bytes here");
        self.skip(&rtt("sysv-mq", MIB, Placement::Split), "a message carries up to 8192 bytes here");
    }

    fn waits(&mut self) {
        for name in ["pipe", "queue", "tcp", "shm-futex"] {
            for wait in [Wait::Spin, Wait::Adaptive] {
                self.measure(&Spec { wait, ..rtt(name, 64, Placement::Split) });
            }
        }
        for placement in [Placement::SameCpu, Placement::Split] {
            self.measure(&Spec { peers: Peers::Thread, ..rtt("queue", 64, placement) });
            self.measure(&Spec { peers: Peers::Thread, ..rtt("tcp", 64, placement) });
        }
    }

    fn producers(&mut self) {
        for name in ["queue", "std-mpsc", "crossbeam", "flume"] {
            for producers in [1, 2, 4] {
                let spec = natural(model(name), Pattern::Stream, 64, Placement::Split);
                let spec = Spec { producers, ..spec };
                if self.records.iter().all(|row| row.spec != spec) {
                    self.measure(&spec);
                }
            }
        }
    }

    /// What goes wrong in a long run.
    fn mishaps(&mut self) {
        let refused = Audit::Fail(vec!["the far end verified 9 999 of 10 000 messages".into()]);
        for row in &mut self.records {
            let (name, spec) = (row.spec.mechanism.as_str(), &row.spec);
            let whole = (name, spec.pattern, spec.message_bytes) == ("fifo", Pattern::Stream, MIB);
            let one = (name, row.block, spec.placement) == ("eventfd", 3, Placement::SameCpu);
            if let (true, Outcome::Measured { audit, .. }) = (whole || one, &mut row.outcome) {
                *audit = refused.clone();
            }
            if (name, row.block) == ("sysv-mq", 2) {
                let reason = "the far end was killed by signal 9 | after 5 s".into();
                row.outcome = Outcome::Failed { reason, seen: None };
            }
            if row.block % 6 == 2 {
                row.noise.noise_gap_s = Some(0.000_8);
            }
        }
        self.skip(
            &rtt("io-uring-sq", 64, Placement::Split),
            "io_uring is disabled here (kernel.io_uring_disabled is 2)",
        );
    }

    fn criterion(&mut self) {
        for (name, factor) in [("pipe", 1.01), ("tcp", 1.4), ("queue", 0.99), ("shm-futex", 1.0)] {
            let spec = rtt(name, 64, Placement::SameCpu);
            let mean_ns = time_ns(&spec) * factor;
            self.criterion.push(CriterionRow {
                trial: RoundTrip::id(&spec),
                mean_ns,
                mean_low_ns: mean_ns * 0.99,
                mean_high_ns: mean_ns * 1.01,
                confidence_level: 0.95,
            });
        }
    }

    /// Every block of a trial.
    pub fn measure(&mut self, spec: &Spec) {
        let id = RoundTrip::id(spec);
        for block in 1..=self.blocks {
            let time_ns = time_ns(spec) * pace(spec, &id, block);
            let evidence = evidence(spec, time_ns);
            let sampled = spec.pattern == Pattern::Rtt && spec.source == Source::BuiltIn;
            if sampled {
                self.histograms.push(HistogramRow {
                    trial: id.clone(),
                    block,
                    histogram: histogram(&id, block, time_ns),
                });
            }
            let audit = if spec.source == Source::Foreign { Audit::SelfReported } else { Audit::Pass };
            self.push(block, spec.clone(), Outcome::Measured { evidence, audit });
        }
    }

    /// The one row of a trial that was not tried.
    pub fn skip(&mut self, spec: &Spec, why: &str) {
        self.push(1, spec.clone(), Outcome::Skipped(why.into()));
    }

    fn push(&mut self, block: u32, spec: Spec, outcome: Outcome<Evidence>) {
        let order = self.records.len() as u32 + 1;
        self.records.push(Record { block, order, noise: noise(), spec, outcome });
    }

    /// What a report is made from.
    pub fn dataset(mut self) -> Dataset {
        let mut trials: Vec<String> = self.records.iter().map(Record::trial).collect();
        trials.extend(self.files.iter().map(Record::trial));
        trials.extend(self.fanouts.iter().map(Record::trial));
        trials.sort();
        trials.dedup();
        self.info.trials = trials.len() as u32;
        let plan = "name = \"synthetic\"\nseed = 7\n\n[[roundtrip]]\nmessage_bytes = [\"64B\"]\n";
        let mut data = Dataset::from_parts(self.info, plan.into(), self.records, self.histograms);
        data.criterion = self.criterion;
        data.fileserver = self.files;
        data.transfers = self.made;
        data.fanout = self.fanouts;
        data.receivers = self.receivers;
        data.fetches = self.fetches;
        data.captures = self.captures;
        data
    }
}

/// A quiet machine.
fn noise() -> Noise {
    Noise {
        noise_before: Some(0.005),
        noise_after: Some(0.006),
        noise_gap_s: Some(0.000_05),
        run_delay_s: Some(0.000_1),
        c2c_ns: None,
    }
}

/// A blocking round trip between processes.
pub fn rtt(name: &str, message_bytes: u64, placement: Placement) -> Spec {
    Spec {
        mechanism: name.into(),
        pattern: Pattern::Rtt,
        message_bytes,
        peers: Peers::Process,
        wait: Wait::Block,
        placement,
        producers: 1,
        source: Source::BuiltIn,
        hosts: String::new(),
    }
}

/// A mechanism as it is by nature.
pub fn natural(model: &Model, pattern: Pattern, message_bytes: u64, placement: Placement) -> Spec {
    Spec {
        pattern,
        peers: model.peers()[0],
        wait: model.waits()[0],
        ..rtt(model.name, message_bytes, placement)
    }
}

/// What an exchange or message takes, before chance.
fn time_ns(spec: &Spec) -> f64 {
    let bytes = spec.message_bytes as f64;
    match spec.mechanism.as_str() {
        "null" => return 18.0 + bytes * 0.02,
        "memcpy" => return 48.0 + bytes * 0.1,
        "python-mp-queue" => return 62_000.0,
        "python-mp-pipe" => return 21_000.0,
        _ => {}
    }
    let model = model(&spec.mechanism);
    if spec.pattern == Pattern::Stream {
        let producers = f64::from(spec.producers);
        return model.same_ns * 0.08 + bytes * model.byte_ns + 60.0 * (producers - 1.0);
    }
    let thread = if spec.peers == Peers::Thread { 0.93 } else { 1.0 };
    let exchange = match (spec.placement, spec.wait) {
        (Placement::SameCpu, _) => model.same_ns,
        (_, Wait::Spin) => model.same_ns * 0.3,
        (_, Wait::Adaptive) => model.same_ns * 0.35,
        (Placement::Split, Wait::Block) => model.same_ns * 1.5 + 40_000.0,
        (Placement::Unpinned, Wait::Block) => model.same_ns * 1.4 + 14_000.0,
    };
    exchange * thread + 2.0 * bytes * model.byte_ns
}

/// How a block differs from the trial's usual time: a few per cent by chance, and modes where a trial has them.
fn pace(spec: &Spec, id: &str, block: u32) -> f64 {
    let two_modes = spec.mechanism == "shm-spin" && spec.placement == Placement::Split;
    let mode = if two_modes && block.is_multiple_of(2) { 3.5 } else { 1.0 };
    mode * (0.97 + 0.06 * chance(id, u64::from(block)))
}

/// 0 to 1, from a name and a number (FNV-1a, then the finaliser of splitmix64).
fn chance(name: &str, number: u64) -> f64 {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut mixed = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn histogram(id: &str, block: u32, time_ns: f64) -> String {
    let mut histogram = latency::histogram();
    for sample in 0..400 {
        let chance = chance(id, u64::from(block) << 32 | sample);
        // One in fifty takes long.
        let slow = if chance > 0.98 { 4.0 + 200.0 * (chance - 0.98) } else { 1.0 };
        histogram.saturating_record((time_ns * slow * (0.85 + 0.3 * chance)) as u64);
    }
    latency::encode(&histogram)
}

fn evidence(spec: &Spec, time_ns: f64) -> Evidence {
    let exchanges = 10_000;
    let elapsed_s = time_ns * exchanges as f64 / 1e9;
    let loss_legal = spec.mechanism == "udp" && spec.pattern == Pattern::Stream;
    let lost = if loss_legal { 300 } else { 0 };
    let arrived = (exchanges - lost) as f64;
    let busy = match (spec.wait, spec.placement) {
        (Wait::Block, Placement::Split) => 0.35,
        (Wait::Spin, Placement::Split) => 0.999,
        _ => 0.49,
    };
    let switches = if spec.wait == Wait::Block && spec.pattern == Pattern::Rtt { exchanges } else { 0 };
    let percentile = |factor: f64| (spec.pattern == Pattern::Rtt).then_some(time_ns * factor);
    Evidence {
        ordered: exchanges,
        exchanges,
        far_exchanges: exchanges - lost,
        lost,
        loss_legal,
        elapsed_s,
        rate_per_s: arrived / elapsed_s,
        bytes_per_s: arrived * spec.message_bytes as f64 / elapsed_s,
        batch: if time_ns < 1000.0 { 16 } else { 1 },
        samples: 400,
        p50_ns: percentile(0.96),
        p90_ns: percentile(1.2),
        p99_ns: percentile(2.1),
        p999_ns: percentile(6.0),
        cpu_user_s: elapsed_s * busy * 0.4,
        cpu_system_s: elapsed_s * busy * 1.6,
        near_cpu_s: elapsed_s * busy,
        far_cpu_s: elapsed_s * busy,
        voluntary_switches: 2 * switches,
        ..Evidence::default()
    }
}

fn info(plan: &str, blocks: u32) -> RunInfo {
    RunInfo {
        schema: SCHEMA,
        suite: "ferrybench".into(),
        version: "0.0.0".into(),
        revision: Some("0123456789ab".into()),
        binary_hash: "xxh3:0123456789abcdef".into(),
        build_profile: "release".into(),
        compiler: "rustc 1.95.0".into(),
        command_line: ["ferrybench", "bench", "synthetic.toml"].map(String::from).to_vec(),
        plan: plan.into(),
        started: "2026-01-02T03:04:05Z".into(),
        ended: Ended::Complete,
        trials: 0,
        blocks,
        seed: 7,
        wall_s: 61.5,
        hosts: vec![host()],
        catalogue: catalogue(),
        participants: Vec::new(),
        fetched: Vec::new(),
    }
}

fn host() -> HostFacts {
    let limit = |(name, value): (&str, &str)| Limit { name: name.into(), value: value.into() };
    HostFacts {
        cpu: "Made-up Processor".into(),
        cpus_online: 4,
        cpus_allowed: 4,
        threads_per_core: Some(1),
        caches: vec!["L1d 48 KiB".into(), "L2 2048 KiB".into()],
        memory_bytes: 16 << 30,
        memory_available_bytes: 12 << 30,
        kernel: "6.12.0".into(),
        distribution: "Debian GNU/Linux 13 (trixie)".into(),
        mitigations: vec!["spectre_v1: barriers".into(), "spectre_v2: Retpolines; STIBP: disabled".into()],
        clock_source: "tsc".into(),
        virtualisation: Some("KVM".into()),
        clock_cost_ns: 18.0,
        clock_step_ns: 17.0,
        noise: Some(0.004),
        noise_gap_s: Some(0.000_06),
        limits: [
            ("pipe-max-size", "1048576"),
            ("mqueue msg_max", "10"),
            ("mqueue msgsize_max", "8192"),
            ("msgmax", "8192"),
            ("wmem_max", "4194304"),
            ("tcp_rmem", "4096 131072 33554432"),
            ("RLIMIT_NOFILE", "20000"),
        ]
        .map(limit)
        .to_vec(),
        ..HostFacts::default()
    }
}
