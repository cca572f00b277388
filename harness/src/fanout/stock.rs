//! The files that a sender sends, on its own host: pictures, files that follow from a seed, or whatever the plan names.

use crate::{
    process::{
        remains::Remains,
        role::{Port, Role},
    },
    shelf,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::{
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
    /// Files, or the files in a folder, that are on the host already.
    Paths(Vec<PathBuf>),
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
        let made = DirBuilder::new().mode(0o700).create(&job.folder).and_then(|()| make(&job));
        match made {
            Ok(stock) => port.replies.send(&Reply::Ready(stock))?,
            Err(error) => return port.replies.send(&Reply::Failed(format!("the files to send: {error}"))),
        }
        // What was declared is removed when this ends: that is, when the run does.
        while port.cues.recv().is_ok() {}
        Ok(())
    }
}

fn make(job: &Job) -> io::Result<Vec<(Wanted, Vec<Stocked>)>> {
    let folder = &files_in(&job.folder);
    fs::create_dir(folder)?;
    let each = job.wanted.iter().map(|wanted| {
        let files = match wanted {
            Wanted::Pictures(files) => (0..*files).map(|place| picture(folder, place)).collect(),
            Wanted::Made { bytes, files } => {
                (1..=*files).map(|number| made(folder, *bytes, number, job.seed)).collect()
            }
            Wanted::Paths(paths) => there(paths),
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

/// Files that are there: those of a folder in the order of their names.
fn there(paths: &[PathBuf]) -> io::Result<Vec<Stocked>> {
    let mut files = Vec::new();
    for path in paths {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        if path.is_dir() {
            let entries: io::Result<Vec<_>> = fs::read_dir(path).map_err(named)?.collect();
            let mut found: Vec<PathBuf> = entries?.into_iter().map(|entry| entry.path()).collect();
            found.retain(|path| path.is_file());
            found.sort();
            if found.is_empty() {
                return Err(io::Error::other(format!("{}: there is no file in it", path.display())));
            }
            files.extend(found);
        } else {
            fs::metadata(path).map_err(named)?;
            files.push(path.clone());
        }
    }
    let each = files.into_iter().map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        stocked(name, path)
    });
    each.collect()
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
        let job = Job { folder: folder.path().to_owned(), wanted, seed };
        let files = make(&job).expect("they are made").into_iter().flat_map(|(_, files)| files).collect();
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
    fn a_folder_is_its_files_by_name_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("sub")).expect("a folder in it");
        for name in ["b.txt", "a.txt"] {
            fs::write(folder.path().join(name), name).expect("a file in it");
        }
        let found = there(&[folder.path().to_owned()]).expect("they are there");
        assert_eq!(found.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.txt", "b.txt"]);
        let gone = there(&[folder.path().join("gone")]).expect_err("it is not there").to_string();
        assert!(gone.ends_with("gone: No such file or directory (os error 2)"), "{gone}");
        let empty = there(&[folder.path().join("sub")]).expect_err("nothing is in it").to_string();
        assert!(empty.ends_with("sub: there is no file in it"), "{empty}");
    }
}
