//! In short: what this run found, computed, and what to know before believing it.

use super::{
    machine,
    view::{Standing, View, size, spoken, standing, worded},
};
use crate::{
    element::Element,
    format::{Unit, counted},
};
use ferrybench_data::{
    dataset::TrialView,
    record::Fate,
    roundtrip::{BANDWIDTH, CPU_COST, Pattern, Peers, Placement, RATE},
    warning::warnings,
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let title = match (view.has_round_trips(), view.has_servers(), view.has_fanouts()) {
        (true, ..) | (_, true, true) => "How fast does data change hands?",
        (_, true, _) => "How fast does a file server serve?",
        (_, _, _) => "How fast do files reach many hosts?",
    };
    let mut elements = vec![Element::heading(1, title), Element::prose(coverage(view))];
    let found = findings(view);
    if !found.is_empty() {
        elements.push(Element::heading(2, "In short"));
        elements.push(Element::List(found));
    }
    let warnings: Vec<String> = warnings(view.data).iter().map(ToString::to_string).collect();
    if !warnings.is_empty() {
        elements.push(Element::prose("**Before you quote a figure:**"));
        elements.push(Element::List(warnings));
    }
    elements
}

fn coverage(view: &View<'_>) -> String {
    let (mut good, mut audit, mut failed, mut skipped, mut told) = (0_usize, 0, 0, 0_usize, 0);
    for row in view.data.rows() {
        match row.fate() {
            Fate::Proved => good += 1,
            Fate::SelfReported => told += 1,
            Fate::Refused(_) => audit += 1,
            Fate::Failed(_) => failed += 1,
            Fate::Skipped(_) => skipped += 1,
        }
    }
    let place = match machine::distinct(view.data).as_slice() {
        [] => String::new(),
        [(host, _)] => {
            let cpus = counted(host.cpus_allowed as usize, "CPU");
            format!(" on {} ({cpus}, Linux {})", host.cpu, host.kernel)
        }
        several => format!(" on {}", counted(several.len(), "machine")),
    };
    let runs: Vec<String> =
        view.data.infos().map(|info| format!("`{}`, {}", info.plan, info.started)).collect();
    let mut text = format!(
        "Plan{} {}{place}: {}, {} measured and proved, {audit} refused by their audit, {failed} failed",
        if runs.len() > 1 { "s" } else { "" },
        runs.join(", and "),
        counted(view.trials.len() + view.servers.len() + view.fanouts.len(), "trial"),
        counted(good, "block")
    );
    if told > 0 {
        text += &format!(", {told} self-reported by other programs");
    }
    text + &format!("; {} skipped.", counted(skipped, "trial"))
}

fn findings(view: &View<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for placement in [Placement::SameCpu, Placement::Split] {
        found.extend(fastest(view, placement));
    }
    found.extend(super::sockets::headline(view));
    found.extend(widest(view));
    found.extend(cheapest(view));
    found.extend(super::fileserver::headline(view));
    found.extend(super::fanout::headline(view));
    found
}

/// The best of some trials by a metric, a higher or a lower value, with who cannot be told apart from it; `None` where
/// there is no interval, since then nothing is compared in words.
fn best<'t, 'a: 't>(
    view: &View<'_>,
    trials: impl Iterator<Item = &'t TrialView<'a>>,
    metric: &str,
    higher: bool,
) -> Option<(&'t TrialView<'a>, String)> {
    let sign = if higher { 1.0 } else { -1.0 };
    let mut trials: Vec<(&TrialView<'_>, f64)> =
        trials.filter_map(|trial| Some((trial, sign * trial.estimate(metric)?.value))).collect();
    trials.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (best, others) = trials.split_first()?;
    let others = others.iter().map(|(other, _)| (*other, view.label(other.spec)));
    match standing((best.0, &view.label(best.0.spec)), others, metric) {
        Standing::Unknown => None,
        Standing::Beside(names) if names.is_empty() => Some((best.0, ".".to_owned())),
        Standing::Beside(names) => {
            Some((best.0, format!("; {} cannot be told apart from it.", names.join(", "))))
        }
    }
}

fn between_processes<'t, 'a>(
    view: &'t View<'a>,
    pattern: Pattern,
    placement: Placement,
) -> impl Iterator<Item = &'t TrialView<'a>> + use<'t, 'a> {
    let size = view.usual_size(pattern).unwrap_or(0);
    view.ranked().filter(move |trial| {
        let spec = trial.spec;
        (spec.pattern, spec.placement, spec.message_bytes, spec.peers)
            == (pattern, placement, size, Peers::Process)
    })
}

fn fastest(view: &View<'_>, placement: Placement) -> Option<String> {
    let (trial, but) = best(view, between_processes(view, Pattern::Rtt, placement), RATE, true)?;
    Some(format!(
        "Between processes, {}, the highest median of round trips of {} is that of **{}**: {}{but}",
        spoken(placement),
        size(trial.spec.message_bytes),
        view.label(trial.spec),
        worded(trial.estimate(RATE)?, Unit::PerSecond)
    ))
}

fn widest(view: &View<'_>) -> Option<String> {
    let streams = view
        .ranked()
        .filter(|trial| trial.spec.pattern == Pattern::Stream && trial.spec.peers == Peers::Process);
    let (trial, but) = best(view, streams, BANDWIDTH, true)?;
    Some(format!(
        "The stream between processes with the highest median is **{}** with messages of {}, {}: {}{but}",
        view.label(trial.spec),
        size(trial.spec.message_bytes),
        spoken(trial.spec.placement),
        worded(trial.estimate(BANDWIDTH)?, Unit::BytesPerSecond)
    ))
}

fn cheapest(view: &View<'_>) -> Option<String> {
    let trials = [Placement::SameCpu, Placement::Split]
        .into_iter()
        .flat_map(|placement| between_processes(view, Pattern::Rtt, placement));
    let (trial, but) = best(view, trials, CPU_COST, false)?;
    Some(format!(
        "The least CPU time for a round trip of {} between processes, by the median, is that of **{}**, {}: {} of both ends together{but}",
        size(trial.spec.message_bytes),
        view.label(trial.spec),
        spoken(trial.spec.placement),
        worded(trial.estimate(CPU_COST)?, Unit::CpuMicroseconds)
    ))
}
