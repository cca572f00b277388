//! What a receiver makes of datagrams without a header: the datagrams of one sender's port are one file, in the order in
//! which they came. Whether it is whole is known only where size and hash were told.

use super::{
    receive::{Expected, Job, Keep},
    store::Store,
    told::ReceivedFile,
};
use crate::shelf::Shelf;
use ferrybench_data::fanout::OK;
use std::{
    io::{IoSlice, Result},
    net::SocketAddr,
    sync::Arc,
};

/// All flows of a receiver.
pub(super) struct Flows {
    keep: Keep,
    shelf: Arc<Shelf>,
    expect: Vec<Expected>,
    all: Vec<Flow>,
    last: usize,
    pub(super) foreign: u64,
}

/// What came from one port.
struct Flow {
    from: SocketAddr,
    store: Option<Store>,
    failure: Option<String>,
    /// Content that was not written yet: datagrams may be as small as a byte.
    waiting: Vec<u8>,
    datagrams: u64,
    bytes: u64,
    first_ns: u64,
    last_ns: u64,
}

/// Content that is written at a time, bytes.
const PIECE: usize = 64 << 10;
/// Most flows: whoever sends from ever new ports shall not fill the memory.
const MOST_FLOWS: usize = 1024;

impl Flows {
    pub(super) fn new(job: &Job, shelf: Arc<Shelf>) -> Self {
        Self { keep: job.keep, shelf, expect: job.expect.clone(), all: Vec::new(), last: 0, foreign: 0 }
    }

    pub(super) fn hear(&mut self, from: SocketAddr, datagram: &[u8], now_ns: u64) {
        let Some(flow) = self.find(from, now_ns) else {
            self.foreign += 1;
            return;
        };
        flow.datagrams += 1;
        flow.bytes += datagram.len() as u64;
        flow.last_ns = now_ns;
        if flow.store.is_some() {
            flow.waiting.extend_from_slice(datagram);
            if flow.waiting.len() >= PIECE {
                flow.write();
            }
        }
    }

    fn find(&mut self, from: SocketAddr, now_ns: u64) -> Option<&mut Flow> {
        if self.all.get(self.last).is_none_or(|flow| flow.from != from) {
            self.last = match self.all.iter().position(|flow| flow.from == from) {
                Some(place) => place,
                None if self.all.len() < MOST_FLOWS => {
                    let name = format!("file-{}", self.all.len() + 1);
                    let (store, failure) = match Store::begin(&self.shelf, &name, self.keep) {
                        Ok(store) => (Some(store), None),
                        Err(error) => (None, Some(super::books::spoken(&error))),
                    };
                    let waiting = Vec::with_capacity(2 * PIECE);
                    let flow = Flow {
                        from,
                        store,
                        failure,
                        waiting,
                        datagrams: 0,
                        bytes: 0,
                        first_ns: now_ns,
                        last_ns: now_ns,
                    };
                    self.all.push(flow);
                    self.all.len() - 1
                }
                None => return None,
            };
        }
        self.all.get_mut(self.last)
    }

    /// Flows so far.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Content bytes so far.
    pub(super) fn received_bytes(&self) -> u64 {
        self.all.iter().map(|flow| flow.bytes).sum()
    }

    /// Nothing more comes: each flow is held against what was expected, by its hash first, then in the order in which they
    /// began. What was expected and never came is told as well.
    pub(super) fn close(self) -> Vec<ReceivedFile> {
        let Self { keep, shelf, expect, all, .. } = self;
        let mut ended: Vec<(Flow, String)> = Vec::new();
        for mut flow in all {
            flow.write();
            let hash = flow.store.as_mut().map_or(Ok(String::new()), Store::hash);
            let hash = hash.unwrap_or_else(|error| {
                flow.failure = Some(super::books::spoken(&error));
                String::new()
            });
            ended.push((flow, hash));
        }
        let mut told = Vec::new();
        let mut left = Vec::new();
        for expected in expect {
            let is_it =
                |(flow, hash): &(Flow, String)| flow.bytes == expected.bytes && *hash == expected.hash;
            match ended.iter().position(is_it) {
                Some(place) => {
                    let (flow, hash) = ended.remove(place);
                    told.push(flow.intact(&expected, hash));
                }
                None => left.push(expected),
            }
        }
        let mut rest = ended.into_iter();
        for expected in left {
            told.push(match rest.next() {
                Some((flow, hash)) => flow.broken(&expected, hash, keep),
                None if expected.bytes == 0 => empty(&shelf, &expected, keep),
                None => ReceivedFile { outcome: "nothing of it arrived".to_owned(), ..named(&expected) },
            });
        }
        let known = told.len() as u32;
        told.extend(rest.zip(known + 1..).map(|((flow, hash), number)| flow.unexpected(number, hash)));
        told.sort_by_key(|file| file.file);
        told
    }
}

