//! What the summary says of the fan-out.

use super::view::{Trial, cases, program, sum, title};
use crate::{
    format::{self, Unit},
    section::view::{Standing, View, standing, worded},
};
use ferrybench_data::{
    fanout::{GOODPUT, Hosts, Reliability, TOTAL},
    record::{Fate, Row},
};
use std::collections::BTreeMap;

/// Cases of which the summary names the best.
const MOST_CASES: usize = 3;

pub(super) fn headline(view: &View<'_>) -> Vec<String> {
    if !view.has_fanouts() {
        return Vec::new();
    }
    let mut found = vec![coverage(view)];
    if view.fanouts.iter().any(|trial| trial.spec.hosts == Hosts::Loopback) {
        found.push(
            "UDP fan-out: some hosts are **addresses of the loopback interface** of one machine, since namespaces could not be made: \
             one network stack, and no network between hosts."
                .into(),
        );
    }
    found.extend(cases(view).iter().filter_map(|case| best(view, &title(&case.spec), &case.trials)).take(MOST_CASES));
    found
}

fn coverage(view: &View<'_>) -> String {
    let (mut proved, mut others) = (0, BTreeMap::new());
    for trial in &view.fanouts {
        let worst = trial.rows.iter().filter_map(|row| match row.fate() {
            Fate::Failed(_) => Some((0, "failed")),
            Fate::Refused(_) => Some((1, "refused by the audit")),
            Fate::Skipped(_) => Some((2, "skipped")),
            Fate::Proved | Fate::SelfReported => None,
        });
        match worst.min() {
            Some(word) => *others.entry(word).or_insert(0) += 1,
            None => proved += 1,
        }
    }
    let others: Vec<String> = others.iter().map(|((_, word), count)| format!("{count} {word}")).collect();
    let others = if others.is_empty() { "nothing failed".to_owned() } else { others.join(", ") };
    let total = |of: fn(&ferrybench_data::fanout::Evidence) -> Option<u64>| {
        view.fanouts.iter().filter_map(|trial| sum(trial, of)).sum::<u64>()
    };
    let intact = total(|seen| Some(seen.files_intact.into()));
    let asked = total(|seen| Some(seen.files_asked.into()));
    let mut text = format!(
        "UDP fan-out: of {} of program, files, receivers and datagrams, **{proved}** ended with a ledger that adds up in every block; \
         {others}. {} of {} files reached their receiver intact.",
        format::counted(view.fanouts.len(), "combination"),
        format::integer(intact),
        format::integer(asked)
    );
    let (sent, lost) = (total(|seen| seen.sent), total(|seen| seen.lost));
    if sent > 0 {
        text += &format!(
            " Of {} counted transmissions {} were lost ({}).",
            format::integer(sent),
            format::integer(lost),
            format::value(lost as f64 / sent as f64, Unit::Percent)
        );
    }
    text
}

/// The best program of a case where intervals tell: with repair by goodput, else by its total.
fn best(view: &View<'_>, case: &str, trials: &[&Trial<'_>]) -> Option<String> {
    let repaired = trials.first()?.spec.reliability == Reliability::Repair;
    let (metric, what, unit, sign) = if repaired {
        (GOODPUT, "the highest median of goodput", Unit::BytesPerSecond, -1.0)
    } else {
        (TOTAL, "the lowest median total", Unit::Seconds, 1.0)
    };
    let mut ranked: Vec<(&Trial<'_>, f64)> =
        trials.iter().filter_map(|trial| Some((*trial, sign * trial.estimate(metric)?.value))).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ((best, _), others) = ranked.split_first()?;
    let name = |trial: &Trial<'_>| program(view, trial.spec);
    let others = others.iter().map(|(other, _)| (*other, name(other)));
    let Standing::Beside(names) = standing((*best, &name(best)), others, metric) else { return None };
    let but = if names.is_empty() { ".".to_owned() } else { format!("; {} cannot be told apart from it.", names.join(", ")) };
    Some(format!("{}: {what} is that of **{}**, {}{but}", super::capital(case), name(best), worded(best.estimate(metric)?, unit)))
}
