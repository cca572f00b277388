//! Measures: what comparisons, histories and exports read instead of rows.

use crate::{
    family::{Better, Family},
    record::Record,
};

/// One figure of one block of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The trial's id.
    pub trial: String,
    /// The block.
    pub block: u32,
    /// The metric's name, its unit as suffix.
    pub metric: &'static str,
    /// Which direction is the good one.
    pub better: Better,
    /// The figure.
    pub value: f64,
}

/// Every figure of the rows that may be compared.
pub fn measures<F: Family>(records: &[Record<F>]) -> impl Iterator<Item = Measure> {
    records.iter().filter_map(|record| Some((record, record.good()?))).flat_map(|(record, seen)| {
        let trial = record.trial();
        F::metrics().iter().filter_map(move |metric| {
            let value = (metric.value)(&record.spec, seen)?;
            Some(Measure {
                trial: trial.clone(),
                block: record.block,
                metric: metric.name,
                better: metric.better,
                value,
            })
        })
    })
}
