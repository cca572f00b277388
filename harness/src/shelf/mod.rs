//! Files as servers and receivers keep them: names confined to one folder, content that appears whole or not at all.
//!
//! A file that arrives has no name until it is complete. Where the kernel can, it is made without one (`O_TMPFILE`), so
//! that not even a kill leaves a part of it; else it lies under a hidden name, locked, and what was left there by a process
//! that was killed is told apart by having no lock. A benchmark hands over spare files, whose pages have been written
//! before: they are overwritten in place (METHODOLOGY.md, "Page freshness"), and not locked, since nobody tidies up in the
//! folders of a run.

mod hash;
mod hidden;
mod incoming;
mod outgoing;
mod spares;
#[cfg(test)]
mod tests;

pub use hash::{Hash, Hasher, hash};
pub use hidden::remove_left_behind;
pub use incoming::Incoming;
pub use outgoing::Outgoing;

use hidden::{HIDDEN, Hidden, claim, under_hidden_name};
use incoming::Content;
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat, unlinkat},
    io::Errno,
};
use spares::Spares;
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Longest name that file systems take, bytes.
pub const LONGEST_NAME: usize = 255;

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

    /// Whether there is anything of that name.
    pub fn has(&self, name: &str) -> bool {
        statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
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
    pub fn put(self: &Arc<Self>, name: &str) -> io::Result<Incoming> {
        check(name)?;
        let content = match self.keep {
            Keep::Nothing => Content::Counted,
            Keep::Hashes => Content::Hashed(Box::default()),
            Keep::Files => {
                let (file, hidden) = self.begin()?;
                Content::Filed { file, hidden, shelf: Arc::clone(self), name: name.to_owned() }
            }
        };
        Ok(Incoming::new(content))
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
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => self.begin_hidden(owner),
            Err(error) => Err(self.explain(error)),
        }
    }

    fn begin_hidden(&self, mode: Mode) -> io::Result<(File, Option<Hidden>)> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let make = |name: &str| {
            let file = openat(&self.folder, name, flags, mode)?;
            claim(&file, true)?;
            Ok(file)
        };
        let (file, name) = under_hidden_name(make).map_err(|error| self.explain(error))?;
        Ok((file.into(), Some(Hidden { name, spare: None })))
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

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| {
        sentence(io::Error::from(error).kind(), format!("{}: {}", path.display(), io::Error::from(error)))
    })
}

fn not_a_file(name: &str) -> io::Error {
    sentence(io::ErrorKind::InvalidInput, format!("{name} is not a file"))
}

fn sentence(kind: io::ErrorKind, why: String) -> io::Error {
    io::Error::new(kind, why)
}
