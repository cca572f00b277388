//! Round trips and foreign peers as they stand in a file.

use super::{Foreign, RoundTripTable, exchanges_in_range, known, producers_known, sizes_in_range};
use crate::{
    plan::{
        PlanError,
        catalogue::Catalogue,
        hosts::{NamedHost, pair_known},
        wire::{Source, is_plain_name},
    },
    roundtrip::{Pattern, Peers, Placement, Wait},
    units::{Size, Span},
};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::plan) struct WireRoundTrip {
    mechanisms: Option<Vec<Spanned<String>>>,
    patterns: Option<Vec<Pattern>>,
    message_bytes: Option<Spanned<Vec<Size>>>,
    peers: Option<Vec<Peers>>,
    waits: Option<Vec<Wait>>,
    placements: Option<Vec<Placement>>,
    producers: Option<Spanned<Vec<u32>>>,
    leg: Option<Span>,
    exchanges: Option<Spanned<u64>>,
    hosts: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::plan) struct WireForeign {
    name: Spanned<String>,
    command: Spanned<Vec<String>>,
    message_bytes: Option<Vec<Size>>,
    placements: Option<Vec<Placement>>,
    rounds: Option<Spanned<u64>>,
}

impl WireRoundTrip {
    pub(in crate::plan) fn typed(
        self,
        source: Source<'_>,
        hosts: &[NamedHost],
        catalogue: &Catalogue,
    ) -> Result<RoundTripTable, PlanError> {
        let absent = RoundTripTable::default();
        Ok(RoundTripTable {
            mechanisms: source.names(self.mechanisms, |name| known(name, catalogue))?,
            patterns: self.patterns.unwrap_or(absent.patterns),
            message_bytes: source
                .take(self.message_bytes, absent.message_bytes, |sizes| sizes_in_range(sizes))?,
            peers: self.peers,
            waits: self.waits,
            placements: self.placements.unwrap_or(absent.placements),
            producers: source.take(self.producers, absent.producers, |counts| producers_known(counts))?,
            leg: self.leg.unwrap_or(absent.leg),
            exchanges: self
                .exchanges
                .map(|exchanges| source.take(Some(exchanges), 0, |count| exchanges_in_range(*count)))
                .transpose()?,
            hosts: source.names(self.hosts, |pair| pair_known(pair, hosts))?.unwrap_or_default(),
        })
    }
}

impl WireForeign {
    pub(in crate::plan) fn typed(
        self,
        source: Source<'_>,
        others: &[Foreign],
        catalogue: &Catalogue,
    ) -> Result<Foreign, PlanError> {
        let name = self.name.get_ref();
        let taken = catalogue.find(name).is_some() || others.iter().any(|other| other.name == *name);
        if taken || !is_plain_name(name) {
            let why = if taken { "is taken" } else { "is not letters, digits, '-', '_' and '.'" };
            return Err(source.at(self.name.span(), format!("the name \"{name}\" of a foreign peer {why}")));
        }
        if self.command.get_ref().is_empty() {
            return Err(source.at(self.command.span(), "a foreign peer needs a command".into()));
        }
        Ok(Foreign {
            name: self.name.into_inner(),
            command: self.command.into_inner(),
            message_bytes: self.message_bytes.unwrap_or_else(|| vec![Size(64)]),
            placements: self.placements.unwrap_or_else(|| vec![Placement::SameCpu, Placement::Split]),
            rounds: source.take(self.rounds, 2_000, |count| exchanges_in_range(*count))?,
        })
    }
}
