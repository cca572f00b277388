//! The plan as it stands in a file: unknown keys refused, errors point at line and column.

use super::{
    Order, Plan, PlanError,
    catalogue::Catalogue,
    fanout::wire::WireFanout,
    fileserver::{Outside, wire::WireFileServer},
    hosts::{WireHost, WireSources},
    roundtrip::wire::{WireForeign, WireRoundTrip},
};
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData, ops::Range};
use toml::Spanned;

/// The most blocks that make sense: a typing slip must not run for a month.
const MOST_BLOCKS: u32 = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePlan {
    name: Spanned<String>,
    #[serde(default = "one")]
    seed: u64,
    blocks: Option<Spanned<u32>>,
    #[serde(default)]
    order: Order,
    only: Option<String>,
    #[serde(default)]
    allow_same_host: bool,
    #[serde(default, deserialize_with = "one_or_many")]
    host: Vec<WireHost>,
    source: Option<Spanned<WireSources>>,
    #[serde(default, deserialize_with = "one_or_many")]
    roundtrip: Vec<WireRoundTrip>,
    #[serde(default, deserialize_with = "one_or_many")]
    fileserver: Vec<WireFileServer>,
    #[serde(default, deserialize_with = "one_or_many")]
    fanout: Vec<WireFanout>,
    outside: Option<Spanned<Outside>>,
    #[serde(default, deserialize_with = "one_or_many")]
    foreign: Vec<WireForeign>,
}

fn one() -> u64 {
    1
}

/// The text that a plan is read from, for errors that point into it.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    text: &'a str,
    file: &'a str,
}

impl Source<'_> {
    /// An error at a place of the text.
    pub(super) fn at(self, span: Range<usize>, message: String) -> PlanError {
        PlanError { place: Some(place(self.text, self.file, span.start)), message }
    }

    /// A value if it is there and passes its check, else its default.
    pub(super) fn take<T>(
        self,
        wire: Option<Spanned<T>>,
        absent: T,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Result<T, PlanError> {
        let Some(wire) = wire else { return Ok(absent) };
        check(wire.get_ref()).map_err(|message| self.at(wire.span(), message))?;
        Ok(wire.into_inner())
    }

    /// Names that are known, if any are there.
    pub(super) fn names(
        self,
        wire: Option<Vec<Spanned<String>>>,
        known: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<Vec<String>>, PlanError> {
        for name in wire.iter().flatten() {
            known(name.get_ref()).map_err(|message| self.at(name.span(), message))?;
        }
        Ok(wire.map(|names| names.into_iter().map(Spanned::into_inner).collect()))
    }
}

pub(super) fn parse(text: &str, file: &str, catalogue: &Catalogue) -> Result<Plan, PlanError> {
    let source = Source { text, file };
    let wire: WirePlan = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        source.at(error.span().unwrap_or(0..0), message)
    })?;
    if !is_plain_name(wire.name.get_ref()) {
        let message = "a plan's name is letters, digits, '-', '_' and '.', at most 64 of them".to_owned();
        return Err(source.at(wire.name.span(), message));
    }
    let mut plan = Plan {
        name: wire.name.into_inner(),
        seed: wire.seed,
        blocks: source.take(wire.blocks, 6, |blocks| blocks_in_range(*blocks))?,
        order: wire.order,
        only: wire.only,
        allow_same_host: wire.allow_same_host,
        host: Vec::new(),
        source: None,
        roundtrip: Vec::new(),
        fileserver: Vec::new(),
        fanout: Vec::new(),
        outside: None,
        foreign: Vec::new(),
    };
    for host in wire.host {
        plan.host.push(host.typed(source, &plan.host)?);
    }
    if plan.host.len() == 1 {
        let message = "one named host is not enough: the first sends, the others receive";
        return Err(source.at(0..0, message.into()));
    }
    if let Some(sources) = wire.source {
        let span = sources.span();
        plan.source = Some(sources.into_inner().typed().map_err(|message| source.at(span, message))?);
    }
    for table in wire.roundtrip {
        plan.roundtrip.push(table.typed(source, &plan.host, catalogue)?);
    }
    for table in wire.fileserver {
        plan.fileserver.push(table.typed(source, &plan.host, catalogue)?);
    }
    for table in wire.fanout {
        plan.fanout.push(table.typed(source, &plan.host, &plan.fanout, catalogue)?);
    }
    if let Some(outside) = wire.outside {
        outside.get_ref().check(catalogue).map_err(|error| source.at(outside.span(), error.message))?;
        plan.outside = Some(outside.into_inner());
    }
    for foreign in wire.foreign {
        plan.foreign.push(foreign.typed(source, &plan.foreign, catalogue)?);
    }
    let is_empty = plan.roundtrip.is_empty() && plan.fileserver.is_empty() && plan.fanout.is_empty();
    if is_empty && plan.foreign.is_empty() {
        let message = "the plan asks for nothing: it needs a [roundtrip], a [fileserver], a [fanout] or a [[foreign]] table";
        return Err(source.at(0..0, message.into()));
    }
    Ok(plan)
}

pub(super) fn blocks_in_range(blocks: u32) -> Result<(), String> {
    if (1..=MOST_BLOCKS).contains(&blocks) {
        return Ok(());
    }
    Err(format!("expected 1 to {MOST_BLOCKS} blocks, not {blocks}"))
}

/// Names become parts of ids and of folder names.
pub(super) fn is_plain_name(name: &str) -> bool {
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
