//! Every file of a mechanism is registered, and everything registered has its file.

#![allow(clippy::unwrap_used, reason = "a test may, and this is one")]

use ferrybench::{fanout::senders, roundtrip::registry};
use ferrybench_data::plan::catalogue::Group;
use std::{collections::BTreeSet, fs, path::Path};

/// Names of the mechanisms that the files of a folder hold.
fn files(folder: &str, prefix: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/roundtrip").join(folder);
    let stems = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    });
    stems.filter(|stem| stem != "mod").map(|stem| format!("{prefix}{}", stem.replace('_', "-"))).collect()
}

fn registered(hidden: bool) -> Vec<String> {
    let all = registry::describe().into_iter();
    let of_files = all.filter(|known| known.hidden == hidden && known.group != Group::Floor);
    of_files.map(|known| known.name).collect()
}

#[test]
fn mechanisms_are_their_files() {
    assert_eq!(registered(false).into_iter().collect::<BTreeSet<_>>(), files("mechanisms", ""));
}

#[test]
fn broken_mechanisms_are_their_files() {
    assert_eq!(registered(true).into_iter().collect::<BTreeSet<_>>(), files("broken", "broken-"));
}

#[test]
fn names_are_unlike() {
    let all = registry::describe();
    let names: BTreeSet<_> = all.iter().map(|known| &known.name).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn kin_stand_together() {
    let mut groups: Vec<_> =
        registry::describe().into_iter().filter(|known| !known.hidden).map(|known| known.group).collect();
    groups.dedup();
    let unlike: BTreeSet<_> = groups.iter().map(|group| group.title()).collect();
    assert_eq!(unlike.len(), groups.len(), "{groups:?}");
}

#[test]
fn sender_models_are_their_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fanout/senders");
    let stems = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let stems = stems.map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"));
    let files: BTreeSet<_> = stems.filter(|stem| stem != "mod" && stem != "broken").collect();
    let shown: BTreeSet<_> = senders::describe().into_iter().map(|model| model.name).collect();
    assert_eq!(shown, files);
    let hidden = senders::ALL.iter().filter(|model| model.hidden);
    assert!(hidden.clone().all(|model| model.name.starts_with("broken-")) && hidden.count() == 2);
}
