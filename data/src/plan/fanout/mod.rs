//! Fan-out in a plan: the table and its ranges.

pub(super) mod estimate;
pub(super) mod expand;
mod limits;
mod subnet;
#[cfg(test)]
mod tests;
mod value;
pub(super) mod wire;

pub use subnet::Subnet;
pub use value::{BytesPerSecond, DatagramBytes, FileBytes, Pause};

use super::{
    PlanError, Sources,
    catalogue::{self, Catalogue},
    overrides::{replace, replace_optional, unlike},
};
use crate::{
    fanout::{
        Assignment, Batching, Delivery, ETHERNET_MTU, FetchWhere, Framing, ReceiveOffload, Reliability,
        Segmented,
    },
    units::Size,
};
use serde::Serialize;
use std::{ops::RangeInclusive, path::PathBuf};

/// Workers of a pool, receivers (hosts of one subnet), and files that make sense.
const POOLS: RangeInclusive<u32> = 1..=1_000;
const RECEIVERS: RangeInclusive<u32> = 1..=250;
const FILES: RangeInclusive<u32> = 1..=10_000;
const MOST_FILE: u64 = 16 << 30;
/// Packets of IPv4: what every link must carry, and what its length field can say.
const MTUS: RangeInclusive<u32> = 576..=65_535;
/// Above that hardly anything would arrive.
const LOSSES: RangeInclusive<u32> = 0..=90;
const DUPLICATES: RangeInclusive<u32> = 0..=100;

/// One cross product of the fan-out family. A block is one run of the sending program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FanoutTable {
    /// Names from the registry; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_models: Option<Vec<String>>,
    /// Workers of a pool, 1 to 1000; models that are not sized ignore it.
    pub pool_sizes: Vec<u32>,
    /// To whom a datagram is addressed.
    pub deliveries: Vec<Delivery>,
    /// Which receivers get which files; a choice only for unicast, everything else reaches all.
    pub assignments: Vec<Assignment>,
    /// Receiving hosts, 1 to 250.
    pub receivers: Vec<u32>,
    /// Files, 1 to 10 000; a source of the plan's own says itself how many it has.
    pub files: Vec<u32>,
    /// Size of one file, or `pictures`; files of the plan's own source are as long as they are.
    pub file_bytes: Vec<FileBytes>,
    /// Payload of one datagram, or `whole-file`.
    pub datagram_bytes: Vec<DatagramBytes>,
    /// What a datagram holds beside its payload.
    pub framings: Vec<Framing>,
    /// Datagrams to one system call.
    pub batchings: Vec<Batching>,
    /// Whether what is missing is sent again.
    pub reliabilities: Vec<Reliability>,
    /// Who fetches the files.
    pub fetch_where: Vec<FetchWhere>,
    /// Pause between fetching a file and sending it, whole milliseconds, or `none`.
    pub think: Vec<Pause>,
    /// Where a batch becomes single datagrams; a choice only for `gso`.
    pub segmented: Vec<Segmented>,
    /// Whether receivers take several datagrams as one; a choice only for `gso`.
    pub receive_offloads: Vec<ReceiveOffload>,
    /// Most payload bytes that the sender puts on the wire in a second, or `none`.
    pub paces: Vec<BytesPerSecond>,
    /// Largest packet of the network, 576 to 65 535 bytes.
    pub mtu_bytes: Vec<u32>,
    /// What the link to each receiver carries in a second, or `none`.
    pub rates: Vec<BytesPerSecond>,
    /// Datagrams that the network loses at random, 0 to 90 percent.
    pub loss_percents: Vec<u32>,
    /// Datagrams that the network delivers twice at random, 0 to 100 percent.
    pub duplicate_percents: Vec<u32>,
    /// Where the hosts that a run makes have their addresses: no axis, but one for all tables of a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<Subnet>,
}

