//! Plans: what a person asks for, and the list of trials that it comes to.

pub mod builtin;
pub mod catalogue;
pub mod estimate;
pub mod expand;
mod wire;

pub use expand::{Trial, Work};

use crate::{
    roundtrip::{Pattern, Peers, Placement, Wait},
    units::{Size, Span},
};
use catalogue::Catalogue;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A plan as it is run: every default that belongs to the plan filled in. Serialised, it is the `plan.toml` of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Its name; part of the run folder's name.
    pub name: String,
    /// Seed of the order of blocks and of the payloads.
    pub seed: u64,
    /// Blocks of each trial.
    pub blocks: u32,
    /// How blocks of different trials follow each other.
    pub order: Order,
    /// Keeps only trials whose id matches this glob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Cross products of round trips and streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roundtrip: Vec<RoundTripTable>,
    /// Programs of other people, run beside ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<Foreign>,
}

/// How blocks of different trials follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Round by round: every trial once in each round, shuffled anew by the seed.
    #[default]
    Shuffled,
    /// Round by round in the plan's own order, as an assignment may ask.
    Alternating,
}

/// One cross product of the round-trip family. An axis that is `None` takes what each mechanism does by nature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoundTripTable {
    /// Names from the registry; all visible ones where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanisms: Option<Vec<String>>,
    /// Round trips, streams, or both.
    pub patterns: Vec<Pattern>,
    /// Payload of one message.
    pub message_bytes: Vec<Size>,
    /// What the ends are; each mechanism's first kind where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<Peers>>,
    /// How the ends wait; each mechanism's first way where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Vec<Wait>>,
    /// Where the ends run.
    pub placements: Vec<Placement>,
    /// Sending workers of a stream.
    pub producers: Vec<u32>,
    /// Measured time of a block.
    pub leg: Span,
    /// Exchanges of a block, instead of a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<u64>,
}

/// Somebody else's program: it is told rounds and size, and prints one JSON line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// Its name in tables.
    pub name: String,
    /// Program and arguments; `{rounds}`, `{bytes}`, `{cpus}` and `{python_peer}` are filled in.
    pub command: Vec<String>,
    /// Payloads to ask for.
    pub message_bytes: Vec<Size>,
    /// Placements to ask for.
    pub placements: Vec<Placement>,
    /// Round trips of a block.
    pub rounds: u64,
}

/// Changes that a command line makes to a plan: each axis by its singular name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--mechanism`
    pub mechanisms: Vec<String>,
    /// `--pattern`
    pub patterns: Vec<Pattern>,
    /// `--message-bytes`
    pub message_bytes: Vec<Size>,
    /// `--peers`
    pub peers: Vec<Peers>,
    /// `--wait`
    pub waits: Vec<Wait>,
    /// `--placement`
    pub placements: Vec<Placement>,
    /// `--producers`
    pub producers: Vec<u32>,
    /// `--leg`
    pub leg: Option<Span>,
    /// `--exchanges`
    pub exchanges: Option<u64>,
    /// `--blocks`
    pub blocks: Option<u32>,
    /// `--seed`
    pub seed: Option<u64>,
    /// `--only`
    pub only: Option<String>,
}

/// Why a plan cannot be used: one sentence, with its place where the plan is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// File, line and column, both from 1.
    pub place: Option<(String, usize, usize)>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for PlanError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line, column)) = &self.place {
            write!(out, "{file}:{line}:{column}: ")?;
        }
        out.write_str(&self.message)
    }
}

impl std::error::Error for PlanError {}

impl From<String> for PlanError {
    fn from(message: String) -> Self {
        Self { place: None, message }
    }
}

impl Plan {
    /// Reads a plan's text; `file` is what errors call it. Names are checked against the catalogue.
    pub fn parse(text: &str, file: &str, catalogue: &Catalogue) -> Result<Self, PlanError> {
        wire::parse(text, file, catalogue)
    }

    /// The plan as TOML: what a run folder keeps.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a plan is made of tables, lists, words and numbers")
    }

    /// The plan with what the command line says instead. Names are checked against the catalogue.
    pub fn overridden(mut self, with: &Overrides, catalogue: &Catalogue) -> Result<Self, PlanError> {
        for name in &with.mechanisms {
            wire::known(name, catalogue)?;
        }
        if with.touches_axes() && self.roundtrip.is_empty() {
            self.roundtrip.push(RoundTripTable::default());
        }
        for table in &mut self.roundtrip {
            replace(&mut table.patterns, &with.patterns);
            replace(&mut table.message_bytes, &with.message_bytes);
            replace(&mut table.placements, &with.placements);
            replace(&mut table.producers, &with.producers);
            replace_optional(&mut table.mechanisms, &with.mechanisms);
            replace_optional(&mut table.peers, &with.peers);
            replace_optional(&mut table.waits, &with.waits);
            if let Some(leg) = with.leg {
                (table.leg, table.exchanges) = (leg, None);
            }
            table.exchanges = with.exchanges.or(table.exchanges);
        }
        // Tables that became alike are one: `--mechanism` over a plan of several tables must not ask twice.
        let mut unlike: Vec<RoundTripTable> = Vec::new();
        for table in self.roundtrip {
            if !unlike.contains(&table) {
                unlike.push(table);
            }
        }
        self.roundtrip = unlike;
        if !with.mechanisms.is_empty() {
            self.foreign.clear();
        }
        for foreign in &mut self.foreign {
            replace(&mut foreign.message_bytes, &with.message_bytes);
            replace(&mut foreign.placements, &with.placements);
        }
        self.blocks = with.blocks.unwrap_or(self.blocks);
        self.seed = with.seed.unwrap_or(self.seed);
        if with.only.is_some() {
            self.only.clone_from(&with.only);
        }
        wire::check_ranges(&self)?;
        Ok(self)
    }
}

impl Overrides {
    fn touches_axes(&self) -> bool {
        !(self.mechanisms.is_empty() && self.patterns.is_empty() && self.message_bytes.is_empty())
    }
}

impl Default for RoundTripTable {
    fn default() -> Self {
        Self {
            mechanisms: None,
            patterns: Pattern::ALL.to_vec(),
            message_bytes: vec![Size(64)],
            peers: None,
            waits: None,
            placements: vec![Placement::SameCpu, Placement::Split],
            producers: vec![1],
            leg: Span::from_millis(200),
            exchanges: None,
        }
    }
}

fn replace<T: Clone>(axis: &mut Vec<T>, with: &[T]) {
    if !with.is_empty() {
        *axis = with.to_vec();
    }
}

fn replace_optional<T: Clone>(axis: &mut Option<Vec<T>>, with: &[T]) {
    if !with.is_empty() {
        *axis = Some(with.to_vec());
    }
}
