//! The plan as it stands in a file: unknown keys refused, errors point at line and column.

use super::{Foreign, Order, Plan, PlanError, RoundTripTable, catalogue::Catalogue};
use crate::{
    roundtrip::{Pattern, Peers, Placement, Wait},
    units::{Size, Span},
};
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData, ops::Range};
use toml::Spanned;

/// The most blocks, producers and exchanges that make sense: a typing slip must not run for a month.
const MOST_BLOCKS: u32 = 10_000;
const PRODUCERS: [u32; 3] = [1, 2, 4];
const MOST_EXCHANGES: u64 = 1_000_000_000;
const MOST_MESSAGE: u64 = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePlan {
    name: Spanned<String>,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "six")]
    blocks: Spanned<u32>,
    #[serde(default)]
    order: Order,
    only: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    roundtrip: Vec<WireRoundTrip>,
    #[serde(default, deserialize_with = "one_or_many")]
    foreign: Vec<WireForeign>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRoundTrip {
    mechanisms: Option<Vec<Spanned<String>>>,
    patterns: Option<Spanned<Vec<Pattern>>>,
    message_bytes: Option<Spanned<Vec<Size>>>,
    peers: Option<Vec<Peers>>,
    waits: Option<Vec<Wait>>,
    placements: Option<Spanned<Vec<Placement>>>,
    producers: Option<Spanned<Vec<u32>>>,
    leg: Option<Span>,
    exchanges: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireForeign {
    name: Spanned<String>,
    command: Spanned<Vec<String>>,
    message_bytes: Option<Vec<Size>>,
    placements: Option<Vec<Placement>>,
    rounds: Option<Spanned<u64>>,
}

fn one() -> u64 {
    1
}

fn six() -> Spanned<u32> {
    Spanned::new(0..0, 6)
}

pub(super) fn parse(text: &str, file: &str, catalogue: &Catalogue) -> Result<Plan, PlanError> {
    let at = |span: Range<usize>, message: String| PlanError {
        place: Some(place(text, file, span.start)),
        message,
    };
    let wire: WirePlan = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        at(error.span().unwrap_or(0..0), message)
    })?;
    if !is_plain_name(wire.name.get_ref()) {
        let message = "a plan's name is letters, digits, '-', '_' and '.', at most 64 of them".to_owned();
        return Err(at(wire.name.span(), message));
    }
    let mut plan = Plan {
        name: wire.name.into_inner(),
        seed: wire.seed,
        blocks: *wire.blocks.get_ref(),
        order: wire.order,
        only: wire.only,
        roundtrip: Vec::new(),
        foreign: Vec::new(),
    };
    blocks_in_range(plan.blocks).map_err(|message| at(wire.blocks.span(), message))?;
    for table in wire.roundtrip {
        for name in table.mechanisms.iter().flatten() {
            known(name.get_ref(), catalogue).map_err(|error| at(name.span(), error.message))?;
        }
        let spans = (
            table.producers.as_ref().map(Spanned::span),
            table.message_bytes.as_ref().map(Spanned::span),
            table.exchanges.as_ref().map(Spanned::span),
        );
        let typed = typed(table);
        producers_known(&typed.producers).map_err(|message| at(spans.0.unwrap_or(0..0), message))?;
        sizes_in_range(&typed.message_bytes).map_err(|message| at(spans.1.unwrap_or(0..0), message))?;
        exchanges_in_range(typed.exchanges).map_err(|message| at(spans.2.unwrap_or(0..0), message))?;
        plan.roundtrip.push(typed);
    }
    for foreign in wire.foreign {
        let name = foreign.name.get_ref();
        let taken = catalogue.find(name).is_some() || plan.foreign.iter().any(|other| other.name == *name);
        if taken || !is_plain_name(name) {
            let why = if taken { "is taken" } else { "is not letters, digits, '-', '_' and '.'" };
            return Err(at(foreign.name.span(), format!("the name \"{name}\" of a foreign peer {why}")));
        }
        if foreign.command.get_ref().is_empty() {
            return Err(at(foreign.command.span(), "a foreign peer needs a command".into()));
        }
        let rounds = foreign.rounds.as_ref().map(|rounds| *rounds.get_ref());
        exchanges_in_range(rounds)
            .map_err(|message| at(foreign.rounds.as_ref().map_or(0..0, Spanned::span), message))?;
        plan.foreign.push(Foreign {
            name: foreign.name.into_inner(),
            command: foreign.command.into_inner(),
            message_bytes: foreign.message_bytes.unwrap_or_else(|| vec![Size(64)]),
            placements: foreign.placements.unwrap_or_else(|| vec![Placement::SameCpu, Placement::Split]),
            rounds: rounds.unwrap_or(2_000),
        });
    }
    if plan.roundtrip.is_empty() && plan.foreign.is_empty() {
        return Err(at(
            0..0,
            "the plan asks for nothing: it needs a [roundtrip] or a [[foreign]] table".into(),
        ));
    }
    Ok(plan)
}

