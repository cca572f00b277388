//! What holds for every protocol: its client and its server understand each other, however their words are cut, and
//! nothing that anybody sends harms them.

use super::{ALL, Options, Request, Row};
use crate::{
    fileserver::{
        script::{Side, talk},
        session::{Finished, Tell},
    },
    shelf::{self, Keep, Shelf},
};
use proptest::prelude::*;
use std::{collections::BTreeSet, fs, path::Path, sync::Arc};
use tempfile::TempDir;

/// A piece so small that content of a test has many.
pub(super) const OPTIONS: Options = Options { piece: 12 };

/// A shelf of the server, one of the client, and the folders that they are.
pub(super) struct Shelves {
    pub(super) server: Arc<Shelf>,
    pub(super) client: Arc<Shelf>,
    _folders: [TempDir; 2],
}

pub(super) fn shelves(keep: Keep) -> Shelves {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let open = |folder: &TempDir| Arc::new(Shelf::open(folder.path(), keep, None).unwrap());
    Shelves { server: open(&folders[0]), client: open(&folders[1]), _folders: folders }
}

impl Shelves {
    pub(super) fn at_server(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.server.path().join(name)).ok()
    }

    pub(super) fn download(&self, name: &str) -> Request {
        Request::Download { name: name.to_owned(), into: self.client.put("here").unwrap() }
    }

    pub(super) fn upload(&self, name: &str, content: &[u8]) -> Request {
        let there = format!("there-{}", content.len());
        fs::write(self.client.path().join(&there), content).unwrap();
        Request::Upload { name: name.to_owned(), from: self.client.get(&there).unwrap() }
    }
}

pub(super) fn row(name: &str) -> &'static Row {
    super::find(name).unwrap()
}

/// How a request of a client ends at both sides.
fn ask(row: &Row, shelves: &Shelves, request: Request, reads: &[usize]) -> (Finished, Finished) {
    let operation = request.operation();
    let mut client = Side::new((row.client)(request, OPTIONS), reads);
    let mut server = Side::new((row.server)(&shelves.server, OPTIONS), reads);
    talk(&mut client, &mut server);
    let [Tell::Begun, Tell::Finished(at_server)] = &server.told[..] else { panic!("{:?}", server.told) };
    assert_eq!(at_server.operation, Some(operation));
    assert!(matches!(server.end, Some(Ok(()))), "{:?}", server.end);
    (only(&client), at_server.clone())
}

/// How the only request of a client ended.
pub(super) fn only(client: &Side) -> Finished {
    assert!(matches!(client.end, Some(Ok(()))), "{:?}, {:?}", client.end, client.told);
    let (Tell::Finished(finished), before) = client.told.split_last().unwrap() else {
        panic!("{:?}", client.told)
    };
    assert!(matches!(before, [] | [Tell::Begun]), "{:?}", client.told);
    finished.clone()
}

fn each(check: impl Fn(&'static Row)) {
    for row in ALL {
        check(row);
    }
}

fn any_name() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        r"[a-zA-Z0-9_.\- ]{1,40}",
        r"[ -~]{1,60}",
        r"\PC{1,40}",
        Just("'".to_owned()),
        Just("a\\b".to_owned()),
        Just("x".repeat(255)),
    ];
    name.prop_filter("a file can have it", |name| shelf::check(name).is_ok() && !name.starts_with('.'))
}

fn reads() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1]), prop::collection::vec(1_usize..40, 1..5), Just(vec![1 << 16])]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_uploaded_comes_back(name in any_name(), content in prop::collection::vec(any::<u8>(), 0..200), reads in reads()) {
        for row in ALL {
            let shelves = shelves(Keep::Files);
            let length = content.len() as u64;
            let (client, server) = ask(row, &shelves, shelves.upload(&name, &content), &reads);
            prop_assert_eq!(&client.failure, &None, "{}", row.name);
            prop_assert_eq!((client.bytes, server.bytes), (length, length));
            prop_assert_eq!(shelves.at_server(&name), Some(content.clone()));
            let (client, server) = ask(row, &shelves, shelves.download(&name), &reads);
            prop_assert_eq!((client.failure, server.failure), (None, None), "{}", row.name);
            prop_assert_eq!((client.bytes, server.bytes), (length, length));
            prop_assert_eq!(fs::read(shelves.client.path().join("here")).unwrap(), content.clone());
            let (client, _) = ask(row, &shelves, Request::List, &reads);
            prop_assert_eq!(client.names, vec![name.clone()]);
            let (client, _) = ask(row, &shelves, Request::Delete { name: name.clone() }, &reads);
            prop_assert_eq!((client.failure, shelves.at_server(&name)), (None, None));
        }
    }

    #[test]
    fn a_server_survives_anything(bytes in prop::collection::vec(any::<u8>(), 0..400), reads in reads()) {
        for row in ALL {
            let shelves = shelves(Keep::Hashes);
            let mut server = Side::new((row.server)(&shelves.server, OPTIONS), &reads);
            server.hears(&bytes);
            server.hears_nothing();
            server.hears_the_end();
            prop_assert!(server.end.is_some());
        }
    }

    #[test]
    fn a_client_survives_anything(bytes in prop::collection::vec(any::<u8>(), 0..400), which in 0..4, reads in reads()) {
        for row in ALL {
            let shelves = shelves(Keep::Hashes);
            let name = "name".to_owned();
            let request = match which {
                0 => Request::List,
                1 => Request::Delete { name },
                2 => shelves.download("name"),
                _ => shelves.upload("name", b"content"),
            };
            let mut client = Side::new((row.client)(request, OPTIONS), &reads);
            client.hears(&bytes);
            client.hears_nothing();
            client.hears_the_end();
            only(&client);
        }
    }
}

