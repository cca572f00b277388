//! The run folder: the contract between measuring and reporting.
//!
//! Detail rows (histograms) are flushed before their trial row, which commits them. A last line without its line end is
//! torn: reading ignores it, and resuming cuts it off before anything is appended.

use ferrybench_data::{
    criterion::CriterionRow,
    dataset::read_info,
    latency::HistogramRow,
    record::Record,
    roundtrip::{Pattern, Peers, Placement, RoundTrip, Source, Spec, Wait},
    run_info::RunInfo,
    table::{Rows, Table, header_line, read_rows, row_line},
};
use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

const ROWS: &str = "roundtrip.csv";
const HISTOGRAMS: &str = "histograms.csv";
const CRITERION: &str = "criterion.csv";
const INFO: &str = "run.json";
const PLAN: &str = "plan.toml";

/// A run folder open for writing.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    rows: File,
    histograms: File,
    /// What is recorded already: trial id and block.
    recorded: HashSet<(String, u32)>,
}

/// Names a file or folder in an error of the system.
pub fn named(path: &Path) -> impl FnOnce(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl RunFolder {
    /// Makes a new one. A folder that is there already is refused, unless it is empty.
    pub fn create(path: &Path, info: &RunInfo, plan: &str) -> io::Result<Self> {
        let is_new = !path.exists();
        if !is_new && fs::read_dir(path).map_err(named(path))?.next().is_some() {
            let message = format!(
                "{} exists already; --resume continues a run, another --out begins one",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        fs::create_dir_all(path).map_err(named(path))?;
        Self::fill(path, info, plan).inspect_err(|_| {
            // Nothing half-written: what was begun here is ours to remove.
            for file in [INFO, PLAN, ROWS, HISTOGRAMS] {
                let _ = fs::remove_file(path.join(file));
            }
            if is_new {
                let _ = fs::remove_dir(path);
            }
        })
    }

    fn fill(path: &Path, info: &RunInfo, plan: &str) -> io::Result<Self> {
        write_whole(&path.join(PLAN), plan.as_bytes())?;
        let begin = |name: &str, header: String| {
            let path = path.join(name);
            let mut file = File::create(&path).map_err(named(&path))?;
            file.write_all(header.as_bytes()).map_err(named(&path))?;
            Ok::<File, io::Error>(file)
        };
        let rows = begin(ROWS, Table::<RoundTrip>::header(&example()).map_err(io::Error::other)?)?;
        let row = HistogramRow { trial: String::new(), block: 0, histogram: String::new() };
        let histograms = begin(HISTOGRAMS, header_line(&row).map_err(io::Error::other)?)?;
        let folder = Self { path: path.to_owned(), rows, histograms, recorded: HashSet::new() };
        folder.write_info(info)?;
        Ok(folder)
    }

    /// Opens one to go on with it. Torn last lines are cut off.
    pub fn resume(path: &Path) -> io::Result<(Self, RunInfo, String)> {
        let info =
            read_info(path).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let plan_path = path.join(PLAN);
        let plan = fs::read_to_string(&plan_path).map_err(named(&plan_path))?;
        let Rows { rows, whole_bytes, .. } = Table::<RoundTrip>::read(&read(&path.join(ROWS))?);
        let recorded = rows.iter().map(|row| (row.trial(), row.block)).collect();
        let kept = read_rows::<HistogramRow>(&read(&path.join(HISTOGRAMS))?).whole_bytes;
        let rows = cut(&path.join(ROWS), whole_bytes)?;
        let histograms = cut(&path.join(HISTOGRAMS), kept)?;
        Ok((Self { path: path.to_owned(), rows, histograms, recorded }, info, plan))
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

    /// Appends a row, after its histogram.
    pub fn append(&mut self, record: &Record<RoundTrip>, histogram: Option<String>) -> io::Result<()> {
        let trial = record.trial();
        if let Some(histogram) = histogram {
            let row = HistogramRow { trial: trial.clone(), block: record.block, histogram };
            let line = row_line(&row).map_err(io::Error::other)?;
            self.histograms.write_all(line.as_bytes()).map_err(named(&self.path.join(HISTOGRAMS)))?;
        }
        let line = Table::line(record).map_err(io::Error::other)?;
        self.rows.write_all(line.as_bytes()).map_err(named(&self.path.join(ROWS)))?;
        self.recorded.insert((trial, record.block));
        Ok(())
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

    /// Adds to what the terminal showed.
    pub fn capture(&self, name: &str, text: &str) -> io::Result<()> {
        let folder = self.path.join("captures");
        fs::create_dir_all(&folder).map_err(named(&folder))?;
        let path = folder.join(name);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(named(&path))?;
        file.write_all(text.as_bytes()).map_err(named(&path))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(named(path))
}

/// Opens a table for appending after its last whole line.
fn cut(path: &Path, whole_bytes: usize) -> io::Result<File> {
    let file = OpenOptions::new().append(true).open(path).map_err(named(path))?;
    file.set_len(whole_bytes as u64).map_err(named(path))?;
    Ok(file)
}

/// Writes a file under a temporary name and renames it: there is the old one or the new one, never half of one.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("partial");
    fs::write(&temporary, bytes).map_err(named(&temporary)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })?;
    fs::rename(&temporary, path).map_err(named(path))
}

/// Any spec: headers are taken from its field names.
fn example() -> Spec {
    Spec {
        mechanism: String::new(),
        pattern: Pattern::Rtt,
        message_bytes: 1,
        peers: Peers::Process,
        wait: Wait::Block,
        placement: Placement::SameCpu,
        producers: 1,
        source: Source::BuiltIn,
    }
}