impl Flow {
    fn write(&mut self) {
        let Some(store) = &mut self.store else { return };
        let end = store.end();
        if let Err(error) = store.put(end, &mut [IoSlice::new(&self.waiting)]) {
            self.failure = Some(format!("it cannot be written: {}", super::books::spoken(&error)));
            self.store = None;
        }
        self.waiting.clear();
    }

    fn told(&self) -> ReceivedFile {
        ReceivedFile {
            datagrams: self.datagrams,
            received_bytes: self.bytes,
            first_ns: Some(self.first_ns),
            last_ns: Some(self.last_ns),
            ..ReceivedFile::default()
        }
    }

    fn intact(self, expected: &Expected, hash: String) -> ReceivedFile {
        let named = named(expected);
        let told = ReceivedFile { hash, ..self.told() };
        let outcome = match self.store.map_or(Ok(()), |store| store.finish(&expected.name)) {
            Ok(()) => OK.to_owned(),
            Err(error) => format!("it cannot be put there: {}", super::books::spoken(&error)),
        };
        let ReceivedFile { file, name, bytes, source_hash, .. } = named;
        ReceivedFile { file, name, bytes, source_hash, outcome, ..told }
    }

    fn broken(self, expected: &Expected, hash: String, keep: Keep) -> ReceivedFile {
        let outcome = match (&self.failure, self.bytes == expected.bytes) {
            (Some(failure), _) => failure.clone(),
            (None, true) if keep == Keep::Counted => OK.to_owned(),
            (None, true) => "as many bytes arrived as were sent, but not the source's".to_owned(),
            (None, false) => format!("{} of its {} bytes arrived", self.bytes, expected.bytes),
        };
        let ReceivedFile { file, name, bytes, source_hash, .. } = named(expected);
        ReceivedFile { file, name, bytes, source_hash, hash, outcome, ..self.told() }
    }

    fn unexpected(self, file: u32, hash: String) -> ReceivedFile {
        let name = format!("file-{file}");
        let told = ReceivedFile { file, hash, name: name.clone(), bytes: self.bytes, ..self.told() };
        let outcome = match (self.failure, self.store) {
            (Some(failure), _) => failure,
            (None, Some(store)) => match store.finish(&name) {
                Ok(()) => UNPROVEN.to_owned(),
                Err(error) => format!("it cannot be put there: {}", super::books::spoken(&error)),
            },
            (None, None) => UNPROVEN.to_owned(),
        };
        ReceivedFile { outcome, ..told }
    }
}

/// The outcome of content that nobody said anything about.
pub const UNPROVEN: &str = "it arrived; whether it is whole was not told";
/// The same at its sender, who hears nothing of it.
pub const SENT_UNPROVEN: &str = "sent; without a header nobody can say whether it arrived";

/// A file that is whole although nothing came.
fn empty(shelf: &Arc<Shelf>, expected: &Expected, keep: Keep) -> ReceivedFile {
    let put = || -> Result<String> {
        let mut store = Store::begin(shelf, &expected.name, keep)?;
        let hash = store.hash()?;
        store.finish(&expected.name)?;
        Ok(hash)
    };
    match put() {
        Ok(hash) => ReceivedFile { hash, outcome: OK.to_owned(), ..named(expected) },
        Err(error) => ReceivedFile { outcome: super::books::spoken(&error), ..named(expected) },
    }
}

fn named(expected: &Expected) -> ReceivedFile {
    ReceivedFile {
        file: expected.file,
        name: expected.name.clone(),
        bytes: expected.bytes,
        source_hash: expected.hash.clone(),
        ..ReceivedFile::default()
    }
}
