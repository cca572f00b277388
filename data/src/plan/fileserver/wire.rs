//! The file server's table as it stands in a file.

use super::{
    FileServerTable, client_model_known, pools_in_range, protocol_known, server_model_known,
    transfers_in_range, volumes_in_range,
};
use crate::{
    fileserver::{Accept, Operation, ReadBytes, Received},
    plan::{
        PlanError,
        catalogue::Catalogue,
        hosts::{NamedHost, pair_known},
        wire::Source,
    },
    units::{Size, Span},
};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::plan) struct WireFileServer {
    operations: Option<Vec<Operation>>,
    volume_bytes: Option<Spanned<Vec<Size>>>,
    protocols: Option<Vec<Spanned<String>>>,
    client_models: Option<Vec<Spanned<String>>>,
    client_pools: Option<Spanned<Vec<u32>>>,
    server_models: Option<Vec<Spanned<String>>>,
    server_pools: Option<Spanned<Vec<u32>>>,
    accepts: Option<Vec<Accept>>,
    read_bytes: Option<Vec<ReadBytes>>,
    received: Option<Vec<Received>>,
    transfers: Option<Spanned<u32>>,
    leg: Option<Span>,
    hosts: Option<Vec<Spanned<String>>>,
}

impl WireFileServer {
    pub(in crate::plan) fn typed(
        self,
        source: Source<'_>,
        hosts: &[NamedHost],
        catalogue: &Catalogue,
    ) -> Result<FileServerTable, PlanError> {
        let absent = FileServerTable::default();
        Ok(FileServerTable {
            operations: self.operations.unwrap_or(absent.operations),
            volume_bytes: source
                .take(self.volume_bytes, absent.volume_bytes, |volumes| volumes_in_range(volumes))?,
            protocols: source
                .names(self.protocols, |name| protocol_known(name, catalogue))?
                .unwrap_or(absent.protocols),
            client_models: source
                .names(self.client_models, |name| client_model_known(name, catalogue))?
                .unwrap_or(absent.client_models),
            client_pools: source
                .take(self.client_pools, absent.client_pools, |pools| pools_in_range(pools))?,
            server_models: source.names(self.server_models, |name| server_model_known(name, catalogue))?,
            server_pools: source
                .take(self.server_pools, absent.server_pools, |pools| pools_in_range(pools))?,
            accepts: self.accepts.unwrap_or(absent.accepts),
            read_bytes: self.read_bytes.unwrap_or(absent.read_bytes),
            received: self.received.unwrap_or(absent.received),
            transfers: source.take(self.transfers, absent.transfers, |count| transfers_in_range(*count))?,
            leg: self.leg,
            hosts: source.names(self.hosts, |pair| pair_known(pair, hosts))?.unwrap_or_default(),
        })
    }
}
