//! A run as sections look at it: its trials once, and the questions that several sections ask of them.

use crate::{
    chart,
    element::Cell,
    format::{self, Unit},
};
use ferrybench_data::{
    dataset::{Dataset, TrialView},
    family::Family,
    fanout::Fanout,
    fileserver::FileServer,
    plan::catalogue::{Group, Mechanism},
    roundtrip::{Pattern, Peers, Placement, Source, Spec},
    stats::{Estimate, LEAST_BLOCKS},
    units::Size,
};
use std::collections::BTreeMap;

/// A run with its trials.
pub(crate) struct View<'a> {
    pub(crate) data: &'a Dataset,
    /// Round trips and streams.
    pub(crate) trials: Vec<TrialView<'a>>,
    /// Trials of the file server.
    pub(crate) servers: Vec<TrialView<'a, FileServer>>,
    /// Trials of the fan-out.
    pub(crate) fanouts: Vec<TrialView<'a, Fanout>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(data: &'a Dataset) -> Self {
        Self { data, trials: data.trials(), servers: data.fileserver_trials(), fanouts: data.fanout_trials() }
    }

    /// Whether the report speaks of round trips: a run without any row does, as every report did once.
    pub(crate) fn has_round_trips(&self) -> bool {
        !self.trials.is_empty() || (self.servers.is_empty() && self.fanouts.is_empty())
    }

    /// Whether the report speaks of the file server.
    pub(crate) fn has_servers(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Whether the report speaks of files over UDP to many hosts.
    pub(crate) fn has_fanouts(&self) -> bool {
        !self.fanouts.is_empty()
    }

    /// Trials that may be ranked and drawn: our own, not floors, with at least one good block.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = &TrialView<'a>> {
        self.measured().filter(|trial| is_ranked(trial.spec))
    }

    /// Trials with at least one good block, floors and foreign peers among them.
    pub(crate) fn measured(&self) -> impl Iterator<Item = &TrialView<'a>> {
        self.trials.iter().filter(|trial| trial.good().next().is_some())
    }

    /// What the catalogue knows of a mechanism.
    pub(crate) fn mechanism(&self, name: &str) -> Option<&Mechanism> {
        self.data.info.catalogue.find(name)
    }

    /// The kin of a mechanism; foreign peers have none.
    pub(crate) fn group(&self, name: &str) -> Option<Group> {
        self.mechanism(name).map(|mechanism| mechanism.group)
    }

    /// Whether a trial runs its mechanism as it is by nature: its first peers and wait, one producer.
    pub(crate) fn is_natural(&self, spec: &Spec) -> bool {
        let Some(mechanism) = self.mechanism(&spec.mechanism) else { return true };
        mechanism.peers.first() == Some(&spec.peers)
            && mechanism.waits.first() == Some(&spec.wait)
            && spec.producers == 1
    }

    /// A mechanism's name, with what sets this trial apart from its natural one.
    pub(crate) fn label(&self, spec: &Spec) -> String {
        let Some(mechanism) = self.mechanism(&spec.mechanism) else { return spec.mechanism.clone() };
        let mut label = spec.mechanism.clone();
        if mechanism.peers.first() != Some(&spec.peers) {
            label += &format!(", {}s", spec.peers);
        }
        if mechanism.waits.first() != Some(&spec.wait) {
            label += &format!(", {}", spec.wait);
        }
        if spec.producers > 1 {
            label += &format!(", {} producers", spec.producers);
        }
        if let Some((near, far)) = spec.hosts.split_once(':') {
            label += &format!(", {near} to {far}");
        }
        label
    }

    /// The natural, ranked trials of a pattern and placement, at one message size.
    pub(crate) fn natural(
        &self,
        pattern: Pattern,
        placement: Placement,
        size: u64,
    ) -> impl Iterator<Item = &TrialView<'a>> {
        self.ranked().filter(move |trial| {
            let spec = trial.spec;
            (spec.pattern, spec.placement, spec.message_bytes) == (pattern, placement, size)
                && self.is_natural(spec)
        })
    }

    /// The message size that most ranked trials of a pattern have; the smallest of those that tie.
    pub(crate) fn usual_size(&self, pattern: Pattern) -> Option<u64> {
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        for trial in self.ranked().filter(|trial| trial.spec.pattern == pattern) {
            *counts.entry(trial.spec.message_bytes).or_default() += 1;
        }
        counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(size, _)| size)
    }

    /// Placements of the trials, in the order of the axis.
    pub(crate) fn placements(&self) -> Vec<Placement> {
        let has = |placement: &Placement| self.measured().any(|trial| trial.spec.placement == *placement);
        Placement::ALL.iter().copied().filter(has).collect()
    }
}

