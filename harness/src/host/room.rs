//! Room for the files and descriptors of a run.

use super::{facts::memory, limits};
use ferrybench_data::plan::catalogue::Room;
use nix::{
    sys::{
        statfs::{TMPFS_MAGIC, statfs},
        statvfs::statvfs,
    },
    unistd::{AccessFlags, access},
};
use std::path::Path;

/// Where a machine has its tmpfs.
pub const TMPFS: &str = "/dev/shm";

/// Looks at this machine; files that do not fit in memory would go into `temporary`.
pub fn look(temporary: &Path) -> Room {
    Room {
        memory_available_bytes: memory("MemAvailable:"),
        tmpfs_free_bytes: tmpfs_free(Path::new(TMPFS)),
        disk_free_bytes: if is_tmpfs(temporary) { 0 } else { free(temporary).unwrap_or(0) },
        descriptors: limits::descriptors(),
    }
}

/// Free bytes of a tmpfs that this process may write to.
fn tmpfs_free(path: &Path) -> Option<u64> {
    let is_writable = access(path, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if is_tmpfs(path) && is_writable { free(path) } else { None }
}

/// What lies there is in memory, whatever the path looks like.
fn is_tmpfs(path: &Path) -> bool {
    statfs(path).is_ok_and(|facts| facts.filesystem_type() == TMPFS_MAGIC)
}

/// Bytes that an ordinary user may still write to a file system.
fn free(path: &Path) -> Option<u64> {
    let facts = statvfs(path).ok()?;
    Some(facts.blocks_available() * facts.fragment_size())
}
