//! The protocols: one file each, and their table.

mod course;
mod http;
mod raw;

use super::session::Session;
use crate::shelf::{Incoming, Outgoing, Shelf};
use ferrybench_data::{fileserver::Operation, plan::catalogue::Named};
use std::sync::Arc;

/// One protocol.
pub struct Row {
    /// Its name in plans, tables and on the command line.
    pub name: &'static str,
    /// One sentence for `list`.
    pub help: &'static str,
    /// Whether the reply to an upload begins when the server takes the connection, so that a client can tell waiting
    /// from service; else an upload is answered at its end only.
    pub goes_ahead: bool,
    /// The server's side of a connection.
    pub server: fn(&Arc<Shelf>, Options) -> Box<dyn Session>,
    /// The client's side of a connection for one request.
    pub client: fn(Request, Options) -> Box<dyn Session>,
}

/// What both sides of a connection may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes that a session prepares at a time where it cannot leave it to the kernel.
    pub piece: usize,
}

impl Default for Options {
    /// Three quarters of a usual read: what becomes 256 KiB as base64.
    fn default() -> Self {
        Self { piece: 192 << 10 }
    }
}

/// What a client asks for, with what it takes.
#[derive(Debug)]
pub enum Request {
    /// The names of the files.
    List,
    /// A file from the server, into what holds it.
    Download {
        /// Its name there.
        name: String,
        /// Where it goes here.
        into: Incoming,
    },
    /// A file to the server.
    Upload {
        /// Its name there.
        name: String,
        /// Its content.
        from: Outgoing,
    },
    /// Removal of a file.
    Delete {
        /// Its name there.
        name: String,
    },
}

impl Request {
    /// What it asks for.
    pub const fn operation(&self) -> Operation {
        match self {
            Self::List => Operation::List,
            Self::Download { .. } => Operation::Download,
            Self::Upload { .. } => Operation::Upload,
            Self::Delete { .. } => Operation::Delete,
        }
    }
}

/// Every protocol.
pub static ALL: &[Row] = &[course::ROW, raw::ROW, http::ROW];

/// What a plan may name, as data.
pub fn describe() -> Vec<Named> {
    ALL.iter().map(|row| Named { name: row.name.to_owned(), help: row.help.to_owned() }).collect()
}

/// The protocol of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    ALL.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests;
