//! Criterion's estimates beside the harness's.

use super::view::{View, cell};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
};
use ferrybench_data::{
    criterion::CriterionRow,
    dataset::TrialView,
    stats::{Estimate, quantile},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut rows = Vec::new();
    let (mut apart, mut held) = (0, 0);
    for theirs in &view.data.criterion {
        let Some(trial) = view.trials.iter().find(|trial| trial.id() == theirs.trial) else { continue };
        let Some(ours) = mean(trial) else { continue };
        let verdict = match ours.interval {
            None => "no interval",
            Some(bounds) if overlap(bounds, theirs) => "agree",
            Some(_) => "**disagree**",
        };
        held += usize::from(ours.interval.is_some());
        apart += usize::from(verdict == "**disagree**");
        rows.push(vec![
            Cell::code(&theirs.trial),
            Cell::Estimate {
                value: theirs.mean_ns,
                interval: Some((theirs.mean_low_ns, theirs.mean_high_ns)),
                unit: Unit::Nanoseconds,
                best: false,
            },
            cell(Some(ours), Unit::Nanoseconds),
            Cell::exact(theirs.mean_ns / ours.value, Unit::Ratio),
            Cell::text(verdict),
        ]);
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let columns = vec![
        Column::left("Trial"),
        Column::right("Criterion, mean"),
        Column::right("Harness, mean"),
        Column::right("Criterion over harness"),
        Column::left("Intervals"),
    ];
    let words = format!(
        "The same mechanisms, measured by Criterion through the same loops but in one sitting each: one pair of ends, ten samples in a \
         row. The harness starts fresh processes for each block and spreads its blocks over the whole run. {apart} of {held} pairs \
         disagree beyond their intervals. Where they do, the likely cause is that Criterion's interval knows of the variation within \
         one sitting only: a machine that changed its pace between the two, another pair of processes, or a warm cache."
    );
    vec![
        Element::heading(2, "Criterion beside the harness"),
        Element::prose(words),
        Element::fold(format!("{} beside each other", format::counted(rows.len(), "pair")), vec![
          Element::Table(Table {
            columns,
            rows,
            caption: "Mean time of an exchange, or of a message in a stream. Criterion: 95 % interval by bootstrap over its samples; \
                      harness: median over blocks, 95 % interval from order statistics."
                .into(),
        })]),
    ]
}

/// Time of an exchange or message: wall time over what was carried.
fn mean(trial: &TrialView<'_>) -> Option<Estimate> {
    let values: Vec<f64> = trial.good().map(|(_, seen)| 1e9 / seen.rate_per_s).collect();
    quantile::median_interval(&values)
}

fn overlap((low, high): (f64, f64), theirs: &CriterionRow) -> bool {
    low <= theirs.mean_high_ns && theirs.mean_low_ns <= high
}
