//! A round of transfers: what each worker is asked for, and what its content turned out to be.

use super::{
    conduct::Job,
    evidence::Sighting,
    store::source_name,
    transfer::{Done, Task},
    verify::{self, Copy},
};
use crate::pool::Round;
use ferrybench_data::{
    family::Source,
    fileserver::{Operation, Received, Verified},
};
use std::{fs, io, path::PathBuf};

/// Length of the files that DELETE removes, bytes.
const DELETED_BYTES: usize = 1024;

/// Spare files for the side that receives.
pub(super) fn spares(job: &Job, receives: Operation) -> Option<PathBuf> {
    let written = job.spec.received == Received::Written;
    (job.spec.operation == receives && written).then(|| job.store.spares(job.spec.volume_bytes))
}

/// What each worker transfers in a round. Each upload has a name of its own.
pub(super) fn tasks(job: &Job, round: u32) -> Vec<Vec<Task>> {
    let spec = &job.spec;
    let source = || source_name(spec.volume_bytes);
    let there = || job.files.as_ref().map_or_else(source, |names| named(names, spec.volume_bytes));
    let task = |client: u32, transfer: u32| {
        let own = format!("{}-{round}-{client}-{transfer}.txt", job.tag);
        match spec.operation {
            Operation::Upload => {
                // What is hashed as it arrives is held against the source as it is.
                let stamped = spec.received == Received::Written;
                Task { there: own, here: source(), stamped }
            }
            Operation::Download => Task { there: there(), here: own, stamped: false },
            Operation::List | Operation::Delete => Task { there: own, here: String::new(), stamped: false },
        }
    };
    let list = |client| (1..=spec.transfers).map(|transfer| task(client, transfer)).collect();
    (1..=spec.client_pool).map(list).collect()
}

/// A name of files that are at the server already: `{mb}` is filled in.
pub(super) fn named(names: &str, bytes: u64) -> String {
    names.replace("{mb}", &(bytes >> 20).to_string())
}

/// Makes what the round will take away, where we may.
pub(super) fn prepare(job: &Job, tasks: &[Vec<Task>]) -> io::Result<()> {
    if let (Operation::Delete, Some(root)) = (job.spec.operation, &job.server_root) {
        for task in tasks.iter().flatten() {
            fs::write(root.join(&task.there), [b'x'; DELETED_BYTES])?;
        }
    }
    Ok(())
}

/// Looks at what each transfer left behind, after the clock has stopped, and hands its pages back.
pub(super) fn look(job: &Job, tasks: &[Vec<Task>], round: &Round<Done>) -> Vec<Vec<Sighting>> {
    let spec = &job.spec;
    let ours = spec.source == Source::BuiltIn;
    match (spec.operation, spec.received, &job.server_root) {
        (Operation::List, _, Some(root)) if ours => {
            let there = verify::visible(root);
            each(round, tasks, |done, _| match done.names {
                names if names == there => Sighting::Nothing,
                names => Sighting::Wrong(format!("LIST brought {names} names, and {there} files are there")),
            })
        }
        (Operation::Delete, _, Some(root)) => each(round, tasks, |_, task| {
            if root.join(&task.there).exists() {
                Sighting::Wrong("the file is still there".into())
            } else {
                Sighting::Nothing
            }
        }),
        (Operation::List | Operation::Delete, ..) => each(round, tasks, |_, _| Sighting::Nothing),
        (Operation::Download | Operation::Upload, Received::Dropped, _) => {
            each(round, tasks, |_, _| Sighting::Unverified)
        }
        (Operation::Download, Received::Discarded, _) => each(round, tasks, |done, _| match &done.hash {
            Some(hash) if hash == job.expected() => Sighting::Content(Verified::Inside),
            _ => Sighting::wrong_content(),
        }),
        (Operation::Upload, Received::Discarded, _) if ours => {
            each(round, tasks, |_, _| Sighting::ByTheServer)
        }
        (Operation::Download, ..) => {
            let folder = job.store.received();
            content_of_each(job, tasks, |task| folder.join(&task.here))
        }
        (Operation::Upload, _, Some(root)) => content_of_each(job, tasks, |task| root.join(&task.there)),
        (Operation::Upload, _, None) => each(round, tasks, |_, _| Sighting::Unverified),
    }
}

/// Looks at the file of each transfer, and hands its pages back.
fn content_of_each(job: &Job, tasks: &[Vec<Task>], path: impl Fn(&Task) -> PathBuf) -> Vec<Vec<Sighting>> {
    let files: Vec<Copy> = tasks.iter().flatten().map(|task| Copy::of(task, path(task))).collect();
    let looked = verify::copies(&files, &job.source());
    let mut looked = files.iter().zip(looked).map(|(file, why)| {
        // What cannot go back costs a later row fresh pages, which is no reason to fail this one.
        if job.store.recycle(&file.path, job.spec.volume_bytes).is_err() {
            let _ = fs::remove_file(&file.path);
        }
        why.map_or(Sighting::Content(Verified::After), Sighting::Wrong)
    });
    tasks.iter().map(|list| looked.by_ref().take(list.len()).collect()).collect()
}

fn each(
    round: &Round<Done>,
    tasks: &[Vec<Task>],
    judge: impl Fn(&Done, &Task) -> Sighting,
) -> Vec<Vec<Sighting>> {
    let of = |worker: &Result<Vec<Done>, String>, tasks: &[Task]| match worker {
        Ok(done) => done.iter().zip(tasks).map(|(done, task)| judge(done, task)).collect(),
        Err(_) => Vec::new(),
    };
    round.workers.iter().zip(tasks).map(|(worker, tasks)| of(worker, tasks)).collect()
}
