//! Files as servers and receivers keep them: names confined to one folder, content that appears whole or not at all.
//!
//! A file that arrives has no name until it is complete. Where the kernel can, it is made without one (`O_TMPFILE`), so
//! that not even a kill leaves a part of it; else it lies under a hidden name. A benchmark hands over spare files, whose
//! pages have been written before: they are overwritten in place (METHODOLOGY.md, "Page freshness").

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, linkat, openat, renameat, statat, unlinkat},
    io::Errno,
};
use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd},
    os::unix::fs::{DirBuilderExt, FileExt},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// What hidden files of ours begin with; nobody may ask for such a name.
const HIDDEN: &str = ".ferrybench-";
/// Longest name that file systems take, bytes.
pub const LONGEST_NAME: usize = 255;
/// Piece in which content is read for hashing.
const PIECE: usize = 256 << 10;

/// The hash of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash(u128);

impl Hash {
    /// As hexadecimal digits.
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// Hashes content as it passes.
///
/// 128 bits of xxh3: nobody forges the files of a benchmark, and a hash that proves more would take more of the measured
/// time than the transfer itself where content is hashed as it arrives (3.5 GB/s by blake3, 22 GB/s by this).
#[derive(Clone, Default)]
pub struct Hasher(xxhash_rust::xxh3::Xxh3);

impl Hasher {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next piece of content.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The hash of all pieces.
    pub fn finalize(&self) -> Hash {
        Hash(self.0.digest128())
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Hasher")
    }
}

/// What becomes of content that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It becomes a file.
    Files,
    /// It is hashed and dropped.
    Hashes,
    /// It is only counted.
    Nothing,
}

/// A folder that files are served from and put into.
#[derive(Debug)]
pub struct Shelf {
    folder: OwnedFd,
    path: PathBuf,
    keep: Keep,
    spares: Option<Spares>,
}

/// Files whose pages have been written before, in a folder of the same file system.
#[derive(Debug)]
struct Spares {
    folder: OwnedFd,
    free: Mutex<Vec<String>>,
}

/// A file that is being sent.
#[derive(Debug)]
pub struct Outgoing {
    /// Its content.
    pub file: File,
    /// Its length when it was opened, bytes.
    pub length: u64,
    /// What is sent in place of the file's first bytes, so that many can send one file and still be told apart.
    pub stamp: Vec<u8>,
}

impl Outgoing {
    /// Puts a stamp on the content, as far as it is long enough.
    #[must_use]
    pub fn stamped(mut self, stamp: &[u8]) -> Self {
        let length = stamp.len().min(usize::try_from(self.length).unwrap_or(usize::MAX));
        self.stamp = stamp[..length].to_vec();
        self
    }

    /// Reads a part of the content that must be there: a file that shrank meanwhile is an error in one sentence.
    pub fn read(&self, part: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(part, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                sentence(error.kind(), "the file became shorter while it was sent".into())
            }
            _ => error,
        })?;
        let stamped = self.stamp.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let count = stamped.len().min(part.len());
        part[..count].copy_from_slice(&stamped[..count]);
        Ok(())
    }
}

/// Content that is arriving. Dropped before [`Incoming::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    content: Content,
    length: u64,
    /// Why it cannot be kept.
    spoilt: Option<io::Error>,
}

#[derive(Debug)]
enum Content {
    Counted,
    Hashed(Box<Hasher>),
    Filed { file: File, hidden: Option<Hidden>, shelf: std::sync::Arc<Shelf>, name: String },
}

/// A name in the shelf's folder that nobody may see.
#[derive(Debug)]
struct Hidden {
    name: String,
    /// The spare file that it was.
    spare: Option<String>,
}

