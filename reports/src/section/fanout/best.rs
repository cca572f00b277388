//! Which program of a case is the best by what its case is about, where intervals tell.

use super::view::{Trial, is_assigned, program};
use crate::{
    format::Unit,
    section::view::{Standing, View, standing, worded},
};
use ferrybench_data::{
    fanout::{DELIVERED, GOODPUT, Reliability, Spec, TOTAL},
    stats::LEAST_BLOCKS,
};

/// By what a case's programs are held against each other.
struct Aim {
    metric: &'static str,
    words: &'static str,
    unit: Unit,
    /// 1 where less is better, -1 where more is.
    sign: f64,
}

/// The assignment asks for the total; files of our own are sent for their goodput, or, where nothing is sent again, for
/// what is delivered: a short total is no feat where files are missing.
const fn aim(spec: &Spec) -> Aim {
    match spec.reliability {
        _ if is_assigned(spec) => {
            Aim { metric: TOTAL, words: "the lowest median total", unit: Unit::Seconds, sign: 1.0 }
        }
        Reliability::Repair => Aim {
            metric: GOODPUT,
            words: "the highest median goodput",
            unit: Unit::BytesPerSecond,
            sign: -1.0,
        },
        Reliability::Unrepaired => Aim {
            metric: DELIVERED,
            words: "the highest median of datagrams delivered to one receiver",
            unit: Unit::PerSecond,
            sign: -1.0,
        },
    }
}

/// `the lowest median total is that of **multi thread**: 2.09 s [2.08, 2.10]; ...`; `None` where no interval tells.
pub(super) fn best(view: &View<'_>, trials: &[&Trial<'_>]) -> Option<String> {
    let Aim { metric, words, unit, sign } = aim(trials.first()?.spec);
    let mut ranked: Vec<(&Trial<'_>, f64)> =
        trials.iter().filter_map(|trial| Some((*trial, sign * trial.estimate(metric)?.value))).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ((best, _), others) = ranked.split_first()?;
    let name = |trial: &Trial<'_>| program(view, trial.spec);
    let others = others.iter().map(|(other, _)| (*other, name(other)));
    let Standing::Beside(names) = standing((*best, &name(best)), others, metric) else { return None };
    let but = if names.is_empty() {
        "no interval of a ratio with another program holds 1.".to_owned()
    } else {
        format!("{} cannot be told apart from it.", names.join(", "))
    };
    Some(format!("{words} is that of **{}**: {}; {but}", name(best), worded(best.estimate(metric)?, unit)))
}

/// Said instead where there are too few blocks, and more than one program to compare.
pub(super) fn too_few(trials: &[&Trial<'_>]) -> Option<String> {
    let blocks: Vec<usize> =
        trials.iter().map(|trial| trial.good().count()).filter(|count| *count > 0).collect();
    let most = blocks.iter().max().copied()?;
    (blocks.len() > 1 && most < LEAST_BLOCKS)
        .then(|| format!("No interval (n = {most}), so the programs are not compared in words."))
}
