//! Names that nobody may see: of content that is not complete.

use super::open_folder;
use rustix::{
    fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat, unlinkat},
    io::{Errno, retry_on_intr},
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

/// What hidden files of ours begin with; nobody may ask for such a name.
pub(super) const HIDDEN: &str = ".ferrybench-";
/// What they end with.
const PART: &str = ".part";

/// A name in the shelf's folder that nobody may see.
#[derive(Debug)]
pub(super) struct Hidden {
    pub(super) name: String,
    /// The spare file that it was.
    pub(super) spare: Option<String>,
}

/// How many names this process has made.
pub(super) static COUNT: AtomicU32 = AtomicU32::new(0);

/// A name that this process has not made before.
pub(super) fn hidden_name() -> String {
    format!("{HIDDEN}{}-{}{PART}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Does what makes a hidden name. One that a process of our number left behind when it was killed is passed over.
pub(super) fn under_hidden_name<T>(
    mut make: impl FnMut(&str) -> Result<T, Errno>,
) -> Result<(T, String), Errno> {
    loop {
        let name = hidden_name();
        match make(&name) {
            Err(Errno::EXIST) => {}
            other => return Ok((other?, name)),
        }
    }
}

/// Locks a file that has a hidden name, or is about to get one, for as long as it is open: however its process ends, the
/// lock goes, and with it the reason to leave the file alone. [`Errno::EXIST`] where somebody was faster, and removed it.
pub(super) fn claim(file: &impl AsFd, is_named: bool) -> Result<(), Errno> {
    // Where a file system has no locks nobody gets one, so nobody removes anything.
    let locked = retry_on_intr(|| flock(file, FlockOperation::LockExclusive));
    if locked.is_ok() && is_named && fstat(file)?.st_nlink == 0 {
        return Err(Errno::EXIST);
    }
    Ok(())
}

/// Removes what killed processes left under hidden names; what belongs to a process that lives stays, whatever its number
/// is here: a folder may be shared with another container. Returns how many there were.
pub fn remove_left_behind(folder: &Path) -> io::Result<usize> {
    let folder = open_folder(folder)?;
    let mut removed = 0;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.starts_with(HIDDEN) && name.ends_with(PART) && remove_if_left(&folder, name) {
            removed += 1;
        }
    }
    Ok(removed)
}

fn remove_if_left(folder: &OwnedFd, name: &str) -> bool {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(folder, name, flags, Mode::empty()) else { return false };
    let is_file =
        fstat(&file).is_ok_and(|facts| FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile);
    // Locked until it is removed: whoever has just made it sees that it is gone, and makes another.
    is_file
        && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && unlinkat(folder, name, AtFlags::empty()).is_ok()
}