impl Shelf {
    /// Opens a folder. `spares` is a folder of files of the length that will arrive.
    pub fn open(path: &Path, keep: Keep, spares: Option<&Path>) -> io::Result<Self> {
        let folder = open_folder(path)?;
        let spares = spares.map(Spares::open).transpose()?;
        Ok(Self { folder, path: path.to_owned(), keep, spares })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the files in it, sorted: regular files only, none of ours that are hidden.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        // One that is gone would look empty.
        self.is_there()?;
        for entry in Dir::read_from(&self.folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => statat(&self.folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
                kind => kind,
            };
            if kind == FileType::RegularFile && !name.starts_with(HIDDEN) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file to send it. Links are not followed, so that none leads out of the folder.
    pub fn get(&self, name: &str) -> io::Result<Outgoing> {
        check(name)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.folder, name, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT => sentence(io::ErrorKind::NotFound, format!("there is no file {name}")),
            Errno::LOOP => sentence(
                io::ErrorKind::PermissionDenied,
                format!("{name} is a link, and links are not followed"),
            ),
            // What a socket answers.
            Errno::NXIO => not_a_file(name),
            error => error.into(),
        })?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_a_file(name));
        }
        Ok(Outgoing { file: file.into(), length: stat.st_size as u64, stamp: Vec::new() })
    }

    /// Begins a file. It takes the place of an older one of that name when it is finished.
    pub fn put(self: &std::sync::Arc<Self>, name: &str) -> io::Result<Incoming> {
        check(name)?;
        let content = match self.keep {
            Keep::Nothing => Content::Counted,
            Keep::Hashes => Content::Hashed(Box::default()),
            Keep::Files => {
                let (file, hidden) = self.begin()?;
                Content::Filed { file, hidden, shelf: std::sync::Arc::clone(self), name: name.to_owned() }
            }
        };
        Ok(Incoming { content, length: 0, spoilt: None })
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        check(name)?;
        unlinkat(&self.folder, name, AtFlags::empty()).map_err(|error| match error {
            Errno::NOENT => sentence(io::ErrorKind::NotFound, format!("there is no file {name}")),
            Errno::ISDIR => not_a_file(name),
            error => error.into(),
        })
    }

    fn begin(&self) -> io::Result<(File, Option<Hidden>)> {
        let owner = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        if let Some((file, hidden)) = self.spares.as_ref().and_then(|spares| spares.take(&self.folder)) {
            return Ok((file, Some(hidden)));
        }
        let nameless = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(&self.folder, ".", nameless, owner) {
            Ok(file) => Ok((file.into(), None)),
            // A file system without nameless files says so in one of these ways.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
                let (file, name) = under_hidden_name(|name| openat(&self.folder, name, flags, owner))
                    .map_err(|error| self.explain(error))?;
                Ok((file.into(), Some(Hidden { name, spare: None })))
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Names the folder where it is what is missing: file systems say so in several ways.
    fn explain(&self, error: Errno) -> io::Error {
        self.is_there().err().unwrap_or_else(|| error.into())
    }

    fn is_there(&self) -> io::Result<()> {
        match fstat(&self.folder)?.st_nlink {
            0 => Err(sentence(io::ErrorKind::NotFound, "the folder is gone".into())),
            _ => Ok(()),
        }
    }
}

impl Spares {
    fn open(path: &Path) -> io::Result<Self> {
        let folder = open_folder(path)?;
        let free = Mutex::new(listed(&folder)?);
        Ok(Self { folder, free })
    }

    /// A spare file under a hidden name in `into`. Other processes take from the same folder: the rename decides who
    /// has it. When all that were listed are tried, those that came back since are looked for: whoever verifies puts them
    /// there.
    fn take(&self, into: &OwnedFd) -> Option<(File, Hidden)> {
        let mut free = self.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut looked_again = false;
        loop {
            if free.is_empty() && !looked_again {
                *free = listed(&self.folder).ok()?;
                looked_again = true;
            }
            // Unlike processes begin at unlike places, so that they do not all reach for the same one.
            let place = (std::process::id() as usize).wrapping_mul(7).checked_rem(free.len())?;
            let spare = free.swap_remove(place);
            let name = hidden_name();
            if renameat(&self.folder, &spare, into, &name).is_err() {
                continue;
            }
            if let Ok(file) = openat(into, &name, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
                return Some((file.into(), Hidden { name, spare: Some(spare) }));
            }
            let _ = renameat(into, &name, &self.folder, &spare);
            return None;
        }
    }
}

/// The names in a folder, but `.` and `..`.
fn listed(folder: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        names.extend(entry?.file_name().to_str().map(str::to_owned));
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names)
}

impl Incoming {
    /// Content bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The file behind it, where there is one, so that the kernel can move bytes into it: at `length()`, told by
    /// [`Incoming::moved`].
    pub fn file(&self) -> Option<&File> {
        match &self.content {
            Content::Filed { file, .. } if self.spoilt.is_none() => Some(file),
            _ => None,
        }
    }

    /// Whether the content need not be looked at at all.
    pub fn is_only_counted(&self) -> bool {
        matches!(self.content, Content::Counted)
    }

    /// So many bytes were moved into [`Incoming::file`], or dropped.
    pub fn moved(&mut self, bytes: u64) {
        self.length += bytes;
    }

