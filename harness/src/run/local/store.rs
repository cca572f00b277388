//! The files of file-server trials, on every host that has some, with whoever holds them until the run ends.

use super::{LOOK_UP, LocalHost, last_of};
use crate::{
    fileserver::store::{self, Keeper, Source, Store, Volume},
    host::room::TMPFS,
    measure::clock,
    process::{
        hosts::{HERE, Heard},
        remains::unique_name,
        role::Role,
    },
    run::coordinator::Attempt,
};
use ferrybench_data::{
    fileserver::{Operation, Received, Spec, Storage},
    plan::{Trial, spare_files},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::atomic::Ordering,
    time::Duration,
};

/// The files of one host.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) store: Store,
    pub(super) sources: BTreeMap<u64, Source>,
    /// Why there are none of a length.
    left_out: BTreeMap<u64, String>,
}

/// Every set of files that a run has.
#[derive(Default)]
pub(super) struct Stores {
    /// Of trials on this machine.
    pub(super) here: Option<Files>,
    /// Of named hosts, by their numbers; what trials come to where they could not be made.
    pub(super) named: BTreeMap<usize, Result<Files, Attempt>>,
}

/// Longest that making them may take, by the slowest disk that is worth measuring.
const SLOWEST_BYTES_PER_S: u64 = 20 << 20;
/// Longest that a run may hold its files.
const LONGEST_RUN: Duration = Duration::from_secs(30 * 24 * 3600);

impl LocalHost {
    /// Makes the files of all file-server trials, and writes every page of them once. Without those of this machine
    /// there is no run; another host's may be missing.
    pub(super) fn prepare_files(&mut self, trials: &[&Trial]) -> io::Result<()> {
        let specs: Vec<&Spec> = trials.iter().filter_map(|trial| trial.cell.fileserver()).collect();
        let here: Vec<Volume> = volumes(specs.iter().copied().filter(|spec| spec.is_here()).cloned());
        if let Some(first) = specs.iter().find(|spec| spec.is_here()) {
            let bytes = here.iter().map(Volume::all_bytes).sum();
            let in_memory = match first.storage {
                Storage::Tmpfs => true,
                Storage::Disk => false,
                // Somebody else's server keeps its files where it likes; these are ours.
                Storage::Untold => self.catalogue.fileserver.room.holds_in_memory(bytes),
            };
            match self.make_files(HERE, here, Some(in_memory))? {
                Ok(files) => self.stores.here = Some(files),
                Err(Attempt::Failed(why)) => return Err(io::Error::other(why)),
                Err(_) => return Ok(()), // the run ends before its first block
            }
        }
        let named: BTreeSet<&str> = specs.iter().flat_map(|spec| spec.hosts.split(':')).collect();
        for name in named.into_iter().filter(|name| !name.is_empty()) {
            let volumes = volumes(specs.iter().filter_map(|spec| of_host(spec, name)));
            // Whoever needs a host that is not there hears why.
            if let Ok(host) = self.named_host(name) {
                let made = self.make_files(host, volumes, None);
                let made = made.unwrap_or_else(|error| Err(Attempt::Failed(error.to_string())));
                self.stores.named.insert(host, made);
            }
        }
        Ok(())
    }

    /// The files of a named host, for a trial.
    pub(super) fn files_of(&self, host: usize, spec: &Spec) -> Result<Files, Attempt> {
        // There are none where the run is being stopped.
        let files = self.stores.named.get(&host).cloned().unwrap_or(Err(Attempt::Interrupted))?;
        match files.left_out.get(&spec.volume_bytes).filter(|_| spec.operation.moves_content()) {
            Some(why) => Err(Attempt::Skipped(format!("host {}: {why}", self.hosts.name(host)))),
            None => Ok(files),
        }
    }

    /// Has a keeper make files on a host: in memory or on disk where the plan found room for them already, else in
    /// memory, if the host has room.
    fn make_files(
        &mut self,
        host: usize,
        volumes: Vec<Volume>,
        planned: Option<bool>,
    ) -> io::Result<Result<Files, Attempt>> {
        let bytes: u64 = volumes.iter().map(Volume::all_bytes).sum();
        let parent = if planned.unwrap_or(true) { Path::new(TMPFS) } else { self.hosts.folder(host)? };
        let store = Store { folder: parent.join(format!("{}-{host}-{}", unique_name(), clock::now())) };
        let job =
            store::Job { store: store.clone(), volumes, seed: self.plan.seed, looks: planned.is_none() };
        let keeper =
            self.hosts.start_worker_on(host, Keeper::NAME, serde_json::to_value(job)?, LONGEST_RUN)?;
        let give_up = clock::now() + (60 + bytes / SLOWEST_BYTES_PER_S) * 1_000_000_000;
        loop {
            if self.interrupted.load(Ordering::SeqCst) {
                self.hosts.stop(keeper);
                return Ok(Err(Attempt::Interrupted));
            }
            let line = match self.hear(keeper, LOOK_UP) {
                Ok(Heard::Said(line)) => line,
                Ok(Heard::Ended(how, words)) => {
                    let why = last_of(Keeper::NAME, &how, &words);
                    return Ok(Err(Attempt::Failed(self.of_host(host, planned, why))));
                }
                Ok(Heard::Lost(why)) => return Ok(Err(Attempt::Failed(why))),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => continue,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.hosts.stop(keeper);
                    return Ok(Err(Attempt::Failed(self.hosts.give_up_silent(host)?)));
                }
                Err(error) => return Err(error),
            };
            return Ok(match serde_json::from_value(line)? {
                store::Reply::Declare(_) => continue,
                store::Reply::Ready { sources, left_out } => Ok(Files { store, sources, left_out }),
                store::Reply::Failed(why) => Err(Attempt::Failed(self.of_host(host, planned, why))),
            });
        }
    }

    /// A reason with the host that it is of, where the plan did not decide for it.
    fn of_host(&self, host: usize, planned: Option<bool>, why: String) -> String {
        if planned.is_some() { why } else { format!("host {}: {why}", self.hosts.name(host)) }
    }
}

fn volumes(specs: impl Iterator<Item = Spec>) -> Vec<Volume> {
    let specs: Vec<Spec> = specs.collect();
    let files = spare_files(specs.iter()).into_iter();
    files.map(|(bytes, spares)| Volume { bytes, spares: spares as u32 }).collect()
}

/// What a trial needs of a named host, where it takes part: spare files only where it writes what arrives.
fn of_host(spec: &Spec, name: &str) -> Option<Spec> {
    let (clients, server) = spec.hosts.split_once(':')?;
    let writes = match spec.operation {
        Operation::Download => clients == name,
        _ => server == name,
    };
    let received = if writes { spec.received } else { Received::Discarded };
    (clients == name || server == name).then(|| Spec { received, ..spec.clone() })
}
