//! `report`: make reports again from records alone.

use super::{Done, Exit, Trouble, failure, request, say};
use clap::Args;
use ferrybench_data::dataset::Dataset;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Report {
    /// Run folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Report although a debug build measured
    #[arg(long)]
    allow_debug: bool,
}

impl Report {
    pub(super) fn carry_out(self) -> Done {
        for run in &self.runs {
            let data = Dataset::read(run).map_err(request)?;
            if data.info.build_profile != "release" && !self.allow_debug {
                return Err(request(format_args!(
                    "{} was measured by a debug build, which says nothing; --allow-debug reports it all the same",
                    run.display()
                )));
            }
            let report = write(&data, run)?;
            say(format_args!("Report: {}", report.display()));
        }
        Ok(Exit::Good)
    }
}

/// Writes the report of a run into its folder.
pub(super) fn write(data: &Dataset, run: &Path) -> Result<PathBuf, Trouble> {
    ferrybench_reports::write(data, run)
        .map_err(|error| failure(format_args!("the report in {} cannot be written: {error}", run.display())))
}
