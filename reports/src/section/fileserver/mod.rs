//! The file server's part of the report, in the order in which it is read.

mod compare;
mod effects;
mod foreign;
mod line;
mod memory;
mod models;
mod pools;
mod published;
mod ranking;
mod reading;
mod setup;
mod table;
mod transfers;
mod view;
mod waits;

use crate::{element::Element, section::view::View};

/// One section of this part.
type Section = fn(&View<'_>) -> Vec<Element>;

const ALL: &[Section] = &[
    ranking::section,
    setup::section,
    table::section,
    pools::section,
    waits::section,
    models::models,
    models::protocols,
    models::accepts,
    models::hosts,
    foreign::section,
    memory::section,
    published::section,
];

/// Every section of the part; nothing where a run has no rows of a file server.
pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    if !view.has_servers() {
        return Vec::new();
    }
    ALL.iter().flat_map(|section| section(view)).collect()
}

/// What the summary says of the file server.
pub(super) fn headline(view: &View<'_>) -> Vec<String> {
    ranking::headline(view)
}

/// How to read the part; the words that other families need as well only where it stands alone.
pub(super) fn reading(view: &View<'_>) -> Vec<String> {
    if !view.has_servers() {
        return Vec::new();
    }
    let general = if view.has_round_trips() { &[] } else { reading::GENERAL };
    reading::WORDS.iter().chain(general).map(|item| (*item).to_owned()).collect()
}
