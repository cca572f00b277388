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
use std::{fs, path::Path};

/// Where a machine has its tmpfs.
pub const TMPFS: &str = "/dev/shm";

/// Looks at this machine; files that do not fit in memory would go into `temporary`.
pub fn look(temporary: &Path) -> Room {
    Room {
        memory_available_bytes: memory("MemAvailable:").min(left_of_the_control_group().unwrap_or(u64::MAX)),
        tmpfs_free_bytes: tmpfs_free(Path::new(TMPFS)),
        disk_free_bytes: if is_tmpfs(temporary) { 0 } else { free(temporary).unwrap_or(0) },
        descriptors: limits::descriptors(),
    }
}

/// What the control group of this process, and those around it, may still take; files of a tmpfs count. `None` without
/// a limit.
fn left_of_the_control_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let leaf = Path::new("/sys/fs/cgroup").join(path);
    let around = leaf.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup"));
    around.filter_map(|folder| left(&number(folder, "memory.max")?, &number(folder, "memory.current")?)).min()
}

/// What is left of a limit, bytes; `None` where it is `max`.
fn left(limit: &str, taken: &str) -> Option<u64> {
    Some(limit.parse::<u64>().ok()?.saturating_sub(taken.parse().ok()?))
}

fn number(folder: &Path, name: &str) -> Option<String> {
    Some(fs::read_to_string(folder.join(name)).ok()?.trim().to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_leaves_what_its_limit_says() {
        assert_eq!(left("max", "4096"), None);
        assert_eq!(left("1048576", "4096"), Some(1_044_480));
        assert_eq!(left("4096", "8192"), Some(0));
        assert_eq!(left("", ""), None);
    }
}
