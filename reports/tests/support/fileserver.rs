//! The made-up file server: clients that queue for its workers, on paper.

use super::{MIB, Run, chance, noise};
use ferrybench_data::{
    family::{Family, Source},
    fileserver::{
        Accept, Evidence, FileServer, OK, Operation, Spec, Storage, TransferRow, Verified,
        is_made_of_processes,
    },
    plan::catalogue::{FileServers, Named, Pool, Room, ServerModel},
    record::{Audit, Outcome, Record},
    run_info::Participant,
};

pub const POOLS: [u32; 3] = [1, 5, 50];
pub const VOLUMES: [u64; 3] = [10 * MIB, 50 * MIB, 100 * MIB];
/// Why some clients of the failed row failed.
pub const FAILURE: &str =
    "3 of 50 transfers failed; the first: the server closed the connection after 41 % of the file";
/// Why a row was skipped.
pub const LACK: &str = "limit: 400 descriptors are needed, a process may have 256";

/// What the made-up machine knows of file servers.
pub fn catalogue() -> FileServers {
    let named = |name: &str| Named { name: name.into(), help: format!("what `{name}` is, in a sentence") };
    let model = |name: &str, pool, processes| ServerModel {
        name: name.into(),
        help: format!("what `{name}` is, in a sentence"),
        pool,
        processes,
        hidden: name.starts_with("broken"),
        lacking: None,
    };
    FileServers {
        protocols: ["raw", "course", "http"].map(named).to_vec(),
        client_models: ["thread-pool", "process-pool"].map(named).to_vec(),
        server_models: vec![
            model("single", Pool::One, false),
            model("thread-pool", Pool::Sized, false),
            model("process-pool", Pool::Sized, true),
            model("tokio", Pool::Unbounded, false),
            model("broken-liar", Pool::Sized, false),
        ],
        room: Room {
            memory_available_bytes: 12 << 30,
            tmpfs_free_bytes: Some(8 << 30),
            disk_free_bytes: 50 << 30,
            descriptors: 20_000,
        },
    }
}

/// A download of 10 MiB by one client of a pool of one, threads on both sides.
pub fn transfer() -> Spec {
    Spec { protocol: "course".into(), ..Spec::default() }
}

/// The same between processes.
pub fn between_processes() -> Spec {
    Spec { client_model: "process-pool".into(), server_model: "process-pool".into(), ..transfer() }
}

impl Run {
    /// The assignment as its plan has it, with a failed row, a skipped one and somebody else's server.
    pub fn lab(blocks: u32) -> Self {
        let mut run = Self::new("lab-fileserver", blocks);
        for pair in [transfer(), between_processes()] {
            run.grid(&pair);
            for operation in [Operation::List, Operation::Delete] {
                run.pools(&Spec { operation, volume_bytes: 0, ..pair.clone() });
            }
        }
        run.grid(&Spec {
            server_model: "my-server.py".into(),
            storage: Storage::Untold,
            source: Source::Foreign,
            ..transfer()
        });
        run
    }

    /// Every model, protocol and way of taking connections, at a few loads.
    pub fn servers(blocks: u32) -> Self {
        let mut run = Self::new("standard", blocks);
        let usual = Spec { client_pool: 5, server_pool: 5, protocol: "raw".into(), ..transfer() };
        for server_model in ["thread-pool", "process-pool", "tokio", "single", "broken-liar"] {
            for protocol in ["raw", "course", "http"] {
                let server_pool = match server_model {
                    "single" => 1,
                    "tokio" => 0,
                    _ => 5,
                };
                let (server_model, protocol) = (server_model.into(), protocol.into());
                let spec = Spec { server_model, protocol, server_pool, ..usual.clone() };
                run.transfers(&Spec { operation: Operation::Upload, ..spec.clone() });
                run.transfers(&spec);
            }
        }
        for accept in [Accept::Reuseport, Accept::Handoff] {
            run.transfers(&Spec { server_model: "process-pool".into(), accept, ..usual.clone() });
        }
        run
    }

    /// The same loads between two hosts of one machine, and on one host.
    pub fn between_hosts(blocks: u32) -> Self {
        let mut run = Self::new("between", blocks);
        run.info.participants = ["client", "server1"]
            .map(|name| Participant {
                name: name.into(),
                prefix: vec!["enter".into(), name.into()],
                host_name: "lab".into(),
                boot_id: "01234567-89ab-cdef-0123-456789abcdef".into(),
                network_namespace: 1,
                interfaces: Vec::new(),
                clock_offset_s: 0.0,
                clock_bound_s: 0.000_01,
            })
            .to_vec();
        for hosts in ["", "client:server1"] {
            for operation in [Operation::Download, Operation::Upload] {
                run.transfers(&Spec { operation, hosts: hosts.into(), client_pool: 5, ..transfer() });
            }
        }
        run
    }

