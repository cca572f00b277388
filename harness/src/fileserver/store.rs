//! The files of a run: sources with known content, and spare files whose pages have been written before.
//!
//! They are made once, before the first row, and reused: on a tmpfs, a page that was never written costs ten times one
//! that was, and a grid that ran in the plan's order would show that as an effect of the pool size.

use crate::{
    host::room,
    process::{
        remains::Remains,
        role::{Port, Role},
    },
    shelf,
};
use ferrybench_data::fileserver::{Operation, Received, Spec};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Where everything lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// The folder of it all.
    pub folder: PathBuf,
}

/// Spare files of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Length of a file, bytes.
    pub bytes: u64,
    /// How many there are to be.
    pub spares: u32,
}

/// The hashes of a source, as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    /// Of all of it.
    pub whole: String,
    /// Of what follows the place of a stamp.
    pub rest: String,
}

/// Length of a stamp, bytes.
const STAMP_BYTES: usize = 32;

/// What an upload begins with in place of its source's first bytes: its name at the server.
pub fn stamp(name: &str) -> [u8; STAMP_BYTES] {
    let mut stamp = [b'-'; STAMP_BYTES];
    let length = name.len().min(STAMP_BYTES);
    stamp[..length].copy_from_slice(&name.as_bytes()[..length]);
    stamp
}

/// Piece in which content is made, bytes.
const PIECE: usize = 1 << 20;
/// What content is made of: 64 printable characters, so that each takes 6 bits of the generator.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .";

impl Store {
    /// The folder that the server serves: sources, and what was uploaded until it is verified.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Where clients put what they download, until it is verified.
    pub fn received(&self) -> PathBuf {
        self.folder.join("received")
    }

    /// Spare files of one length.
    pub fn spares(&self, bytes: u64) -> PathBuf {
        self.folder.join("spares").join(bytes.to_string())
    }

    /// Spare files for the side that receives content in an operation, where it writes any.
    pub(super) fn spares_for(&self, spec: &Spec, receives: Operation) -> Option<PathBuf> {
        let are_used = spec.operation == receives && spec.received == Received::Written;
        are_used.then(|| self.spares(spec.volume_bytes))
    }

    /// The source of that length.
    pub fn source(&self, bytes: u64) -> PathBuf {
        self.root().join(source_name(bytes))
    }

    /// Hands a file back as a spare one, once it was verified. Its content does not matter any more, its pages do.
    pub fn recycle(&self, file: &Path, bytes: u64) -> io::Result<()> {
        static BACK: AtomicUsize = AtomicUsize::new(0);
        if fs::metadata(file)?.len() != bytes {
            OpenOptions::new().write(true).open(file)?.set_len(bytes)?;
        }
        // A name that no other round has given: it would replace what came back from there.
        let name = format!("back-{}-{}", std::process::id(), BACK.fetch_add(1, Ordering::Relaxed));
        fs::rename(file, self.spares(bytes).join(name))
    }

    fn make(&self, volumes: &[Volume], seed: u64) -> io::Result<BTreeMap<u64, Source>> {
        for folder in [self.root(), self.received()] {
            fs::create_dir_all(folder)?;
        }
        let mut hashes = BTreeMap::new();
        for volume in volumes {
            fs::create_dir_all(self.spares(volume.bytes))?;
            hashes.insert(volume.bytes, write_source(&self.source(volume.bytes), volume.bytes, seed)?);
        }
        self.touch(volumes)?;
        Ok(hashes)
    }

    /// Writes every page of every spare file once, on as many threads as there are CPUs.
    fn touch(&self, volumes: &[Volume]) -> io::Result<()> {
        let files: Vec<(PathBuf, u64)> = volumes
            .iter()
            .flat_map(|volume| {
                (0..volume.spares).map(|number| (self.spare(volume.bytes, number), volume.bytes))
            })
            .collect();
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let touching: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        while let Some((path, bytes)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                            write_zeros(path, *bytes)?;
                        }
                        io::Result::Ok(())
                    })
                })
                .collect();
            touching
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
        })
    }

    fn spare(&self, bytes: u64, number: u32) -> PathBuf {
        self.spares(bytes).join(format!("spare-{number}"))
    }
}

