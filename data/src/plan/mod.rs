//! Plans: what a person asks for, and the list of trials that it comes to.
//!
//! What belongs to one family (its table, its ranges, how it expands, what it costs) lies in a folder of its own.

pub mod builtin;
pub mod catalogue;
pub mod estimate;
pub mod expand;
mod fanout;
mod fileserver;
mod hosts;
mod overrides;
mod roundtrip;
mod wire;

pub use expand::{Cell, Trial, Work};
pub use fanout::{BytesPerSecond, DatagramBytes, FanoutOverrides, FanoutTable, FileBytes, Pause, Subnet};
pub use fileserver::{FileServerOverrides, FileServerTable, Outside, spare_files};
pub use hosts::{NamedHost, Sources};
pub use overrides::Overrides;
pub use roundtrip::{Foreign, RoundTripOverrides, RoundTripTable};

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
    /// Whether two hosts of the plan may turn out to be one; else that is refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_same_host: bool,
    /// Hosts that are named; the first one sends. None: hosts are made for the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<NamedHost>,
    /// Files that are sent instead of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Sources>,
    /// Cross products of round trips and streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roundtrip: Vec<RoundTripTable>,
    /// Cross products of the file-server family.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fileserver: Vec<FileServerTable>,
    /// Cross products of the fan-out family.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fanout: Vec<FanoutTable>,
    /// Somebody else's server, which every file-server trial is held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
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

    /// Where hosts that are made for the run have their addresses.
    pub fn subnet(&self) -> Subnet {
        self.fanout.iter().find_map(|table| table.subnet).unwrap_or_default()
    }

    /// The plan as TOML: what a run folder keeps.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a plan is made of tables, lists, words and numbers")
    }
}
