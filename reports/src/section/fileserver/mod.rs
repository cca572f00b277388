//! The file server's part of the report, in the order in which it is read.

mod line;
mod pools;
mod table;
mod view;

use crate::{element::Element, section::view::View};

/// One section of this part.
type Section = fn(&View<'_>) -> Vec<Element>;

const ALL: &[Section] = &[table::section, pools::section];

/// Every section of the part; nothing where a run has no rows of a file server.
pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    if !view.has_servers() {
        return Vec::new();
    }
    ALL.iter().flat_map(|section| section(view)).collect()
}

pub(super) fn headline(_view: &View<'_>) -> Vec<String> {
    Vec::new()
}
