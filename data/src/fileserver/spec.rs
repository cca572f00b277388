//! The axes of a file-server trial.

use crate::{axis::axis, family::Source, units::Size};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Every axis of a file-server trial.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spec {
    /// What each client asks for.
    pub operation: Operation,
    /// Size of one file, bytes; 0 where volume means nothing to the operation.
    pub volume_bytes: u64,
    /// Name of the protocol in the registry.
    pub protocol: String,
    /// Name of the model of the client pool in the registry.
    pub client_model: String,
    /// Client workers, all released together by a barrier.
    pub client_pool: u32,
    /// Name of the model of the server in the registry, or the label of somebody else's server.
    pub server_model: String,
    /// Connections that the server serves at a time; 0 where it takes every one as it comes.
    pub server_pool: u32,
    /// How the workers of the server come to their connections.
    pub accept: Accept,
    /// Most bytes that either side asks the kernel for in one read.
    pub read_bytes: ReadBytes,
    /// Where the files lie.
    pub storage: Storage,
    /// Whether the pages of the files had been written before.
    pub pages: Pages,
    /// What becomes of content that arrives.
    #[serde(default)]
    pub received: Received,
    /// Transfers of each client worker, one after another, between one barrier and the next.
    #[serde(default = "one")]
    pub transfers: u32,
    /// Our own server, or somebody else's.
    #[serde(default)]
    pub source: Source,
    /// The hosts of the clients and of the server, as the plan names them: `client:server1`. Blank where both are here.
    #[serde(default)]
    pub hosts: String,
}

fn one() -> u32 {
    1
}

impl Default for Spec {
    /// As plain as can be: one client downloads one file of 10 MiB from a pool of one thread.
    fn default() -> Self {
        Self {
            operation: Operation::Download,
            volume_bytes: 10 << 20,
            protocol: "raw".into(),
            client_model: "thread-pool".into(),
            client_pool: 1,
            server_model: "thread-pool".into(),
            server_pool: 1,
            accept: Accept::Shared,
            read_bytes: ReadBytes::Auto,
            storage: Storage::Tmpfs,
            pages: Pages::Touched,
            received: Received::Written,
            transfers: 1,
            source: Source::BuiltIn,
            hosts: String::new(),
        }
    }
}

impl Spec {
    /// Whether clients and server are on this machine.
    pub fn is_here(&self) -> bool {
        self.hosts.is_empty()
    }
}

impl Operation {
    /// Whether it moves a file's content.
    pub const fn moves_content(self) -> bool {
        matches!(self, Self::Download | Self::Upload)
    }
}

axis! {
    /// What a client asks for.
    Operation {
        /// A file from the server.
        Download = "download",
        /// A file to the server.
        Upload = "upload",
        /// The names of the files.
        List = "list",
        /// Removal of a file.
        Delete = "delete",
    }
}
axis! {
    /// How the workers of a server come to their connections.
    Accept {
        /// Every worker accepts from one listening socket.
        Shared = "shared",
        /// Each worker process has a listening socket of its own on the same port (`SO_REUSEPORT`).
        Reuseport = "reuseport",
        /// The parent accepts, and hands each connection to a free worker process (`SCM_RIGHTS`).
        Handoff = "handoff",
    }
}
axis! {
    /// Where files lie.
    Storage {
        /// In memory, on a tmpfs.
        Tmpfs = "tmpfs",
        /// On a disk's file system.
        Disk = "disk",
        /// Somebody else's server keeps them where it likes.
        Untold = "untold",
    }
}
axis! {
    /// Whether the pages of received files had been written before the row.
    Pages {
        /// They had: files are overwritten in place.
        Touched = "touched",
        /// They had not: the kernel finds and clears each page during the transfer.
        Fresh = "fresh",
    }
}
axis! {
    /// What becomes of content that arrives.
    Received {
        /// It is written to a file, and verified after the clock has stopped.
        Written = "written",
        /// It is hashed as it arrives, inside the measured time, and dropped.
        Discarded = "discarded",
        /// The kernel drops it unread: nothing of it is verified, so that such a row is never believed. For holding
        /// servers against each other where a client that reads would be the limit.
        Dropped = "dropped",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro cannot mark one variant")]
impl Default for Received {
    fn default() -> Self {
        Self::Written
    }
}

/// Most bytes of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ReadBytes {
    /// Whatever is best: 256 KiB, or no read at all where the kernel moves the bytes itself.
    #[default]
    Auto,
    /// So many, through a buffer of our own.
    Bytes(u32),
}

impl fmt::Display for ReadBytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => out.pad("auto"),
            Self::Bytes(bytes) => out.pad(&bytes.to_string()),
        }
    }
}

impl FromStr for ReadBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let expected = || format!("expected \"auto\" or 1 byte to 16 MiB, not \"{text}\"");
        let Size(bytes) = text.parse().map_err(|_| expected())?;
        if bytes > 16 << 20 { Err(expected()) } else { Ok(Self::Bytes(bytes as u32)) }
    }
}

impl Serialize for ReadBytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReadBytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;
        impl de::Visitor<'_> for Written {
            type Value = ReadBytes;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("\"auto\" or a size such as 16 or \"4KiB\"")
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ReadBytes, E> {
                bytes.to_string().parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ReadBytes, E> {
                bytes.to_string().parse().map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ReadBytes, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Written)
    }
}
