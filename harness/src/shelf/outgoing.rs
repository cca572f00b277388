//! A file on its way out.

use super::sentence;
use std::{fs::File, io, os::unix::fs::FileExt};

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
