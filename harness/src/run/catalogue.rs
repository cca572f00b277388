//! What exists on this machine: the registry, the CPUs, the programs.

use crate::{
    fileserver::{models, protocols},
    host::{room, testbed},
    measure::place,
    pool,
    process::partner::Program,
    roundtrip::registry,
};
use ferrybench_data::plan::{
    Foreign,
    catalogue::{Catalogue, Fanouts, FileServers},
};
use std::{env, io, path::Path};

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

fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
