//! What the summary says of the fan-out.

use super::{
    best::best,
    view::{Group, cases, is_assigned, sum, title},
};
use crate::{
    format::{self, Unit},
    section::{ranking::capital, view::View},
};
use ferrybench_data::{
    fanout::{Evidence, Hosts, Reliability},
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
    let mut cases = cases(view);
    cases.sort_by_key(|case| (!is_assigned(&case.spec), case.spec.reliability == Reliability::Unrepaired));
    let said = |case: &Group<'_, '_>| {
        Some(format!("**{}:** {}", capital(&title(&case.spec)), best(view, &case.trials)?))
    };
    found.extend(cases.iter().filter_map(said).take(MOST_CASES));
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
    let total = |of: fn(&Evidence) -> Option<u64>| {
        view.fanouts.iter().filter_map(|trial| sum(trial, of)).sum::<u64>()
    };
    let intact = total(|seen| Some(seen.files_intact.into()));
    let asked = total(|seen| Some(seen.files_asked.into()));
    let mut text = format!(
        "UDP fan-out: of {} of program, files, receivers and datagrams, **{proved}** passed their audit in every block; {others}. {} of {} files reached their receiver intact.",
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
