//! From the tables of the file server to trials.

use super::{FileServerTable, Outside, storage};
use crate::{
    family::Source,
    fileserver::{Accept, Operation, Received, Spec, Storage, is_made_of_processes},
    plan::{
        catalogue::{Catalogue, Pool, ServerModel},
        expand::{Cell, Trial, Work},
    },
    units::Size,
};

/// Descriptors of a client or a server worker: its connection, its file, its half of a pipe, and room to turn over.
const OF_A_WORKER: u64 = 6;
/// What is left of that in the conductor when the worker is a process: the ends of its pipes.
const OF_A_PROCESS: u64 = 4;
/// Descriptors of the conductor itself; a worker process has fewer of its own.
const OF_THE_CONDUCTOR: u64 = 100;

/// The trials of all tables: where the files lie is decided for all of them together.
pub(in crate::plan) fn tables(
    tables: &[FileServerTable],
    outside: Option<&Outside>,
    catalogue: &Catalogue,
) -> Vec<Trial> {
    let room = catalogue.fileserver.room;
    let theirs = outside.map(|outside| ServerModel {
        name: outside.label.clone(),
        help: "somebody else's server".into(),
        pool: Pool::Sized,
        processes: false,
        hidden: false,
        lacking: None,
    });
    let mut trials: Vec<(Spec, Work, Option<String>)> = Vec::new();
    for table in tables {
        let work = table.leg.map_or(Work::Once, Work::For);
        for (spec, model) in cells(table, theirs.as_ref(), catalogue) {
            // How many descriptors other hosts allow is theirs to say.
            let of_here = || too_many(&spec, model, room.descriptors).filter(|_| spec.is_here());
            let skip = model.lacking.clone().or_else(of_here);
            trials.push((spec, work, skip));
        }
    }
    if outside.is_some() {
        // One start for each pool of the server, and small volumes first: what the budget cuts off is the largest.
        trials.sort_by_key(|(spec, ..)| (spec.server_pool, spec.volume_bytes, spec.client_pool));
    }
    let run = trials.iter().filter(|(spec, _, skip)| skip.is_none() && spec.is_here()).map(|(spec, ..)| spec);
    let lie = storage::choose(&storage::needed(run), room);
    trials
        .into_iter()
        .map(|(spec, work, skip)| {
            let (storage, full) = if spec.is_here() {
                lie.of(spec.volume_bytes)
            } else {
                // What other hosts have room for is known when they are reached.
                (Storage::Tmpfs, None)
            };
            // Where somebody else keeps files is not ours to say; ours still need their place.
            let storage = if outside.is_some() { Storage::Untold } else { storage };
            let cell = Cell::FileServer(Spec { storage, ..spec });
            Trial { cell, work, foreign: None, skip: skip.or(full) }
        })
        .collect()
}

/// The cells of one table, those of a pair of models side by side and in the order of the assignment's table.
fn cells<'a>(
    table: &FileServerTable,
    theirs: Option<&'a ServerModel>,
    catalogue: &'a Catalogue,
) -> Vec<(Spec, &'a ServerModel)> {
    let named = |model: &ServerModel| match &table.server_models {
        Some(names) => names.contains(&model.name),
        None => !model.hidden,
    };
    let ours = catalogue.fileserver.server_models.iter().filter(|model| theirs.is_none() && named(model));
    let models: Vec<&ServerModel> = theirs.into_iter().chain(ours).collect();
    let source = if theirs.is_some() { Source::Foreign } else { Source::BuiltIn };
    let mut cells = Vec::new();
    for client_model in &table.client_models {
        for &model in &models {
            for &accept in accepts(&table.accepts, model) {
                for protocol in &table.protocols {
                    let pair = Spec {
                        volume_bytes: 0,
                        protocol: protocol.clone(),
                        client_model: client_model.clone(),
                        server_model: model.name.clone(),
                        accept,
                        storage: Storage::Untold,
                        transfers: table.transfers,
                        source,
                        ..Spec::default()
                    };
                    for hosts in pairs_of_hosts(table) {
                        let pair = Spec { hosts: hosts.to_owned(), ..pair.clone() };
                        cells.extend(
                            of_a_pair(table, &pair, model.pool).into_iter().map(|spec| (spec, model)),
                        );
                    }
                }
            }
        }
    }
    cells
}

/// The cells that two models have over one protocol.
fn of_a_pair(table: &FileServerTable, pair: &Spec, pool: Pool) -> Vec<Spec> {
    let mut cells = Vec::new();
    for &read_bytes in &table.read_bytes {
        for &operation in &table.operations {
            for &Size(volume_bytes) in volumes(table, operation) {
                for &received in of_content(&table.received, &[Received::Written], operation) {
                    for &client_pool in &table.client_pools {
                        for &server_pool in server_pools(&table.server_pools, pool) {
                            cells.push(Spec {
                                operation,
                                volume_bytes,
                                client_pool,
                                server_pool,
                                read_bytes,
                                received,
                                ..pair.clone()
                            });
                        }
                    }
                }
            }
        }
    }
    cells
}

/// The pairs of hosts that clients and server run on; blank for this machine.
fn pairs_of_hosts(table: &FileServerTable) -> impl Iterator<Item = &str> {
    let here = table.hosts.is_empty().then_some("");
    here.into_iter().chain(table.hosts.iter().map(String::as_str))
}

/// Volume means nothing where no content moves.
fn volumes(table: &FileServerTable, operation: Operation) -> &[Size] {
    of_content(&table.volume_bytes, &[Size(0)], operation)
}

/// The asked-for values where content moves, else the one that stands for none.
fn of_content<'a, T>(asked: &'a [T], none: &'a [T], operation: Operation) -> &'a [T] {
    if operation.moves_content() { asked } else { none }
}

fn server_pools(asked: &[u32], pool: Pool) -> &[u32] {
    match pool {
        Pool::Sized => asked,
        Pool::One => &[1],
        Pool::Unbounded => &[0],
    }
}

/// Only processes in a pool can come to their connections in more than one way.
fn accepts<'a>(asked: &'a [Accept], model: &ServerModel) -> &'a [Accept] {
    if model.processes && model.pool == Pool::Sized { asked } else { &[Accept::Shared] }
}

/// Why a trial needs more descriptors than a process may have.
fn too_many(spec: &Spec, model: &ServerModel, most: u64) -> Option<String> {
    let each = |processes| if processes { OF_A_PROCESS } else { OF_A_WORKER };
    let workers = u64::from(if spec.server_pool == 0 { spec.client_pool } else { spec.server_pool });
    let clients = u64::from(spec.client_pool) * each(is_made_of_processes(&spec.client_model));
    let needed = OF_THE_CONDUCTOR + clients + workers * each(model.processes);
    (needed > most).then(|| format!("limit: {needed} descriptors are needed, a process may have {most}"))
}
