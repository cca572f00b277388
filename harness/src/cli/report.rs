//! `report`: make a report again from records alone, of one run or of several together.

use super::{Done, Exit, Trouble, failure, request, runs, say};
use clap::Args;
use ferrybench_data::dataset::Dataset;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub(super) struct Report {
    /// Run folders; several make one report together
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Where the report of several runs goes, instead of a new folder beside theirs
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Report although a debug build measured
    #[arg(long)]
    allow_debug: bool,
}

impl Report {
    pub(super) fn carry_out(self) -> Done {
        let mut read = Vec::new();
        for run in &self.runs {
            let data = Dataset::read(run).map_err(request)?;
            if data.info.build_profile != "release" && !self.allow_debug {
                return Err(request(format_args!(
                    "{} was measured by a debug build, which says nothing; --allow-debug reports it all the same",
                    run.display()
                )));
            }
            read.push(data);
        }
        let folder = match (self.out, self.runs.as_slice()) {
            (Some(out), _) => out,
            (None, [run]) => run.clone(),
            (None, _) => runs::new_name("together"),
        };
        let data = Dataset::merged(read).map_err(request)?;
        fs::create_dir_all(&folder)
            .map_err(|error| request(format_args!("{}: {error}", folder.display())))?;
        say(format_args!("Report: {}", write(&data, &folder)?.display()));
        Ok(Exit::Good)
    }
}

/// Writes the report of a run into its folder.
pub(super) fn write(data: &Dataset, run: &Path) -> Result<PathBuf, Trouble> {
    ferrybench_reports::write(data, run)
        .map_err(|error| failure(format_args!("the report in {} cannot be written: {error}", run.display())))
}
