//! The accounts of a receiver whose datagrams have a header: what becomes of each datagram, and what is answered.

use super::{
    account::{self, Account, Placed},
    frame::{Announce, Ask, HEADER, Header, Kind, State, Wrong},
    receive::Job,
    store::Store,
    told::ReceivedFile,
};
use crate::shelf::Shelf;
use ferrybench_data::fanout::OK;
use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    sync::Arc,
};

/// All accounts of a receiver. Without a socket: it is told what came, from where and when.
pub struct Books {
    receiver: u32,
    session: Option<u64>,
    keep: super::receive::Keep,
    shelf: Arc<Shelf>,
    buffer_bytes: u64,
    entries: Vec<Entry>,
    /// The entry of the last datagram: the next is most likely of the same.
    last: usize,
    /// Datagrams that belong to no account.
    pub foreign: u64,
    /// Answers to be sent, and to whom.
    pub answers: Vec<(SocketAddr, Vec<u8>)>,
}

/// One file.
struct Entry {
    session: u64,
    file: u32,
    from: SocketAddr,
    account: Account,
    store: Option<Store>,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
    verified_ns: Option<u64>,
    received_bytes: u64,
    dropped_before: Option<u64>,
    dropped: Option<u64>,
    hash: String,
    /// When an account that is not whole is closed, after the sender has said that nothing more comes.
    closes_ns: Option<u64>,
    outcome: Option<String>,
    was_told: bool,
}

/// Payloads that follow each other in a file, to be written by one call.
pub struct Gathered<'a> {
    entry: usize,
    offset: u64,
    end: u64,
    pieces: Vec<IoSlice<'a>>,
}

/// Most pieces of one write: what the kernel takes.
const MOST_PIECES: usize = 1024;
/// How long datagrams that were overtaken by the end may still come, nanoseconds.
const OVERTAKEN_NS: u64 = 20_000_000;
/// Most files of one receiver: nobody sends as many, and a forger shall not fill the memory.
const MOST_FILES: usize = 4096;

impl<'a> Gathered<'a> {
    /// Nothing so far.
    #[expect(clippy::new_without_default, reason = "it begins empty, and is not a value of its own")]
    pub fn new() -> Self {
        Self { entry: 0, offset: 0, end: 0, pieces: Vec::with_capacity(MOST_PIECES) }
    }

    fn takes(&self, entry: usize, offset: u64) -> bool {
        self.pieces.is_empty() || self.entry == entry && self.end == offset && self.pieces.len() < MOST_PIECES
    }

    fn add(&mut self, entry: usize, offset: u64, piece: &'a [u8]) {
        if self.pieces.is_empty() {
            (self.entry, self.offset, self.end) = (entry, offset, offset);
        }
        self.end += piece.len() as u64;
        self.pieces.push(IoSlice::new(piece));
    }
}

impl Books {
    /// No account yet; files go to the shelf. `buffer_bytes` is the socket's receive buffer: it decides what is told as window.
    pub fn new(job: &Job, shelf: Arc<Shelf>, buffer_bytes: u64) -> Self {
        Self {
            receiver: job.receiver,
            session: job.session,
            keep: job.keep,
            shelf,
            buffer_bytes,
            entries: Vec::new(),
            last: 0,
            foreign: 0,
            answers: Vec::new(),
        }
    }

