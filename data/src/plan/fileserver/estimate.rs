//! What the file server will cost. The constants are fitted to runs of `standard` and `lab-fileserver` on two CPUs.

use super::storage;
use crate::{
    fileserver::{ReadBytes, Received, Spec, Storage, is_made_of_processes},
    plan::{
        estimate::Cost,
        expand::{Trial, Work},
    },
};

/// Probes, conductor, clients, server and the row itself.
const AROUND_A_BLOCK_S: f64 = 0.030;
/// Starting one worker process.
const START_A_PROCESS_S: f64 = 0.001_2;
/// Content through loopback: as it is, and as base64 in a line.
const PLAIN_BYTES_PER_S: f64 = 1.2e9;
const COURSE_BYTES_PER_S: f64 = 0.6e9;
/// One read, where reads are so small that they decide.
const READ_S: f64 = 0.6e-6;
const SMALL_READ_BYTES: u32 = 4096;
/// Connection, request and reply of an operation without content.
const OPERATION_S: f64 = 0.000_2;
/// Hashing received files after the clock has stopped.
const VERIFY_BYTES_PER_S: f64 = 4e9;
/// Writing every page once before the first row.
const TOUCH_BYTES_PER_S: f64 = 1e9;
/// Coordinator, agent and conductor; then each worker process.
const PROCESSES_BYTES: u64 = 12 << 20;
const A_PROCESS_BYTES: u64 = 3 << 19;
const ROW_BYTES: u64 = 700;
const TRANSFER_BYTES: u64 = 220;
/// What this family adds to a report: figures, and table rows of each trial.
const FIGURES_BYTES: u64 = 300_000;
const TRIAL_BYTES: u64 = 1_200;

/// What the file-server trials among those that run will take.
pub(in crate::plan) fn cost(blocks: u32, runs: &[&Trial]) -> Cost {
    let runs: Vec<(&Spec, Work)> =
        runs.iter().filter_map(|trial| Some((trial.cell.fileserver()?, trial.work))).collect();
    if runs.is_empty() {
        return Cost::default();
    }
    let specs = || runs.iter().map(|(spec, _)| *spec);
    let bytes =
        |here: bool| -> u64 { storage::needed(specs().filter(|spec| spec.is_here() == here)).values().sum() };
    // Named hosts, which may be namespaces of this machine, look for room themselves; both of a pair make files.
    let (files, elsewhere) = (bytes(true), 2 * bytes(false));
    let in_memory = specs().any(|spec| spec.is_here() && spec.storage == Storage::Tmpfs);
    let seconds: f64 = runs.iter().map(|(spec, work)| block_seconds(spec, *work)).sum();
    let processes = runs.iter().map(|(spec, _)| processes(spec)).max().unwrap_or(0);
    let transfers: f64 = runs.iter().map(|(spec, work)| rounds(spec, *work) * transfers(spec)).sum();
    Cost {
        seconds: (files + elsewhere) as f64 / TOUCH_BYTES_PER_S + f64::from(blocks) * seconds,
        processes_bytes: PROCESSES_BYTES + processes * A_PROCESS_BYTES,
        files_in_memory_bytes: if in_memory { files } else { 0 },
        files_on_disk_bytes: if in_memory { 0 } else { files },
        record_bytes: u64::from(blocks) * (runs.len() as u64 * ROW_BYTES + transfers as u64 * TRANSFER_BYTES),
        report_bytes: FIGURES_BYTES + runs.len() as u64 * TRIAL_BYTES,
    }
}

fn block_seconds(spec: &Spec, work: Work) -> f64 {
    let rounds = rounds(spec, work);
    let bytes = rounds * transfers(spec) * spec.volume_bytes as f64;
    let verified = if spec.received == Received::Written { bytes / VERIFY_BYTES_PER_S } else { 0.0 };
    AROUND_A_BLOCK_S + processes(spec) as f64 * START_A_PROCESS_S + rounds * round_seconds(spec) + verified
}

/// Rounds of a block: at least one, and the last is finished.
fn rounds(spec: &Spec, work: Work) -> f64 {
    match work {
        Work::For(leg) => (leg.seconds() / round_seconds(spec)).ceil().max(1.0),
        Work::Once | Work::Exactly(_) => 1.0,
    }
}

fn round_seconds(spec: &Spec) -> f64 {
    let bytes = transfers(spec) * spec.volume_bytes as f64;
    let bytes_per_s = if spec.protocol == "course" { COURSE_BYTES_PER_S } else { PLAIN_BYTES_PER_S };
    let reads = match spec.read_bytes {
        ReadBytes::Bytes(size) if size < SMALL_READ_BYTES => bytes / f64::from(size) * READ_S,
        _ => 0.0,
    };
    transfers(spec) * OPERATION_S + bytes / bytes_per_s + reads
}

/// Transfers of one round.
fn transfers(spec: &Spec) -> f64 {
    f64::from(spec.client_pool) * f64::from(spec.transfers)
}

/// Worker processes of a block.
fn processes(spec: &Spec) -> u64 {
    let of = |model: &str, workers: u32| if is_made_of_processes(model) { u64::from(workers) } else { 0 };
    let served = if spec.server_pool == 0 { spec.client_pool } else { spec.server_pool };
    of(&spec.client_model, spec.client_pool) + of(&spec.server_model, served)
}
