//! Where the files of a plan lie: in memory where they fit, else on disk, and not at all where they fit nowhere.
//!
//! One place for all trials, so that they can be compared; the largest volumes are left out first, so that small ones
//! still run.

use crate::{
    fileserver::{Received, Spec, Storage},
    plan::catalogue::Room,
    units::Size,
};
use std::collections::BTreeMap;

/// Spare files by volume: as many as transfers of one round write. Downloads and uploads overwrite the same ones.
pub fn spare_files<'a>(specs: impl Iterator<Item = &'a Spec>) -> BTreeMap<u64, u64> {
    let mut files: BTreeMap<u64, u64> = BTreeMap::new();
    for spec in specs.filter(|spec| spec.operation.moves_content()) {
        let spares = match spec.received {
            Received::Written => u64::from(spec.client_pool) * u64::from(spec.transfers),
            Received::Discarded | Received::Dropped => 0,
        };
        let most = files.entry(spec.volume_bytes).or_default();
        *most = (*most).max(spares);
    }
    files
}

/// Bytes of files by volume: one source, and the spare files.
pub(super) fn needed<'a>(specs: impl Iterator<Item = &'a Spec>) -> BTreeMap<u64, u64> {
    let files = spare_files(specs);
    files.into_iter().map(|(volume, spares)| (volume, volume.saturating_mul(spares + 1))).collect()
}

/// Where the files of a plan lie, and the volumes that fit nowhere.
#[derive(Debug, PartialEq)]
pub(super) struct Lie {
    storage: Storage,
    left_out: BTreeMap<u64, String>,
}

impl Lie {
    /// Where files of a volume lie, and why they cannot.
    pub(super) fn of(&self, volume: u64) -> (Storage, Option<String>) {
        match self.left_out.get(&volume) {
            Some(why) => (Storage::Disk, Some(why.clone())),
            None => (self.storage, None),
        }
    }
}

/// Finds a place for all volumes, or for as many as fit, the smallest first.
pub(super) fn choose(needed: &BTreeMap<u64, u64>, room: Room) -> Lie {
    let memory = room.memory_bytes();
    let disk = room.disk_free_bytes / 10 * 9;
    let mut volumes: Vec<(u64, u64)> = needed.iter().map(|(volume, bytes)| (*volume, *bytes)).collect();
    let mut left_out = BTreeMap::new();
    loop {
        let all = volumes.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        if room.holds_in_memory(all) {
            return Lie { storage: Storage::Tmpfs, left_out };
        }
        let Some(&(largest, _)) = volumes.last().filter(|_| all > disk) else {
            return Lie { storage: Storage::Disk, left_out };
        };
        volumes.pop();
        let why = format!(
            "memory: {} are needed for files of up to {}; there is room for {} in memory and {} on disk",
            gibibytes(all),
            Size(largest),
            gibibytes(memory),
            gibibytes(disk)
        );
        left_out.insert(largest, why);
    }
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