    /// The rows of both.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.files.extend(other.files);
        self.made.extend(other.made);
        self.fanouts.extend(other.fanouts);
        self.receivers.extend(other.receivers);
        self.fetches.extend(other.fetches);
        self.info.participants.extend(other.info.participants);
        self.captures.extend(other.captures);
        self.captures.sort();
        self.captures.dedup();
        self
    }

    fn grid(&mut self, pair: &Spec) {
        for operation in [Operation::Download, Operation::Upload] {
            for volume_bytes in VOLUMES {
                self.pools(&Spec { operation, volume_bytes, ..pair.clone() });
            }
        }
    }

    fn pools(&mut self, of: &Spec) {
        for client_pool in POOLS {
            for server_pool in POOLS {
                self.transfers(&Spec { client_pool, server_pool, ..of.clone() });
            }
        }
    }

    /// Every block of a trial.
    pub fn transfers(&mut self, spec: &Spec) {
        let processes = is_made_of_processes(&spec.client_model);
        let largest = spec.operation == Operation::Upload && spec.volume_bytes == 100 * MIB;
        let load = (spec.client_pool, spec.server_pool);
        if largest && !processes && load == (50, 50) && spec.source == Source::BuiltIn {
            self.push_transfers(1, spec, Outcome::Skipped(LACK.into()));
            return;
        }
        let fails = largest && processes && load == (50, 5);
        for block in 1..=self.blocks {
            let made = served(spec, block, fails && block == 1);
            let mut seen = evidence(spec, &made);
            let outcome = if fails && block == 1 {
                seen.verified = Verified::After;
                Outcome::Failed { reason: FAILURE.into(), seen: Some(seen) }
            } else {
                let audit = Audit::of::<FileServer>(spec, &seen);
                Outcome::Measured { evidence: seen, audit }
            };
            if block <= 2 {
                self.made.extend(made);
            }
            self.push_transfers(block, spec, outcome);
        }
    }

    fn push_transfers(&mut self, block: u32, spec: &Spec, outcome: Outcome<Evidence>) {
        let order = self.files.len() as u32 + 1;
        self.files.push(Record { block, order, noise: noise(), spec: spec.clone(), outcome });
    }
}

/// What each client goes through: connections in turn, each taken by the worker that is free first.
fn served(spec: &Spec, block: u32, fails: bool) -> Vec<TransferRow> {
    let id = FileServer::id(spec);
    let by = |client: u32, what: u32| {
        chance(&id, u64::from(block) << 40 | u64::from(client) << 8 | u64::from(what))
    };
    let workers = if spec.server_pool == 0 { spec.client_pool } else { spec.server_pool };
    let active = f64::from(workers.min(spec.client_pool));
    let processes = if is_made_of_processes(&spec.server_model) { 1.06 } else { 1.0 };
    let upload = if spec.operation == Operation::Upload { 0.7 } else { 1.0 };
    let protocol = if spec.protocol == "course" { 0.5 } else { 1.0 };
    let foreign = if spec.source == Source::Foreign { 0.02 } else { 1.0 };
    let pace = (0.97 + 0.06 * by(0, 9)) * processes * upload * protocol * foreign;
    let each = (1.6e9 / active.max(1.6) * 1.6).min(1.6e9) * pace;
    let mut free = vec![0.0_f64; workers as usize];
    let row = |client: u32| {
        let start_s = 0.000_1 * by(client, 1) * f64::from(spec.client_pool).sqrt();
        let connect_s = 0.000_08 * (1.0 + by(client, 2));
        let connected = start_s + connect_s;
        let (worker, _) = (0..).zip(&free).min_by(|a, b| a.1.total_cmp(b.1)).expect("a server has a worker");
        let taken = free[worker].max(connected);
        let lasts = spec.volume_bytes as f64 / each * (0.9 + 0.2 * by(client, 3)) + 0.000_2;
        let failed = fails && client % 17 == 8;
        let end_s = taken + if failed { lasts * 0.41 } else { lasts };
        free[worker] = end_s;
        let bytes = if failed { spec.volume_bytes / 5 * 2 } else { spec.volume_bytes };
        let is_told = spec.source == Source::BuiltIn;
        TransferRow {
            trial: id.clone(),
            block,
            round: 1,
            client,
            transfer: 1,
            worker: is_told.then_some(worker as u32 + 1),
            start_s,
            connect_s,
            wait_s: Some(taken - connected),
            service_s: Some(end_s - taken),
            end_s,
            bytes,
            bytes_verified: if failed { 0 } else { bytes },
            outcome: if failed { "the server closed the connection".into() } else { OK.into() },
        }
    };
    (1..=spec.client_pool).map(row).collect()
}

