//! What the fuzz targets do. Of the file server: one session hears what the fuzzer makes up, whole and in small parts, and must neither
//! panic nor go round in circles, and must answer the same.

use ferrybench::{
    fanout::{
        account::Account,
        frame::{Announce, Answer, Ask, HEADER, Header, Kind, Missing},
    },
    fileserver::{
        protocols::{self, Options, Request, Row},
        session::{self, Finished, Session, Tell},
    },
    shelf::{Keep, Shelf},
};
use script::Side;
use std::{fs, sync::Arc};
use tempfile::TempDir;

mod books;

pub use books::books;

/// The driver of the tests, the same file.
#[path = "../../src/fileserver/script.rs"]
pub mod script;

/// A piece so small that a short file has several.
const OPTIONS: Options = Options { piece: 12 };

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("there is a temporary folder");
}

/// A shelf of few files, as it is before every session.
fn shelf() -> Arc<Shelf> {
    FOLDER.with(|folder| {
        for (name, content) in [("a", &b""[..]), ("b c", b"some content that has more than one piece")] {
            let path = folder.path().join(name);
            if fs::metadata(&path).is_err() {
                fs::write(path, content).expect("the folder can be written");
            }
        }
        Arc::new(Shelf::open(folder.path(), Keep::Hashes, None).expect("the folder is there"))
    })
}

fn row(protocol: &str) -> &'static Row {
    protocols::find(protocol).expect("a target names a protocol that is there")
}

fn listen(session: Box<dyn Session>, reads: &[usize], bytes: &[u8]) -> Side {
    let mut side = Side::new(session, reads);
    side.hears(bytes);
    side.hears_nothing();
    side.hears_the_end();
    assert!(side.end.is_some(), "it waits for more than there is");
    side
}

/// The server of a protocol hears this. The first byte says in what parts.
pub fn server(protocol: &str, bytes: &[u8]) {
    let Some((part, bytes)) = bytes.split_first() else { return };
    let new = || (row(protocol).server)(&shelf(), OPTIONS);
    let whole = listen(new(), &[1 << 16], bytes);
    let cut = listen(new(), &[1 + usize::from(*part % 32)], bytes);
    assert_eq!(String::from_utf8_lossy(&whole.sent), String::from_utf8_lossy(&cut.sent));
    assert_eq!(whole.told, cut.told);
    let begun = whole.told.iter().filter(|tell| **tell == Tell::Begun).count();
    assert_eq!(whole.finished().len(), begun, "every request has an end");
}

/// The client of a protocol hears this as its reply. The first two bytes say in what parts, and what was asked for.
pub fn client(protocol: &str, bytes: &[u8]) {
    let [part, which, bytes @ ..] = bytes else { return };
    let request = || match which % 4 {
        0 => Request::List,
        1 => Request::Delete { name: "a".to_owned() },
        2 => Request::Download { name: "a".to_owned(), into: shelf().put("x").expect("it is only hashed") },
        _ => Request::Upload { name: "a".to_owned(), from: shelf().get("b c").expect("it is there") },
    };
    let whole = listen((row(protocol).client)(request(), OPTIONS), &[1 << 16], bytes);
    let cut = listen((row(protocol).client)(request(), OPTIONS), &[1 + usize::from(*part % 32)], bytes);
    assert_eq!(without_sentence(&whole), without_sentence(&cut));
}

/// How the only request of a client ended. The sentence of a failure may show what had come.
fn without_sentence(side: &Side) -> Finished {
    assert!(matches!(side.end, Some(Ok(()))));
    let [finished] = side.finished()[..] else { panic!("one request has one end") };
    Finished { failure: finished.failure.as_ref().map(|_| String::new()), ..finished.clone() }
}

/// A datagram of the fan-out family. As it is, it is taken or refused; behind a header whose checksum holds, so that the
/// fuzzer comes to the fields, what is read is within its limits, comes back as it went, and an account can take it.
pub fn fanout(bytes: &[u8]) {
    let _ = Header::parse(bytes);
    let Some((kind, payload)) = bytes.split_first() else { return };
    let kind = [Kind::Data, Kind::Announce, Kind::Ask, Kind::Answer, Kind::Abort][usize::from(*kind % 5)];
    let mut datagram = vec![0; HEADER];
    datagram.extend_from_slice(&payload[..payload.len().min(65_000)]);
    let serial = payload.first().map_or(0, |byte| u64::from(*byte) << (byte % 57));
    let sealed = Header { kind, session: 1, file: 1, serial, position: serial as u32 };
    sealed.seal(&mut datagram);
    let (header, payload) = Header::parse(&datagram).expect("it was sealed");
    assert_eq!(header, sealed);
    let small = Announce { name: "a".into(), bytes: 4000, hash: 0, payload_bytes: 100, repairs: true };
    let mut account = Account::new(small);
    match kind {
        Kind::Data => drop(account.data(&header, payload.len())),
        Kind::Announce => {
            let Some(announce) = Announce::parse(payload) else { return };
            let again = announce.encode(1, 1);
            let (_, payload) = Header::parse(&again).expect("it was sealed");
            assert_eq!(Announce::parse(payload).as_ref(), Some(&announce));
            let _ = Account::new(announce).answer(1, 1);
        }
        Kind::Ask => {
            let Some(ask) = Ask::parse(&header, payload) else { return };
            account.ask(ask);
            let answer = account.answer(1, 1).encode(1, 1);
            let (header, payload) = Header::parse(&answer).expect("it was sealed");
            assert!(Answer::parse(&header, payload).is_some());
        }
        Kind::Answer => {
            let Some(Answer { missing: Missing { from, to, gaps }, .. }) = Answer::parse(&header, payload) else {
                return;
            };
            assert!(gaps.iter().all(|&(first, count)| first >= from && count > 0 && first + count <= to));
        }
        Kind::Abort => {}
    }
    let counts = account.counts();
    assert_eq!(counts.received, counts.unique + counts.duplicate + counts.corrupt);
}
