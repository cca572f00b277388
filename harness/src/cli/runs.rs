//! Where run folders are, and which one is meant.

use super::{Trouble, request};
use ferrybench::measure::clock;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where runs go when nobody says: into `data/runs` of the repository that we stand in, else beside us.
pub(super) fn default_parent() -> PathBuf {
    let in_repository = Path::new("harness/Cargo.toml").is_file() && Path::new("data/plans").is_dir();
    PathBuf::from(if in_repository { "data/runs" } else { "ferrybench-runs" })
}

/// A new folder's name: time in UTC, then the plan.
pub(super) fn new_name(plan: &str) -> PathBuf {
    default_parent().join(format!("{}-{plan}", clock::utc().strftime("%Y%m%dT%H%M%SZ")))
}

/// The latest run in the usual place; names begin with their time.
pub(super) fn latest() -> Result<PathBuf, Trouble> {
    let parent = default_parent();
    let entries =
        fs::read_dir(&parent).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    entries.filter(|path| path.join("run.json").is_file()).max().ok_or_else(|| {
        request(format_args!("there is no run in {}; --out DIR names one elsewhere", parent.display()))
    })
}
