//! The sections of the report, in the order in which they are read. Each answers one question and owns its prose, its
//! table and its figure; what has nothing to show says nothing.

mod assignment;
mod criterion;
mod distribution;
mod efficiency;
mod fanout;
mod fileserver;
mod foreign;
mod machine;
mod nature;
mod placement;
mod ranking;
mod reading;
mod remade;
mod rows;
mod sizes;
mod sockets;
mod summary;
mod view;
mod waits;

pub(crate) use view::View;

use crate::element::Element;

/// One section.
type Section = fn(&View<'_>) -> Vec<Element>;

const ALL: &[Section] = &[
    summary::section,
    machine::section,
    fanout::hosts,
    reading::section,
    ranking::section,
    nature::section,
    sizes::round_trips,
    sizes::streams,
    distribution::section,
    efficiency::section,
    placement::section,
    sockets::section,
    waits::section,
    foreign::section,
    assignment::section,
    criterion::section,
    fileserver::section,
    fanout::section,
    remade::at_work,
    rows::without_figure,
    rows::every_trial,
    remade::section,
];

/// Every section of a run's report.
pub(crate) fn all(view: &View<'_>) -> Vec<Element> {
    ALL.iter().flat_map(|section| section(view)).collect()
}
