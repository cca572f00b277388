//! What the kernel keeps beyond a process. It is declared before it is made, so that whoever is left can remove it.

use nix::{mqueue::mq_unlink, sys::stat::Mode};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// One thing that outlives a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Remains {
    /// A POSIX message queue, by name.
    PosixQueue(String),
    /// A System V message queue, by key.
    SystemVQueue(i32),
    /// A file, FIFO, socket or folder.
    Path(PathBuf),
}

impl Remains {
    /// Removes it; what is not there any more is no error.
    pub fn remove(&self) {
        match self {
            Self::PosixQueue(name) => {
                let _ = mq_unlink(name.as_str());
            }
            Self::SystemVQueue(key) => {
                remove_system_v_queue(*key);
            }
            Self::Path(path) => {
                if path.is_dir() {
                    remove_folder(path);
                } else {
                    let _ = fs::remove_file(path);
                }
            }
        }
    }
}

/// Removes a folder in which somebody who is about to end may still make files.
fn remove_folder(path: &Path) {
    for _ in 0..ATTEMPTS {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            _ => return,
        }
    }
}

/// Each takes away all that was there: more would mean that somebody makes files without end.
const ATTEMPTS: usize = 100;

fn remove_system_v_queue(key: i32) {
    // SAFETY: msgget and msgctl take plain numbers; IPC_RMID ignores its buffer argument.
    unsafe {
        let queue = libc::msgget(key, 0);
        if queue >= 0 {
            libc::msgctl(queue, libc::IPC_RMID, std::ptr::null_mut());
        }
    }
}

/// A name that no other process of this host uses, for things that need one for a moment.
pub fn unique_name() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("ferrybench-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

/// Permissions of what is made: its owner's alone.
pub fn private() -> Mode {
    Mode::S_IRUSR | Mode::S_IWUSR
}
