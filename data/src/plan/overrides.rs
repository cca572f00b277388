//! What a command line says instead of a plan.

use super::{
    FanoutOverrides, FileServerOverrides, Order, Outside, Plan, PlanError, RoundTripOverrides,
    catalogue::Catalogue, wire,
};
use crate::units::Span;

/// Changes that a command line makes to a plan. Naming an axis of one family asks for that family: the tables of
/// families without a named axis are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Axes of round trips.
    pub roundtrip: RoundTripOverrides,
    /// Axes of the file server.
    pub fileserver: FileServerOverrides,
    /// Axes of fan-out.
    pub fanout: FanoutOverrides,
    /// `--leg`, an axis of the families whose blocks have one
    pub leg: Option<Span>,
    /// `--blocks`
    pub blocks: Option<u32>,
    /// `--seed`
    pub seed: Option<u64>,
    /// `--only`
    pub only: Option<String>,
}

impl Plan {
    /// The plan held against somebody else's server: other families are left out, and trials follow each other in the
    /// plan's own order, small volumes first.
    pub fn against(mut self, outside: Outside, catalogue: &Catalogue) -> Result<Self, PlanError> {
        outside.check(catalogue)?;
        self.roundtrip.clear();
        self.foreign.clear();
        self.fanout.clear();
        self.order = Order::Alternating;
        self.outside = Some(outside);
        Ok(self)
    }

    /// The plan with what the command line says instead. Names are checked against the catalogue.
    pub fn overridden(mut self, with: &Overrides, catalogue: &Catalogue) -> Result<Self, PlanError> {
        let (roundtrip, fileserver, fanout) =
            (with.roundtrip.any(), with.fileserver.any(), with.fanout.any());
        if roundtrip || fileserver || fanout {
            if !roundtrip {
                self.roundtrip.clear();
                self.foreign.clear();
            }
            if !fileserver {
                self.fileserver.clear();
            }
            if !fanout {
                self.fanout.clear();
            }
        }
        with.roundtrip.apply(&mut self.roundtrip, &mut self.foreign, with.leg, catalogue)?;
        with.fileserver.apply(&mut self.fileserver, with.leg, catalogue)?;
        with.fanout.apply(&mut self.fanout, &mut self.source, catalogue)?;
        self.blocks = with.blocks.unwrap_or(self.blocks);
        self.seed = with.seed.unwrap_or(self.seed);
        if with.only.is_some() {
            self.only.clone_from(&with.only);
        }
        wire::blocks_in_range(self.blocks)?;
        Ok(self)
    }
}

pub(super) fn replace<T: Clone>(axis: &mut Vec<T>, with: &[T]) {
    if !with.is_empty() {
        *axis = with.to_vec();
    }
}

pub(super) fn replace_optional<T: Clone>(axis: &mut Option<Vec<T>>, with: &[T]) {
    if !with.is_empty() {
        *axis = Some(with.to_vec());
    }
}

/// Tables that became alike are one: `--mechanism` over a plan of several tables must not ask twice.
pub(super) fn unlike<T: PartialEq>(tables: &mut Vec<T>) {
    let mut place = 0;
    while place < tables.len() {
        let (before, from) = tables.split_at(place);
        if before.contains(&from[0]) {
            tables.remove(place);
        } else {
            place += 1;
        }
    }
}
