//! The files that a sender sends, on its own host: pictures, files that follow from a seed, or whatever the plan names.

use super::fetch::{self, Got, fetch};
use crate::{
    process::{
        remains::Remains,
        role::{Port, Role},
    },
    shelf,
};
use ferrybench_data::run_info::FetchedSource;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// The pictures of `data/files`, by name: drawn by this project, so that anybody may send them.
const PICTURES: [(&str, &[u8]); 4] = [
    ("ferry-dawn.jpg", include_bytes!("../../../data/files/ferry-dawn.jpg")),
    ("ferry-noon.jpg", include_bytes!("../../../data/files/ferry-noon.jpg")),
    ("ferry-dusk.jpg", include_bytes!("../../../data/files/ferry-dusk.jpg")),
    ("ferry-night.jpg", include_bytes!("../../../data/files/ferry-night.jpg")),
];

/// Where the files lie in the folder of a run.
pub fn files_in(folder: &Path) -> PathBuf {
    folder.join("stock")
}

/// The files behind paths, in their order; those of a folder by name, without its hidden ones and its folders.
pub fn files_at(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let facts = fs::metadata(path).map_err(told)?;
        if !facts.is_dir() {
            // A pipe or a device has no size, and may have no end.
            if !facts.is_file() {
                return Err(told(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
            }
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(told)? {
            let entry = entry.map_err(told)?;
            if entry.path().is_file() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
                inside.push(entry.path());
            }
        }
        if inside.is_empty() {
            return Err(told(io::Error::new(io::ErrorKind::NotFound, "the folder has no file to send")));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

/// What receivers call a file: its name without its folder.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The role of whoever makes those files and holds them for as long as the run lasts.
pub enum Stock {}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The folder that it makes, and that goes with it and whatever else is in it. The files are in [`files_in`] it.
    pub folder: PathBuf,
    /// What there is to be.
    pub wanted: Vec<Wanted>,
    /// Seed of made content.
    pub seed: u64,
    /// Whether files that are on the host already are copied beside those that are made: so that all can be served.
    #[serde(default)]
    pub copied: bool,
    /// Most bytes of a fetched file.
    pub fetch_limit_bytes: u64,
}

/// Some files that are to be there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Wanted {
    /// So many pictures: from the fifth on, the four come again under other names.
    Pictures(u32),
    /// So many files of one size, bytes.
    Made {
        /// Size of each, bytes.
        bytes: u64,
        /// How many.
        files: u32,
    },
    /// What the plan names.
    Own {
        /// Addresses of files that are fetched.
        urls: Vec<String>,
        /// Files, or the files in a folder, that are on the host already.
        paths: Vec<PathBuf>,
    },
}

/// One file of the stock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stocked {
    /// Its name; what receivers call it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its hash.
    pub hash: String,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// This is about to be made and would outlive the process.
    Declare(Remains),
    /// A file was fetched.
    Fetched(FetchedSource),
    /// Everything is there: for each that was wanted, its files in order.
    Ready(Vec<(Wanted, Vec<Stocked>)>),
    /// It could not be made, in one sentence.
    Failed(String),
}

impl Role for Stock {
    const NAME: &'static str = "fan-stock";
    type Job = Job;
    type Cue = ();
    type Reply = Reply;

    fn play(job: Job, port: Port<(), Reply>) -> io::Result<()> {
        port.replies.send(&Reply::Declare(Remains::Path(job.folder.clone())))?;
        let made = DirBuilder::new()
            .mode(0o700)
            .create(&job.folder)
            .and_then(|()| make(&job, &mut |fetched| port.replies.send(&Reply::Fetched(fetched))));
        match made {
            Ok(stock) => port.replies.send(&Reply::Ready(stock))?,
            Err(error) => return port.replies.send(&Reply::Failed(format!("the files to send: {error}"))),
        }
        // What was declared is removed when this ends: that is, when the run does.
        while port.cues.recv().is_ok() {}
        Ok(())
    }
}

fn make(
    job: &Job,
    tell: &mut dyn FnMut(FetchedSource) -> io::Result<()>,
) -> io::Result<Vec<(Wanted, Vec<Stocked>)>> {
    let folder = &files_in(&job.folder);
    fs::create_dir(folder)?;
    let each = job.wanted.iter().map(|wanted| {
        let files = match wanted {
            Wanted::Pictures(files) => (0..*files).map(|place| picture(folder, place)).collect(),
            Wanted::Made { bytes, files } => {
                (1..=*files).map(|number| made(folder, *bytes, number, job.seed)).collect()
            }
            Wanted::Own { urls, paths } => own(job, folder, urls, paths, tell),
        };
        Ok((wanted.clone(), files?))
    });
    each.collect()
}

/// The picture at that place, from 0.
fn picture(folder: &Path, place: u32) -> io::Result<Stocked> {
    let (name, content) = PICTURES[place as usize % PICTURES.len()];
    let name = match place as usize / PICTURES.len() {
        0 => name.to_owned(),
        again => name.replacen("ferry-", &format!("ferry-{}-", again + 1), 1),
    };
    let path = folder.join(&name);
    fs::write(&path, content)?;
    stocked(name, path)
}

/// Piece in which content is made, bytes.
const PIECE: u64 = 1 << 20;

/// A file whose content follows from the seed, its size and its number.
fn made(folder: &Path, bytes: u64, number: u32, seed: u64) -> io::Result<Stocked> {
    let name = format!("made-{bytes}-{number}.bin");
    let path = folder.join(&name);
    let mut generator = ChaCha8Rng::seed_from_u64(seed ^ bytes ^ u64::from(number) << 48);
    let mut file = File::create(&path)?;
    let mut piece = vec![0; PIECE.min(bytes) as usize];
    let mut left = bytes;
    while left > 0 {
        let piece = &mut piece[..PIECE.min(left) as usize];
        generator.fill_bytes(piece);
        file.write_all(piece)?;
        left -= piece.len() as u64;
    }
    stocked(name, path)
}

/// What the plan names: first what is fetched, then what is there.
fn own(
    job: &Job,
    folder: &Path,
    urls: &[String],
    paths: &[PathBuf],
    tell: &mut dyn FnMut(FetchedSource) -> io::Result<()>,
) -> io::Result<Vec<Stocked>> {
    let mut files = Vec::new();
    for url in urls {
        let Got { fetched, file } = fetch(url, &fetch::name_of(url), folder, job.fetch_limit_bytes);
        let Some(fetch::File { path, name, bytes, hash }) = file else {
            return Err(io::Error::other(fetched.outcome));
        };
        tell(FetchedSource {
            url: fetched.url,
            name: name.clone(),
            content_type: fetched.content_type,
            bytes,
            fetch_s: fetched.ended_ns.saturating_sub(fetched.start_ns) as f64 / 1e9,
        })?;
        files.push(Stocked { name, path, bytes, hash });
    }
    for file in there(paths)? {
        files.push(if job.copied { copy(folder, file)? } else { file });
    }
    let mut names = BTreeSet::new();
    match files.iter().find(|file| !names.insert(&file.name)) {
        // The server's word can make two names one.
        Some(file) => Err(two_of_one_name(&file.name)),
        None => Ok(files),
    }
}

/// Why two files cannot be sent: both are called so.
pub fn two_of_one_name(name: &str) -> io::Error {
    let why = format!("two files are called {name}: receivers could keep one only");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Files that are on the host already.
fn there(paths: &[PathBuf]) -> io::Result<Vec<Stocked>> {
    files_at(paths)?.into_iter().map(|path| stocked(name_of(&path), path)).collect()
}

/// A copy of a file, of which hash and size must still be right: somebody may have written to it.
fn copy(folder: &Path, file: Stocked) -> io::Result<Stocked> {
    let path = folder.join(&file.name);
    fs::copy(&file.path, &path)?;
    stocked(file.name, path)
}

fn stocked(name: String, path: PathBuf) -> io::Result<Stocked> {
    shelf::check(&name)?;
    let mut file = File::open(&path)?;
    let bytes = file.metadata()?.len();
    let hash = shelf::hash(&mut file)?.to_hex();
    Ok(Stocked { name, path, bytes, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(wanted: Vec<Wanted>, seed: u64) -> (tempfile::TempDir, Vec<Stocked>) {
        let folder = tempfile::tempdir().expect("a folder");
        let job = Job { folder: folder.path().to_owned(), wanted, seed, copied: false, fetch_limit_bytes: 0 };
        let files = make(&job, &mut |_| Ok(()))
            .expect("they are made")
            .into_iter()
            .flat_map(|(_, files)| files)
            .collect();
        (folder, files)
    }

    #[test]
    fn pictures_are_whole_and_have_names_of_their_own() {
        let (_folder, files) = all(vec![Wanted::Pictures(6)], 1);
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names[..2], ["ferry-dawn.jpg", "ferry-noon.jpg"]);
        assert_eq!(names[4..], ["ferry-2-dawn.jpg", "ferry-2-noon.jpg"]);
        assert_eq!(files[0].hash, files[4].hash);
        for file in &files {
            assert!((100_000..=300_000).contains(&file.bytes), "{}: {}", file.name, file.bytes);
            assert!(fs::read(&file.path).expect("it is there").starts_with(&[0xff, 0xd8]), "a JPEG");
        }
    }

    #[test]
    fn made_content_follows_from_seed_size_and_number() {
        let wanted =
            || vec![Wanted::Made { bytes: 3_000_000, files: 2 }, Wanted::Made { bytes: 0, files: 1 }];
        let (_a, first) = all(wanted(), 1);
        let (_b, again) = all(wanted(), 1);
        let (_c, other) = all(wanted(), 2);
        let hashes = |files: &[Stocked]| files.iter().map(|file| file.hash.clone()).collect::<Vec<_>>();
        assert_eq!(hashes(&first), hashes(&again));
        assert_ne!(first[0].hash, other[0].hash);
        assert_ne!(first[0].hash, first[1].hash);
        assert_eq!((first[0].bytes, first[2].bytes), (3_000_000, 0));
    }

    #[test]
    fn what_the_server_calls_the_same_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for place in ["a", "b"] {
            fs::create_dir(path(place)).expect("a folder in it");
            fs::write(path(place).join("same"), place).expect("a file in it");
        }
        let paths = vec![path("a"), path("b")];
        let wanted = vec![Wanted::Own { urls: Vec::new(), paths }];
        let job = Job { folder: path("run"), wanted, seed: 1, copied: false, fetch_limit_bytes: 0 };
        fs::create_dir(path("run")).expect("a folder in it");
        let told = make(&job, &mut |_| Ok(())).expect_err("a receiver keeps one").to_string();
        assert_eq!(told, "two files are called same: receivers could keep one only");
    }

    #[test]
    fn a_folder_is_its_files_by_name_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).expect("a folder in it");
        for name in ["b.txt", "a.txt", ".hidden"] {
            fs::write(path(name), name).expect("a file in it");
        }
        let found = there(&[folder.path().to_owned(), path(".hidden")]).expect("they are there");
        let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.txt", "b.txt", ".hidden"], "what is named is meant");
        for (name, why) in [
            ("gone", "gone: No such file or directory (os error 2)"),
            ("sub", "sub: the folder has no file to send"),
        ] {
            let told = there(&[path(name)]).expect_err("it cannot be sent").to_string();
            assert!(told.ends_with(why), "{told}");
        }
        let device = there(&["/dev/zero".into()]).expect_err("it has no end").to_string();
        assert_eq!(device, "/dev/zero: it is not a regular file");
    }
}
