//! Spare files: their pages have been written before, and what arrives overwrites them.

use super::{
    hidden::{Hidden, hidden_name},
    open_folder,
};
use rustix::fs::{Dir, Mode, OFlags, openat, renameat};
use std::{fs::File, io, os::fd::OwnedFd, path::Path, sync::Mutex};

/// Files whose pages have been written before, in a folder of the same file system.
#[derive(Debug)]
pub(super) struct Spares {
    pub(super) folder: OwnedFd,
    free: Mutex<Vec<String>>,
}

impl Spares {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let folder = open_folder(path)?;
        let free = Mutex::new(listed(&folder)?);
        Ok(Self { folder, free })
    }

    /// A spare file under a hidden name in `into`. Other processes take from the same folder: the rename decides who
    /// has it. When all that were listed are tried, those that came back since are looked for: whoever verifies puts them
    /// there.
    pub(super) fn take(&self, into: &OwnedFd) -> Option<(File, Hidden)> {
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
