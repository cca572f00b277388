//! What a sender model is given: its files as they become ready, the start, and a place for what came of each.

use super::{
    progress,
    send::{From, Job},
    senders::targets_of,
    told::{Sent, SentFile, Worker},
    worker::{Known, Task, fetches, obtain, wanted},
};
use crate::{
    host::drops,
    measure::{clock, usage::ProcessUse},
};
use ferrybench_data::fanout::{Framing, LEDGER_HEADER_BYTES, OK};
use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// One performance of a program.
pub struct Stage<'a> {
    job: &'a Job,
    /// What is known of each source that lies on this host.
    known: Vec<Option<Known>>,
    /// Says that everything is ready, and waits for the time to start.
    start: Box<dyn Fn() -> io::Result<u64> + Send + Sync + 'a>,
    opened_ns: u64,
    drops_before: Option<u64>,
    ready_ns: OnceLock<u64>,
    started: OnceLock<(u64, ProcessUse)>,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    files: BTreeMap<u32, SentFile>,
    failures: Vec<String>,
    processes: BTreeMap<u32, ProcessUse>,
}

/// How much longer than its own deadline a worker may take to tell.
const GRACE_MS: u64 = 5_000;

impl<'a> Stage<'a> {
    /// Looks at every source that lies on this host. An error is one sentence.
    pub(super) fn open(
        job: &'a Job,
        start: impl Fn() -> io::Result<u64> + Send + Sync + 'a,
    ) -> io::Result<Self> {
        let look = |source: &super::send::Source| match &source.from {
            From::Path(path) => Known::look(path, &source.name).map(Some),
            From::Url(_) => Ok(None),
        };
        let known = job.sources.iter().map(look).collect::<io::Result<Vec<_>>>()?;
        for (known, file) in known.iter().zip(1..) {
            if let Some(known) = known {
                wanted(job, &targets_of(job, file), known).count();
            }
        }
        Ok(Self {
            job,
            known,
            start: Box::new(start),
            opened_ns: clock::now(),
            drops_before: drops::counted(),
            ready_ns: OnceLock::new(),
            started: OnceLock::new(),
            done: Mutex::default(),
        })
    }

    /// What is to be done.
    pub fn job(&self) -> &Job {
        self.job
    }

    /// Workers of a pool.
    pub fn workers(&self) -> usize {
        self.job.spec.pool_size.max(1) as usize
    }

    /// Longest that one worker may take.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.job.deadline_ms + GRACE_MS)
    }

    /// All workers are there: waits until the program's clock starts.
    pub fn wait_for_the_start(&self) -> io::Result<()> {
        self.ready_ns.get_or_init(clock::now);
        let before = (self.start)()?;
        clock::wait_until(before);
        self.started.get_or_init(|| (clock::now(), ProcessUse::now()));
        Ok(())
    }

    /// The files, each when it is ready: where the parent fetches, it does so between one and the next.
    pub fn files(&self) -> impl Iterator<Item = Task> {
        let deadline_ns = self.started_ns() + self.job.deadline_ms * 1_000_000;
        self.job.sources.iter().zip(&self.known).zip(1..).filter_map(move |((source, known), file)| {
            let mut task = Task {
                file,
                source: source.clone(),
                known: known.clone(),
                fetched: None,
                targets: targets_of(self.job, file),
                deadline_ns,
                watched: progress::is_watched(),
            };
            if task.known.is_none() && !fetches(self.job) {
                let begun_ns = clock::now();
                obtain(self.job, &mut task);
                if task.known.is_none() {
                    let why = task.fetched.as_ref().map_or("it was not fetched", |fetched| &fetched.outcome);
                    self.note(Ok(SentFile {
                        file,
                        name: source.name.clone(),
                        begun_ns,
                        ended_ns: clock::now(),
                        outcome: why.to_owned(),
                        fetch: task.fetched.clone(),
                        ..SentFile::default()
                    }));
                    return None;
                }
            }
            Some(task)
        })
    }

    /// What came of a file; or of its worker, in one sentence.
    pub fn note(&self, sent: Result<SentFile, String>) {
        let mut done = self.done();
        match sent {
            Ok(sent) => drop(done.files.insert(sent.file, sent)),
            Err(why) => done.failures.push(why),
        }
    }

    /// What came of a file that a process was given, and what the process used.
    pub fn note_process(&self, file: u32, sent: io::Result<(SentFile, ProcessUse)>) {
        match sent {
            Ok((sent, used)) => {
                self.done().processes.insert(used.pid, used);
                self.note(Ok(sent));
            }
            Err(error) => self.note(Err(format!("file {file}: {error}"))),
        }
    }

    /// Changes what was noted: for programs that lie.
    pub(super) fn amend(&self, change: impl FnMut(&mut SentFile)) {
        self.done().files.values_mut().for_each(change);
    }

    /// What the program did.
    pub(super) fn told(&self) -> Sent {
        let ended_ns = clock::now();
        let started_ns = self.started_ns();
        let usage = ProcessUse::now();
        let usage = self.started.get().map_or(usage, |(_, before)| usage.since(before));
        let mut done = self.done();
        let mut files = std::mem::take(&mut done.files);
        for (source, file) in self.job.sources.iter().zip(1..) {
            let why = done.failures.iter().find(|why| why.starts_with(&format!("file {file}: ")));
            files.entry(file).or_insert_with(|| SentFile {
                file,
                name: source.name.clone(),
                outcome: why.cloned().unwrap_or_else(|| "no worker was left to send it".to_owned()),
                ..SentFile::default()
            });
        }
        let files: Vec<_> = files.into_values().collect();
        Sent {
            start_up_ns: self.ready_ns.get().copied().unwrap_or(started_ns).saturating_sub(self.opened_ns),
            passed_barrier_ns: started_ns,
            ended_ns,
            workers: workers(&files),
            header_bytes: if self.job.spec.framing == Framing::Ledger { LEDGER_HEADER_BYTES } else { 0 },
            interface_dropped: drops::since(self.drops_before),
            files,
            usage,
            processes: done.processes.values().copied().collect(),
        }
    }

    fn started_ns(&self) -> u64 {
        self.started.get().map_or_else(clock::now, |(at, _)| *at)
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who sent what, by process and thread.
fn workers(files: &[SentFile]) -> Vec<Worker> {
    let mut workers: BTreeMap<(u32, u32), Worker> = BTreeMap::new();
    for file in files.iter().filter(|file| file.outcome == OK && file.pid > 0) {
        let worker = workers.entry((file.pid, file.tid)).or_insert_with(|| Worker {
            pid: file.pid,
            tid: file.tid,
            started_ns: file.begun_ns,
            ..Worker::default()
        });
        worker.started_ns = worker.started_ns.min(file.begun_ns);
        worker.ended_ns = worker.ended_ns.max(file.ended_ns);
        worker.datagrams += file.flows.iter().map(|flow| flow.transmissions).sum::<u64>();
        worker.bytes += file.flows.iter().map(|flow| flow.bytes).sum::<u64>();
    }
    workers.into_values().collect()
}
