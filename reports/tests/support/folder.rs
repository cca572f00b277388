//! The made-up run as a run folder.

use super::Run;
use ferrybench_data::{family::Family, record::Record, table};
use std::{collections::BTreeSet, fmt::Write as _, fs, io, path::Path};

impl Run {
    /// Writes what `Dataset::read` reads.
    pub fn write(mut self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let trials: BTreeSet<String> = (self.records.iter().map(Record::trial))
            .chain(self.files.iter().map(Record::trial))
            .chain(self.fanouts.iter().map(Record::trial))
            .collect();
        self.info.trials = trials.len() as u32;
        fs::write(folder.join("roundtrip.csv"), table_of(&self.records)?)?;
        fs::write(folder.join("fileserver.csv"), table_of(&self.files)?)?;
        fs::write(folder.join("transfers.csv"), lines(&self.made)?)?;
        fs::write(folder.join("fanout.csv"), table_of(&self.fanouts)?)?;
        fs::write(folder.join("receivers.csv"), lines(&self.receivers)?)?;
        fs::write(folder.join("fetches.csv"), lines(&self.fetches)?)?;
        fs::create_dir_all(folder.join("captures"))?;
        for (name, text) in &self.captures {
            fs::write(folder.join("captures").join(name), text)?;
        }
        fs::write(folder.join("histograms.csv"), lines(&self.histograms)?)?;
        fs::write(folder.join("criterion.csv"), lines(&self.criterion)?)?;
        fs::write(folder.join("plan.toml"), "name = \"synthetic\"\n")?;
        fs::write(folder.join("run.json"), serde_json::to_vec_pretty(&self.info)?)
    }
}

fn table_of<F: Family>(records: &[Record<F>]) -> io::Result<String> {
    let header = |record: &Record<F>| table::Table::<F>::header(&record.spec);
    let mut rows = records.first().map(header).transpose()?.unwrap_or_default();
    for record in records {
        write!(rows, "{}", table::Table::line(record)?).expect("writing to memory cannot fail");
    }
    Ok(rows)
}

fn lines<T: serde::Serialize>(rows: &[T]) -> io::Result<String> {
    let mut text = rows.first().map_or(Ok(String::new()), table::header_line)?;
    for row in rows {
        text += &table::row_line(row)?;
    }
    Ok(text)
}