    /// A datagram came. Content is gathered; `dropped` is what the socket has dropped so far.
    #[inline]
    pub fn hear<'a>(
        &mut self,
        from: SocketAddr,
        datagram: &'a [u8],
        now_ns: u64,
        dropped: &dyn Fn() -> Option<u64>,
        gathered: &mut Gathered<'a>,
    ) {
        match Header::parse(datagram) {
            Ok((header, payload)) if header.kind == Kind::Data => {
                self.data(&header, payload, now_ns, dropped, gathered);
            }
            Ok((header, payload)) => {
                self.write(gathered);
                self.control(from, &header, payload, now_ns, dropped);
            }
            Err(Wrong::Foreign) => self.foreign += 1,
            Err(Wrong::Corrupt { session, file }) => match self.find(session, file) {
                Some(entry) => self.entries[entry].account.corrupted(),
                None => self.foreign += 1,
            },
        }
    }

    fn data<'a>(
        &mut self,
        header: &Header,
        payload: &'a [u8],
        now_ns: u64,
        dropped: &dyn Fn() -> Option<u64>,
        gathered: &mut Gathered<'a>,
    ) {
        let Some(number) = self.find(header.session, header.file) else {
            self.foreign += 1;
            return;
        };
        let entry = &mut self.entries[number];
        let placed = entry.account.data(header, payload.len());
        if placed == Placed::Corrupt {
            return;
        }
        entry.first_ns.get_or_insert(now_ns);
        entry.last_ns = Some(now_ns);
        entry.received_bytes += payload.len() as u64;
        if let Placed::At(offset) = placed {
            let is_whole = entry.account.is_whole();
            if !gathered.takes(number, offset) {
                self.write(gathered);
            }
            gathered.add(number, offset, payload);
            if is_whole {
                self.write(gathered);
                self.complete(number, now_ns, dropped());
            }
        }
    }

    /// Writes what was gathered. A file that cannot be written has failed; the others go on.
    pub fn write(&mut self, gathered: &mut Gathered<'_>) {
        if gathered.pieces.is_empty() {
            return;
        }
        let entry = &mut self.entries[gathered.entry];
        if let Some(store) = &mut entry.store
            && let Err(error) = store.put(gathered.offset, &mut gathered.pieces)
        {
            self.fail(gathered.entry, &format!("it cannot be written: {}", spoken(&error)));
        }
        gathered.pieces.clear();
    }

    fn find(&mut self, session: u64, file: u32) -> Option<usize> {
        let is_it = |entry: &Entry| entry.session == session && entry.file == file;
        if self.entries.get(self.last).is_some_and(is_it) {
            return Some(self.last);
        }
        self.last = self.entries.iter().position(is_it)?;
        Some(self.last)
    }

    fn control(
        &mut self,
        from: SocketAddr,
        header: &Header,
        payload: &[u8],
        now_ns: u64,
        dropped: &dyn Fn() -> Option<u64>,
    ) {
        let known = self.find(header.session, header.file);
        let number = match (header.kind, known) {
            (Kind::Announce, None) => match Announce::parse(payload) {
                Some(announce) if self.welcomes(header.session) => {
                    self.open(from, header, announce, dropped());
                    let number = self.entries.len() - 1;
                    if self.entries[number].account.is_whole() {
                        self.complete(number, now_ns, dropped());
                    }
                    number
                }
                _ => {
                    self.foreign += 1;
                    return;
                }
            },
            (Kind::Announce, Some(number)) => number,
            (Kind::Ask, Some(number)) => {
                let Some(ask) = Ask::parse(header, payload) else {
                    self.entries[number].account.corrupted();
                    return;
                };
                let entry = &mut self.entries[number];
                entry.account.ask(ask);
                if entry.account.has_ended() {
                    entry.closes_ns.get_or_insert(now_ns + OVERTAKEN_NS);
                }
                number
            }
            (Kind::Abort, Some(number)) => {
                self.fail(number, "the sender gave it up");
                return;
            }
            _ => {
                self.foreign += 1;
                return;
            }
        };
        self.entries[number].from = from;
        self.answer(number);
    }

    fn welcomes(&self, session: u64) -> bool {
        self.session.is_none_or(|own| own == session) && self.entries.len() < MOST_FILES
    }

    fn open(&mut self, from: SocketAddr, header: &Header, announce: Announce, dropped: Option<u64>) {
        let store = Store::begin(&self.shelf, &announce.name, self.keep);
        self.entries.push(Entry {
            session: header.session,
            file: header.file,
            from,
            account: Account::new(announce),
            store: None,
            first_ns: None,
            last_ns: None,
            verified_ns: None,
            received_bytes: 0,
            dropped_before: dropped,
            dropped: None,
            hash: String::new(),
            closes_ns: None,
            outcome: None,
            was_told: false,
        });
        let number = self.entries.len() - 1;
        self.last = number;
        match store {
            Ok(store) => self.entries[number].store = Some(store),
            Err(error) => self.fail(number, &format!("it cannot be put there: {}", spoken(&error))),
        }
    }

    /// Every byte is there: the file is verified and has its name, or it has failed.
    fn complete(&mut self, number: usize, now_ns: u64, dropped: Option<u64>) {
        let entry = &mut self.entries[number];
        let Some(mut store) = entry.store.take() else { return };
        let announce = entry.account.announce();
        let (name, expected) = (announce.name.clone(), format!("{:032x}", announce.hash));
        let done = store.hash().and_then(|hash| {
            if !hash.is_empty() && hash != expected {
                return Err(io::Error::other("its content is not the source's: the hashes are unlike"));
            }
            store.finish(&name)?;
            Ok(hash)
        });
        match done {
            Ok(hash) => {
                entry.hash = hash;
                entry.verified_ns = Some(crate::measure::clock::now().max(now_ns));
                entry.outcome = Some(OK.to_owned());
                entry.account.close(State::Verified);
                entry.dropped = dropped;
                self.answer(number);
            }
            Err(error) => self.fail(number, &spoken(&error)),
        }
    }

    fn fail(&mut self, number: usize, why: &str) {
        let entry = &mut self.entries[number];
        if entry.account.state() != &State::Open {
            return;
        }
        entry.store = None;
        entry.outcome = Some(why.to_owned());
        entry.account.close(State::Failed(why.to_owned()));
        self.answer(number);
    }

    fn answer(&mut self, number: usize) {
        let open = self.entries.iter().filter(|entry| entry.account.state() == &State::Open).count();
        let entry = &self.entries[number];
        let datagram = u64::from(entry.account.announce().payload_bytes) + HEADER as u64;
        let window = account::window(self.buffer_bytes, datagram, open);
        let answer = entry.account.answer(self.receiver, window);
        self.answers.push((entry.from, answer.encode(entry.session, entry.file)));
    }

    /// Closes accounts whose time has come.
    pub fn tick(&mut self, now_ns: u64, dropped: &dyn Fn() -> Option<u64>) {
        for number in 0..self.entries.len() {
            let entry = &self.entries[number];
            if entry.closes_ns.is_some_and(|at| at <= now_ns) && entry.account.state() == &State::Open {
                self.close(number, None, dropped());
                self.answer(number);
            }
        }
    }

    /// Closes every account.
    pub fn close_all(&mut self, why: Option<&str>, dropped: Option<u64>) {
        for number in 0..self.entries.len() {
            if self.entries[number].account.state() == &State::Open {
                self.close(number, why, dropped);
            }
        }
    }

    fn close(&mut self, number: usize, why: Option<&str>, dropped: Option<u64>) {
        let entry = &mut self.entries[number];
        let missing = entry.account.missing();
        let all = entry.account.announce().datagrams().unwrap_or(0);
        let because = why.map(|why| format!(", and {why}")).unwrap_or_default();
        entry.outcome = Some(format!("{missing} of its {all} datagrams never arrived{because}"));
        entry.store = None;
        entry.dropped = dropped;
        entry.account.close(State::Incomplete);
    }

    /// Files that have come to their end, and all that were announced.
    pub(super) fn ended(&self) -> (usize, usize) {
        let ended = self.entries.iter().filter(|entry| entry.outcome.is_some()).count();
        (ended, self.entries.len())
    }

    /// Content bytes so far.
    pub(super) fn received_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.received_bytes).sum()
    }

    /// A file that has come to its end since this was asked.
    pub(super) fn newly_ended(&mut self) -> Option<ReceivedFile> {
        let entry = self.entries.iter_mut().find(|entry| entry.outcome.is_some() && !entry.was_told)?;
        entry.was_told = true;
        Some(entry.told())
    }

    /// What became of every file, by number.
    pub fn told(&self) -> Vec<ReceivedFile> {
        let mut files: Vec<_> = self.entries.iter().map(Entry::told).collect();
        files.sort_by_key(|file| file.file);
        files
    }
}

impl Entry {
    fn told(&self) -> ReceivedFile {
        let counts = self.account.counts();
        let announce = self.account.announce();
        ReceivedFile {
            file: self.file,
            name: announce.name.clone(),
            bytes: announce.bytes,
            counts: Some(counts),
            datagrams: counts.received,
            received_bytes: self.received_bytes,
            sent: self.account.sent(),
            socket_dropped: self.dropped.zip(self.dropped_before).map(|(after, before)| after - before),
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            verified_ns: self.verified_ns,
            source_hash: format!("{:032x}", announce.hash),
            hash: self.hash.clone(),
            outcome: self.outcome.clone().unwrap_or_else(|| "it is still open".to_owned()),
        }
    }
}

/// An error of the system in words that a person expects.
pub(super) fn spoken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "there is no space left on the disk".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        _ => error.to_string(),
    }
}
