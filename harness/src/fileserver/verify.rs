//! Looking at received files after the clock has stopped.

use crate::shelf;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// The hash of a file's content, as hexadecimal digits, and its length.
pub(super) type Looked = io::Result<(String, u64)>;

/// Hashes files, on as many threads as there are CPUs.
pub(super) fn hashes(paths: &[PathBuf]) -> Vec<Looked> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Looked)>> = Mutex::new(Vec::with_capacity(paths.len()));
    let threads = thread::available_parallelism().map_or(1, usize::from).min(paths.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((place, path)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|place| Some((place, paths.get(place)?)))
                {
                    let looked = look(path);
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((place, looked));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, looked)| looked).collect()
}

fn look(path: &Path) -> Looked {
    let mut file = File::open(path)?;
    let hash = shelf::hash(&mut file)?;
    Ok((hash.to_hex().to_string(), file.metadata()?.len()))
}

/// Files that LIST should bring.
pub(super) fn visible(folder: &Path) -> usize {
    let shelf = shelf::Shelf::open(folder, shelf::Keep::Files, None);
    shelf.and_then(|shelf| shelf.names()).map_or(0, |names| names.len())
}