impl Default for FanoutTable {
    fn default() -> Self {
        Self {
            sender_models: None,
            pool_sizes: vec![4],
            deliveries: vec![Delivery::Unicast],
            assignments: vec![Assignment::All],
            receivers: vec![2],
            files: vec![2],
            file_bytes: vec![FileBytes(1 << 20)],
            datagram_bytes: vec![DatagramBytes(1400)],
            framings: vec![Framing::Ledger],
            batchings: vec![Batching::One],
            reliabilities: vec![Reliability::Unrepaired],
            fetch_where: vec![FetchWhere::Local],
            think: vec![Pause(0)],
            segmented: vec![Segmented::Never],
            receive_offloads: vec![ReceiveOffload::Gro],
            paces: vec![BytesPerSecond(0)],
            mtu_bytes: vec![ETHERNET_MTU],
            rates: vec![BytesPerSecond(0)],
            loss_percents: vec![0],
            duplicate_percents: vec![0],
            subnet: None,
        }
    }
}

/// Changes that a command line makes to the tables of fan-out: each axis by its singular name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FanoutOverrides {
    /// `--sender-model`
    pub sender_models: Vec<String>,
    /// `--pool-size`
    pub pool_sizes: Vec<u32>,
    /// `--delivery`
    pub deliveries: Vec<Delivery>,
    /// `--assignment`
    pub assignments: Vec<Assignment>,
    /// `--receivers`
    pub receivers: Vec<u32>,
    /// `--file-count`
    pub files: Vec<u32>,
    /// `--file-bytes`
    pub file_bytes: Vec<FileBytes>,
    /// `--datagram-bytes`
    pub datagram_bytes: Vec<DatagramBytes>,
    /// `--framing`
    pub framings: Vec<Framing>,
    /// `--batching`
    pub batchings: Vec<Batching>,
    /// `--reliability`
    pub reliabilities: Vec<Reliability>,
    /// `--fetch-where`
    pub fetch_where: Vec<FetchWhere>,
    /// `--think`
    pub think: Vec<Pause>,
    /// `--segmented`
    pub segmented: Vec<Segmented>,
    /// `--receive-offload`
    pub receive_offloads: Vec<ReceiveOffload>,
    /// `--pace`
    pub paces: Vec<BytesPerSecond>,
    /// `--mtu-bytes`
    pub mtu_bytes: Vec<u32>,
    /// `--rate`
    pub rates: Vec<BytesPerSecond>,
    /// `--loss-percent`
    pub loss_percents: Vec<u32>,
    /// `--duplicate-percent`
    pub duplicate_percents: Vec<u32>,
    /// `--url`: files to fetch and send, instead of the plan's source
    pub urls: Vec<String>,
    /// `--file`: files or folders to send, instead of the plan's source
    pub paths: Vec<PathBuf>,
    /// `--fetch-limit`: most bytes of a file that is fetched
    pub fetch_limit: Option<Size>,
}

impl FanoutOverrides {
    /// Whether the command line names an axis of this family.
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Puts what the command line says into tables, and into what is sent.
    pub(super) fn apply(
        &self,
        tables: &mut Vec<FanoutTable>,
        source: &mut Option<Sources>,
        catalogue: &Catalogue,
    ) -> Result<(), PlanError> {
        for name in &self.sender_models {
            sender_model_known(name, catalogue)?;
        }
        if !self.urls.is_empty() || !self.paths.is_empty() {
            let asked =
                Sources { urls: self.urls.clone(), paths: self.paths.clone(), fetch_limit: self.fetch_limit };
            asked.check()?;
            *source = Some(asked);
        } else if let Some(limit) = self.fetch_limit {
            let why =
                "a limit of what is fetched needs something to fetch: --url, or urls in the plan's [source]";
            source.as_mut().ok_or_else(|| why.to_owned())?.fetch_limit = Some(limit);
        }
        if self.any() && tables.is_empty() {
            tables.push(FanoutTable::default());
        }
        for table in &mut *tables {
            replace_optional(&mut table.sender_models, &self.sender_models);
            replace(&mut table.pool_sizes, &self.pool_sizes);
            replace(&mut table.deliveries, &self.deliveries);
            replace(&mut table.assignments, &self.assignments);
            replace(&mut table.receivers, &self.receivers);
            replace(&mut table.files, &self.files);
            replace(&mut table.file_bytes, &self.file_bytes);
            replace(&mut table.datagram_bytes, &self.datagram_bytes);
            replace(&mut table.framings, &self.framings);
            replace(&mut table.batchings, &self.batchings);
            replace(&mut table.reliabilities, &self.reliabilities);
            replace(&mut table.fetch_where, &self.fetch_where);
            replace(&mut table.think, &self.think);
            replace(&mut table.segmented, &self.segmented);
            replace(&mut table.receive_offloads, &self.receive_offloads);
            replace(&mut table.paces, &self.paces);
            replace(&mut table.mtu_bytes, &self.mtu_bytes);
            replace(&mut table.rates, &self.rates);
            replace(&mut table.loss_percents, &self.loss_percents);
            replace(&mut table.duplicate_percents, &self.duplicate_percents);
            table.check()?;
        }
        unlike(tables);
        Ok(())
    }
}

