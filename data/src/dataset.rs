//! Everything that a run folder holds, read once: what sections are rendered from.

mod merge;
mod view;

pub use view::TrialView;

use crate::{
    criterion::CriterionRow,
    family::Family,
    fanout::{Fanout, FetchRow, ReceiverRow},
    fileserver::{FileServer, TransferRow},
    latency::{self, HistogramRow},
    record::{Record, Row},
    roundtrip::RoundTrip,
    run_info::{Ended, RunInfo, SCHEMA},
    table::{Rows, Table, read_rows},
};
use hdrhistogram::Histogram;
use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
};
use thiserror::Error;
use view::{rank, views};

/// One run, as its folder tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What the run was; the first of several that were merged.
    pub info: RunInfo,
    /// What the other runs were, where several were merged.
    pub others: Vec<RunInfo>,
    /// The resolved plan, as text.
    pub plan: String,
    /// Rows of the round-trip family.
    pub roundtrip: Vec<Record<RoundTrip>>,
    /// Rows of the file-server family.
    pub fileserver: Vec<Record<FileServer>>,
    /// The single transfers of those rows.
    pub transfers: Vec<TransferRow>,
    /// Rows of the fan-out family.
    pub fanout: Vec<Record<Fanout>>,
    /// Each file at each receiver of those rows.
    pub receivers: Vec<ReceiverRow>,
    /// Each file that they fetched.
    pub fetches: Vec<FetchRow>,
    /// Criterion's estimates, where they were given.
    pub criterion: Vec<CriterionRow>,
    /// What the terminal showed, by file name.
    pub captures: Vec<(String, String)>,
    /// Lines of any table that could not be read.
    pub damaged: usize,
    histograms: HashMap<(String, u32), String>,
}

/// Why a folder cannot be read as a run.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// A file that a run needs is not there or cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// `run.json` is not what it should be.
    #[error("{path} is not a run's description: {error}")]
    NotARun {
        /// The file.
        path: String,
        /// What the parser said.
        error: String,
    },
    /// The folder was written by a newer version.
    #[error("{path} has schema {found}; this version reads up to {SCHEMA}: use a newer ferrybench")]
    Newer {
        /// The file.
        path: String,
        /// Its schema.
        found: u64,
    },
    /// Two runs to be reported together measured the same trial: blocks of unlike runs are never mixed.
    #[error(
        "{trial} was measured by two runs, {first} and {second}: report each by itself, or leave one of them away"
    )]
    MeasuredTwice {
        /// The trial.
        trial: String,
        /// Plan and time of the one.
        first: String,
        /// Plan and time of the other.
        second: String,
    },
    /// There is no run to merge.
    #[error("there is no run to report")]
    NoRun,
}

impl Dataset {
    /// Reads a run folder.
    pub fn read(folder: &Path) -> Result<Self, DatasetError> {
        let info = read_info(folder)?;
        let plan = String::from_utf8_lossy(&file(folder, "plan.toml")?).into_owned();
        let mut damaged = 0;
        let mut tally = |rows: usize| damaged += rows;
        let Rows { rows: roundtrip, damaged: bad, .. } = Table::read(&optional(folder, "roundtrip.csv")?);
        tally(bad);
        let Rows { rows: fileserver, damaged: bad, .. } =
            Table::<FileServer>::read(&optional(folder, "fileserver.csv")?);
        tally(bad);
        let Rows { rows: mut transfers, damaged: bad, .. } =
            read_rows::<TransferRow>(&optional(folder, "transfers.csv")?);
        tally(bad);
        // A row commits its details: those without one were written by a run that was killed just then.
        let committed: HashSet<(String, u32)> =
            fileserver.iter().map(|row| (row.trial(), row.block)).collect();
        transfers.retain(|row| committed.contains(&(row.trial.clone(), row.block)));
        let Rows { rows: fanout, damaged: bad, .. } = Table::<Fanout>::read(&optional(folder, "fanout.csv")?);
        tally(bad);
        let Rows { rows: mut receivers, damaged: bad, .. } =
            read_rows::<ReceiverRow>(&optional(folder, "receivers.csv")?);
        tally(bad);
        let Rows { rows: mut fetches, damaged: bad, .. } =
            read_rows::<FetchRow>(&optional(folder, "fetches.csv")?);
        tally(bad);
        let committed: HashSet<(String, u32)> = fanout.iter().map(|row| (row.trial(), row.block)).collect();
        receivers.retain(|row| committed.contains(&(row.trial.clone(), row.block)));
        fetches.retain(|row| committed.contains(&(row.trial.clone(), row.block)));
        let Rows { rows: criterion, damaged: bad, .. } = read_rows(&optional(folder, "criterion.csv")?);
        tally(bad);
        let Rows { rows: histograms, damaged: bad, .. } =
            read_rows::<HistogramRow>(&optional(folder, "histograms.csv")?);
        tally(bad);
        Ok(Self {
            fileserver,
            transfers,
            fanout,
            receivers,
            fetches,
            criterion,
            captures: captures(folder),
            damaged,
            ..Self::from_parts(info, plan, roundtrip, histograms)
        })
    }

