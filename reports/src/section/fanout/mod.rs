//! The part of the report about files over UDP to many hosts, in the order in which it is read.

mod batching;
mod best;
mod captures;
mod files;
mod goodput;
mod growth;
mod headline;
mod ledger;
mod losses;
mod network;
mod phases;
mod programs;
mod published;
mod reading;
mod time;
mod view;

use crate::{element::Element, section::view::View};
use std::collections::HashSet;

/// One section of this part.
type Section = fn(&View<'_>) -> Vec<Element>;

const ALL: &[Section] = &[
    network::section,
    programs::section,
    time::section,
    published::section,
    captures::section,
    files::section,
    goodput::section,
    batching::section,
    growth::section,
    losses::section,
    ledger::section,
];

/// Every section of the part; nothing where a run has no rows of a fan-out.
pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    if !view.has_fanouts() {
        return Vec::new();
    }
    ALL.iter().flat_map(|section| section(view)).collect()
}

/// The hosts of a run whose other families ran between them; the part itself begins with them where there is a fan-out.
pub(super) fn hosts(view: &View<'_>) -> Vec<Element> {
    if view.has_fanouts() { Vec::new() } else { network::alone(view) }
}

/// What the summary says of the fan-out.
pub(super) fn headline(view: &View<'_>) -> Vec<String> {
    headline::headline(view)
}

/// How to read the part; the words that other families need as well only where it stands alone.
pub(super) fn reading(view: &View<'_>) -> Vec<String> {
    if !view.has_fanouts() {
        return Vec::new();
    }
    let general = if view.has_round_trips() || view.has_servers() { &[] } else { reading::GENERAL };
    reading::WORDS.iter().chain(general).map(|item| (*item).to_owned()).collect()
}

/// Names of the captures that are a program's source or output, which this part shows.
pub(super) fn captures<'v>(view: &'v View<'_>) -> HashSet<&'v str> {
    if view.has_fanouts() { captures::files(view) } else { HashSet::new() }
}