    /// Appends content.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.content {
            Content::Counted => {}
            Content::Hashed(hasher) => hasher.update(bytes),
            Content::Filed { file, .. } => file.write_all_at(bytes, self.length)?,
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Appends content that comes whether it can be kept or not. [`Incoming::finish`] tells which it was, when the peer
    /// has sent all and listens.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.spoilt.is_some() {
            self.length += bytes.len() as u64;
        } else if let Err(why) = self.write(bytes) {
            self.spoil(why, bytes.len() as u64);
        }
    }

    /// Changes the name that it will take.
    pub fn named(mut self, new: &str) -> io::Result<Self> {
        check(new)?;
        if let Content::Filed { name, .. } = &mut self.content {
            new.clone_into(name);
        }
        Ok(self)
    }

    /// The last so many bytes could not be kept, so none can: the rest is only counted.
    pub fn spoil(&mut self, why: io::Error, bytes: u64) {
        self.spoilt = Some(why);
        self.length += bytes;
    }

    /// The content is complete: it takes its name. Returns its hash where it was not kept.
    pub fn finish(mut self) -> io::Result<Option<Hash>> {
        if let Some(why) = self.spoilt.take() {
            return Err(why);
        }
        let length = self.length;
        match &mut self.content {
            Content::Counted => Ok(None),
            Content::Hashed(hasher) => Ok(Some(hasher.finalize())),
            Content::Filed { file, hidden, shelf, name } => {
                if file.metadata()?.len() != length {
                    file.set_len(length)?;
                }
                let from = if let Some(hidden) = hidden {
                    hidden.name.clone()
                } else {
                    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                    let link = |name: &str| {
                        linkat(rustix::fs::CWD, &path, &shelf.folder, name, AtFlags::SYMLINK_FOLLOW)
                    };
                    under_hidden_name(link)?.1
                };
                renameat(&shelf.folder, &from, &shelf.folder, name.as_str()).inspect_err(|_| {
                    let _ = unlinkat(&shelf.folder, &from, AtFlags::empty());
                })?;
                *hidden = None;
                Ok(None)
            }
        }
    }
}

impl Drop for Incoming {
    /// What was not finished goes; a spare file goes back to the others.
    fn drop(&mut self) {
        let Content::Filed { hidden, shelf, .. } = &mut self.content else { return };
        let Some(Hidden { name, spare }) = hidden.take() else { return };
        let back = spare.as_ref().zip(shelf.spares.as_ref()).is_some_and(|(spare, spares)| {
            renameat(&shelf.folder, &name, &spares.folder, spare.as_str()).is_ok()
        });
        if !back {
            let _ = unlinkat(&shelf.folder, &name, AtFlags::empty());
        }
    }
}

/// Refuses names that are not one plain file of the folder, in one sentence.
pub fn check(name: &str) -> io::Result<()> {
    let why = match name {
        "" => "the name is empty".to_owned(),
        name if name.len() > LONGEST_NAME => {
            format!("the name has {} bytes, and {LONGEST_NAME} are the most", name.len())
        }
        "." | ".." => format!("{name} is not a file"),
        name if name.contains(['/', '\\', '\0']) => "a name has no path in it".to_owned(),
        name if name.starts_with(HIDDEN) => format!("names that begin with {HIDDEN} are ours"),
        _ => return Ok(()),
    };
    Err(sentence(io::ErrorKind::InvalidInput, why))
}

/// Makes a folder for its owner alone where there is none. The one around it must be there: it may just have been removed
/// with all that is in it, and nobody would remove what is made anew.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::metadata(path) {
            Ok(facts) if facts.is_dir() => Ok(()),
            _ => Err(sentence(io::ErrorKind::NotADirectory, format!("{} is not a folder", path.display()))),
        },
        made => made.map_err(told),
    }
}

/// The hash of a file's content.
pub fn hash(file: &mut impl Read) -> io::Result<Hash> {
    let mut hasher = Hasher::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finalize()),
            read => hasher.update(&piece[..read]),
        }
    }
}

impl Shelf {
    /// Whether there is anything of that name.
    pub fn has(&self, name: &str) -> bool {
        statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| {
        sentence(io::Error::from(error).kind(), format!("{}: {}", path.display(), io::Error::from(error)))
    })
}

static COUNT: AtomicU32 = AtomicU32::new(0);

fn hidden_name() -> String {
    format!("{HIDDEN}{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Does what makes a hidden name. One that a process of our number left behind when it was killed is passed over.
fn under_hidden_name<T>(mut make: impl FnMut(&str) -> Result<T, Errno>) -> Result<(T, String), Errno> {
    loop {
        let name = hidden_name();
        match make(&name) {
            Err(Errno::EXIST) => {}
            other => return Ok((other?, name)),
        }
    }
}

fn not_a_file(name: &str) -> io::Error {
    sentence(io::ErrorKind::InvalidInput, format!("{name} is not a file"))
}

fn sentence(kind: io::ErrorKind, why: String) -> io::Error {
    io::Error::new(kind, why)
}

#[cfg(test)]
mod tests;