    /// A dataset from its parts, for tests and for merged runs.
    pub fn from_parts(
        info: RunInfo,
        plan: String,
        roundtrip: Vec<Record<RoundTrip>>,
        histograms: Vec<HistogramRow>,
    ) -> Self {
        let histograms = histograms.into_iter().map(|row| ((row.trial, row.block), row.histogram)).collect();
        Self {
            info,
            others: Vec::new(),
            plan,
            roundtrip,
            fileserver: Vec::new(),
            transfers: Vec::new(),
            fanout: Vec::new(),
            receivers: Vec::new(),
            fetches: Vec::new(),
            criterion: Vec::new(),
            captures: Vec::new(),
            damaged: 0,
            histograms,
        }
    }

    /// What each run was, the first one first.
    pub fn infos(&self) -> impl Iterator<Item = &RunInfo> {
        std::iter::once(&self.info).chain(&self.others)
    }

    /// The rows of every family.
    pub fn rows(&self) -> impl Iterator<Item = &dyn Row> {
        let roundtrip = self.roundtrip.iter().map(|row| row as &dyn Row);
        let fileserver = self.fileserver.iter().map(|row| row as &dyn Row);
        let fanout = self.fanout.iter().map(|row| row as &dyn Row);
        roundtrip.chain(fileserver).chain(fanout)
    }

    /// The round trips that have rows, in the order of the catalogue's mechanisms, each with its rows.
    pub fn trials(&self) -> Vec<TrialView<'_>> {
        let mut views = views(&self.roundtrip);
        let rank = |name: &str| {
            rank(self.info.catalogue.mechanisms.iter().map(|mechanism| mechanism.name.as_str()), name)
        };
        views.sort_by(|a, b| (rank(&a.spec.mechanism), a.spec).cmp(&(rank(&b.spec.mechanism), b.spec)));
        views
    }

    /// The file-server trials that have rows, each with its rows: models in the order of the catalogue, then
    /// protocols, then as in the assignment's table.
    pub fn fileserver_trials(&self) -> Vec<TrialView<'_, FileServer>> {
        let mut views = views(&self.fileserver);
        let known = &self.info.catalogue.fileserver;
        let place = |view: &TrialView<'_, FileServer>| {
            (
                rank(known.client_models.iter().map(|model| model.name.as_str()), &view.spec.client_model),
                rank(known.server_models.iter().map(|model| model.name.as_str()), &view.spec.server_model),
                view.spec.accept,
                rank(known.protocols.iter().map(|protocol| protocol.name.as_str()), &view.spec.protocol),
            )
        };
        views.sort_by(|a, b| (place(a), a.spec).cmp(&(place(b), b.spec)));
        views
    }

    /// The fan-out trials that have rows, each with its rows: sender models in the order of the catalogue.
    pub fn fanout_trials(&self) -> Vec<TrialView<'_, Fanout>> {
        let mut views = views(&self.fanout);
        let known = &self.info.catalogue.fanout.sender_models;
        let place = |name: &str| rank(known.iter().map(|model| model.name.as_str()), name);
        views.sort_by(|a, b| {
            (place(&a.spec.sender_model), a.spec).cmp(&(place(&b.spec.sender_model), b.spec))
        });
        views
    }

    /// The histograms of a trial's good blocks, merged: for drawing a distribution, never for an interval.
    pub fn merged_histogram(&self, trial: &TrialView<'_>) -> Option<Histogram<u64>> {
        let id = RoundTrip::id(trial.spec);
        let mut merged: Option<Histogram<u64>> = None;
        for row in trial.rows.iter().filter(|row| row.good().is_some()) {
            let Some(one) =
                self.histograms.get(&(id.clone(), row.block)).and_then(|text| latency::decode(text))
            else {
                continue;
            };
            match &mut merged {
                Some(all) => all.add(&one).ok()?,
                None => merged = Some(one),
            }
        }
        merged
    }

    /// Whether each run has every row that its plan asked for.
    pub fn is_complete(&self) -> bool {
        self.infos().all(|info| info.ended == Ended::Complete)
    }
}

/// Reads `run.json` alone, and refuses what a newer version wrote before looking at anything else in it.
pub fn read_info(folder: &Path) -> Result<RunInfo, DatasetError> {
    let path = folder.join("run.json").display().to_string();
    let text = file(folder, "run.json")?;
    let not_a_run =
        |error: serde_json::Error| DatasetError::NotARun { path: path.clone(), error: error.to_string() };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(not_a_run)?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(SCHEMA) => Err(DatasetError::Newer { path, found }),
        _ => serde_json::from_value(value).map_err(not_a_run),
    }
}

fn file(folder: &Path, name: &str) -> Result<Vec<u8>, DatasetError> {
    let path = folder.join(name);
    std::fs::read(&path).map_err(|error| DatasetError::Unreadable { path: path.display().to_string(), error })
}

/// A table that a run may lack is empty.
fn optional(folder: &Path, name: &str) -> Result<Vec<u8>, DatasetError> {
    match file(folder, name) {
        Err(DatasetError::Unreadable { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        other => other,
    }
}

fn captures(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder.join("captures")) else { return Vec::new() };
    let mut captures: Vec<(String, String)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let text = std::fs::read_to_string(entry.path()).ok()?;
            (Path::new(&name).extension()? == "txt").then_some((name, text))
        })
        .collect();
    captures.sort();
    captures
}
