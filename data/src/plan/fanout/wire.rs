//! The fan-out table as it stands in a file.

use super::{
    BytesPerSecond, DatagramBytes, FanoutTable, FileBytes, Pause, Subnet, datagrams_in_range,
    duplicates_in_range, file_bytes_in_range, files_in_range, losses_in_range, mtus_in_range,
    pauses_in_range, pool_sizes_in_range, receivers_in_range, sender_model_known,
};
use crate::{
    fanout::{Assignment, Batching, Delivery, FetchWhere, Framing, ReceiveOffload, Reliability, Segmented},
    plan::{NamedHost, PlanError, catalogue::Catalogue, wire::Source},
};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::plan) struct WireFanout {
    sender_models: Option<Vec<Spanned<String>>>,
    pool_sizes: Option<Spanned<Vec<u32>>>,
    deliveries: Option<Vec<Delivery>>,
    assignments: Option<Vec<Assignment>>,
    receivers: Option<Spanned<Vec<u32>>>,
    files: Option<Spanned<Vec<u32>>>,
    file_bytes: Option<Spanned<Vec<FileBytes>>>,
    datagram_bytes: Option<Spanned<Vec<DatagramBytes>>>,
    framings: Option<Vec<Framing>>,
    batchings: Option<Vec<Batching>>,
    reliabilities: Option<Vec<Reliability>>,
    fetch_where: Option<Vec<FetchWhere>>,
    think: Option<Spanned<Vec<Pause>>>,
    segmented: Option<Vec<Segmented>>,
    receive_offloads: Option<Vec<ReceiveOffload>>,
    paces: Option<Vec<BytesPerSecond>>,
    mtu_bytes: Option<Spanned<Vec<u32>>>,
    rates: Option<Vec<BytesPerSecond>>,
    loss_percents: Option<Spanned<Vec<u32>>>,
    duplicate_percents: Option<Spanned<Vec<u32>>>,
    subnet: Option<Spanned<Subnet>>,
}

impl WireFanout {
    /// The table, held against the hosts of the plan and the tables before it.
    pub(in crate::plan) fn typed(
        self,
        source: Source<'_>,
        hosts: &[NamedHost],
        before: &[FanoutTable],
        catalogue: &Catalogue,
    ) -> Result<FanoutTable, PlanError> {
        let absent = FanoutTable::default();
        if let Some(own) = &self.subnet {
            one_network(*own.get_ref(), hosts, before).map_err(|message| source.at(own.span(), message))?;
        }
        Ok(FanoutTable {
            sender_models: source.names(self.sender_models, |name| sender_model_known(name, catalogue))?,
            pool_sizes: source.take(self.pool_sizes, absent.pool_sizes, |all| pool_sizes_in_range(all))?,
            deliveries: self.deliveries.unwrap_or(absent.deliveries),
            assignments: self.assignments.unwrap_or(absent.assignments),
            receivers: source.take(self.receivers, absent.receivers, |all| receivers_in_range(all))?,
            files: source.take(self.files, absent.files, |all| files_in_range(all))?,
            file_bytes: source.take(self.file_bytes, absent.file_bytes, |all| file_bytes_in_range(all))?,
            datagram_bytes: source
                .take(self.datagram_bytes, absent.datagram_bytes, |all| datagrams_in_range(all))?,
            framings: self.framings.unwrap_or(absent.framings),
            batchings: self.batchings.unwrap_or(absent.batchings),
            reliabilities: self.reliabilities.unwrap_or(absent.reliabilities),
            fetch_where: self.fetch_where.unwrap_or(absent.fetch_where),
            think: source.take(self.think, absent.think, |all| pauses_in_range(all))?,
            segmented: self.segmented.unwrap_or(absent.segmented),
            receive_offloads: self.receive_offloads.unwrap_or(absent.receive_offloads),
            paces: self.paces.unwrap_or(absent.paces),
            mtu_bytes: source.take(self.mtu_bytes, absent.mtu_bytes, |all| mtus_in_range(all))?,
            rates: self.rates.unwrap_or(absent.rates),
            loss_percents: source
                .take(self.loss_percents, absent.loss_percents, |all| losses_in_range(all))?,
            duplicate_percents: source
                .take(self.duplicate_percents, absent.duplicate_percents, |all| duplicates_in_range(all))?,
            subnet: self.subnet.map(Spanned::into_inner),
        })
    }
}

/// Refuses what one test network for all tables cannot have.
fn one_network(own: Subnet, hosts: &[NamedHost], before: &[FanoutTable]) -> Result<(), String> {
    if !hosts.is_empty() {
        return Err("named hosts have addresses already: a subnet is for hosts that the run makes".into());
    }
    match before.iter().find_map(|table| table.subnet.filter(|other| *other != own)) {
        Some(other) => {
            Err(format!("all tables share one network: its subnet is {other} above, and {own} here"))
        }
        None => Ok(()),
    }
}