fn typed(wire: WireRoundTrip) -> RoundTripTable {
    let absent = RoundTripTable::default();
    RoundTripTable {
        mechanisms: wire.mechanisms.map(|names| names.into_iter().map(Spanned::into_inner).collect()),
        patterns: wire.patterns.map_or(absent.patterns, Spanned::into_inner),
        message_bytes: wire.message_bytes.map_or(absent.message_bytes, Spanned::into_inner),
        peers: wire.peers,
        waits: wire.waits,
        placements: wire.placements.map_or(absent.placements, Spanned::into_inner),
        producers: wire.producers.map_or(absent.producers, Spanned::into_inner),
        leg: wire.leg.unwrap_or(absent.leg),
        exchanges: wire.exchanges.map(Spanned::into_inner),
    }
}

/// Refuses a mechanism that does not exist, and names the nearest that does.
pub(super) fn known(name: &str, catalogue: &Catalogue) -> Result<(), PlanError> {
    if catalogue.find(name).is_some() {
        return Ok(());
    }
    let hint = match catalogue.nearest(name) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`ferrybench list` shows what exists".to_owned(),
    };
    Err(format!("unknown mechanism \"{name}\"; {hint}").into())
}

/// Ranges that hold however the plan came about.
pub(super) fn check_ranges(plan: &Plan) -> Result<(), PlanError> {
    blocks_in_range(plan.blocks)?;
    for table in &plan.roundtrip {
        producers_known(&table.producers)?;
        sizes_in_range(&table.message_bytes)?;
        exchanges_in_range(table.exchanges)?;
    }
    Ok(())
}

fn blocks_in_range(blocks: u32) -> Result<(), String> {
    if (1..=MOST_BLOCKS).contains(&blocks) {
        return Ok(());
    }
    Err(format!("expected 1 to {MOST_BLOCKS} blocks, not {blocks}"))
}

fn producers_known(producers: &[u32]) -> Result<(), String> {
    match producers.iter().find(|count| !PRODUCERS.contains(count)) {
        Some(count) => Err(format!("expected 1, 2 or 4 producers, not {count}")),
        None => Ok(()),
    }
}

fn sizes_in_range(sizes: &[Size]) -> Result<(), String> {
    match sizes.iter().find(|size| size.0 > MOST_MESSAGE) {
        Some(size) => {
            Err(format!("a message of {size} is above the most that is measured, {}", Size(MOST_MESSAGE)))
        }
        None => Ok(()),
    }
}

fn exchanges_in_range(exchanges: Option<u64>) -> Result<(), String> {
    match exchanges {
        Some(count) if !(1..=MOST_EXCHANGES).contains(&count) => {
            Err(format!("expected 1 to {MOST_EXCHANGES} exchanges, not {count}"))
        }
        _ => Ok(()),
    }
}

/// Names become parts of ids and of folder names.
fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
}

/// File, line and column of a byte in a text, both from 1; columns count characters.
fn place(text: &str, file: &str, byte: usize) -> (String, usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (file.to_owned(), line, column)
}

/// One table, or a list of tables.
fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a table or a list of tables")
        }
        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            Ok(vec![T::deserialize(MapAccessDeserializer::new(map))?])
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut tables = Vec::new();
            while let Some(table) = seq.next_element()? {
                tables.push(table);
            }
            Ok(tables)
        }
    }
    from.deserialize_any(OneOrMany(PhantomData))
}
