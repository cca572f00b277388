//! Names, links, content that comes and goes, and spare files.

use super::*;
use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    os::unix::fs::symlink,
    sync::{Arc, Mutex, atomic::Ordering},
};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    shelf: Arc<Shelf>,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::open(folder.path(), Keep::Files, None).unwrap());
    Place { folder, shelf }
}

fn there(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

impl Place {
    fn put(&self, name: &str, content: &[u8]) {
        let mut incoming = self.shelf.put(name).unwrap();
        incoming.write(content).unwrap();
        assert_eq!(incoming.finish().unwrap(), None);
    }

    fn got(&self, name: &str) -> Result<Vec<u8>, String> {
        let Outgoing { mut file, length, .. } = self.shelf.get(name).map_err(|why| why.to_string())?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content.len() as u64, length);
        Ok(content)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn names_that_are_not_one_plain_file_are_refused() {
    let long = "x".repeat(256);
    let table = [
        ("", "the name is empty"),
        (".", ". is not a file"),
        ("..", ".. is not a file"),
        ("/", "a name has no path in it"),
        ("a/b", "a name has no path in it"),
        ("../a", "a name has no path in it"),
        ("a\\b", "a name has no path in it"),
        ("a\0", "a name has no path in it"),
        (".ferrybench-1-2.part", "names that begin with .ferrybench- are ours"),
        (&long, "the name has 256 bytes, and 255 are the most"),
    ];
    let place = place();
    for (name, why) in table {
        assert_eq!(check(name).unwrap_err().to_string(), why);
        assert_eq!(place.got(name).unwrap_err(), why);
        assert_eq!(place.shelf.put(name).unwrap_err().to_string(), why);
        assert_eq!(place.shelf.remove(name).unwrap_err().to_string(), why);
    }
    for name in ["a", "...", ".a", "a..b", "-", "~", "\u{e9}", &long[1..], "ferrybench-1", "a b", "\n"] {
        assert!(check(name).is_ok(), "{name}");
    }
}

#[test]
fn what_is_put_can_be_had_listed_and_removed() {
    let place = place();
    let large = vec![0xff; 100_000];
    for content in [b"", &b"content"[..], &large] {
        place.put("b", content);
        place.put("a", content);
        assert_eq!(place.shelf.names().unwrap(), ["a", "b"]);
        assert!(place.shelf.has("a") && !place.shelf.has("c"));
        assert_eq!(place.got("b").unwrap(), content);
        place.shelf.remove("a").unwrap();
        assert_eq!(place.got("a").unwrap_err(), "there is no file a");
        assert_eq!(place.shelf.remove("a").unwrap_err().to_string(), "there is no file a");
        place.shelf.remove("b").unwrap();
    }
    assert_eq!(there(place.folder.path()), [""; 0]);
}

#[test]
fn content_has_no_name_before_it_is_complete() {
    let place = place();
    place.put("a", b"old");
    let mut incoming = place.shelf.put("a").unwrap();
    incoming.write(b"ne").unwrap();
    incoming.write(b"w").unwrap();
    assert_eq!((incoming.length(), place.got("a").unwrap()), (3, b"old".to_vec()));
    assert_eq!(place.shelf.names().unwrap(), ["a"]);
    incoming.finish().unwrap();
    assert_eq!(place.got("a").unwrap(), b"new");
    let mut dropped = place.shelf.put("a").unwrap();
    dropped.write(b"never").unwrap();
    drop(dropped);
    assert_eq!(
        (place.got("a").unwrap(), there(place.folder.path())),
        (b"new".to_vec(), vec!["a".to_owned()])
    );
}

#[test]
fn content_that_cannot_be_kept_is_counted_and_told_at_the_end() {
    let place = place();
    let mut incoming = place.shelf.put("a").unwrap();
    incoming.take(b"one");
    incoming.spoil(io::Error::other("no room"), 3);
    incoming.take(b"three");
    assert!(incoming.file().is_none());
    assert_eq!(incoming.length(), 11);
    assert_eq!(incoming.finish().unwrap_err().to_string(), "no room");
    assert_eq!(there(place.folder.path()), [""; 0]);
}

#[test]
fn links_are_not_followed_and_what_is_no_file_is_not_served() {
    let place = place();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    symlink(&secret, place.path("link")).unwrap();
    symlink(outside.path(), place.path("folder-link")).unwrap();
    symlink("gone", place.path("dangling")).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    nix::unistd::mkfifo(&place.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    assert_eq!(place.shelf.names().unwrap(), [""; 0]);
    for link in ["link", "folder-link", "dangling"] {
        assert_eq!(place.got(link).unwrap_err(), format!("{link} is a link, and links are not followed"));
    }
    for other in ["folder", "fifo", "socket"] {
        assert_eq!(place.got(other).unwrap_err(), format!("{other} is not a file"));
    }
    assert_eq!(place.shelf.remove("folder").unwrap_err().to_string(), "folder is not a file");
    place.put("link", b"mine");
    place.put("dangling", b"mine");
    place.shelf.remove("folder-link").unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(place.shelf.names().unwrap(), ["dangling", "link"]);
}

#[test]
fn a_name_that_a_killed_process_left_behind_is_passed_over() {
    let place = place();
    let next = hidden::COUNT.load(Ordering::Relaxed);
    for count in next..next + 40 {
        fs::write(place.path(&format!("{HIDDEN}{}-{count}.part", std::process::id())), "left").unwrap();
    }
    place.put("a", b"content");
    assert_eq!(
        (place.got("a").unwrap(), place.shelf.names().unwrap()),
        (b"content".to_vec(), vec!["a".to_owned()])
    );
    assert_eq!(there(place.folder.path()).len(), 41);
}

#[test]
fn what_a_killed_process_left_goes_and_what_is_under_way_stays() {
    let place = place();
    // As on a file system without nameless files.
    let (file, hidden) = place.shelf.begin_hidden(Mode::RUSR | Mode::WUSR).unwrap();
    let own = hidden.as_ref().unwrap().name.clone();
    let content = Content::Filed { file, hidden, shelf: Arc::clone(&place.shelf), name: "a".into() };
    let mut incoming = Incoming::new(content);
    incoming.write(b"content").unwrap();
    // The number of a process that lives says nothing: it may be another's by now.
    let left = [format!("{HIDDEN}1-0.part"), format!("{HIDDEN}{}-999999.part", std::process::id())];
    let others = [format!("{HIDDEN}folder.part"), format!("{HIDDEN}notes"), "b.part".to_owned()];
    left.iter().chain(&others[1..]).for_each(|name| fs::write(place.path(name), "left").unwrap());
    fs::create_dir(place.path(&others[0])).unwrap();
    assert_eq!(remove_left_behind(place.folder.path()).unwrap(), 2);
    let mut stay: Vec<_> = others.iter().chain([&own]).cloned().collect();
    stay.sort();
    assert_eq!(there(place.folder.path()), stay);
    incoming.finish().unwrap();
    assert_eq!(place.got("a").unwrap(), b"content");
    // Once nobody has it open any more, it is left behind.
    let (file, hidden) = place.shelf.begin_hidden(Mode::RUSR | Mode::WUSR).unwrap();
    assert_eq!(remove_left_behind(place.folder.path()).unwrap(), 0);
    drop(file);
    assert_eq!(remove_left_behind(place.folder.path()).unwrap(), 1);
    assert!(!place.shelf.has(&hidden.unwrap().name));
}

#[test]
fn what_was_removed_before_it_was_claimed_is_made_again() {
    let place = place();
    fs::write(place.path("part"), "").unwrap();
    let file = File::open(place.path("part")).unwrap();
    assert_eq!(claim(&file, true), Ok(()));
    fs::remove_file(place.path("part")).unwrap();
    assert_eq!(claim(&file, true), Err(Errno::EXIST));
    assert_eq!(claim(&file, false), Ok(()), "one that has no name yet");
}

#[test]
fn a_folder_that_is_gone_is_named() {
    let place = place();
    fs::remove_dir(place.folder.path()).unwrap();
    assert_eq!(place.shelf.names().unwrap_err().to_string(), "the folder is gone");
    assert_eq!(place.shelf.put("a").map(|_| ()).unwrap_err().to_string(), "the folder is gone");
    let why = Shelf::open(place.folder.path(), Keep::Files, None).unwrap_err().to_string();
    assert!(why.ends_with("No such file or directory (os error 2)"), "{why}");
}

#[test]
fn content_that_is_not_kept_is_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::open(folder.path(), Keep::Hashes, None).unwrap());
    let mut incoming = shelf.put("a").unwrap();
    incoming.take(b"con");
    incoming.write(b"tent").unwrap();
    assert!(incoming.file().is_none());
    assert_eq!(incoming.finish().unwrap(), Some(hash(&mut &b"content"[..]).unwrap()));
    assert_eq!(there(folder.path()), [""; 0]);
}

/// A shelf with so many spare files, each of eight bytes.
fn with_spares(count: usize) -> (Place, TempDir) {
    let (folder, spares) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..count {
        fs::write(spares.path().join(format!("spare-{number}")), "12345678").unwrap();
    }
    let shelf = Arc::new(Shelf::open(folder.path(), Keep::Files, Some(spares.path())).unwrap());
    (Place { folder, shelf }, spares)
}

#[test]
fn spare_files_are_overwritten_in_place_and_handed_back() {
    use std::os::unix::fs::MetadataExt;
    let (place, spares) = with_spares(1);
    let inode = fs::metadata(spares.path().join("spare-0")).unwrap().ino();
    let incoming = place.shelf.put("a").unwrap();
    assert_eq!(there(spares.path()), [""; 0]);
    assert_eq!(place.shelf.names().unwrap(), [""; 0], "it is hidden");
    drop(incoming);
    assert_eq!(there(spares.path()), ["spare-0"], "it was not needed");
    place.put("a", b"short");
    assert_eq!(place.got("a").unwrap(), b"short");
    assert_eq!(fs::metadata(place.path("a")).unwrap().ino(), inode);
    // Without a spare one, a fresh one does.
    place.put("b", b"content");
    assert_eq!(place.got("b").unwrap(), b"content");
}

#[test]
fn spare_files_that_came_back_are_found_round_after_round() {
    use std::os::unix::fs::MetadataExt;
    let (place, spares) = with_spares(3);
    let inodes = |folder: &Path| -> BTreeSet<u64> {
        there(folder).iter().map(|name| fs::metadata(folder.join(name)).unwrap().ino()).collect()
    };
    let known = inodes(spares.path());
    for round in 0..5 {
        for number in 0..3 {
            place.put(&format!("file-{number}"), b"87654321");
        }
        assert_eq!(inodes(place.folder.path()), known, "round {round}");
        for number in 0..3 {
            let back = spares.path().join(format!("back-{round}-{number}"));
            fs::rename(place.path(&format!("file-{number}")), back).unwrap();
        }
    }
}

#[test]
fn two_processes_never_take_the_same_spare_file() {
    let (one, spares) = with_spares(20);
    // Another process knows the same files, and has names of its own: the rename is what decides.
    let other = Place {
        shelf: Arc::new(Shelf::open(one.folder.path(), Keep::Files, Some(spares.path())).unwrap()),
        folder: tempfile::tempdir().unwrap(),
    };
    let taken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for place in [&one, &other] {
            scope.spawn(|| {
                for number in 0..10 {
                    let incoming = place.shelf.put(&format!("file-{number}")).unwrap();
                    let inode = fstat(incoming.file().unwrap()).unwrap().st_ino;
                    taken.lock().unwrap().push((inode, incoming));
                }
            });
        }
    });
    let taken = taken.into_inner().unwrap();
    let unlike: BTreeSet<u64> = taken.iter().map(|(inode, _)| *inode).collect();
    assert_eq!((taken.len(), unlike.len()), (20, 20));
    assert_eq!(there(spares.path()), [""; 0]);
    drop(taken);
    assert_eq!(there(spares.path()).len(), 20);
    assert_eq!(there(one.folder.path()), [""; 0]);
}
