//! A block of the file server on this host: the files that all blocks share, and a conductor for each.

use super::{LOOK_UP, LocalHost, last_of};
use crate::{
    fileserver::{
        conduct::{self, Block, Conduct},
        drivers::Limits,
        store::{self, Keeper, Source, Store, Volume},
    },
    host::room::TMPFS,
    measure::clock,
    process::{hosts::Heard, remains::unique_name, role::Role},
    run::coordinator::{Attempt, Seen},
};
use ferrybench_data::{
    fileserver::{Spec, Storage},
    plan::{Trial, Work, spare_files},
};
use std::{collections::BTreeMap, io, path::Path, sync::atomic::Ordering, time::Duration};

/// The files of a run. Their keeper holds them until the run ends.
pub(super) struct Files {
    store: Store,
    sources: BTreeMap<u64, Source>,
}

/// Longest that making them may take, by the slowest disk that is worth measuring.
const SLOWEST_BYTES_PER_S: u64 = 20 << 20;
/// Longest that a run may hold its files.
const LONGEST_RUN: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a transfer of our own server may take.
const LIMITS: Limits = Limits { idle_ms: 120_000, transfer_ms: 120_000 };

impl LocalHost {
    /// Makes the files of all file-server trials, and writes every page of them once.
    pub(super) fn prepare_files(&mut self, trials: &[&Trial]) -> io::Result<()> {
        let specs: Vec<&Spec> = trials.iter().filter_map(|trial| trial.cell.fileserver()).collect();
        let Some(first) = specs.first() else { return Ok(()) };
        let volumes = spare_files(specs.iter().copied()).into_iter();
        let volumes: Vec<Volume> =
            volumes.map(|(bytes, spares)| Volume { bytes, spares: spares as u32 }).collect();
        let bytes: u64 = volumes.iter().map(|volume| volume.bytes * u64::from(volume.spares + 1)).sum();
        let in_memory = match first.storage {
            Storage::Tmpfs => true,
            Storage::Disk => false,
            // Somebody else's server keeps its files where it likes; these are ours.
            Storage::Untold => self.catalogue.fileserver.room.holds_in_memory(bytes),
        };
        let parent = if in_memory { Path::new(TMPFS) } else { self.folder.as_path() };
        let folder = parent.join(format!("{}-{}", unique_name(), clock::now()));
        let store = Store { folder };
        let job = store::Job { store: store.clone(), volumes, seed: self.plan.seed };
        let keeper = self.start_worker(Keeper::NAME, serde_json::to_value(job)?, LONGEST_RUN)?;
        let give_up = clock::now() + (60 + bytes / SLOWEST_BYTES_PER_S) * 1_000_000_000;
        loop {
            if self.interrupted.load(Ordering::SeqCst) {
                self.hosts.stop(keeper);
                return Ok(()); // the run ends before its first block
            }
            let line = match self.hear(keeper, LOOK_UP) {
                Ok(Heard::Said(line)) => line,
                Ok(Heard::Ended(how, words)) => {
                    return Err(io::Error::other(last_of(Keeper::NAME, &how, &words)));
                }
                Ok(Heard::Lost(why)) => return Err(io::Error::other(why)),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => continue,
                Err(error) => return Err(error),
            };
            match serde_json::from_value(line)? {
                store::Reply::Declare(_) => {}
                store::Reply::Failed(why) => return Err(io::Error::other(why)),
                store::Reply::Ready(sources) => {
                    self.files = Some(Files { store, sources });
                    return Ok(());
                }
            }
        }
    }

    /// Runs a block of our own server, or of somebody else's.
    pub(super) fn fileserver(&mut self, spec: &Spec, work: Work, seed: u64) -> io::Result<Attempt> {
        let Some(job) = self.block_job(spec, work, seed) else { return Ok(Attempt::Interrupted) };
        if let Some(outside) = self.plan.outside.clone() {
            return self.outside(&outside, job);
        }
        let deadline = job.deadline();
        self.worker(Conduct::NAME, serde_json::to_value(job)?, deadline, |line| {
            Some(match serde_json::from_value(line).ok()? {
                conduct::Reply::Declare(_) => return None,
                conduct::Reply::Failed(reason) => Attempt::Failed(reason),
                conduct::Reply::Done(block) => seen(*block),
            })
        })
    }

    /// What a conductor is told; `None` where there are no files, since the run is being stopped.
    fn block_job(&self, spec: &Spec, work: Work, seed: u64) -> Option<conduct::Job> {
        let files = self.files.as_ref()?;
        let leg = match work {
            Work::For(leg) => Some(leg),
            Work::Once | Work::Exactly(_) => None,
        };
        Some(conduct::Job {
            spec: spec.clone(),
            leg,
            tag: tag(seed),
            store: files.store.clone(),
            sources: files.sources.clone(),
            limits: LIMITS,
            server_root: Some(files.store.root()),
            files: None,
        })
    }
}

pub(super) fn seen(block: Block) -> Attempt {
    let Block { evidence, transfers, failure, run_delay_s } = block;
    Attempt::Done(Box::new(Seen::FileServer { evidence, transfers, run_delay_s: Some(run_delay_s), failure }))
}

/// A word of lower-case letters and digits that no other block of the run has, short enough for servers that read 32
/// bytes of a request.
fn tag(seed: u64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijkmnpqrstuvwx";
    (0..7).map(|place| char::from(DIGITS[(seed >> (5 * place) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_short_and_lower_case() {
        for seed in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let tag = tag(seed);
            assert!(
                tag.len() == 7 && tag.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
                "{tag}"
            );
        }
        assert_ne!(tag(1), tag(2));
    }
}