impl FanoutTable {
    /// Ranges that hold however the table came about.
    fn check(&self) -> Result<(), String> {
        pool_sizes_in_range(&self.pool_sizes)?;
        receivers_in_range(&self.receivers)?;
        files_in_range(&self.files)?;
        file_bytes_in_range(&self.file_bytes)?;
        datagrams_in_range(&self.datagram_bytes)?;
        pauses_in_range(&self.think)?;
        mtus_in_range(&self.mtu_bytes)?;
        losses_in_range(&self.loss_percents)?;
        duplicates_in_range(&self.duplicate_percents)
    }
}

fn sender_model_known(name: &str, catalogue: &Catalogue) -> Result<(), String> {
    let all = catalogue.fanout.sender_models.iter().map(|known| (known.name.as_str(), false));
    catalogue::known("sender model", name, all)
}

fn pool_sizes_in_range(sizes: &[u32]) -> Result<(), String> {
    in_range(sizes, &POOLS, "workers in a pool")
}

fn receivers_in_range(counts: &[u32]) -> Result<(), String> {
    in_range(counts, &RECEIVERS, "receivers")
}

fn files_in_range(counts: &[u32]) -> Result<(), String> {
    in_range(counts, &FILES, "files")
}

fn mtus_in_range(mtus: &[u32]) -> Result<(), String> {
    in_range(mtus, &MTUS, "bytes in a packet")
}

fn losses_in_range(percents: &[u32]) -> Result<(), String> {
    in_range(percents, &LOSSES, "percent lost")
}

fn duplicates_in_range(percents: &[u32]) -> Result<(), String> {
    in_range(percents, &DUPLICATES, "percent delivered twice")
}

fn in_range(counts: &[u32], range: &RangeInclusive<u32>, what: &str) -> Result<(), String> {
    match counts.iter().find(|count| !range.contains(count)) {
        Some(count) => Err(format!("expected {} to {} {what}, not {count}", range.start(), range.end())),
        None => Ok(()),
    }
}

fn file_bytes_in_range(sizes: &[FileBytes]) -> Result<(), String> {
    match sizes.iter().find(|size| size.0 > MOST_FILE) {
        Some(size) => {
            Err(format!("a file of {size} is above the most that is measured, {}", Size(MOST_FILE)))
        }
        None => Ok(()),
    }
}

/// Above the limit of UDP a trial is skipped; above this it is a typing slip.
fn datagrams_in_range(sizes: &[DatagramBytes]) -> Result<(), String> {
    match sizes.iter().find(|size| size.0 > 1 << 30) {
        Some(size) => Err(format!("expected a datagram of at most 65507 bytes, not {size}")),
        None => Ok(()),
    }
}

fn pauses_in_range(pauses: &[Pause]) -> Result<(), String> {
    match pauses.iter().find(|pause| !pause.0.is_multiple_of(1_000_000)) {
        Some(pause) => Err(format!("expected a pause of whole milliseconds, not {pause}")),
        None => Ok(()),
    }
}