fn evidence(spec: &Spec, made: &[TransferRow]) -> Evidence {
    let good: Vec<&TransferRow> = made.iter().filter(|row| row.outcome == OK).collect();
    let mean =
        |of: &dyn Fn(&TransferRow) -> f64| good.iter().map(|row| of(row)).sum::<f64>() / good.len() as f64;
    let elapsed_s = made.iter().map(|row| row.end_s).fold(0.0, f64::max);
    let bytes = |of: fn(&TransferRow) -> u64| made.iter().map(of).sum::<u64>();
    let verified = bytes(|row| row.bytes_verified);
    let ours = spec.source == Source::BuiltIn;
    let workers = if spec.server_pool == 0 { spec.client_pool } else { spec.server_pool };
    let busy = |worker: u32| made.iter().filter(|row| row.worker == Some(worker)).count() as u64;
    let served = (1..=workers).filter(|worker| busy(*worker) > 0).count() as u32;
    let failed = (made.len() - good.len()) as u32;
    let of = |model: &str, workers: u32| if is_made_of_processes(model) { workers } else { 1 };
    let memory = |model: &str, workers: u32| {
        let each = if is_made_of_processes(model) { 1_150_000 } else { 290_000 };
        3_000_000 + each * u64::from(workers)
    };
    let gib = verified as f64 / f64::from(1 << 30);
    let (client_cpu_s, server_cpu_s) = (0.002 + gib * 0.9, 0.002 + gib * 0.6);
    let client_memory = memory(&spec.client_model, spec.client_pool);
    let server_memory = memory(&spec.server_model, workers);
    let broken = spec.server_model.starts_with("broken");
    Evidence {
        rounds: 1,
        transfers_asked: made.len() as u64,
        transfers_ok: good.len() as u64,
        clients_ok: good.len() as u32,
        clients_failed: failed,
        servers_ok: ours.then_some(served - failed.min(1)),
        servers_failed: ours.then_some(failed.min(1)),
        servers_idle: ours.then_some(workers - served),
        server_transfers_ok: ours.then_some(good.len() as u64 + u64::from(broken)),
        busiest_transfers: ours.then(|| (1..=workers).map(busy).max().unwrap_or(0)),
        servers_seen: (!ours).then_some(workers + 1),
        servers_died: (!ours).then_some(0),
        elapsed_s,
        client_mean_s: mean(&|row| row.end_s),
        client_max_s: good.iter().map(|row| row.end_s).fold(0.0, f64::max),
        client_connect_mean_s: mean(&|row| row.connect_s),
        client_wait_mean_s: Some(mean(&|row| row.wait_s.unwrap_or(0.0))),
        client_service_mean_s: Some(mean(&|row| row.service_s.unwrap_or(0.0))),
        client_throughput_bytes_per_s: mean(&|row| row.bytes_verified as f64 / row.end_s),
        aggregate_bytes_per_s: verified as f64 / elapsed_s,
        operations_per_s: good.len() as f64 / elapsed_s,
        bytes_expected: made.len() as u64 * spec.volume_bytes,
        bytes_client: bytes(|row| row.bytes),
        bytes_server: ours.then_some(verified),
        bytes_verified: verified,
        verified: match (spec.operation, ours) {
            (Operation::List | Operation::Delete, _) => Verified::Nothing,
            (Operation::Upload, false) => Verified::Again,
            _ => Verified::After,
        },
        barrier_skew_s: 0.000_05,
        cpu_user_s: (client_cpu_s + server_cpu_s) * 0.3,
        cpu_system_s: (client_cpu_s + server_cpu_s) * 0.7,
        client_cpu_s,
        server_cpu_s: ours.then_some(server_cpu_s),
        client_cpu_share: ours.then_some(client_cpu_s / (client_cpu_s + server_cpu_s)),
        peak_rss_bytes: client_memory + if ours { server_memory } else { 0 },
        client_peak_rss_bytes: client_memory,
        server_peak_rss_bytes: ours.then_some(server_memory),
        client_processes: of(&spec.client_model, spec.client_pool),
        client_threads: if is_made_of_processes(&spec.client_model) { 1 } else { spec.client_pool },
        server_processes: ours.then(|| of(&spec.server_model, workers)),
        server_start_s: Some(0.004),
    }
}
