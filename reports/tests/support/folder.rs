//! The made-up run as a run folder.

use super::Run;
use ferrybench_data::{roundtrip::RoundTrip, table};
use std::{fmt::Write as _, fs, io, path::Path};

impl Run {
    /// Writes what `Dataset::read` reads.
    pub fn write(self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut rows = table::Table::<RoundTrip>::header(&self.records[0].spec)?;
        for record in &self.records {
            write!(rows, "{}", table::Table::line(record)?).expect("writing to memory cannot fail");
        }
        fs::write(folder.join("roundtrip.csv"), rows)?;
        fs::write(folder.join("histograms.csv"), lines(&self.histograms)?)?;
        fs::write(folder.join("criterion.csv"), lines(&self.criterion)?)?;
        fs::write(folder.join("plan.toml"), "name = \"synthetic\"\n")?;
        fs::write(folder.join("run.json"), serde_json::to_vec_pretty(&self.info)?)
    }
}

fn lines<T: serde::Serialize>(rows: &[T]) -> io::Result<String> {
    let mut text = rows.first().map_or(Ok(String::new()), table::header_line)?;
    for row in rows {
        text += &table::row_line(row)?;
    }
    Ok(text)
}
