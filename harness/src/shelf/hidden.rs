//! Names that nobody may see: of content that is not complete.

use rustix::io::Errno;
use std::sync::atomic::{AtomicU32, Ordering};

/// What hidden files of ours begin with; nobody may ask for such a name.
pub(super) const HIDDEN: &str = ".ferrybench-";

/// A name in the shelf's folder that nobody may see.
#[derive(Debug)]
pub(super) struct Hidden {
    pub(super) name: String,
    /// The spare file that it was.
    pub(super) spare: Option<String>,
}

/// How many names this process has made.
pub(super) static COUNT: AtomicU32 = AtomicU32::new(0);

/// A name that this process has not made before.
pub(super) fn hidden_name() -> String {
    format!("{HIDDEN}{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Does what makes a hidden name. One that a process of our number left behind when it was killed is passed over.
pub(super) fn under_hidden_name<T>(
    mut make: impl FnMut(&str) -> Result<T, Errno>,
) -> Result<(T, String), Errno> {
    loop {
        let name = hidden_name();
        match make(&name) {
            Err(Errno::EXIST) => {}
            other => return Ok((other?, name)),
        }
    }
}
