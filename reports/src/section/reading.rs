//! How to read the report, and what could mislead.

use super::view::{View, size, worded};
use crate::{element::Element, format::Unit};
use ferrybench_data::roundtrip::{MEAN, Pattern};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut items: Vec<String> = Vec::new();
    if view.has_round_trips() {
        items.extend(WORDS.iter().map(|item| (*item).to_owned()));
        items.extend(floor(view));
    }
    items.extend(super::fileserver::reading(view));
    items.extend(super::fanout::reading(view));
    items.extend(together(view));
    vec![Element::heading(2, "How to read it, and what could mislead"), Element::List(items)]
}

/// What several runs in one report mean for what is compared.
fn together(view: &View<'_>) -> Option<String> {
    let runs = view.data.infos().count();
    (runs > 1).then(|| {
        format!(
            "**{runs} runs are reported together.** Each trial was measured by one of them. A ratio between trials of unlike runs pairs \
             blocks by their number, not by their time: a drift of the machine between the runs is in the ratio and not in its \
             interval."
        )
    })
}

const WORDS: &[&str] = &[
    "**A round trip** is a message there and its answer back, one at a time. The loop is closed: a slow exchange delays the \
     next request instead of queueing behind it, so tails look better here than under a steady arrival rate.",
    "**A block** is the unit of repetition: two fresh processes, a warm-up, then the measured leg. Blocks of all trials are \
     interleaved in a seeded random order, so that a drift of the machine hits all alike. A trial's figure is the median over \
     its blocks; intervals are over blocks, never over pooled samples; below six blocks there is none, and nothing is \
     compared in words.",
    "**Each row proves itself.** Every message is verified at both ends (sequence number, and a checksum over every byte from \
     16 B on), counts and bytes of both ends agree, the ends are two processes or threads where the row says so, ran on the \
     CPUs it says, and waited as it says. A row that fails its audit is listed with the reason and appears in no ranking, \
     ratio or chart. Verifying is part of the measured time; the floor `null` is that loop without any mechanism.",
    "**Placement decides more than the mechanism.** `same-cpu` shares one CPU, `split` gives each end its own, `unpinned` \
     leaves it to the scheduler. Nothing here is compared across placements but in the section that is about that.",
    "**Waiting.** `block` sleeps in the kernel until woken. `spin` tries again and burns its CPU. `adaptive` spins for a bounded \
     while, then blocks. Wall time and CPU time are different things: a blocked end burns none.",
    "**Percentiles** are printed only as far as the sample carries them (p99 wants 299 samples, p99.9 wants 2 995). Where an \
     exchange is shorter than 50 readings of the clock, batches are timed, and percentiles are of batch means.",
    "**A machine has modes.** Two CPUs may pass a cache line in one time now and four times that a second later. Such trials \
     are named above; their interval is honest, their median is not the whole story.",
    "**Self-reported rows** come from other people's programs: nothing of them was proved, and they are not ranked.",
    "**Elsewhere it will differ.** These are figures of one machine, kernel and configuration, not of a mechanism as such.",
];

fn floor(view: &View<'_>) -> Option<String> {
    let trial = view.measured().find(|trial| {
        trial.spec.mechanism == "null"
            && trial.spec.pattern == Pattern::Rtt
            && Some(trial.spec.message_bytes) == view.usual_size(Pattern::Rtt)
    })?;
    Some(format!(
        "**The floor.** Without any mechanism the measuring loop takes {} for a round trip of {}: stamping and verifying both \
         messages. That much of every figure is the harness.",
        worded(trial.estimate(MEAN)?, Unit::Nanoseconds),
        size(trial.spec.message_bytes)
    ))
}
