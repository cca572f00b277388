//! The file server in a plan: the table and its ranges.

pub(super) mod estimate;
pub(super) mod expand;
mod outside;
mod storage;
#[cfg(test)]
mod tests;
pub(super) mod wire;

pub use outside::Outside;
pub use storage::spare_files;

use super::{
    PlanError,
    catalogue::{self, Catalogue},
    overrides::{replace, replace_optional, unlike},
};
use crate::{
    fileserver::{Accept, Operation, ReadBytes, Received},
    units::{Size, Span},
};
use serde::Serialize;
use std::ops::RangeInclusive;

/// Workers of a pool, transfers of a worker, and the volume of a file that make sense.
const POOLS: RangeInclusive<u32> = 1..=10_000;
const TRANSFERS: RangeInclusive<u32> = 1..=1_000;
const MOST_VOLUME: u64 = 16 << 30;

/// One cross product of the file-server family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileServerTable {
    /// What each client asks for. Volume means nothing to `list` and `delete`: they come out once for each pair of
    /// pools.
    pub operations: Vec<Operation>,
    /// Size of one file.
    pub volume_bytes: Vec<Size>,
    /// Names from the registry.
    pub protocols: Vec<String>,
    /// Names from the registry.
    pub client_models: Vec<String>,
    /// Client workers, 1 to 10 000.
    pub client_pools: Vec<u32>,
    /// Names from the registry; all visible ones where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_models: Option<Vec<String>>,
    /// Connections served at a time, 1 to 10 000; models that are not sized ignore it.
    pub server_pools: Vec<u32>,
    /// How workers come to their connections; a choice only for pools of processes.
    pub accepts: Vec<Accept>,
    /// Most bytes of one read.
    pub read_bytes: Vec<ReadBytes>,
    /// What becomes of content that arrives.
    pub received: Vec<Received>,
    /// Transfers of each client worker in a round, 1 to 1 000.
    pub transfers: u32,
    /// Rounds are repeated until this time is reached; one round where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<Span>,
    /// Pairs of named hosts, `client:server1`, that clients and server run on; both run here where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

impl Default for FileServerTable {
    fn default() -> Self {
        Self {
            operations: vec![Operation::Download, Operation::Upload],
            volume_bytes: vec![Size(10 << 20)],
            protocols: vec!["raw".into()],
            client_models: vec!["thread-pool".into()],
            client_pools: vec![5],
            server_models: None,
            server_pools: vec![5],
            accepts: vec![Accept::Shared],
            read_bytes: vec![ReadBytes::Auto],
            received: vec![Received::Written],
            transfers: 1,
            leg: None,
            hosts: Vec::new(),
        }
    }
}

/// Changes that a command line makes to the tables of the file server: each axis by its singular name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileServerOverrides {
    /// `--operation`
    pub operations: Vec<Operation>,
    /// `--volume-bytes`
    pub volume_bytes: Vec<Size>,
    /// `--protocol`
    pub protocols: Vec<String>,
    /// `--client-model`
    pub client_models: Vec<String>,
    /// `--client-pool`
    pub client_pools: Vec<u32>,
    /// `--server-model`
    pub server_models: Vec<String>,
    /// `--server-pool`
    pub server_pools: Vec<u32>,
    /// `--accept`
    pub accepts: Vec<Accept>,
    /// `--read-bytes`
    pub read_bytes: Vec<ReadBytes>,
    /// `--received`
    pub received: Vec<Received>,
    /// `--transfers`
    pub transfers: Option<u32>,
    /// `--cross`: every client model of the plan against every server model of the plan
    pub cross: bool,
}

impl FileServerOverrides {
    /// Whether the command line names an axis of this family.
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Puts what the command line says into tables.
    pub(super) fn apply(
        &self,
        tables: &mut Vec<FileServerTable>,
        leg: Option<Span>,
        catalogue: &Catalogue,
    ) -> Result<(), PlanError> {
        for name in &self.protocols {
            protocol_known(name, catalogue)?;
        }
        for name in &self.client_models {
            client_model_known(name, catalogue)?;
        }
        for name in &self.server_models {
            server_model_known(name, catalogue)?;
        }
        if self.any() && tables.is_empty() {
            tables.push(FileServerTable::default());
        }
        for table in &mut *tables {
            replace(&mut table.operations, &self.operations);
            replace(&mut table.volume_bytes, &self.volume_bytes);
            replace(&mut table.protocols, &self.protocols);
            replace(&mut table.client_models, &self.client_models);
            replace(&mut table.client_pools, &self.client_pools);
            replace_optional(&mut table.server_models, &self.server_models);
            replace(&mut table.server_pools, &self.server_pools);
            replace(&mut table.accepts, &self.accepts);
            replace(&mut table.read_bytes, &self.read_bytes);
            replace(&mut table.received, &self.received);
            table.transfers = self.transfers.unwrap_or(table.transfers);
            table.leg = leg.or(table.leg);
            table.check()?;
        }
        if self.cross {
            cross(tables);
        }
        unlike(tables);
        Ok(())
    }
}

/// Gives every table the models of all: an absent list of server models is all of them already.
fn cross(tables: &mut [FileServerTable]) {
    let mut clients: Vec<String> = Vec::new();
    let mut servers: Option<Vec<String>> = Some(Vec::new());
    for table in &*tables {
        clients.extend(table.client_models.iter().cloned());
        servers = servers.zip(table.server_models.clone()).map(|(mut all, more)| {
            all.extend(more);
            all
        });
    }
    unlike(&mut clients);
    servers.as_mut().map(unlike);
    for table in tables {
        table.client_models.clone_from(&clients);
        table.server_models.clone_from(&servers);
    }
}

impl FileServerTable {
    /// Ranges that hold however the table came about.
    fn check(&self) -> Result<(), String> {
        pools_in_range(&self.client_pools)?;
        pools_in_range(&self.server_pools)?;
        volumes_in_range(&self.volume_bytes)?;
        transfers_in_range(self.transfers)
    }
}

fn protocol_known(name: &str, catalogue: &Catalogue) -> Result<(), String> {
    let all = catalogue.fileserver.protocols.iter().map(|known| (known.name.as_str(), false));
    catalogue::known("protocol", name, all)
}

fn client_model_known(name: &str, catalogue: &Catalogue) -> Result<(), String> {
    let all = catalogue.fileserver.client_models.iter().map(|known| (known.name.as_str(), false));
    catalogue::known("client model", name, all)
}

fn server_model_known(name: &str, catalogue: &Catalogue) -> Result<(), String> {
    let all = catalogue.fileserver.server_models.iter().map(|known| (known.name.as_str(), known.hidden));
    catalogue::known("server model", name, all)
}

fn pools_in_range(pools: &[u32]) -> Result<(), String> {
    match pools.iter().find(|count| !POOLS.contains(count)) {
        Some(count) => {
            Err(format!("expected {} to {} workers in a pool, not {count}", POOLS.start(), POOLS.end()))
        }
        None => Ok(()),
    }
}

fn volumes_in_range(volumes: &[Size]) -> Result<(), String> {
    match volumes.iter().find(|size| size.0 > MOST_VOLUME) {
        Some(size) => {
            Err(format!("a file of {size} is above the most that is measured, {}", Size(MOST_VOLUME)))
        }
        None => Ok(()),
    }
}

fn transfers_in_range(transfers: u32) -> Result<(), String> {
    if TRANSFERS.contains(&transfers) {
        return Ok(());
    }
    Err(format!(
        "expected {} to {} transfers of a worker, not {transfers}",
        TRANSFERS.start(),
        TRANSFERS.end()
    ))
}
