//! The rows of one trial, and its figures.

use crate::{
    family::{Better, Family},
    record::Record,
    roundtrip::RoundTrip,
    stats::{Estimate, quantile, signed_rank},
};
use std::collections::HashMap;

/// What is known of one trial over its blocks.
#[derive(Debug, Clone)]
pub struct TrialView<'a, F: Family = RoundTrip> {
    /// Every axis.
    pub spec: &'a F::Spec,
    /// Its rows, by block.
    pub rows: Vec<&'a Record<F>>,
}

impl<'a, F: Family> TrialView<'a, F> {
    /// The trial's id.
    pub fn id(&self) -> String {
        F::id(self.spec)
    }

    /// Block and value of a metric, for the blocks that may be compared.
    pub fn values(&self, metric: &str) -> Vec<(u32, f64)> {
        let Some(metric) = F::metrics().iter().find(|known| known.name == metric) else {
            return Vec::new();
        };
        self.good().filter_map(|(row, seen)| Some((row.block, (metric.value)(&row.spec, seen)?))).collect()
    }

    /// The rows that may be compared, with their evidence.
    pub fn good(&self) -> impl Iterator<Item = (&'a Record<F>, &'a F::Evidence)> + '_ {
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
        F::metrics().iter().find(|known| known.name == metric).map(|known| known.better)
    }
}

/// Rows by trial, each trial's by block.
pub(super) fn views<F: Family>(records: &[Record<F>]) -> Vec<TrialView<'_, F>> {
    let mut views: Vec<TrialView<'_, F>> = Vec::new();
    let mut places: HashMap<&F::Spec, usize> = HashMap::new();
    for record in records {
        let place = *places.entry(&record.spec).or_insert_with(|| {
            views.push(TrialView { spec: &record.spec, rows: Vec::new() });
            views.len() - 1
        });
        views[place].rows.push(record);
    }
    for view in &mut views {
        view.rows.sort_by_key(|row| row.block);
    }
    views
}

/// The place of a name in a catalogue; names that it does not hold come last.
pub(super) fn rank<'a>(mut known: impl Iterator<Item = &'a str>, name: &str) -> usize {
    known.position(|word| word == name).unwrap_or(usize::MAX)
}
