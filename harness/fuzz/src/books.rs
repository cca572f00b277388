//! The books of a receiver hear what a fuzzer makes up: sessions, names and several files at once, sound and damaged.
//!
//! A test of the harness includes this file and runs the seeds through it.

#![allow(unreachable_pub, reason = "a test of the harness includes this file as a module of its own")]

use ferrybench::{
    fanout::{
        books::{Books, Gathered},
        frame::{Announce, Answer, Ask, HEADER, Header, Kind, LARGEST_CONTROL, abort},
        receive::{Job, Keep},
        told::ReceivedFile,
    },
    shelf::{self, Shelf},
};
use ferrybench_data::fanout::{Framing, OK, ReceiveOffload};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    sync::Arc,
};

/// The session that a receiver waits for, where it waits for one.
const OWN: u64 = 1;
/// Names of sound announcements: one of them twice, and one that leads elsewhere.
const NAMES: [&str; 4] = ["a", "b c", "a", "../elsewhere"];
/// Lengths of sound files: none, one datagram, several.
const LENGTHS: [usize; 4] = [0, 7, 23, 64];
const PAYLOAD: usize = 8;

/// What a fuzzer made up, taken from its front.
struct Made<'a>(&'a [u8]);

impl<'a> Made<'a> {
    fn byte(&mut self) -> u8 {
        let [first, rest @ ..] = self.0 else { return 0 };
        self.0 = rest;
        *first
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// The content of a sound file.
fn content(file: u32) -> Vec<u8> {
    (0..LENGTHS[file as usize % LENGTHS.len()])
        .map(|place| (place as u8).wrapping_mul(7) ^ file as u8)
        .collect()
}

fn sound(file: u32) -> Announce {
    let content = content(file);
    let hash = shelf::hash(&mut &content[..]).expect("reading memory does not fail").to_hex();
    Announce {
        name: NAMES[file as usize % NAMES.len()].to_owned(),
        bytes: content.len() as u64,
        hash: u128::from_str_radix(&hash, 16).expect("a hash is hexadecimal digits"),
        payload_bytes: PAYLOAD as u32,
        repairs: true,
    }
}

/// A datagram with a header whose checksum holds.
fn sealed(kind: Kind, session: u64, file: u32, [serial, position]: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; HEADER];
    datagram.extend_from_slice(payload);
    Header { kind, session, file, serial: serial.into(), position: position.into() }.seal(&mut datagram);
    datagram
}

/// The next datagram.
fn datagram(made: &mut Made<'_>) -> Vec<u8> {
    let (what, whose) = (made.byte(), made.byte());
    let session = OWN + u64::from(whose & 1);
    let file = u32::from(whose >> 1 & 3) + 1;
    match what % 8 {
        0 => sound(file).encode(session, file),
        // A piece of a sound file, as it is or with something wrong in it.
        damage @ 1..=3 => {
            let [serial, position] = [made.byte(), made.byte() % 9];
            let (content, from) = (content(file), usize::from(position) * PAYLOAD);
            let piece = content.get(from..).map_or(&[][..], |rest| &rest[..rest.len().min(PAYLOAD)]);
            let mut sent = sealed(Kind::Data, session, file, [serial, position], piece);
            if damage == 2 {
                let place = usize::from(made.byte()) % sent.len();
                sent[place] ^= made.byte();
            } else if damage == 3 {
                sent = sealed(Kind::Data, session, file, [serial, position], made.bytes(PAYLOAD));
            }
            sent
        }
        4 => {
            let [number, sent, frontier, from] = [(); 4].map(|()| made.byte());
            let ask = Ask {
                number: number.into(),
                sent: sent.into(),
                frontier: frontier.into(),
                from: if from == u8::MAX { u32::MAX } else { from.into() },
                ended: number % 2 == 1,
            };
            ask.encode(session, file)
        }
        5 => abort(session, file),
        6 => {
            let length = made.byte();
            made.bytes(length.into()).to_vec()
        }
        _ => {
            let kinds = [Kind::Data, Kind::Announce, Kind::Ask, Kind::Answer, Kind::Abort];
            let kind = kinds[usize::from(made.byte()) % kinds.len()];
            let (numbers, length) = ([made.byte(), made.byte()], made.byte());
            let payload = made.bytes(length.into());
            sealed(kind, session, file, numbers, payload)
        }
    }
}

fn job(into: &Path, first: u8) -> Job {
    Job {
        receiver: 3,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        shares_port: false,
        group: None,
        into: into.to_owned(),
        keep: [Keep::Files, Keep::Verified, Keep::Counted][usize::from(first >> 1) % 3],
        spares: None,
        framing: Framing::Ledger,
        receive_offload: ReceiveOffload::Off,
        buffer_bytes: 1 << 16,
        session: (first & 1 == 0).then_some(OWN),
        expect: Vec::new(),
        deadline_ms: 0,
        until: None,
        has_barrier: false,
    }
}

/// A receiver hears datagrams that a fuzzer made up. The first byte says whom it listens to and what it keeps. Every
/// datagram is counted once, ledgers add up, answers can be read, and the only files are those that are what they should be.
/// What became of each file.
pub fn books(bytes: &[u8]) -> Vec<ReceivedFile> {
    let mut made = Made(bytes);
    let around = tempfile::tempdir().expect("there is a temporary folder");
    let into = around.path().join("into");
    fs::create_dir(&into).expect("the folder is new");
    let job = job(&into, made.byte());
    let shelf = Arc::new(Shelf::open(&into, shelf::Keep::Files, None).expect("the folder is there"));
    let mut books = Books::new(&job, shelf, job.buffer_bytes.into());
    let from = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut now_ns = 0;
    while !made.0.is_empty() {
        let datagram = datagram(&mut made);
        let counted = counted(&books);
        let mut gathered = Gathered::new();
        books.hear(from, &datagram, now_ns, &|| Some(0), &mut gathered);
        books.write(&mut gathered);
        // Control that is understood belongs to its account and is no part of the ledger.
        let is_data = Header::parse(&datagram).is_ok_and(|(header, _)| header.kind == Kind::Data);
        match self::counted(&books) - counted {
            1 => {}
            0 if !is_data => {}
            more => panic!("{datagram:?} was counted {more} times"),
        }
        now_ns += 7_000_000;
        books.tick(now_ns, &|| Some(0));
        for (to, answer) in books.answers.drain(..) {
            assert!(to == from && answer.len() <= LARGEST_CONTROL, "an answer of {} bytes", answer.len());
            let (header, payload) = Header::parse(&answer).expect("an answer has a header");
            let answer = Answer::parse(&header, payload).expect("an answer can be read");
            assert_eq!(answer.receiver, job.receiver);
            assert!(job.session.is_none_or(|own| header.session == own), "a stranger is answered");
        }
    }
    books.close_all(Some("it is over"), Some(0));
    let told = books.told();
    drop(books);
    accounts(&told, &job);
    files(&told, around.path(), &job);
    told
}

/// Datagrams that are foreign or in a ledger.
fn counted(books: &Books) -> u64 {
    let ledgers =
        books.told().iter().filter_map(|file| file.counts).map(|counts| counts.received).sum::<u64>();
    books.foreign + ledgers
}

fn accounts(told: &[ReceivedFile], job: &Job) {
    assert!(job.session.is_none() || told.len() <= 4, "more files than the session has");
    for file in told {
        let counts = file.counts.expect("its datagrams have headers");
        assert_eq!(counts.received, counts.unique + counts.duplicate + counts.corrupt, "{file:?}");
        assert!(
            counts.reordered <= counts.unique && counts.late <= counts.unique + counts.duplicate,
            "{file:?}"
        );
        assert_ne!(file.outcome, "it is still open");
        if file.outcome == OK {
            assert_eq!(file.hash.is_empty(), job.keep == Keep::Counted, "{file:?}");
            assert!(file.hash.is_empty() || file.hash == file.source_hash, "{file:?}");
        }
    }
}

/// What lies in the folder is what was verified, under its name; nothing lies beside it.
fn files(told: &[ReceivedFile], around: &Path, job: &Job) {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries =
            fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it is ours"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(around), BTreeSet::from(["into".to_owned()]));
    let mut verified: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in told.iter().filter(|file| file.outcome == OK && job.keep == Keep::Files) {
        verified.entry(file.name.clone()).or_default().insert(&file.hash);
    }
    assert_eq!(names(&job.into), verified.keys().cloned().collect(), "{told:?}");
    for (name, hashes) in verified {
        let content = fs::read(job.into.join(&name)).expect("it was listed");
        let hash = shelf::hash(&mut &content[..]).expect("reading memory does not fail").to_hex();
        assert!(hashes.contains(hash.as_str()), "{name} is not what was verified");
    }
}