/// The name of the source of that length: lower-case, with a dot, and short enough for servers that read 32 bytes.
pub fn source_name(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes > 0 && bytes.is_multiple_of(MIB) {
        format!("file_{}mb.txt", bytes / MIB)
    } else {
        format!("file_{bytes}b.txt")
    }
}

/// Writes content that follows from the seed and the length: printable ASCII, since published servers handle only text.
pub fn write_source(path: &Path, bytes: u64, seed: u64) -> io::Result<Source> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed ^ bytes);
    let mut file = File::create(path)?;
    let (mut whole, mut rest) = (shelf::Hasher::new(), shelf::Hasher::new());
    let mut piece = vec![0; PIECE];
    let mut left = bytes;
    while left > 0 {
        let piece = &mut piece[..(PIECE as u64).min(left) as usize];
        generator.fill_bytes(piece);
        for byte in piece.iter_mut() {
            *byte = LETTERS[usize::from(*byte & 63)];
        }
        whole.update(piece);
        rest.update(&piece[if left == bytes { STAMP_BYTES.min(piece.len()) } else { 0 }..]);
        file.write_all(piece)?;
        left -= piece.len() as u64;
    }
    let digits = |hasher: shelf::Hasher| hasher.finalize().to_hex();
    Ok(Source { whole: digits(whole), rest: digits(rest) })
}

fn write_zeros(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let zeros = vec![0; PIECE];
    let mut left = bytes;
    while left > 0 {
        let count = (PIECE as u64).min(left);
        file.write_all(&zeros[..count as usize])?;
        left -= count;
    }
    Ok(())
}

/// The role of whoever makes the store and holds it for as long as the run lasts.
pub enum Keeper {}

/// What a keeper is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The store that it makes.
    pub store: Store,
    /// The lengths of its files.
    pub volumes: Vec<Volume>,
    /// Seed of their content.
    pub seed: u64,
    /// Whether it first looks if there is room for them: on another host nobody did.
    pub looks: bool,
}

/// What a keeper answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// This is about to be made and would outlive the process.
    Declare(Remains),
    /// The store is there.
    Ready {
        /// The hashes of each source, by its length.
        sources: BTreeMap<u64, Source>,
        /// Why there is no room for files of a length, which are not there.
        left_out: BTreeMap<u64, String>,
    },
    /// It could not be made.
    Failed(String),
}

impl Volume {
    /// Of the source and the spare files, bytes.
    pub fn all_bytes(&self) -> u64 {
        self.bytes.saturating_mul(u64::from(self.spares) + 1)
    }
}

/// The volumes that memory has room for, and why not for the others: the largest are left out first, so that small ones
/// still run.
fn fitting(mut volumes: Vec<Volume>) -> (Vec<Volume>, BTreeMap<u64, String>) {
    let room = room::look(Path::new("/"));
    let mut left_out = BTreeMap::new();
    volumes.sort_by_key(|volume| volume.bytes);
    loop {
        let bytes = volumes.iter().map(Volume::all_bytes).fold(0, u64::saturating_add);
        if room.holds_in_memory(bytes) {
            return (volumes, left_out);
        }
        let Some(largest) = volumes.pop() else { return (volumes, left_out) };
        let why = format!(
            "memory: its files need {} MiB of {}, and there is room for {} MiB",
            bytes.div_ceil(1 << 20),
            room::TMPFS,
            room.memory_bytes() >> 20
        );
        left_out.insert(largest.bytes, why);
    }
}

impl Role for Keeper {
    const NAME: &'static str = "keeper";
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        let (volumes, left_out) =
            if job.looks { fitting(job.volumes) } else { (job.volumes, BTreeMap::new()) };
        port.replies.send(&Reply::Declare(Remains::Path(job.store.folder.clone())))?;
        DirBuilder::new().mode(0o700).create(&job.store.folder)?;
        match job.store.make(&volumes, job.seed) {
            Ok(sources) => port.replies.send(&Reply::Ready { sources, left_out })?,
            Err(error) => return port.replies.send(&Reply::Failed(format!("the files of the run: {error}"))),
        }
        // What was declared is removed when this ends: that is, when the run does.
        while port.cues.recv().is_ok() {}
        Ok(())
    }
}
