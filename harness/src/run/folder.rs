//! The run folder: the contract between measuring and reporting.
//!
//! A family's table is made when its first row comes. Detail rows (histograms, transfers, receivers, fetches) are written before their trial
//! row, which commits them. A last line without its line end is torn: reading ignores it, and resuming cuts it off, and
//! details that no row commits, before anything is appended.

use ferrybench_data::{
    criterion::CriterionRow,
    dataset::read_info,
    family::Family,
    fanout::{Fanout, FetchRow, ReceiverRow},
    fileserver::{FileServer, TransferRow},
    latency::HistogramRow,
    record::Row,
    roundtrip::RoundTrip,
    run_info::RunInfo,
    table::{Rows, Table, header_line, one_line, read_rows, row_line},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    error::Error,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

const HISTOGRAMS: &str = "histograms.csv";
const TRANSFERS: &str = "transfers.csv";
const RECEIVERS: &str = "receivers.csv";
const FETCHES: &str = "fetches.csv";
const CRITERION: &str = "criterion.csv";
const INFO: &str = "run.json";
const PLAN: &str = "plan.toml";

/// A run folder open for writing.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Tables that were written to in this sitting.
    open: HashMap<String, File>,
    /// What is recorded already: trial id and block.
    recorded: HashSet<(String, u32)>,
}

/// What a row has beside itself. Trial and block of detail rows are filled in when they are appended.
#[derive(Debug, Clone, PartialEq)]
pub enum Details {
    /// Nothing.
    None,
    /// The samples of a round trip, encoded.
    Histogram(String),
    /// Each transfer of a file-server row.
    Transfers(Vec<TransferRow>),
    /// Each file at each receiver of a fan-out row, and each file that it fetched.
    Fanout {
        /// Rows of `receivers.csv`.
        receivers: Vec<ReceiverRow>,
        /// Rows of `fetches.csv`.
        fetches: Vec<FetchRow>,
    },
}