#[test]
fn content_at_the_borders_of_pieces_is_whole() {
    each(|row| {
        for length in (0..=40).chain([4095, 4096, 4097, 16 << 10, 70_000]) {
            let shelves = shelves(Keep::Files);
            let content: Vec<u8> = (0..length).map(|at: u32| (at * 7 + at / 251) as u8).collect();
            for reads in [&[3][..], &[1 << 10], &[1 << 16]] {
                let (client, _) = ask(row, &shelves, shelves.upload("a", &content), reads);
                assert_eq!(client.failure, None, "{} {length}", row.name);
                assert_eq!(shelves.at_server("a").as_ref(), Some(&content));
                let (client, _) = ask(row, &shelves, shelves.download("a"), reads);
                assert_eq!(client.failure, None, "{} {length}", row.name);
                assert_eq!(fs::read(shelves.client.path().join("here")).unwrap(), content);
            }
        }
    });
}

#[test]
fn content_that_is_not_kept_is_hashed() {
    each(|row| {
        let shelves = shelves(Keep::Hashes);
        let hash = Some(shelf::hash(&mut &b"content"[..]).unwrap());
        let (_, server) = ask(row, &shelves, shelves.upload("a", b"content"), &[5]);
        assert_eq!((server.hash, server.bytes), (hash, 7));
        assert_eq!(shelves.at_server("a"), None);
        fs::write(shelves.server.path().join("a"), "content").unwrap();
        let (client, _) = ask(row, &shelves, shelves.download("a"), &[5]);
        assert_eq!((client.hash, client.bytes), (hash, 7));
    });
}

#[test]
fn what_is_not_there_fails_on_both_sides() {
    each(|row| {
        let shelves = shelves(Keep::Files);
        for request in [shelves.download("a"), Request::Delete { name: "a".to_owned() }] {
            let (client, server) = ask(row, &shelves, request, &[7]);
            assert!(client.failure.as_ref().unwrap().ends_with("there is no file a"), "{client:?}");
            assert_eq!(server.failure.unwrap(), "there is no file a");
        }
    });
}

#[test]
fn a_client_says_how_the_server_closed() {
    each(|row| {
        let mut client = Side::new((row.client)(Request::List, OPTIONS), &[7]);
        client.hears_the_end();
        assert_eq!(only(&client).failure.unwrap(), "the server closed without a reply");
    });
}

#[test]
fn names_that_are_no_file_s_never_leave_the_client() {
    each(|row| {
        for name in ["", "..", "a/b", "a\0", &"x".repeat(256)] {
            let request = Request::Delete { name: name.to_owned() };
            let mut client = Side::new((row.client)(request, OPTIONS), &[7]);
            client.hears(b"");
            assert!(only(&client).failure.is_some(), "{} {name}", row.name);
            assert_eq!(client.sent, b"");
        }
    });
}

#[test]
fn an_upload_that_is_cut_off_leaves_nothing() {
    each(|row| {
        let shelves = shelves(Keep::Files);
        let mut client = Side::new((row.client)(shelves.upload("a", &[b'x'; 100]), OPTIONS), &[64]);
        let mut server = Side::new((row.server)(&shelves.server, OPTIONS), &[64]);
        talk(&mut client, &mut server);
        let whole = client.sent.len();
        for length in 1..whole {
            let before = fs::read_dir(shelves.server.path()).unwrap().count();
            let _ = shelves.server.remove("a");
            let mut server = Side::new((row.server)(&shelves.server, OPTIONS), &[64]);
            server.hears(&client.sent[..length]);
            server.hears_nothing();
            server.hears_the_end();
            assert!(server.end.is_some());
            assert_eq!(shelves.at_server("a"), None, "{} {length} of {whole}, {before}", row.name);
            assert!(server.finished()[0].failure.is_some());
        }
    });
}

#[test]
fn protocols_are_their_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fileserver/protocols");
    let stems = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    });
    let files: BTreeSet<_> = stems.filter(|stem| stem != "mod" && stem != "tests").collect();
    assert_eq!(ALL.iter().map(|row| row.name.to_owned()).collect::<BTreeSet<_>>(), files);
}
