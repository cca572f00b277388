//! How far sending is, for whoever sends by hand and watches. A process counts what it sends; worker processes tell theirs
//! to whoever started them, where somebody watches: while a block is measured nobody does.

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static WATCHED: AtomicBool = AtomicBool::new(false);
static SENT: AtomicU64 = AtomicU64::new(0);
static WANTED: AtomicU64 = AtomicU64::new(0);

/// Content bytes, of all files and receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Handed to the kernel, repeats included.
    pub sent: u64,
    /// To be sent without repeats, as far as sizes are known: of a file that is fetched, once it is there.
    pub wanted: u64,
}

impl Progress {
    /// How far this process is, with its worker processes.
    pub fn now() -> Self {
        Self { sent: SENT.load(Ordering::Relaxed), wanted: WANTED.load(Ordering::Relaxed) }
    }

    /// What has come since an earlier look.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self { sent: self.sent - before.sent, wanted: self.wanted - before.wanted }
    }

    /// Counts so many bytes that were sent: for each batch, so nothing else is done.
    pub(super) fn count_sent(bytes: u64) {
        SENT.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts it as this process's own.
    pub(super) fn count(self) {
        SENT.fetch_add(self.sent, Ordering::Relaxed);
        WANTED.fetch_add(self.wanted, Ordering::Relaxed);
    }
}

/// From here on somebody watches: worker processes that get a file tell how far they are.
pub fn watch() {
    WATCHED.store(true, Ordering::Relaxed);
}

/// Whether somebody watches.
pub(super) fn is_watched() -> bool {
    WATCHED.load(Ordering::Relaxed)
}
