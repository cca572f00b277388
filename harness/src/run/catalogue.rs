//! What exists on this machine: the registry, the CPUs, the programs.

use crate::{
    fanout::{fetch, senders, stock},
    fileserver::{models, protocols},
    host::{room, testbed},
    measure::place,
    pool,
    process::partner::Program,
    roundtrip::registry,
    shelf,
};
use ferrybench_data::plan::{
    Foreign, Sources,
    catalogue::{Catalogue, Fanouts, FileServers},
};
use std::{collections::BTreeSet, env, io, path::Path};

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

/// Notes how many files the plan's own source comes to; refuses one that is not there, and two of one name.
pub fn note_source_files(catalogue: &mut Catalogue, source: &Sources) -> io::Result<()> {
    let paths = stock::files_at(&source.paths)?;
    let fetched = source.urls.iter().map(|url| fetch::name_of(url));
    let lying = paths.iter().map(|path| stock::name_of(path));
    let mut names = BTreeSet::new();
    for name in fetched.chain(lying) {
        shelf::check(&name)?;
        if let Some(name) = names.replace(name) {
            return Err(stock::two_of_one_name(&name));
        }
    }
    catalogue.fanout.source_files = Some(names.len() as u32);
    Ok(())
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
    use std::fs;

    #[test]
    fn a_source_is_counted_and_two_files_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.png"), "a").unwrap();
        fs::create_dir(path("inner")).unwrap();
        fs::write(path("inner/b"), "b").unwrap();
        let mut catalogue = Catalogue::default();
        let source = |urls: &[&str], paths: &[&str]| Sources {
            urls: urls.iter().map(|&url| url.to_owned()).collect(),
            paths: paths.iter().map(|name| path(name)).collect(),
            fetch_limit: None,
        };
        note_source_files(&mut catalogue, &source(&["http://a/c"], &["a.png", "inner"])).unwrap();
        assert_eq!(catalogue.fanout.source_files, Some(3));
        for (urls, paths, name) in
            [(&["http://h/x/b"][..], &["inner"][..], "b"), (&["http://h/", "http://i/"], &[], "file")]
        {
            let told = note_source_files(&mut catalogue, &source(urls, paths)).unwrap_err().to_string();
            assert!(told.starts_with(&format!("two files are called {name}:")), "{told}");
        }
    }
}