/// Names a file or folder in an error of the system.
pub fn named(path: &Path) -> impl FnOnce(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl RunFolder {
    /// Refuses a place where a run cannot begin: there is something already.
    pub fn check_free(path: &Path) -> io::Result<()> {
        if !path.exists() || fs::read_dir(path).map_err(named(path))?.next().is_none() {
            return Ok(());
        }
        let message =
            format!("{} exists already; --resume continues a run, another --out begins one", path.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
    }

    /// Makes a new one. A folder that is there already is refused, unless it is empty.
    pub fn create(path: &Path, info: &RunInfo, plan: &str) -> io::Result<Self> {
        let is_new = !path.exists();
        Self::check_free(path)?;
        fs::create_dir_all(path).map_err(named(path))?;
        Self::fill(path, info, plan).inspect_err(|_| {
            // Nothing half-written: what was begun here is ours to remove.
            for file in [INFO, PLAN] {
                let _ = fs::remove_file(path.join(file));
            }
            if is_new {
                let _ = fs::remove_dir(path);
            }
        })
    }

    fn fill(path: &Path, info: &RunInfo, plan: &str) -> io::Result<Self> {
        write_whole(&path.join(PLAN), plan.as_bytes())?;
        let folder = Self { path: path.to_owned(), open: HashMap::new(), recorded: HashSet::new() };
        folder.write_info(info)?;
        Ok(folder)
    }

    /// Opens one to go on with it. Torn last lines are cut off.
    pub fn resume(path: &Path) -> io::Result<(Self, RunInfo, String)> {
        let info =
            read_info(path).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let plan_path = path.join(PLAN);
        let plan = fs::read_to_string(&plan_path).map_err(named(&plan_path))?;
        let mut recorded = cut_rows::<RoundTrip>(path)?;
        recorded.extend(cut_rows::<FileServer>(path)?);
        recorded.extend(cut_rows::<Fanout>(path)?);
        let is_committed = |trial: &str, block| recorded.contains(&(trial.to_owned(), block));
        cut_details(&path.join(HISTOGRAMS), |row: &HistogramRow| is_committed(&row.trial, row.block))?;
        cut_details(&path.join(TRANSFERS), |row: &TransferRow| is_committed(&row.trial, row.block))?;
        cut_details(&path.join(RECEIVERS), |row: &ReceiverRow| is_committed(&row.trial, row.block))?;
        cut_details(&path.join(FETCHES), |row: &FetchRow| is_committed(&row.trial, row.block))?;
        Ok((Self { path: path.to_owned(), open: HashMap::new(), recorded }, info, plan))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a row is there for this trial and block.
    pub fn has(&self, trial: &str, block: u32) -> bool {
        self.recorded.contains(&(trial.to_owned(), block))
    }

    /// Rows that are there.
    pub fn len(&self) -> usize {
        self.recorded.len()
    }

    /// Whether no row is there.
    pub fn is_empty(&self) -> bool {
        self.recorded.is_empty()
    }

    /// Appends a row, after its details.
    pub fn append(&mut self, row: &dyn Row, details: Details) -> io::Result<()> {
        let (trial, block) = (row.trial(), row.block());
        match details {
            Details::None => {}
            Details::Histogram(histogram) => {
                let row = HistogramRow { trial: trial.clone(), block, histogram };
                self.write_details(HISTOGRAMS, &[row])?;
            }
            Details::Transfers(mut rows) => {
                for row in &mut rows {
                    row.trial.clone_from(&trial);
                    row.block = block;
                    row.outcome = one_line(&row.outcome);
                }
                self.write_details(TRANSFERS, &rows)?;
            }
            Details::Fanout { mut receivers, mut fetches } => {
                for row in &mut receivers {
                    row.trial.clone_from(&trial);
                    row.block = block;
                    row.outcome = one_line(&row.outcome);
                }
                for row in &mut fetches {
                    row.trial.clone_from(&trial);
                    row.block = block;
                    row.outcome = one_line(&row.outcome);
                }
                self.write_details(FETCHES, &fetches)?;
                self.write_details(RECEIVERS, &receivers)?;
            }
        }
        let line = row.line().map_err(io::Error::other)?;
        self.write(&table(row.family()), || row.header(), &line)?;
        self.recorded.insert((trial, block));
        Ok(())
    }

    fn write_details<T: Serialize>(&mut self, name: &str, rows: &[T]) -> io::Result<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        let lines: String = rows.iter().map(row_line).collect::<Result<_, _>>().map_err(io::Error::other)?;
        self.write(name, || header_line(first), &lines)
    }

    /// Appends lines to a table, after its header where they are its first.
    fn write<E: Error + Send + Sync + 'static>(
        &mut self,
        name: &str,
        header: impl Fn() -> Result<String, E>,
        lines: &str,
    ) -> io::Result<()> {
        let path = self.path.join(name);
        let file = match self.open.entry(name.to_owned()) {
            Entry::Occupied(file) => file.into_mut(),
            Entry::Vacant(place) => {
                let file = OpenOptions::new().create(true).append(true).open(&path).map_err(named(&path))?;
                place.insert(file)
            }
        };
        let is_new = file.metadata().map_err(named(&path))?.len() == 0;
        let header = if is_new { header().map_err(io::Error::other)? } else { String::new() };
        file.write_all((header + lines).as_bytes()).map_err(named(&path))
    }

    /// Replaces `run.json`.
    pub fn write_info(&self, info: &RunInfo) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(info)?;
        text.push(b'\n');
        write_whole(&self.path.join(INFO), &text)
    }

    /// Writes `criterion.csv`.
    pub fn write_criterion(&self, rows: &[CriterionRow]) -> io::Result<()> {
        let mut text = String::new();
        for row in rows {
            if text.is_empty() {
                text += &header_line(row).map_err(io::Error::other)?;
            }
            text += &row_line(row).map_err(io::Error::other)?;
        }
        write_whole(&self.path.join(CRITERION), text.as_bytes())
    }

    /// Keeps a text that is the same in every sitting of the run.
    pub fn capture_once(&self, name: &str, text: &str) -> io::Result<()> {
        if self.path.join("captures").join(name).exists() { Ok(()) } else { self.capture(name, text) }
    }

    /// Adds to what the terminal showed.
    pub fn capture(&self, name: &str, text: &str) -> io::Result<()> {
        let folder = self.path.join("captures");
        fs::create_dir_all(&folder).map_err(named(&folder))?;
        let path = folder.join(name);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(named(&path))?;
        file.write_all(text.as_bytes()).map_err(named(&path))
    }
}

/// File name of a family's table.
fn table(family: &str) -> String {
    format!("{family}.csv")
}

/// A table that a run has not come to yet is empty.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(named(path)),
    }
}

/// Cuts off what follows the last whole line of a family's table; returns what is recorded there.
fn cut_rows<F: Family>(folder: &Path) -> io::Result<HashSet<(String, u32)>> {
    let path = folder.join(table(F::NAME));
    let text = read(&path)?;
    let Rows { rows, whole_bytes, .. } = Table::<F>::read(&text);
    if whole_bytes < text.len() {
        let file = OpenOptions::new().write(true).open(&path).map_err(named(&path))?;
        file.set_len(whole_bytes as u64).map_err(named(&path))?;
    }
    Ok(rows.iter().map(|row| (row.trial(), row.block)).collect())
}

/// Leaves only those details that a row commits: its block is measured again otherwise, and would have them twice.
fn cut_details<T: Serialize + DeserializeOwned>(
    path: &Path,
    is_committed: impl Fn(&T) -> bool,
) -> io::Result<()> {
    let text = read(path)?;
    let Rows { mut rows, whole_bytes, .. } = read_rows::<T>(&text);
    let read = rows.len();
    rows.retain(is_committed);
    if rows.len() == read && whole_bytes == text.len() {
        return Ok(());
    }
    let mut kept = rows.first().map_or(Ok(String::new()), header_line).map_err(io::Error::other)?;
    for row in &rows {
        kept += &row_line(row).map_err(io::Error::other)?;
    }
    write_whole(path, kept.as_bytes())
}

/// Writes a file under a temporary name and renames it: there is the old one or the new one, never half of one.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("partial");
    fs::write(&temporary, bytes).map_err(named(&temporary)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })?;
    fs::rename(&temporary, path).map_err(named(path))
}
