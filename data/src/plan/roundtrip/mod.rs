//! Round trips in a plan: the table and its ranges.

pub(super) mod estimate;
pub(super) mod expand;
pub(super) mod wire;

use super::{
    PlanError,
    catalogue::{self, Catalogue},
    overrides::{replace, replace_optional, unlike},
};
use crate::{
    roundtrip::{Pattern, Peers, Placement, Wait},
    units::{Size, Span},
};
use serde::Serialize;

/// The counts of producers that are measured.
const PRODUCERS: [u32; 3] = [1, 2, 4];
/// The most exchanges and bytes that make sense: a typing slip must not run for a month.
const MOST_EXCHANGES: u64 = 1_000_000_000;
const MOST_MESSAGE: u64 = 64 << 20;

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
    /// Pairs of named hosts, `client:server1`, that the two ends run on; both run here where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
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

/// Changes that a command line makes to the tables of round trips: each axis by its singular name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoundTripOverrides {
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
    /// `--exchanges`
    pub exchanges: Option<u64>,
}

impl RoundTripOverrides {
    /// Whether the command line names an axis of this family.
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Puts what the command line says into tables and foreign peers.
    pub(super) fn apply(
        &self,
        tables: &mut Vec<RoundTripTable>,
        foreign: &mut Vec<Foreign>,
        leg: Option<Span>,
        catalogue: &Catalogue,
    ) -> Result<(), PlanError> {
        for name in &self.mechanisms {
            known(name, catalogue)?;
        }
        let asks = !(self.mechanisms.is_empty() && self.patterns.is_empty() && self.message_bytes.is_empty());
        if tables.is_empty() && (asks || (self.any() && foreign.is_empty())) {
            tables.push(RoundTripTable::default());
        }
        for table in &mut *tables {
            replace(&mut table.patterns, &self.patterns);
            replace(&mut table.message_bytes, &self.message_bytes);
            replace(&mut table.placements, &self.placements);
            replace(&mut table.producers, &self.producers);
            replace_optional(&mut table.mechanisms, &self.mechanisms);
            replace_optional(&mut table.peers, &self.peers);
            replace_optional(&mut table.waits, &self.waits);
            if let Some(leg) = leg {
                (table.leg, table.exchanges) = (leg, None);
            }
            table.exchanges = self.exchanges.or(table.exchanges);
            table.check()?;
        }
        unlike(tables);
        if !self.mechanisms.is_empty() {
            foreign.clear();
        }
        for foreign in foreign {
            replace(&mut foreign.message_bytes, &self.message_bytes);
            replace(&mut foreign.placements, &self.placements);
        }
        Ok(())
    }
}

impl RoundTripTable {
    /// Ranges that hold however the table came about.
    fn check(&self) -> Result<(), String> {
        producers_known(&self.producers)?;
        sizes_in_range(&self.message_bytes)?;
        self.exchanges.map_or(Ok(()), exchanges_in_range)
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
            hosts: Vec::new(),
        }
    }
}

fn known(name: &str, catalogue: &Catalogue) -> Result<(), String> {
    let all = catalogue.mechanisms.iter().map(|known| (known.name.as_str(), known.hidden));
    catalogue::known("mechanism", name, all)
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

fn exchanges_in_range(count: u64) -> Result<(), String> {
    if (1..=MOST_EXCHANGES).contains(&count) {
        return Ok(());
    }
    Err(format!("expected 1 to {MOST_EXCHANGES} exchanges, not {count}"))
}
