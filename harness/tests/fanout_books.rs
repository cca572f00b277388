//! The books of a receiver under made-up datagrams: what the fuzz target checks, of its seeds and of many variations on them.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../fuzz/src/books.rs"]
mod books;

use books::books;
use ferrybench::fanout::told::ReceivedFile;
use ferrybench_data::fanout::OK;
use rand::{RngExt, SeedableRng};
use std::{fs, path::Path};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/fanout_books");

fn seed(name: &str) -> Vec<u8> {
    fs::read(Path::new(SEEDS).join(name)).unwrap()
}

/// Number and outcome of each file of a seed.
fn outcomes(name: &str) -> Vec<(u32, String)> {
    books(&seed(name)).into_iter().map(|ReceivedFile { file, outcome, .. }| (file, outcome)).collect()
}

fn ok(file: u32) -> (u32, String) {
    (file, OK.to_owned())
}

#[test]
fn each_file_of_a_seed_comes_to_its_end() {
    assert_eq!(outcomes("several_files"), [ok(1), ok(2), ok(4)]);
    assert_eq!(outcomes("two_sessions"), [ok(2), ok(2), ok(4)]);
    assert_eq!(outcomes("strangers"), [ok(2)]);
    let damaged = &books(&seed("damaged"))[0];
    let counts = damaged.counts.unwrap();
    assert_eq!((counts.corrupt, counts.unique), (3, 4), "{damaged:?}");
    assert_eq!(damaged.outcome, "its content is not the source's: the hashes are unlike");
    let names = outcomes("names");
    assert_eq!(names.iter().filter(|(_, outcome)| outcome == OK).count(), 1, "{names:?}");
    assert!(
        names.iter().filter(|(_, outcome)| outcome.contains("it cannot be put there")).count() == 2,
        "{names:?}"
    );
    let given_up = outcomes("given_up");
    assert_eq!(given_up[1], (2, "the sender gave it up".to_owned()));
}

#[test]
fn whatever_comes_is_counted_once_and_leaves_no_wrong_file() {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(41);
    let seeds: Vec<Vec<u8>> =
        fs::read_dir(SEEDS).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() >= 6);
    for round in 0..600 {
        let mut made = seeds[round % seeds.len()].clone();
        for _ in 0..random.random_range(1..8) {
            let place = random.random_range(0..made.len());
            match random.random_range(0..3) {
                0 => made[place] = random.random(),
                1 => made.insert(place, random.random()),
                // A stretch of it again: replayed, or in another order.
                _ => made.extend_from_within(place..made.len().min(place + 12)),
            }
        }
        books(&made);
    }
}
