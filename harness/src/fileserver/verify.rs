//! Looking at received files after the clock has stopped.

use super::{
    store::{Source, Store, stamp},
    transfer::Task,
};
use crate::shelf;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A file that should be a copy of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// The name that it is stamped with, where it carries a stamp.
    pub(super) stamped: Option<String>,
}

impl Copy {
    /// What a task should have left behind.
    pub(super) fn of(task: &Task, path: PathBuf) -> Self {
        Self { path, stamped: task.stamped.then(|| task.there.clone()) }
    }

    /// Why it is not a copy of the source of that length.
    pub(super) fn fault(&self, (bytes, source): &(u64, Source)) -> Option<String> {
        match self.look(*bytes, source) {
            Ok(why) => why,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("nothing arrived".into()),
            Err(error) => Some(error.to_string()),
        }
    }

    fn look(&self, bytes: u64, source: &Source) -> io::Result<Option<String>> {
        let mut file = File::open(&self.path)?;
        let there = file.metadata()?.len();
        if there != bytes {
            return Ok(Some(format!("{there} bytes arrived instead of {bytes}")));
        }
        let wanted = match &self.stamped {
            None => &source.whole,
            Some(name) => {
                let wanted = stamp(name);
                let mut found = Vec::new();
                file.by_ref().take(wanted.len() as u64).read_to_end(&mut found)?;
                if !wanted.starts_with(&found) {
                    return Ok(Some("the content is another upload's, or nobody's".into()));
                }
                &source.rest
            }
        };
        let hash = shelf::hash(&mut file)?.to_hex();
        Ok((hash != *wanted).then(|| "the content is not the source's".into()))
    }
}

/// Why files are not copies of a source, each by itself. Their pages are handed back to the store's spare files.
pub(super) fn judge(files: &[Copy], source: &(u64, Source), store: &Store) -> Vec<Option<String>> {
    let faults = faults(files, source);
    for file in files {
        // What cannot go back costs a later row fresh pages, which is no reason to fail this one.
        if store.recycle(&file.path, source.0).is_err() {
            let _ = fs::remove_file(&file.path);
        }
    }
    faults
}

/// They are hashed on as many threads as there are CPUs.
fn faults(files: &[Copy], source: &(u64, Source)) -> Vec<Option<String>> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Option<String>)>> = Mutex::new(Vec::with_capacity(files.len()));
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(place) else { return };
                    let fault = file.fault(source);
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((place, fault));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, fault)| fault).collect()
}

/// Files that LIST should bring.
pub(super) fn visible(folder: &Path) -> usize {
    let shelf = shelf::Shelf::open(folder, shelf::Keep::Files, None);
    shelf.and_then(|shelf| shelf.names()).map_or(0, |names| names.len())
}

#[cfg(test)]
mod tests {
    use super::super::store::write_source;
    use super::*;
    use std::fs;

    #[test]
    fn each_fault_of_a_copy_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("source");
        let source = (100_000, write_source(&path, 100_000, 7).expect("there is room"));
        let content = fs::read(&path).expect("it was just written");
        let mut stamped = content.clone();
        stamped[..32].copy_from_slice(&stamp("a-1.txt"));
        let fault = |bytes: &[u8], name: Option<&str>| {
            let path = folder.path().join("copy");
            fs::write(&path, bytes).expect("there is room");
            Copy { path, stamped: name.map(str::to_owned) }.fault(&source)
        };
        assert_eq!(fault(&content, None), None);
        assert_eq!(fault(&stamped, Some("a-1.txt")), None);
        assert_eq!(fault(&content[1..], None).as_deref(), Some("99999 bytes arrived instead of 100000"));
        assert_eq!(fault(&stamped, None).as_deref(), Some("the content is not the source's"));
        let other = Some("the content is another upload's, or nobody's");
        assert_eq!(fault(&stamped, Some("a-2.txt")).as_deref(), other);
        stamped[99_999] ^= 1;
        assert_eq!(fault(&stamped, Some("a-1.txt")).as_deref(), Some("the content is not the source's"));
        let missing = Copy { path: folder.path().join("none"), stamped: None };
        assert_eq!(missing.fault(&source).as_deref(), Some("nothing arrived"));
    }
}