/// How an interval over blocks was made, for a caption: "n = 6 blocks; median over blocks, 95 % interval from order
/// statistics".
pub(crate) fn method<'t, 'a: 't, F: Family + 'static>(
    trials: impl IntoIterator<Item = &'t TrialView<'a, F>>,
) -> String {
    let blocks: Vec<usize> = trials.into_iter().map(|trial| trial.good().count()).collect();
    let (least, most) =
        (blocks.iter().min().copied().unwrap_or(0), blocks.iter().max().copied().unwrap_or(0));
    let n =
        if least == most { String::new() } else { format!("{least} to ") } + &format::counted(most, "block");
    let n = format!("n = {n}");
    if most < LEAST_BLOCKS {
        format!("{n}; median, no interval below {LEAST_BLOCKS} blocks")
    } else {
        format!("{n}; median over blocks, 95 % interval from order statistics")
    }
}

/// Whether a trial takes part in rankings at all.
pub(crate) fn is_ranked(spec: &Spec) -> bool {
    spec.source == Source::BuiltIn && spec.peers != Peers::None
}

/// A message size in words.
pub(crate) fn size(bytes: u64) -> String {
    format::value(bytes as f64, Unit::Bytes)
}

/// A size as part of a file name.
pub(crate) fn slug(bytes: u64) -> String {
    Size(bytes).to_string().to_lowercase()
}

/// A placement in words.
pub(crate) const fn spoken(placement: Placement) -> &'static str {
    match placement {
        Placement::SameCpu => "both ends on one CPU",
        Placement::Split => "each end on a CPU of its own",
        Placement::Unpinned => "ends placed by the scheduler",
    }
}

/// An estimate as a cell, not bold.
pub(crate) fn cell(estimate: Option<Estimate>, unit: Unit) -> Cell {
    estimate.map_or(Cell::Empty, |estimate| Cell::Estimate {
        value: estimate.value,
        interval: estimate.interval,
        unit,
        best: false,
    })
}

/// A value with its interval, in words.
pub(crate) fn worded(estimate: Estimate, unit: Unit) -> String {
    format::estimate(estimate.value, estimate.interval, unit)
}

/// An estimate as a chart takes it.
pub(crate) fn plotted(estimate: Estimate) -> chart::Estimate {
    chart::Estimate { value: estimate.value, interval: estimate.interval }
}

/// How the best of some trials stands against the others, by intervals of their ratios.
pub(crate) enum Standing {
    /// There is no other, or no ratio has an interval: nothing may be said.
    Unknown,
    /// Those that cannot be told apart from it, for their interval or the lack of one; may be none.
    Beside(Vec<String>),
}

/// How `best` stands against `others`, each with its label; those of its own label are left out.
pub(crate) fn standing<'t, 'a: 't, F: Family + 'static>(
    best: (&TrialView<'a, F>, &str),
    others: impl IntoIterator<Item = (&'t TrialView<'a, F>, String)>,
    metric: &str,
) -> Standing {
    let mut beside = Vec::new();
    let mut judged = 0;
    let (best, own) = best;
    for (other, label) in others.into_iter().filter(|(_, label)| label != own) {
        let ratio = best.ratio(other, metric).filter(|ratio| ratio.interval.is_some());
        judged += usize::from(ratio.is_some());
        let name = format!("`{label}`");
        if !ratio.is_some_and(differs) && !beside.contains(&name) {
            beside.push(name);
        }
    }
    if judged == 0 { Standing::Unknown } else { Standing::Beside(beside) }
}

/// Whether an interval says that a ratio is not 1.
pub(crate) fn differs(ratio: Estimate) -> bool {
    ratio.interval.is_some_and(|(low, high)| low > 1.0 || high < 1.0)
}
