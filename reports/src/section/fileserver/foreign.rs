//! Somebody else's server beside ours: the same clients, protocol, files and pools.

use super::{
    compare::{self, Comparison},
    view::{Grid, grids, is_ranked, setting},
};
use crate::{
    element::Element,
    section::{machine, view::View},
};
use ferrybench_data::{family::Source, fileserver::Spec};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let grids = grids(view);
    let is_foreign = |grid: &&Grid<'_, '_>| grid.spec.source == Source::Foreign;
    let comparisons: Vec<Comparison<'_, '_>> = grids
        .iter()
        .filter(is_foreign)
        .flat_map(|theirs| grids.iter().filter_map(|ours| held(view, ours, theirs)))
        .collect();
    if comparisons.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "File server: somebody else's server beside ours"),
        Element::prose(
            "Its insides are not known, and it has no rank; but the clients were ours, and what they moved was verified as it is with \
             our own. So it is held against those servers of ours that have workers of the same number, for the same clients, over the \
             same protocol, with the same files.",
        ),
    ];
    if machine::distinct(view.data).len() > 1 {
        elements.push(Element::prose(
            "The runs that are reported here together ran on different machines: no ratio between them is shown.",
        ));
    } else {
        elements.extend(compare::show(view, &comparisons, "fileserver-foreign"));
    }
    elements
}

/// Ours over theirs, where they differ in nothing but the server. A server of ours that takes every connection as it
/// comes has no pool like theirs.
fn held<'v, 'a>(view: &View<'_>, ours: &Grid<'v, 'a>, theirs: &Grid<'v, 'a>) -> Option<Comparison<'v, 'a>> {
    let alike = setting(ours.spec)
        == Spec {
            server_model: ours.spec.server_model.clone(),
            source: Source::BuiltIn,
            ..setting(theirs.spec)
        };
    let is_pooled = ours.server_pools().first().is_some_and(|size| *size > 0);
    if !alike || !is_pooled || !is_ranked(view, ours.spec) {
        return None;
    }
    let common = format!("{} clients, protocol {}", ours.spec.client_model, ours.spec.protocol);
    let name = |spec: &Spec| spec.server_model.clone();
    Comparison::new((name(ours.spec), ours), (name(theirs.spec), theirs), common)
}
