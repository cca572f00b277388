//! From the tables of round trips and the foreign peers to trials.

use super::{Foreign, RoundTripTable};
use crate::{
    plan::{
        PlanError,
        catalogue::{Catalogue, Mechanism},
        expand::{Cell, Trial, Work},
    },
    roundtrip::{Pattern, Peers, Placement, Source, Spec, Wait},
    units::Size,
};

/// The trials of one table.
pub(in crate::plan) fn table(table: &RoundTripTable, catalogue: &Catalogue) -> Result<Vec<Trial>, PlanError> {
    let mut trials = Vec::new();
    for mechanism in &catalogue.mechanisms {
        let named = table.mechanisms.as_ref().map(|names| names.contains(&mechanism.name));
        if !named.unwrap_or(!mechanism.hidden) {
            continue;
        }
        if !table.hosts.is_empty() && !mechanism.nature.between_hosts {
            if named == Some(true) {
                return Err(format!(
                    "{} joins ends on one host: between hosts there is tcp or udp",
                    mechanism.name
                )
                .into());
            }
            continue;
        }
        let mut any = false;
        for spec in specs(table, mechanism) {
            any = true;
            let work = table.exchanges.map_or(Work::For(table.leg), Work::Exactly);
            let skip = lacking(&spec, mechanism, catalogue);
            trials.push(Trial { cell: Cell::RoundTrip(spec), work, foreign: None, skip });
        }
        if !any && named == Some(true) {
            return Err(format!(
                "{} has none of the combinations that the plan asks for: it does {} between {}, waiting by {}{}",
                mechanism.name,
                words(&mechanism.patterns),
                words(&mechanism.peers),
                words(&mechanism.waits),
                if mechanism.many_producers { "" } else { ", from one producer" },
            )
            .into());
        }
    }
    Ok(trials)
}

/// The trials of one foreign peer.
pub(in crate::plan) fn foreign(index: usize, foreign: &Foreign, catalogue: &Catalogue) -> Vec<Trial> {
    let mut trials = Vec::new();
    for &placement in &foreign.placements {
        for size in &foreign.message_bytes {
            let spec = Spec {
                mechanism: foreign.name.clone(),
                pattern: Pattern::Rtt,
                message_bytes: size.0,
                peers: Peers::Process,
                wait: Wait::Block,
                placement,
                producers: 1,
                source: Source::Foreign,
                hosts: String::new(),
            };
            let missing =
                catalogue.missing_programs.iter().find(|name| Some(*name) == foreign.command.first());
            let skip = missing
                .map(|name| format!("{name} was not found"))
                .or_else(|| no_place(placement, catalogue));
            let work = Work::Exactly(foreign.rounds);
            trials.push(Trial { cell: Cell::RoundTrip(spec), work, foreign: Some(index), skip });
        }
    }
    trials
}

/// The cells of one table that a mechanism has by its nature; what it lacks by nature is no trial.
fn specs(table: &RoundTripTable, mechanism: &Mechanism) -> Vec<Spec> {
    let here = specs_here(table, mechanism);
    if table.hosts.is_empty() {
        return here;
    }
    // A CPU of another host has no number here, and its end is a process whatever is asked for.
    let mut apart: Vec<Spec> = Vec::new();
    for spec in here.into_iter().filter(|spec| spec.peers == Peers::Process) {
        for hosts in &table.hosts {
            let spec = Spec { placement: Placement::Unpinned, hosts: hosts.clone(), ..spec.clone() };
            if !apart.contains(&spec) {
                apart.push(spec);
            }
        }
    }
    apart
}

/// The same, with both ends on this machine.
fn specs_here(table: &RoundTripTable, mechanism: &Mechanism) -> Vec<Spec> {
    let peers = choose(table.peers.as_deref(), &mechanism.peers);
    let waits = choose(table.waits.as_deref(), &mechanism.waits);
    let mut specs = Vec::new();
    for &pattern in table.patterns.iter().filter(|pattern| mechanism.patterns.contains(pattern)) {
        for &Size(message_bytes) in &table.message_bytes {
            for &peers in &peers {
                for &wait in &waits {
                    for &placement in places(&table.placements, peers) {
                        for &producers in &table.producers {
                            if producers > 1 && !(mechanism.many_producers && pattern == Pattern::Stream) {
                                continue;
                            }
                            specs.push(Spec {
                                mechanism: mechanism.name.clone(),
                                pattern,
                                message_bytes,
                                peers,
                                wait,
                                placement,
                                producers,
                                source: Source::BuiltIn,
                                hosts: String::new(),
                            });
                        }
                    }
                }
            }
        }
    }
    specs
}

/// Asked-for values that the mechanism has; its first one where nothing was asked.
fn choose<T: Copy + PartialEq>(asked: Option<&[T]>, has: &[T]) -> Vec<T> {
    match asked {
        Some(asked) => asked.iter().copied().filter(|value| has.contains(value)).collect(),
        None => has.first().copied().into_iter().collect(),
    }
}

/// A floor has one end, so that it can only be where that end is.
fn places(asked: &[Placement], peers: Peers) -> &[Placement] {
    if peers == Peers::None { &[Placement::SameCpu] } else { asked }
}

fn lacking(spec: &Spec, mechanism: &Mechanism, catalogue: &Catalogue) -> Option<String> {
    if let Some(why) = &mechanism.lacking {
        return Some(why.clone());
    }
    if let Some(largest) = mechanism.largest_bytes.filter(|largest| spec.message_bytes > *largest) {
        return Some(format!("limit: {} carries at most {} here", mechanism.name, Size(largest)));
    }
    if spec.producers > 1 && spec.message_bytes < 8 {
        return Some("limit: with several producers a message needs 8 bytes to tell whose it is".into());
    }
    no_place(spec.placement, catalogue)
}

fn no_place(placement: Placement, catalogue: &Catalogue) -> Option<String> {
    (placement == Placement::Split && catalogue.places.split.is_none())
        .then(|| "split needs two CPUs, and this process may use one".to_owned())
}

fn words<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}
