//! What exists on this machine: the registry, the CPUs, the programs.

use crate::{
    fanout::senders,
    fileserver::{models, protocols},
    host::{room, testbed},
    measure::place,
    pool,
    process::partner::Program,
    roundtrip::registry,
};
use ferrybench_data::plan::{
    Foreign, Sources,
    catalogue::{Catalogue, Fanouts, FileServers},
};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What a plan may name here.
pub fn of_this_machine() -> io::Result<Catalogue> {
    let cpus = place::allowed()?;
    let places = place::choose(&cpus);
    let fileserver = FileServers {
        protocols: protocols::describe(),
        client_models: pool::describe(),
        server_models: models::describe(),
        room: room::look(&env::temp_dir()),
    };
    let lacking = testbed::lacking(&Program::myself());
    let fanout = Fanouts {
        sender_models: senders::describe(),
        namespaces_lacking: lacking.namespaces,
        impairment_lacking: lacking.impairment,
        rate_lacking: lacking.rate,
        ..Fanouts::default()
    };
    Ok(Catalogue {
        mechanisms: registry::describe(),
        cpus,
        places,
        missing_programs: Vec::new(),
        fileserver,
        fanout,
    })
}

/// Notes the programs of foreign peers that are not there.
pub fn note_missing_programs(catalogue: &mut Catalogue, foreign: &[Foreign]) {
    let programs = foreign.iter().filter_map(|peer| peer.command.first());
    let mut missing: Vec<String> = programs.filter(|program| !is_there(program)).cloned().collect();
    missing.sort();
    missing.dedup();
    catalogue.missing_programs = missing;
}

/// Notes how many files the plan's own source comes to; refuses one that is not there.
pub fn note_source_files(catalogue: &mut Catalogue, source: &Sources) -> io::Result<()> {
    let files = source.urls.len() + source_paths(&source.paths)?.len();
    catalogue.fanout.source_files = Some(files as u32);
    Ok(())
}

/// The files behind paths, in their order; those of a folder by name, without its hidden ones and its folders.
pub fn source_paths(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        if !fs::metadata(path).map_err(told)?.is_dir() {
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

fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b.png", "a.png", ".hidden"] {
            fs::write(path(name), name).unwrap();
        }
        fs::create_dir(path("inner")).unwrap();
        let single = path("b.png");
        let files = source_paths(&[folder.path().to_owned(), single.clone()]).unwrap();
        assert_eq!(files, [path("a.png"), single.clone(), single]);
        let mut catalogue = Catalogue::default();
        let source = Sources { urls: vec!["http://a/b".into()], paths: vec![path("a.png")] };
        note_source_files(&mut catalogue, &source).unwrap();
        assert_eq!(catalogue.fanout.source_files, Some(2));
    }

    #[test]
    fn a_source_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let told = source_paths(std::slice::from_ref(&gone)).unwrap_err().to_string();
        assert!(told.starts_with(&gone.display().to_string()), "{told}");
        let told = source_paths(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(told.ends_with("the folder has no file to send"), "{told}");
    }
}
