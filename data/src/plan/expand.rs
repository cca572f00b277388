//! From a plan to its trials: a pure cross product, the union of its tables without duplicates.

use super::{Plan, PlanError, catalogue::Catalogue, fanout, fileserver, roundtrip};
use crate::{
    family::Family,
    fanout::{Fanout, Spec as FanoutSpec},
    fileserver::{FileServer, Spec as FileServerSpec},
    roundtrip::{RoundTrip, Spec as RoundTripSpec},
    units::Span,
};
use serde::Serialize;
use std::collections::HashMap;

/// One cell of the plan, with what it takes to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Every axis.
    pub cell: Cell,
    /// How much of it makes a block.
    pub work: Work,
    /// The foreign peer behind it, an index into the plan's list.
    pub foreign: Option<usize>,
    /// Why it cannot run on this machine; it becomes one `skipped` row.
    pub skip: Option<String>,
}

/// Every axis of a trial of one family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A round trip or a stream.
    RoundTrip(RoundTripSpec),
    /// Files to and from a server.
    FileServer(FileServerSpec),
    /// Files from one host to many.
    Fanout(FanoutSpec),
}

/// How much makes a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Orders, or rounds, until this time is reached.
    For(Span),
    /// So many exchanges.
    Exactly(u64),
    /// One round of a family that has rounds, one run of a program of a family that has programs.
    Once,
}

impl Cell {
    /// The trial's id.
    pub fn id(&self) -> String {
        match self {
            Self::RoundTrip(spec) => RoundTrip::id(spec),
            Self::FileServer(spec) => FileServer::id(spec),
            Self::Fanout(spec) => Fanout::id(spec),
        }
    }

    /// The axes of a round trip.
    pub fn roundtrip(&self) -> Option<&RoundTripSpec> {
        match self {
            Self::RoundTrip(spec) => Some(spec),
            Self::FileServer(_) | Self::Fanout(_) => None,
        }
    }

    /// The axes of a file-server trial.
    pub fn fileserver(&self) -> Option<&FileServerSpec> {
        match self {
            Self::FileServer(spec) => Some(spec),
            Self::RoundTrip(_) | Self::Fanout(_) => None,
        }
    }

    /// The axes of a fan-out trial.
    pub fn fanout(&self) -> Option<&FanoutSpec> {
        match self {
            Self::Fanout(spec) => Some(spec),
            Self::RoundTrip(_) | Self::FileServer(_) => None,
        }
    }
}

impl Trial {
    /// The trial's id.
    pub fn id(&self) -> String {
        self.cell.id()
    }
}

impl Plan {
    /// Every trial of the plan, in its order.
    pub fn expand(&self, catalogue: &Catalogue) -> Result<Vec<Trial>, PlanError> {
        let mut trials = Trials::default();
        for table in &self.roundtrip {
            trials.add(roundtrip::expand::table(table, catalogue)?)?;
        }
        for (index, foreign) in self.foreign.iter().enumerate() {
            trials.add(roundtrip::expand::foreign(index, foreign, catalogue))?;
        }
        if self.outside.is_some() && self.fileserver.iter().any(|table| !table.hosts.is_empty()) {
            let why = "somebody else's server is where its target says: its trials have no hosts";
            return Err(why.to_owned().into());
        }
        trials.add(fileserver::expand::tables(&self.fileserver, self.outside.as_ref(), catalogue))?;
        let around = fanout::expand::Around { hosts: &self.host, source: self.source.as_ref() };
        for table in &self.fanout {
            trials.add(fanout::expand::table(table, around, catalogue))?;
        }
        let mut list = trials.list;
        if let Some(glob) = &self.only {
            list.retain(|trial| glob_match::glob_match(glob, &trial.id()));
            if list.is_empty() {
                // A single star stops at each slash, and ids have many.
                let hint = if glob.contains("**") {
                    String::new()
                } else {
                    "; ** crosses slashes, * does not".to_owned()
                };
                return Err(format!("no trial of plan {} matches \"{glob}\"{hint}", self.name).into());
            }
        }
        if list.is_empty() {
            return Err(format!("plan {} comes to no trial at all", self.name).into());
        }
        Ok(list)
    }
}

#[derive(Default)]
struct Trials {
    list: Vec<Trial>,
    places: HashMap<String, usize>,
}

impl Trials {
    fn add(&mut self, trials: Vec<Trial>) -> Result<(), PlanError> {
        for trial in trials {
            let id = trial.id();
            match self.places.get(&id) {
                Some(&place) if self.list[place].work != trial.work => {
                    return Err(format!("{id} is asked for twice, with different legs").into());
                }
                Some(_) => {}
                None => {
                    self.places.insert(id, self.list.len());
                    self.list.push(trial);
                }
            }
        }
        Ok(())
    }
}
