//! A receiver at work: its socket, and the books that what comes goes into.

use super::{
    bare::Flows,
    books::{Books, Gathered},
    inbox::Inbox,
    receive::{Job, Spares, Until},
    socket,
    told::{Received, ReceivedFile},
};
use crate::{
    host::drops,
    measure::{clock, usage::ProcessUse},
    shelf::{self, Shelf},
};
use ferrybench_data::fanout::{Framing, ReceiveOffload};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::{SocketAddr, UdpSocket},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// A receiver at work.
pub(super) struct Listener {
    job: Job,
    socket: UdpSocket,
    address: SocketAddr,
    buffer_bytes: u64,
    inbox: Inbox,
    books: Kept,
    begun_ns: u64,
    drops_before: Option<u64>,
    passed_barrier_ns: Option<u64>,
    /// Whether many datagrams came at once the last time.
    was_crowd: bool,
    /// When anything came last.
    heard_ns: Option<u64>,
    /// When progress was told last, and what it was.
    progress: (u64, u64),
    control_datagrams: u64,
    /// What making spare files took: no part of the block.
    preparing: ProcessUse,
}

/// What comes is kept by the kind of its framing.
enum Kept {
    Ledger(Books),
    Bare(Flows),
}

/// Why a receiver that nobody told to finish does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its time is up.
    Deadline,
    /// What was to come has come, and nothing more does.
    Silent,
}

/// So many datagrams of one call are a crowd: more will come.
const CROWD: usize = 8;
/// How long more of a crowd is let gather once all that was there was taken, instead of waiting for the next one: each
/// that meets somebody waiting has the sender's CPU wake another one up, which costs it more than the datagram itself.
/// The kernel makes some 100 microseconds of it: the slack of an ordinary thread's timers comes on top.
const GATHERING: Duration = Duration::from_micros(50);
/// A receive buffer that holds the datagrams of several such pauses at any rate seen so far.
const ROOMY: u64 = 2 << 20;
/// How long one wait for a datagram lasts, before cues and clocks are looked at.
const TICK: Duration = Duration::from_millis(5);
/// What is under way when the sender has ended may lie in a queue of the network: a silence this long says that it is
/// empty.
const LAST_SILENCE_NS: u64 = 100_000_000;
/// Piece in which spare files are written.
const PIECE: usize = 256 << 10;
/// How often progress is told, nanoseconds.
const PROGRESS_NS: u64 = 100_000_000;

