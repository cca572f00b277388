//! Everything that a run folder holds, read once: what sections are rendered from.

use crate::{
    criterion::CriterionRow,
    family::{Better, Family},
    latency::{self, HistogramRow},
    record::Record,
    roundtrip::{self, RoundTrip},
    run_info::{Ended, RunInfo, SCHEMA},
    stats::{Estimate, quantile, signed_rank},
    table::{Rows, Table, read_rows},
};
use hdrhistogram::Histogram;
use std::{collections::HashMap, io, path::Path};
use thiserror::Error;

/// One run, as its folder tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What the run was.
    pub info: RunInfo,
    /// The resolved plan, as text.
    pub plan: String,
    /// Rows of the round-trip family.
    pub roundtrip: Vec<Record<RoundTrip>>,
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
}

/// What is known of one trial over its blocks.
#[derive(Debug, Clone)]
pub struct TrialView<'a> {
    /// Every axis.
    pub spec: &'a roundtrip::Spec,
    /// Its rows, by block.
    pub rows: Vec<&'a Record<RoundTrip>>,
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
        let Rows { rows: criterion, damaged: bad, .. } = read_rows(&optional(folder, "criterion.csv")?);
        tally(bad);
        let Rows { rows: histograms, damaged: bad, .. } =
            read_rows::<HistogramRow>(&optional(folder, "histograms.csv")?);
        tally(bad);
        let histograms = histograms.into_iter().map(|row| ((row.trial, row.block), row.histogram)).collect();
        Ok(Self { info, plan, roundtrip, criterion, captures: captures(folder), damaged, histograms })
    }

    /// A dataset from its parts, for tests and for merged runs.
    pub fn from_parts(
        info: RunInfo,
        plan: String,
        roundtrip: Vec<Record<RoundTrip>>,
        histograms: Vec<HistogramRow>,
    ) -> Self {
        let histograms = histograms.into_iter().map(|row| ((row.trial, row.block), row.histogram)).collect();
        Self { info, plan, roundtrip, criterion: Vec::new(), captures: Vec::new(), damaged: 0, histograms }
    }

    /// The trials that have rows, in the order of their ids' first appearance by mechanism, each with its rows.
    pub fn trials(&self) -> Vec<TrialView<'_>> {
        let mut views: Vec<TrialView<'_>> = Vec::new();
        let mut places: HashMap<&roundtrip::Spec, usize> = HashMap::new();
        for record in &self.roundtrip {
            let place = *places.entry(&record.spec).or_insert_with(|| {
                views.push(TrialView { spec: &record.spec, rows: Vec::new() });
                views.len() - 1
            });
            views[place].rows.push(record);
        }
        let rank = |name: &str| {
            let known = self.info.catalogue.mechanisms.iter().position(|mechanism| mechanism.name == name);
            known.unwrap_or(usize::MAX)
        };
        views.sort_by(|a, b| (rank(&a.spec.mechanism), a.spec).cmp(&(rank(&b.spec.mechanism), b.spec)));
        for view in &mut views {
            view.rows.sort_by_key(|row| row.block);
        }
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

    /// Whether the run has every row that its plan asked for.
    pub fn is_complete(&self) -> bool {
        self.info.ended == Ended::Complete
    }
}

impl<'a> TrialView<'a> {
    /// The trial's id.
    pub fn id(&self) -> String {
        RoundTrip::id(self.spec)
    }

    /// Block and value of a metric, for the blocks that may be compared.
    pub fn values(&self, metric: &str) -> Vec<(u32, f64)> {
        let Some(metric) = RoundTrip::metrics().iter().find(|known| known.name == metric) else {
            return Vec::new();
        };
        self.good().filter_map(|(row, seen)| Some((row.block, (metric.value)(&row.spec, seen)?))).collect()
    }

    /// The rows that may be compared, with their evidence.
    pub fn good(&self) -> impl Iterator<Item = (&'a Record<RoundTrip>, &'a roundtrip::Evidence)> + '_ {
        self.rows.iter().filter_map(|row| Some((*row, row.good()?)))
    }

    /// Median over blocks with its interval; `None` where no block may be compared.
    pub fn estimate(&self, metric: &str) -> Option<Estimate> {
        let values: Vec<f64> = self.values(metric).into_iter().map(|(_, value)| value).collect();
        quantile::median_interval(&values)
    }

    /// This trial's metric over another's, from blocks of the same round; `None` where no round has both.
    pub fn ratio(&self, other: &Self, metric: &str) -> Option<Estimate> {
        let others: HashMap<u32, f64> = other.values(metric).into_iter().collect();
        let pairs: Vec<(f64, f64)> = self
            .values(metric)
            .into_iter()
            .filter_map(|(block, value)| Some((value, *others.get(&block)?)))
            .collect();
        signed_rank::ratio(&pairs)
    }

    /// Which direction of a metric is good.
    pub fn better(metric: &str) -> Option<Better> {
        RoundTrip::metrics().iter().find(|known| known.name == metric).map(|known| known.better)
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
