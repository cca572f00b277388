//! Queues and pipes against loopback sockets: ratios with intervals, and the sentences that follow from them.

use super::view::{View, differs, plotted, size, spoken};
use crate::{
    chart::{Axis, Chart, Group, Intervals, Row, Scale},
    element::{Element, Figure},
    format::{self, Unit},
};
use ferrybench_data::{
    dataset::TrialView,
    plan::catalogue::Group as Kin,
    roundtrip::{BANDWIDTH, Pattern, Peers, Placement, RATE, Spec},
    stats::Estimate,
};
use std::collections::{BTreeMap, BTreeSet};

struct Pair<'v, 'a> {
    ours: &'v TrialView<'a>,
    socket: &'v TrialView<'a>,
    ratio: Estimate,
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut elements = Vec::new();
    for (pattern, title) in [(Pattern::Rtt, "Round trips"), (Pattern::Stream, "One-way streams")] {
        let pairs = pairs(view, pattern);
        if pairs.is_empty() {
            continue;
        }
        elements.push(Element::heading(3, title));
        let items = sentences(view, &pairs, pattern);
        if !items.is_empty() {
            elements.push(Element::List(items));
        } else if pairs.iter().all(|pair| pair.ratio.interval.is_none()) {
            elements.push(Element::prose(
                "No interval, so nothing is compared in words: six blocks of the same round are the least.",
            ));
        }
        for placement in Placement::ALL {
            let sockets: BTreeSet<&str> =
                pairs.iter().map(|pair| pair.socket.spec.mechanism.as_str()).collect();
            elements
                .extend(sockets.into_iter().filter_map(|socket| figure(&pairs, pattern, *placement, socket)));
        }
    }
    if !elements.is_empty() {
        elements.insert(0, Element::heading(2, "Queues and pipes against loopback sockets"));
        let mut words = "Blocks of the same round are divided by each other: same size, ends, placement and way of waiting. \
                         Above 1 the queue or pipe is faster than the socket"
            .to_owned();
        let drawn = elements.iter().any(|element| matches!(element, Element::Figure(_)));
        words += if drawn {
            "; a hollow marker means that the interval holds 1, and nothing is claimed."
        } else {
            "."
        };
        elements.insert(1, Element::prose(words));
    }
    elements
}

/// The headline: a pipe and the queue against TCP, on one CPU, where the intervals allow it.
pub(super) fn headline(view: &View<'_>) -> Vec<String> {
    let bytes = view.usual_size(Pattern::Rtt);
    pairs(view, Pattern::Rtt)
        .iter()
        .filter(|pair| {
            let spec = pair.ours.spec;
            pair.socket.spec.mechanism == "tcp"
                && Some(spec.message_bytes) == bytes
                && ["pipe", "queue"].contains(&spec.mechanism.as_str())
                && spec.peers == Peers::Process
                && spec.placement != Placement::Unpinned
                && view.is_natural(spec)
        })
        .filter_map(headline_sentence)
        .collect()
}

/// Every trial of a queue or pipe over the loopback socket that is its like.
fn pairs<'v, 'a>(view: &'v View<'a>, pattern: Pattern) -> Vec<Pair<'v, 'a>> {
    let metric = metric(pattern);
    let of = |trial: &&TrialView<'a>, kin: &[Kin]| {
        trial.spec.pattern == pattern
            && trial.spec.producers == 1
            && view.group(&trial.spec.mechanism).is_some_and(|group| kin.contains(&group))
    };
    let mut pairs = Vec::new();
    for ours in view.ranked().filter(|trial| of(trial, &[Kin::Pipe, Kin::Queue, Kin::UnixSocket])) {
        for socket in view.ranked().filter(|trial| of(trial, &[Kin::Loopback])) {
            if is_like(ours.spec, socket.spec)
                && let Some(ratio) = ours.ratio(socket, metric)
            {
                pairs.push(Pair { ours, socket, ratio });
            }
        }
    }
    pairs
}

fn metric(pattern: Pattern) -> &'static str {
    if pattern == Pattern::Rtt { RATE } else { BANDWIDTH }
}

/// Alike in everything but the mechanism.
fn is_like(a: &Spec, b: &Spec) -> bool {
    *a == Spec { mechanism: a.mechanism.clone(), ..b.clone() }
}