impl Listener {
    pub(super) fn open(job: Job) -> io::Result<Self> {
        let before = ProcessUse::now();
        let spares = job.spares.as_ref().map(stocked).transpose()?;
        let preparing = ProcessUse::now().since(&before);
        let shelf = Arc::new(Shelf::open(&job.into, shelf::Keep::Files, spares)?);
        let socket = socket::listening(job.listen, job.shares_port, job.group)?;
        let buffer_bytes = socket::want_receive_buffer(&socket, job.buffer_bytes as usize);
        let takes_batches = job.receive_offload == ReceiveOffload::Gro;
        if takes_batches {
            socket::receive_batches(&socket)?;
        }
        socket.set_read_timeout(Some(TICK))?;
        let books = match job.framing {
            Framing::Ledger => Kept::Ledger(Books::new(&job, shelf, buffer_bytes)),
            Framing::Bare => Kept::Bare(Flows::new(&job, shelf)),
        };
        Ok(Self {
            address: socket.local_addr()?,
            buffer_bytes,
            inbox: Inbox::new(takes_batches),
            books,
            begun_ns: clock::now(),
            drops_before: drops::counted(),
            passed_barrier_ns: None,
            heard_ns: None,
            was_crowd: false,
            progress: (0, 0),
            control_datagrams: 0,
            preparing,
            socket,
            job,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn buffer_bytes(&self) -> u64 {
        self.buffer_bytes
    }

    pub(super) fn has_barrier(&self) -> bool {
        self.job.has_barrier
    }

    /// The barrier falls now.
    pub(super) fn pass_barrier(&mut self) {
        self.passed_barrier_ns = Some(clock::now());
    }

    /// Until its deadline.
    pub(super) fn time_left(&self) -> Duration {
        Duration::from_millis(self.job.deadline_ms)
            .saturating_sub(Duration::from_nanos(clock::now().saturating_sub(self.begun_ns)))
    }

    /// Takes what is there, or waits for a moment.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        let came = self.inbox.receive(&self.socket)?;
        let now = clock::now();
        if came {
            self.heard_ns = Some(now);
        }
        let is_crowd = self.inbox.len() >= CROWD;
        let gathers = self.buffer_bytes >= ROOMY && self.inbox.took_all() && (is_crowd || self.was_crowd);
        self.was_crowd = is_crowd;
        let dropped = || socket::dropped(&self.socket);
        match &mut self.books {
            Kept::Bare(flows) => {
                self.inbox.datagrams().for_each(|(from, datagram)| flows.hear(from, datagram, now));
            }
            Kept::Ledger(books) => {
                if came {
                    let mut gathered = Gathered::new();
                    for (from, datagram) in self.inbox.datagrams() {
                        books.hear(from, datagram, now, &dropped, &mut gathered);
                    }
                    books.write(&mut gathered);
                }
                books.tick(now, &dropped);
                for (to, datagram) in books.answers.drain(..) {
                    // One that cannot be sent is as one that is lost: it is asked for again.
                    self.control_datagrams += u64::from(self.socket.send_to(&datagram, to).is_ok());
                }
            }
        }
        if gathers {
            clock::pause(GATHERING);
        }
        Ok(())
    }

    /// Whether somebody watches: nothing is told while a block is measured.
    pub(super) fn tells_of_files(&self) -> bool {
        self.job.until.is_some()
    }

    pub(super) fn newly_ended(&mut self) -> Option<ReceivedFile> {
        match &mut self.books {
            Kept::Ledger(books) => books.newly_ended(),
            Kept::Bare(_) => None,
        }
    }

    /// Content bytes so far, where it is time to tell and they have changed.
    pub(super) fn progress(&mut self) -> Option<u64> {
        let now = clock::now();
        let (told_ns, told) = self.progress;
        if now < told_ns + PROGRESS_NS {
            return None;
        }
        let bytes = match &self.books {
            Kept::Ledger(books) => books.received_bytes(),
            Kept::Bare(flows) => flows.received_bytes(),
        };
        self.progress = (now, bytes);
        (bytes != told).then_some(bytes)
    }

    /// Whether its end has come by itself.
    pub(super) fn has_ended(&self) -> Option<Ended> {
        let now = clock::now();
        if self.time_left().is_zero() {
            return Some(Ended::Deadline);
        }
        let Until { files, idle_ms } = self.job.until?;
        let silent = now.saturating_sub(self.heard_ns?) >= idle_ms * 1_000_000;
        let ended = match &self.books {
            Kept::Ledger(books) => books.ended().0,
            Kept::Bare(flows) => flows.len(),
        };
        let enough = match files {
            0 => true,
            files => ended >= files as usize,
        };
        (silent && enough).then_some(Ended::Silent)
    }

    /// Takes what is still under way, closes the accounts, and tells.
    pub(super) fn finish(mut self, why: Option<&str>) -> io::Result<Received> {
        self.socket.set_read_timeout(Some(TICK))?;
        let begun = clock::now();
        let mut heard = begun;
        // Somebody may go on sending for ever: the silence is waited for so long, and no longer.
        while clock::now() < heard + LAST_SILENCE_NS && clock::now() < begun + 50 * LAST_SILENCE_NS {
            let before = self.heard_ns;
            self.turn()?;
            if self.heard_ns != before {
                heard = clock::now();
            }
        }
        let socket_dropped = socket::dropped(&self.socket);
        let (files, foreign) = match self.books {
            Kept::Ledger(mut books) => {
                books.close_all(why, socket_dropped);
                (books.told(), books.foreign)
            }
            Kept::Bare(flows) => {
                let foreign = flows.foreign;
                (flows.close(), foreign)
            }
        };
        Ok(Received {
            receiver: self.job.receiver,
            address: self.address,
            receive_buffer_bytes: self.buffer_bytes,
            passed_barrier_ns: self.passed_barrier_ns,
            files,
            foreign,
            socket_dropped,
            interface_dropped: drops::since(self.drops_before),
            control_datagrams: self.control_datagrams,
            usage: ProcessUse::now().since(&self.preparing),
        })
    }
}

/// Makes the spare files that are not there, with every page written; returns their folder.
fn stocked(spares: &Spares) -> io::Result<&Path> {
    fs::create_dir_all(&spares.folder)?;
    let piece = vec![1; PIECE];
    for number in 1..=spares.files {
        let path = spares.folder.join(format!("spare-{number}"));
        let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        let mut left = spares.bytes;
        while left > 0 {
            let length = left.min(PIECE as u64);
            file.write_all(&piece[..length as usize])?;
            left -= length;
        }
    }
    Ok(&spares.folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::{receive::Keep, store::Store};

    #[test]
    fn spare_files_are_made_once_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let spares = Spares { folder: folder.path().join("spares"), files: 2, bytes: PIECE as u64 + 7 };
        let lengths = || {
            let files = fs::read_dir(&spares.folder).unwrap().map(|entry| entry.unwrap());
            files.map(|file| file.metadata().unwrap().len()).collect::<Vec<_>>()
        };
        assert_eq!(stocked(&spares).unwrap(), spares.folder);
        assert_eq!(lengths(), [spares.bytes; 2]);
        let into = folder.path().join("into");
        fs::create_dir(&into).unwrap();
        let shelf = Arc::new(Shelf::open(&into, shelf::Keep::Files, Some(&spares.folder)).unwrap());
        // Shorter than the spare file, and verified by what came alone.
        let mut store = Store::begin(&shelf, "a", Keep::Verified).unwrap();
        assert_eq!(lengths().len(), 1);
        store.put(0, &mut [io::IoSlice::new(b"abc")]).unwrap();
        assert_eq!(store.hash().unwrap(), shelf::hash(&mut &b"abc"[..]).unwrap().to_hex());
        store.finish("a").unwrap();
        assert_eq!(lengths(), [spares.bytes; 2]);
        assert_eq!(fs::read_dir(&into).unwrap().count(), 0);
        fs::remove_file(spares.folder.join("spare-1")).unwrap();
        stocked(&spares).unwrap();
        assert_eq!(lengths(), [spares.bytes; 2], "one that is gone is made again");
    }
}
