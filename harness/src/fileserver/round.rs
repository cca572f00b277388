//! A round of transfers: what each worker is asked for, and what its content turned out to be.

use super::{
    conduct::Job,
    evidence::Sighting,
    side::{Side, Upload},
    store::source_name,
    transfer::{Done, Task},
    verify::{self, Copy},
};
use crate::pool::Round;
use ferrybench_data::{
    family::Source,
    fileserver::{Operation, Received, Verified},
};
use std::{collections::BTreeSet, io};

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
pub(super) fn prepare(job: &Job, tasks: &[Vec<Task>], server: &mut Side) -> io::Result<()> {
    match job.spec.operation {
        Operation::Delete => server.put(tasks.iter().flatten().map(|task| task.there.clone()).collect()),
        Operation::Download | Operation::Upload | Operation::List => Ok(()),
    }
}

/// Looks at what each transfer left behind, after the clock has stopped, and hands its pages back.
pub(super) fn look(
    job: &Job,
    tasks: &[Vec<Task>],
    round: &Round<Done>,
    server: &mut Side,
) -> io::Result<Vec<Vec<Sighting>>> {
    let spec = &job.spec;
    let ours = spec.source == Source::BuiltIn;
    Ok(match (spec.operation, spec.received) {
        (Operation::List, _) if ours && server.is_seen() => {
            let there = server.visible()?;
            each(round, tasks, |done, _| match done.names {
                names if names == there => Sighting::Nothing,
                names => Sighting::Wrong(format!("LIST brought {names} names, and {there} files are there")),
            })
        }
        (Operation::Delete, _) if server.is_seen() => {
            let names = tasks.iter().flatten().map(|task| task.there.clone()).collect();
            let left: BTreeSet<String> = server.left(names)?.into_iter().collect();
            each(round, tasks, |_, task| {
                if left.contains(&task.there) {
                    Sighting::Wrong("the file is still there".into())
                } else {
                    Sighting::Nothing
                }
            })
        }
        (Operation::List | Operation::Delete, _) => each(round, tasks, |_, _| Sighting::Nothing),
        (Operation::Download | Operation::Upload, Received::Dropped) => {
            each(round, tasks, |_, _| Sighting::Unverified)
        }
        (Operation::Download, Received::Discarded) => each(round, tasks, |done, _| match &done.hash {
            Some(hash) if hash == job.expected() => Sighting::Content(Verified::Inside),
            _ => Sighting::wrong_content(),
        }),
        (Operation::Upload, Received::Discarded) if ours => each(round, tasks, |_, _| Sighting::ByTheServer),
        (Operation::Download, Received::Written) => {
            let folder = job.store.received();
            let copies = tasks.iter().flatten().map(|task| Copy::of(task, folder.join(&task.here)));
            let faults = verify::judge(&copies.collect::<Vec<_>>(), &job.source(), &job.store);
            of_each_task(tasks, faults)
        }
        (Operation::Upload, _) if server.is_seen() => {
            let upload = |task: &Task| Upload { name: task.there.clone(), stamped: task.stamped };
            of_each_task(tasks, server.judge(tasks.iter().flatten().map(upload).collect())?)
        }
        (Operation::Upload, _) => each(round, tasks, |_, _| Sighting::Unverified),
    })
}

/// What was found of each file, by worker.
fn of_each_task(tasks: &[Vec<Task>], faults: Vec<Option<String>>) -> Vec<Vec<Sighting>> {
    let mut seen =
        faults.into_iter().map(|fault| fault.map_or(Sighting::Content(Verified::After), Sighting::Wrong));
    tasks.iter().map(|list| seen.by_ref().take(list.len()).collect()).collect()
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
