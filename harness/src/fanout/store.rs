//! Content as it arrives: written at its place, hashed as far as it comes in order, verified, and only then named.

use super::receive::Keep;
use crate::shelf::{Hasher, Incoming, Shelf};
use rustix::io::pwritev;
use std::{
    io::{self, IoSlice},
    os::unix::fs::FileExt,
    sync::Arc,
};

/// Piece in which content is read again for hashing.
const PIECE: usize = 256 << 10;

/// Where the content of one file goes.
#[derive(Debug)]
pub(super) struct Store {
    /// `None`: content is counted only.
    incoming: Option<Incoming>,
    keep: Keep,
    hasher: Hasher,
    /// Bytes that were hashed: all up to here came in order.
    hashed: u64,
    /// Where it ends, as far as it came.
    end: u64,
}

impl Store {
    /// Begins a file of the shelf.
    pub(super) fn begin(shelf: &Arc<Shelf>, name: &str, keep: Keep) -> io::Result<Self> {
        crate::shelf::check(name)?;
        let incoming = if keep == Keep::Counted { None } else { Some(shelf.put(name)?) };
        Ok(Self { incoming, keep, hasher: Hasher::new(), hashed: 0, end: 0 })
    }

    /// Bytes up to the end of what came.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Writes pieces, one behind the other, from an offset on.
    pub(super) fn put(&mut self, offset: u64, pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.end = self.end.max(offset + length);
        let Some(incoming) = &self.incoming else { return Ok(()) };
        if offset == self.hashed {
            for piece in pieces.iter() {
                self.hasher.update(piece);
            }
            self.hashed += length;
        }
        let file = incoming.file().ok_or_else(|| io::Error::other("it has no file"))?;
        let (mut pieces, mut at) = (pieces, offset);
        while !pieces.is_empty() {
            match pwritev(file, pieces, at) {
                Ok(written) => {
                    at += written as u64;
                    IoSlice::advance_slices(&mut pieces, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The hash of all that came, as hexadecimal digits; blank where content is counted only. What did not come in order
    /// is read again.
    pub(super) fn hash(&mut self) -> io::Result<String> {
        let Some(incoming) = &self.incoming else { return Ok(String::new()) };
        let file = incoming.file().ok_or_else(|| io::Error::other("it has no file"))?;
        let mut piece = vec![0; PIECE.min((self.end - self.hashed) as usize)];
        while self.hashed < self.end {
            let length = piece.len().min((self.end - self.hashed) as usize);
            file.read_exact_at(&mut piece[..length], self.hashed)?;
            self.hasher.update(&piece[..length]);
            self.hashed += length as u64;
        }
        Ok(self.hasher.finalize().to_hex())
    }

    /// It is what it should be: it takes its name, where it is kept.
    pub(super) fn finish(self, name: &str) -> io::Result<()> {
        match self.incoming {
            Some(mut incoming) if self.keep == Keep::Files => {
                incoming.moved(self.end);
                incoming.named(name)?.finish()?;
            }
            // Dropped, it leaves nothing behind.
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shelf;
    use std::fs;

    fn shelf(folder: &tempfile::TempDir) -> Arc<Shelf> {
        Arc::new(Shelf::open(folder.path(), shelf::Keep::Files, None).unwrap())
    }

    fn put(store: &mut Store, offset: u64, pieces: &[&[u8]]) {
        let mut pieces: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        store.put(offset, &mut pieces).unwrap();
    }

    #[test]
    fn content_in_any_order_has_the_hash_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(&folder);
        let expected = shelf::hash(&mut &b"abcdefgh"[..]).unwrap().to_hex();
        for order in [[0, 2, 5], [5, 2, 0], [2, 0, 5]] {
            let mut store = Store::begin(&shelf, "a", Keep::Files).unwrap();
            for offset in order {
                let end = match offset {
                    0 => 2,
                    2 => 5,
                    _ => 8,
                };
                put(&mut store, offset as u64, &[&b"abcdefgh"[offset..end]]);
            }
            assert_eq!(store.hash().unwrap(), expected);
            assert!(shelf.names().unwrap().is_empty(), "it has no name before it is finished");
            store.finish("a").unwrap();
            assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"abcdefgh");
            shelf.remove("a").unwrap();
        }
    }

    #[test]
    fn what_is_verified_only_or_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(&folder);
        let mut store = Store::begin(&shelf, "a", Keep::Verified).unwrap();
        put(&mut store, 0, &[b"ab", b"c"]);
        assert_eq!(store.hash().unwrap(), shelf::hash(&mut &b"abc"[..]).unwrap().to_hex());
        store.finish("a").unwrap();
        let mut dropped = Store::begin(&shelf, "b", Keep::Files).unwrap();
        put(&mut dropped, 0, &[b"ab"]);
        drop(dropped);
        let mut counted = Store::begin(&shelf, "c", Keep::Counted).unwrap();
        put(&mut counted, 0, &[b"ab"]);
        assert_eq!((counted.hash().unwrap().as_str(), counted.end()), ("", 2));
        counted.finish("c").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../a", "/etc/passwd", "", ".."] {
            for keep in [Keep::Files, Keep::Verified, Keep::Counted] {
                assert!(Store::begin(&shelf(&folder), name, keep).is_err(), "{name}");
            }
        }
    }
}
