//! What fan-out will cost. The constants are fitted to runs of `standard` and `lab-fanout` on two CPUs.

use crate::{
    fanout::{Assignment, Batching, FetchWhere, Framing, Reliability, Spec},
    fileserver::is_made_of_processes,
    plan::{estimate::Cost, expand::Trial},
};

/// Probes, the sending program and the row itself; then each host's part of a block.
const AROUND_A_BLOCK_S: f64 = 0.035;
const A_HOST_S: f64 = 0.004;
/// Making the hosts of a run, and starting an agent in each; once.
const MAKE_A_HOST_S: f64 = 0.03;
/// Starting one worker process.
const START_A_PROCESS_S: f64 = 0.001_2;
/// Datagrams that one sender hands to the kernel one by one or in lists, and bytes with segmentation offload.
const DATAGRAMS_PER_S: f64 = 0.17e6;
const OFFLOADED_BYTES_PER_S: f64 = 1e9;
/// Fetching one file from the client's own HTTP server.
const FETCH_S: f64 = 0.005;
/// What is under way when the sender has ended: receivers take it until nothing comes for so long.
const SILENCE_S: f64 = 0.1;
/// The last round of answers: what arrived, or what is missing.
const ANSWER_S: f64 = 0.02;
/// A picture, on average, bytes.
const PICTURE_BYTES: u64 = 200_000;
/// Coordinator, agent and sender; then each receiver, and each worker process.
const PROCESSES_BYTES: u64 = 16 << 20;
const A_RECEIVER_BYTES: u64 = 12 << 20;
const A_PROCESS_BYTES: u64 = 3 << 19;
const ROW_BYTES: u64 = 650;
const FILE_ROW_BYTES: u64 = 320;
/// What this family adds to a report: figures, and table rows of each trial.
const FIGURES_BYTES: u64 = 250_000;
const TRIAL_BYTES: u64 = 1_500;

/// What the fan-out trials among those that run will take.
pub(in crate::plan) fn cost(blocks: u32, runs: &[&Trial]) -> Cost {
    let runs: Vec<&Spec> = runs.iter().filter_map(|trial| trial.cell.fanout()).collect();
    if runs.is_empty() {
        return Cost::default();
    }
    let most = |of: fn(&Spec) -> u64| runs.iter().map(|spec| of(spec)).max().unwrap_or(0);
    let seconds: f64 = runs.iter().map(|spec| block_seconds(spec)).sum();
    let rows: u64 = runs.iter().map(|spec| ROW_BYTES + u64::from(spec.files_asked()) * FILE_ROW_BYTES).sum();
    Cost {
        seconds: most(|spec| spec.receivers.into()) as f64 * MAKE_A_HOST_S + f64::from(blocks) * seconds,
        processes_bytes: most(|spec| {
            PROCESSES_BYTES + u64::from(spec.receivers) * A_RECEIVER_BYTES + processes(spec) * A_PROCESS_BYTES
        }),
        // The sources and what one block receives: it is removed before the next one.
        files_on_disk_bytes: most(|spec| u64::from(spec.files + spec.files_asked()) * file_bytes(spec)),
        record_bytes: u64::from(blocks) * rows,
        report_bytes: FIGURES_BYTES + runs.len() as u64 * TRIAL_BYTES,
        ..Cost::default()
    }
}

fn block_seconds(spec: &Spec) -> f64 {
    let hosts = f64::from(spec.receivers + 1);
    let files = f64::from(spec.files);
    let overlapped = (files / f64::from(workers(spec))).ceil();
    let think_s = spec.think_ms as f64 / 1e3;
    // Workers overlap their pauses; a parent that fetches pauses for each file by itself.
    let fetching_s = match spec.fetch_where {
        FetchWhere::Local => overlapped * think_s,
        FetchWhere::InWorker => files * FETCH_S + overlapped * think_s,
        FetchWhere::ParentSerial => files * (FETCH_S + think_s),
    };
    let answering_s = match spec.framing {
        Framing::Bare => 0.0,
        Framing::Ledger => ANSWER_S,
    };
    AROUND_A_BLOCK_S
        + hosts * A_HOST_S
        + processes(spec) as f64 * START_A_PROCESS_S
        + fetching_s
        + sending_seconds(spec)
        + answering_s
        + SILENCE_S
}

fn sending_seconds(spec: &Spec) -> f64 {
    let arriving = 1.0 - f64::from(spec.loss_percent) / 100.0;
    let again = if spec.reliability == Reliability::Repair { 1.0 / arriving } else { 1.0 };
    let bytes = (u64::from(spec.files) * spec.copies() * file_bytes(spec)) as f64 * again;
    let payload = spec.payload_bytes().unwrap_or(PICTURE_BYTES) as f64;
    let datagrams = (bytes / payload).max(f64::from(spec.files));
    let by_call = match spec.batching {
        Batching::One | Batching::Sendmmsg => datagrams / DATAGRAMS_PER_S,
        Batching::Gso => bytes / OFFLOADED_BYTES_PER_S,
    };
    let limited = |bytes: f64, most: u64| if most == 0 { 0.0 } else { bytes / most as f64 };
    let of_a_receiver = match spec.assignment {
        Assignment::All => bytes / spec.copies() as f64,
        Assignment::Each => bytes / f64::from(spec.receivers),
    };
    by_call.max(limited(bytes, spec.pace_bytes_per_s)).max(limited(of_a_receiver, spec.rate_bytes_per_s))
}

fn file_bytes(spec: &Spec) -> u64 {
    if spec.file_bytes == 0 { PICTURE_BYTES } else { spec.file_bytes }
}

/// Files that are on their way at once.
fn workers(spec: &Spec) -> u32 {
    match (spec.sender_model.as_str(), spec.pool_size) {
        ("single-thread", _) => 1,
        (_, 0) => spec.files,
        (_, size) => size.min(spec.files),
    }
}

/// Worker processes of the sender.
fn processes(spec: &Spec) -> u64 {
    match (is_made_of_processes(&spec.sender_model), spec.pool_size) {
        (false, _) => 0,
        (true, 0) => spec.files.into(),
        (true, size) => size.into(),
    }
}
