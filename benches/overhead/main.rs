//! What the harness itself costs: each mechanism that has a bar, alternating in one run with a bare loop that does the
//! same without the harness. Prints a Markdown table; METHODOLOGY.md quotes one. `just overhead` runs it, in minutes.

#![expect(clippy::print_stderr, reason = "its output is its result")]

mod bare;
mod command;
#[path = "../held/mod.rs"]
mod held;
mod ours;

use ferrybench::{measure::place, process::role, roundtrip::Far, run::catalogue};
use ferrybench_data::{
    plan::catalogue::Places,
    roundtrip::{Peers, Placement, Wait},
};
use held::{Bar, Table};
use ours::Ours;
use std::process::ExitCode;

/// Pairs of pieces; each piece takes about 0.1 s, so that a pair lies within 0.2 s.
const PAIRS: usize = 60;
/// Fresh starts of both sides, over which the pairs of a pipe are spread.
const STARTS: usize = 12;
/// Pairs where a piece starts two interpreters.
const PYTHON_PAIRS: usize = 12;

fn main() -> ExitCode {
    // As in a run, both ends are the same binary: this one.
    if let Some(code) = role::take_over(&[role::entry::<Far>()]) {
        return code;
    }
    if bare::play_far_end() {
        return ExitCode::SUCCESS;
    }
    // `cargo bench` hands every target its own flags; there is nothing to choose here.
    let Ok(catalogue) = catalogue::of_this_machine() else { return ExitCode::FAILURE };
    let places = catalogue.places;
    let same = [places.same; 2];
    let mut rows = Table::begin();
    let table = &mut rows;
    command::memory(table);
    pipe(table, places, same, Placement::SameCpu, 1.03);
    if let Some(split) = places.split {
        pipe(table, places, split, Placement::Split, 1.05);

        shm_spin(table, places, split);
    }
    perf_pipe(table, places, same);
    queue(table, places, same, Placement::SameCpu, Wait::Block, 6.0);
    if let Some(split) = places.split {
        queue(table, places, split, Placement::Split, Wait::Block, 1.8);
        queue(table, places, split, Placement::Split, Wait::Adaptive, 20.0);
    }
    let _ = place::allow(&catalogue.cpus);
    recording(table);
    command::rows(table);
    rows.end()
}

/// Elapsed per exchange over the bare loop's, mean against mean.
fn pipe(table: &mut Table, places: Places, cpus: [u32; 2], placement: Placement, bar: f64) {
    // Where pages of a process lie in the caches is a matter of luck that lasts as long as the process: throw the dice
    // again and again, for both sides.
    let pairs: Vec<(f64, f64)> = (0..STARTS)
        .flat_map(|_| {
            let mut ours = Ours::start(places, "pipe", 1, Peers::Process, Wait::Block, placement);
            let mut bare = bare::Pipe::start(cpus);
            let pairs: Vec<_> = (0..=PAIRS / STARTS).map(|_| (ours.piece(), bare.piece())).collect();
            pairs.into_iter().skip(1) // the first is warm-up
        })
        .collect();
    let what = format!("pipe, 1 B, block, {placement}: time an exchange against a bare loop");
    table.ratio(&what, &pairs, Bar::AtMost(bar));
}

fn shm_spin(table: &mut Table, places: Places, cpus: [u32; 2]) {
    let mut ours = Ours::start(places, "shm-spin", 8, Peers::Process, Wait::Spin, Placement::Split);
    let mut bare = bare::Atomics::start(cpus);
    let mut pairs: Vec<(f64, f64)> = (0..=PAIRS).map(|_| (ours.piece(), bare.piece())).collect();
    pairs.remove(0);
    let what = "shm-spin, 8 B, split: time an exchange against a bare loop over two atomics";
    table.ratio(what, &pairs, Bar::AtMost(1.5));
}

fn perf_pipe(table: &mut Table, places: Places, cpus: [u32; 2]) {
    let mut ours = Ours::start(places, "pipe", 8, Peers::Process, Wait::Block, Placement::SameCpu);
    let pairs: Option<Vec<(f64, f64)>> =
        (0..PYTHON_PAIRS).map(|_| Some((ours.piece(), command::perf_pipe(cpus)?))).collect();
    let what = "pipe, same-cpu: time an exchange against `perf bench sched pipe`";
    let bar = Bar::Between(0.9, 1.1);
    match pairs {
        Some(pairs) => table.ratio(what, &pairs, bar),
        None => table.skipped(what, "perf is not installed", bar),
    }
}

/// Round trips of our queue over those of Python's at the same placement.
fn queue(table: &mut Table, places: Places, cpus: [u32; 2], placement: Placement, wait: Wait, bar: f64) {
    let mut ours = Ours::start(places, "queue", 64, Peers::Process, wait, placement);
    let what = format!("queue, 64 B, {wait}, {placement}: round trips against multiprocessing.Queue");
    let pairs: Option<Vec<(f64, f64)>> =
        (0..PYTHON_PAIRS).map(|_| Some((1.0 / ours.piece(), 1.0 / command::python_queue(cpus)?))).collect();
    match pairs {
        Some(pairs) => table.ratio(&what, &pairs, Bar::AtLeast(bar)),
        None => table.skipped(&what, "python3 is not installed", Bar::AtLeast(bar)),
    }
}

/// What recording adds to an exchange beyond one reading of the clock.
fn recording(table: &mut Table) {
    let extra: Vec<f64> = (0..PAIRS).map(|_| ours::recorded_piece() - ours::clock_piece()).collect();
    table.figure("recording: time beyond one clock reading", &extra, "ns", Bar::AtMost(8.0));
}
