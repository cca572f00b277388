//! Content on its way in: a file, when it is complete.

use super::{
    Hash, Hasher, Shelf, check,
    hidden::{Hidden, claim, under_hidden_name},
};
use rustix::fs::{AtFlags, linkat, renameat, unlinkat};
use std::{fs::File, io, os::fd::AsRawFd, os::unix::fs::FileExt, sync::Arc};

/// Content that is arriving. Dropped before [`Incoming::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    content: Content,
    length: u64,
    /// Why it cannot be kept.
    spoilt: Option<io::Error>,
}

/// Where content goes.
#[derive(Debug)]
pub(super) enum Content {
    Counted,
    Hashed(Box<Hasher>),
    Filed { file: File, hidden: Option<Hidden>, shelf: Arc<Shelf>, name: String },
}

impl Incoming {
    /// Nothing yet.
    pub(super) fn new(content: Content) -> Self {
        Self { content, length: 0, spoilt: None }
    }

    /// Content bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The file behind it, where there is one, so that the kernel can move bytes into it: at `length()`, told by
    /// [`Incoming::moved`].
    pub fn file(&self) -> Option<&File> {
        match &self.content {
            Content::Filed { file, .. } if self.spoilt.is_none() => Some(file),
            _ => None,
        }
    }

    /// Whether the content need not be looked at at all.
    pub fn is_only_counted(&self) -> bool {
        matches!(self.content, Content::Counted)
    }

    /// So many bytes were moved into [`Incoming::file`], or dropped.
    pub fn moved(&mut self, bytes: u64) {
        self.length += bytes;
    }

    /// Appends content.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.content {
            Content::Counted => {}
            Content::Hashed(hasher) => hasher.update(bytes),
            Content::Filed { file, .. } => file.write_all_at(bytes, self.length)?,
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Appends content that comes whether it can be kept or not. [`Incoming::finish`] tells which it was, when the peer
    /// has sent all and listens.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.spoilt.is_some() {
            self.length += bytes.len() as u64;
        } else if let Err(why) = self.write(bytes) {
            self.spoil(why, bytes.len() as u64);
        }
    }

    /// Changes the name that it will take.
    pub fn named(mut self, new: &str) -> io::Result<Self> {
        check(new)?;
        if let Content::Filed { name, .. } = &mut self.content {
            new.clone_into(name);
        }
        Ok(self)
    }

    /// The last so many bytes could not be kept, so none can: the rest is only counted.
    pub fn spoil(&mut self, why: io::Error, bytes: u64) {
        self.spoilt = Some(why);
        self.length += bytes;
    }

    /// The content is complete: it takes its name. Returns its hash where it was not kept.
    pub fn finish(mut self) -> io::Result<Option<Hash>> {
        if let Some(why) = self.spoilt.take() {
            return Err(why);
        }
        let length = self.length;
        match &mut self.content {
            Content::Counted => Ok(None),
            Content::Hashed(hasher) => Ok(Some(hasher.finalize())),
            Content::Filed { file, hidden, shelf, name } => {
                if file.metadata()?.len() != length {
                    file.set_len(length)?;
                }
                let from = if let Some(hidden) = hidden {
                    hidden.name.clone()
                } else {
                    claim(file, false)?;
                    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                    let link = |name: &str| {
                        linkat(rustix::fs::CWD, &path, &shelf.folder, name, AtFlags::SYMLINK_FOLLOW)
                    };
                    under_hidden_name(link)?.1
                };
                renameat(&shelf.folder, &from, &shelf.folder, name.as_str()).inspect_err(|_| {
                    let _ = unlinkat(&shelf.folder, &from, AtFlags::empty());
                })?;
                *hidden = None;
                Ok(None)
            }
        }
    }
}

impl Drop for Incoming {
    /// What was not finished goes; a spare file goes back to the others.
    fn drop(&mut self) {
        let Content::Filed { hidden, shelf, .. } = &mut self.content else { return };
        let Some(Hidden { name, spare }) = hidden.take() else { return };
        let back = spare.as_ref().zip(shelf.spares.as_ref()).is_some_and(|(spare, spares)| {
            renameat(&shelf.folder, &name, &spares.folder, spare.as_str()).is_ok()
        });
        if !back {
            let _ = unlinkat(&shelf.folder, &name, AtFlags::empty());
        }
    }
}
