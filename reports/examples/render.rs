//! Renders the report of a run folder again: `render RUN_FOLDER`.

use ferrybench_data::dataset::Dataset;
use std::{error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: render RUN_FOLDER")?);
    ferrybench_reports::write(&Dataset::read(&folder)?, &folder)?;
    Ok(())
}
