//! A protocol as a session without network I/O: it is told what came, and says what to do next. Written once, it is
//! driven by blocking calls or by tokio (`drivers`), and by a test or a fuzzer without any socket.

use crate::shelf::{Hash, Incoming};
use ferrybench_data::fileserver::Operation;
use std::{fs::File, io, time::Duration};

/// One side of one connection.
pub trait Session: Send {
    /// What to do next. An error ends the connection; it is told in one sentence.
    fn next(&mut self, input: &mut Input) -> io::Result<Step<'_>>;
}

/// What a session wants done.
#[derive(Debug)]
pub enum Step<'a> {
    /// More input, or its end. With `patience`, the silence of that time counts as an answer too.
    Read {
        /// How long to wait before [`Input::silent`] is set.
        patience: Option<Duration>,
    },
    /// These bytes to the peer.
    Write(&'a [u8]),
    /// A part of a file to the peer.
    FileToPeer {
        /// The file.
        file: &'a File,
        /// Where the part begins, bytes.
        offset: u64,
        /// Its length, bytes.
        length: u64,
    },
    /// The next `length` bytes of the peer into a file that is arriving; what the input holds already comes first. Where
    /// the peer sends no more before they are complete, [`Input::ended`] is set, and the file's length tells how many came.
    PeerToFile {
        /// The file.
        incoming: &'a mut Incoming,
        /// How many bytes.
        length: u64,
    },
    /// Something that whoever measures wants to know.
    Tell(Tell),
    /// Content is still on its way that nobody wants: say that nothing more will be written, and read on for a while.
    /// A connection that is closed with unread input is reset, which can cost the peer the reply that is under way.
    Drain,
    /// Nothing more: the connection is closed.
    Close,
}

/// What whoever measures wants to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Tell {
    /// A request has begun to arrive, or its reply has.
    Begun,
    /// A request is done with, for better or worse.
    Finished(Finished),
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Finished {
    /// What it asked for; `None` where it was not understood.
    pub operation: Option<Operation>,
    /// Content bytes that moved.
    pub bytes: u64,
    /// Why it failed, in one sentence.
    pub failure: Option<String>,
    /// The names that LIST brought, at the client.
    pub names: Vec<String>,
    /// The hash of content that was not kept.
    pub hash: Option<Hash>,
}

impl Finished {
    /// A request that failed.
    pub fn failed(operation: Option<Operation>, why: impl Into<String>) -> Self {
        Self { operation, failure: Some(why.into()), ..Self::default() }
    }
}

/// What came from the peer and is not consumed yet.
#[derive(Debug)]
pub struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    most: usize,
    /// The peer will send no more.
    pub ended: bool,
    /// Nothing came within the patience of the last [`Step::Read`].
    pub silent: bool,
}

/// Room for a line or a header, however few bytes one read brings.
const LEAST_ROOM: usize = 16 << 10;

impl Input {
    /// An empty one that takes at most `most` bytes from one read.
    pub fn new(most: usize) -> Self {
        Self { buffer: vec![0; most.max(LEAST_ROOM)], start: 0, end: 0, most, ended: false, silent: false }
    }

    /// Forgets everything: another connection begins.
    pub fn clear(&mut self) {
        (self.start, self.end, self.ended, self.silent) = (0, 0, false, false);
    }

    /// What is there.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The first `count` bytes are done with.
    pub fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Whether no more fits until something is consumed.
    pub fn is_full(&self) -> bool {
        self.end - self.start == self.buffer.len()
    }

    /// Where the next read goes: at most `most` bytes, none where the input is full. [`Input::filled`] tells how many
    /// came.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start > 0 && self.buffer.len() - self.end < self.most {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let end = self.buffer.len().min(self.end + self.most);
        &mut self.buffer[self.end..end]
    }

    /// So many bytes were read into [`Input::space`]; none means that the peer will send no more.
    pub fn filled(&mut self, count: usize) {
        self.end += count;
        self.ended |= count == 0;
        self.silent = false;
    }

    /// For tests and fuzzers: appends what a peer would have sent; returns how much fitted.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        let space = self.space();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        if count > 0 {
            self.filled(count);
        }
        count
    }
}
