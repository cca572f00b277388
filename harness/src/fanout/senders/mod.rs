//! Who sends which file: one file for each sender model, read as a program, and their table.
//!
//! A program makes its workers, waits for the start, takes files from the stage as they become ready, has each carried, and
//! hands what came of it back.

mod broken;
mod process_per_file;
mod process_pool;
mod single_thread;
mod thread_per_file;
mod thread_pool;
mod tokio;

use super::{
    send::{From, Job, Target},
    stage::Stage,
};
use ferrybench_data::{fanout::Assignment, plan::catalogue::SenderModel};
use std::io;

/// One sender model.
pub struct Model {
    /// Its name in plans, ids and tables.
    pub name: &'static str,
    /// What the assignment calls it; blank where it has no name there.
    pub assignment_name: &'static str,
    /// One sentence for `list`.
    pub help: &'static str,
    /// Whether its workers are as many as the plan says.
    pub sized: bool,
    /// Whether its workers are processes.
    pub processes: bool,
    /// Broken on purpose, to show that the audit sees it.
    pub hidden: bool,
    /// The program as it is read: its own file.
    pub source: &'static str,
    /// The program.
    pub program: fn(&Stage) -> io::Result<()>,
}

/// Every model.
pub static ALL: &[Model] = &[
    single_thread::ROW,
    thread_per_file::ROW,
    process_per_file::ROW,
    thread_pool::ROW,
    process_pool::ROW,
    tokio::ROW,
    broken::CLAIMS_MORE,
    broken::ONE_THREAD,
];

/// The model of that name.
pub fn find(name: &str) -> Option<&'static Model> {
    ALL.iter().find(|model| model.name == name)
}

/// What a plan may name, as data. Hidden ones are left out: they have a name, and no row in a plan's axis.
pub fn describe() -> Vec<SenderModel> {
    let shown = ALL.iter().filter(|model| !model.hidden);
    shown
        .map(|model| SenderModel {
            name: model.name.to_owned(),
            assignment_name: model.assignment_name.to_owned(),
            help: model.help.to_owned(),
            sized: model.sized,
            processes: model.processes,
        })
        .collect()
}

/// The receivers of a file, by the assignment.
pub(super) fn targets_of(job: &Job, file: u32) -> Vec<Target> {
    match job.spec.assignment {
        Assignment::All => job.targets.clone(),
        // More files than receivers go round.
        Assignment::Each => {
            let place = (file as usize - 1) % job.targets.len().max(1);
            job.targets.get(place).copied().into_iter().collect()
        }
    }
}

/// Whether any file has to be fetched.
pub(super) fn anything_to_fetch(job: &Job) -> bool {
    job.sources.iter().any(|source| matches!(source.from, From::Url(_)))
}
