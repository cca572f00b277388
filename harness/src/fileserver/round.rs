//! A round of transfers: what each worker is asked for, and what its content turned out to be.

use super::{
    conduct::Job,
    evidence::Sighting,
    store::source_name,
    transfer::{Done, Task},
    verify,
};
use crate::pool::Round;
use ferrybench_data::fileserver::{Operation, Received, Verified};
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
    let task = |client: u32, transfer: u32| {
        let own = format!("{}-{round}-{client}-{transfer}.txt", job.tag);
        match spec.operation {
            Operation::Upload => Task { there: own, here: source() },
            Operation::Download => Task { there: source(), here: own },
            Operation::List | Operation::Delete => Task { there: own, here: String::new() },
        }
    };
    let list = |client| (1..=spec.transfers).map(|transfer| task(client, transfer)).collect();
    (1..=spec.client_pool).map(list).collect()
}

/// Makes what the round will take away.
pub(super) fn prepare(job: &Job, tasks: &[Vec<Task>]) -> io::Result<()> {
    if job.spec.operation == Operation::Delete {
        for task in tasks.iter().flatten() {
            fs::write(job.store.root().join(&task.there), [b'x'; DELETED_BYTES])?;
        }
    }
    Ok(())
}

/// Looks at what each transfer left behind, after the clock has stopped, and hands its pages back.
pub(super) fn look(job: &Job, tasks: &[Vec<Task>], round: &Round<Done>) -> Vec<Vec<Sighting>> {
    let spec = &job.spec;
    let expected = job.sources.get(&spec.volume_bytes).map(String::as_str).unwrap_or_default();
    if spec.operation == Operation::List {
        let there = verify::visible(&job.store.root());
        let judge = |done: &Done| {
            if done.names == there { Sighting::Nothing } else { Sighting::names(done.names, there) }
        };
        return each(round, tasks, |done, _| judge(done));
    }
    if spec.operation == Operation::Delete {
        return each(round, tasks, |_, task| match job.store.root().join(&task.there).exists() {
            true => Sighting::Wrong("the file is still there".into()),
            false => Sighting::Nothing,
        });
    }
    if spec.received == Received::Discarded {
        return each(round, tasks, |done, _| match (&done.hash, spec.operation) {
            (_, Operation::Upload) => Sighting::ByTheServer,
            (Some(hash), _) if hash == expected => Sighting::Content(Verified::Inside),
            _ => Sighting::wrong_content(),
        });
    }
    let folder = if spec.operation == Operation::Upload { job.store.root() } else { job.store.received() };
    let name = |task: &Task| {
        if spec.operation == Operation::Upload { task.there.clone() } else { task.here.clone() }
    };
    let paths: Vec<PathBuf> = tasks.iter().flatten().map(|task| folder.join(name(task))).collect();
    let hashes = verify::hashes(&paths);
    let mut looked = paths.iter().zip(hashes).enumerate().map(|(number, (path, hash))| {
        let sighting = match hash {
            Ok((hash, bytes)) if hash == expected && bytes == spec.volume_bytes => {
                Sighting::Content(Verified::After)
            }
            Ok((_, bytes)) if bytes != spec.volume_bytes => {
                Sighting::Wrong(format!("{bytes} bytes arrived instead of {}", spec.volume_bytes))
            }
            Ok(_) => Sighting::wrong_content(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Sighting::Wrong("nothing arrived".into())
            }
            Err(error) => Sighting::Wrong(error.to_string()),
        };
        // What cannot go back costs a later row fresh pages, which is no reason to fail this one.
        let _ = job.store.recycle(path, spec.volume_bytes, number);
        sighting
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
