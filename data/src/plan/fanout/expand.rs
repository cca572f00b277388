//! From the tables of fan-out to trials.

use super::{FanoutTable, limits};
use crate::{
    fanout::{Assignment, Batching, Content, Delivery, FetchWhere, Hosts, ReceiveOffload, Segmented, Spec},
    plan::{
        NamedHost, Sources,
        catalogue::{Catalogue, SenderModel},
        expand::{Cell, Trial, Work},
    },
};
use std::collections::HashSet;

/// What of a plan, beside its tables, decides what a trial is.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Around<'a> {
    /// Hosts that the plan names.
    pub(in crate::plan) hosts: &'a [NamedHost],
    /// Files that it sends instead of ours.
    pub(in crate::plan) source: Option<&'a Sources>,
}

/// The trials of one table.
pub(in crate::plan) fn table(table: &FanoutTable, around: Around<'_>, catalogue: &Catalogue) -> Vec<Trial> {
    let named = |model: &&SenderModel| match &table.sender_models {
        Some(names) => names.contains(&model.name),
        None => true,
    };
    let models = catalogue.fanout.sender_models.iter().filter(named);
    let mut trials = Vec::new();
    let mut asked = HashSet::new();
    for model in models {
        for spec in cells(table) {
            let spec = collapsed(&spec, model, around, catalogue);
            if !asked.insert(spec.clone()) {
                continue;
            }
            let skip = limits::skip(&spec, around.hosts, &catalogue.fanout);
            trials.push(Trial { cell: Cell::Fanout(spec), work: Work::Once, foreign: None, skip });
        }
    }
    trials
}

/// The cross product of the table's axes, for a model that has all of them.
fn cells(table: &FanoutTable) -> Vec<Spec> {
    let first = Spec {
        sender_model: String::new(),
        receivers: 0,
        files: 0,
        file_bytes: 0,
        datagram_bytes: 0,
        mtu_bytes: 0,
        ..Spec::default()
    };
    let cells = cross(&[first], &table.pool_sizes, |spec, value| spec.pool_size = value);
    let cells = cross(&cells, &table.deliveries, |spec, value| spec.delivery = value);
    let cells = cross(&cells, &table.assignments, |spec, value| spec.assignment = value);
    let cells = cross(&cells, &table.framings, |spec, value| spec.framing = value);
    let cells = cross(&cells, &table.reliabilities, |spec, value| spec.reliability = value);
    let cells = cross(&cells, &table.batchings, |spec, value| spec.batching = value);
    let cells = cross(&cells, &table.segmented, |spec, value| spec.segmented = value);
    let cells = cross(&cells, &table.receive_offloads, |spec, value| spec.receive_offload = value);
    let cells = cross(&cells, &table.fetch_where, |spec, value| spec.fetch_where = value);
    let cells = cross(&cells, &table.think, |spec, value| spec.think_ms = value.millis());
    let cells = cross(&cells, &table.paces, |spec, value| spec.pace_bytes_per_s = value.0);
    let cells = cross(&cells, &table.mtu_bytes, |spec, value| spec.mtu_bytes = value);
    let cells = cross(&cells, &table.rates, |spec, value| spec.rate_bytes_per_s = value.0);
    let cells = cross(&cells, &table.loss_percents, |spec, value| spec.loss_percent = value);
    let cells = cross(&cells, &table.duplicate_percents, |spec, value| spec.duplicate_percent = value);
    let cells = cross(&cells, &table.receivers, |spec, value| spec.receivers = value);
    let cells = cross(&cells, &table.files, |spec, value| spec.files = value);
    let cells = cross(&cells, &table.file_bytes, |spec, value| spec.file_bytes = value.0);
    cross(&cells, &table.datagram_bytes, |spec, value| spec.datagram_bytes = value.0 as u32)
}

/// Every cell with every value of one more axis.
fn cross<T: Copy>(cells: &[Spec], values: &[T], set: fn(&mut Spec, T)) -> Vec<Spec> {
    let with = |cell: &Spec, value| {
        let mut cell = cell.clone();
        set(&mut cell, value);
        cell
    };
    cells.iter().flat_map(|cell| values.iter().map(move |&value| with(cell, value))).collect()
}

/// The cell as this model has it: what means nothing to it takes the one value that says so.
fn collapsed(spec: &Spec, model: &SenderModel, around: Around<'_>, catalogue: &Catalogue) -> Spec {
    let mut spec = Spec { sender_model: model.name.clone(), hosts: hosts(around, catalogue), ..spec.clone() };
    if !model.sized {
        spec.pool_size = 0;
    }
    if spec.delivery != Delivery::Unicast {
        // Whoever listens gets it.
        spec.assignment = Assignment::All;
    }
    if spec.batching != Batching::Gso {
        spec.segmented = Segmented::Never;
        spec.receive_offload = ReceiveOffload::default();
    }
    if let Some(source) = around.source {
        spec.content = Content::Own;
        spec.file_bytes = 0;
        spec.files = catalogue.fanout.source_files.unwrap_or(spec.files);
        if !source.urls.is_empty() && spec.fetch_where == FetchWhere::Local {
            // What lies elsewhere cannot be had without fetching it.
            spec.fetch_where = FetchWhere::ParentSerial;
        }
    }
    spec
}

/// What the hosts of a plan are on this machine.
fn hosts(around: Around<'_>, catalogue: &Catalogue) -> Hosts {
    if !around.hosts.is_empty() {
        Hosts::Named
    } else if catalogue.fanout.namespaces_lacking.is_none() {
        Hosts::Namespaces
    } else {
        Hosts::Loopback
    }
}