/// One sentence for each size and placement: everyone against TCP, as each is by nature.
fn sentences(view: &View<'_>, pairs: &[Pair<'_, '_>], pattern: Pattern) -> Vec<String> {
    let usual = view.usual_size(Pattern::Rtt);
    let mut groups: BTreeMap<(Placement, u64), Vec<&Pair<'_, '_>>> = BTreeMap::new();
    for pair in pairs {
        let spec = pair.ours.spec;
        let said = pattern == Pattern::Stream || Some(spec.message_bytes) == usual;
        if pair.socket.spec.mechanism == "tcp" && said && view.is_natural(spec) {
            groups.entry((spec.placement, spec.message_bytes)).or_default().push(pair);
        }
    }
    groups.iter().filter_map(|(place, pairs)| sentence(*place, pairs, pattern)).collect()
}

fn sentence(
    (placement, bytes): (Placement, u64),
    pairs: &[&Pair<'_, '_>],
    pattern: Pattern,
) -> Option<String> {
    let (mut apart, mut beside) = (Vec::new(), Vec::new());
    for pair in pairs {
        let (name, Some((low, high))) = (&pair.ours.spec.mechanism, pair.ratio.interval) else { continue };
        if differs(pair.ratio) {
            apart.push(format!("`{name}` **{:.2}** [{low:.2}, {high:.2}]", pair.ratio.value));
        } else {
            beside.push(format!("`{name}` ({low:.2} to {high:.2})"));
        }
    }
    let what = if pattern == Pattern::Rtt { "round trips" } else { "bytes" };
    let mut text = format!("At {}, {}", size(bytes), spoken(placement));
    match (apart.is_empty(), beside.is_empty()) {
        (true, true) => return None,
        (false, true) => text += &format!(", times the {what} of `tcp`: {}.", apart.join(", ")),
        (true, false) => text += &format!(", cannot be told apart from `tcp`: {}.", beside.join(", ")),
        (false, false) => {
            text += &format!(
                ", times the {what} of `tcp`: {}; cannot be told apart from it: {}.",
                apart.join(", "),
                beside.join(", ")
            );
        }
    }
    Some(text)
}

/// One pair in a sentence of its own.
fn headline_sentence(pair: &Pair<'_, '_>) -> Option<String> {
    let spec = pair.ours.spec;
    let (ours, socket) = (&spec.mechanism, &pair.socket.spec.mechanism);
    let at = format!("At {}, {}", size(spec.message_bytes), spoken(spec.placement));
    let (low, high) = pair.ratio.interval?;
    Some(if differs(pair.ratio) {
        format!(
            "{at}, `{ours}` makes **{:.2} times** [{low:.2}, {high:.2}] the round trips of `{socket}`.",
            pair.ratio.value
        )
    } else {
        format!("{at}, `{ours}` and `{socket}` cannot be told apart ({low:.2} to {high:.2} times).")
    })
}

fn figure(pairs: &[Pair<'_, '_>], pattern: Pattern, placement: Placement, socket: &str) -> Option<Element> {
    let mut groups: Vec<(String, Vec<Row>)> = Vec::new();
    let mut blocks = 0;
    // Without an interval a marker would claim what nobody knows.
    let shown = |pair: &&Pair<'_, '_>| {
        pair.ours.spec.placement == placement
            && pair.socket.spec.mechanism == socket
            && pair.ratio.interval.is_some()
    };
    for pair in pairs.iter().filter(shown) {
        let spec = pair.ours.spec;
        let mut title = size(spec.message_bytes);
        if spec.peers != Peers::Process {
            title += &format!(", {}s", spec.peers);
        }
        if spec.wait != ferrybench_data::roundtrip::Wait::Block {
            title += &format!(", {}", spec.wait);
        }
        let row = Row { label: spec.mechanism.clone(), estimate: plotted(pair.ratio) };
        blocks = blocks.max(pair.ratio.blocks);
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((title, vec![row])),
        }
    }
    let groups = groups.into_iter().map(|(title, rows)| Group::new(title, rows)).collect();
    let title = if pattern == Pattern::Rtt {
        format!("Round trips, times those of {socket}")
    } else {
        format!("Throughput, times that of {socket}")
    };
    let chart = Intervals::new(Axis::new(title.as_str(), Scale::Log10, Unit::Ratio), groups)?
        .with_reference(1.0, "equal");
    Some(Element::Figure(Figure {
        name: format!("against-{socket}-{pattern}-{placement}"),
        chart: Chart::Intervals(chart),
        alt: format!("{title}, {}", spoken(placement)),
        caption: format!(
            "{title}, {}; right of 1 is faster than `{socket}`. n = {} of blocks; Hodges-Lehmann estimate of the geometric \
             ratio, 95 % interval by signed rank.",
            spoken(placement),
            format::counted(blocks, "pair")
        ),
    }))
}
