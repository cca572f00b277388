//! Queues and pipes against loopback sockets: ratios with intervals, and the sentences that follow from them.

use super::view::{View, differs, plotted, size, spoken};
use crate::{
    chart::{Axis, Chart, Group, Intervals, Row, Scale},
    element::{Element, Figure},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    plan::catalogue::Group as Kin,
    roundtrip::{BANDWIDTH, Pattern, Peers, Placement, RATE, Spec},
    stats::Estimate,
};

/// Sentences of one kind beyond this many would be a table in disguise; the figure has them all.
const MOST_SENTENCES: usize = 12;

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
        let sentences: Vec<String> = pairs
            .iter()
            .filter(|pair| pair.socket.spec.mechanism == "tcp" && pair.ratio.interval.is_some())
            .filter(|pair| {
                pattern == Pattern::Stream || Some(pair.ours.spec.message_bytes) == view.usual_size(pattern)
            })
            .map(sentence)
            .take(MOST_SENTENCES)
            .collect();
        if sentences.is_empty() {
            elements.push(Element::prose(
                "No interval, so nothing is compared in words: six blocks of the same round are the least.",
            ));
        } else {
            elements.push(Element::List(sentences));
        }
        for placement in Placement::ALL {
            elements.extend(figure(&pairs, pattern, *placement));
        }
    }
    if !elements.is_empty() {
        elements.insert(0, Element::heading(2, "Queues and pipes against loopback sockets"));
        elements.insert(
            1,
            Element::prose(
                "Blocks of the same round are divided by each other: same size, ends, placement and way of waiting. Above 1 the \
                 queue or pipe is faster than the socket; a hollow marker means that the interval holds 1, and nothing is claimed.",
            ),
        );
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
                && pair.ratio.interval.is_some()
        })
        .map(sentence)
        .collect()
}

/// Every natural trial of a queue or pipe over the loopback socket that is its like.
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

fn sentence(pair: &Pair<'_, '_>) -> String {
    let spec = pair.ours.spec;
    let (ours, socket) = (&spec.mechanism, &pair.socket.spec.mechanism);
    let at = format!("At {}, {}", size(spec.message_bytes), spoken(spec.placement));
    let wait = if spec.wait == ferrybench_data::roundtrip::Wait::Block {
        String::new()
    } else {
        format!(", waiting by `{}`", spec.wait)
    };
    let ends = if spec.peers == Peers::Thread { ", between threads" } else { "" };
    let does = if spec.pattern == Pattern::Rtt { "makes" } else { "carries" };
    let what = if spec.pattern == Pattern::Rtt { "the round trips" } else { "the bytes" };
    let Some((low, high)) = pair.ratio.interval else { return String::new() };
    if differs(pair.ratio) {
        format!(
            "{at}{wait}{ends}, `{ours}` {does} **{:.2} times** [{low:.2}, {high:.2}] {what} of `{socket}`.",
            pair.ratio.value
        )
    } else {
        format!(
            "{at}{wait}{ends}, `{ours}` and `{socket}` cannot be told apart ({low:.2} to {high:.2} times)."
        )
    }
}

fn figure(pairs: &[Pair<'_, '_>], pattern: Pattern, placement: Placement) -> Option<Element> {
    let mut groups: Vec<(String, Vec<Row>)> = Vec::new();
    let mut blocks = 0;
    for pair in pairs.iter().filter(|pair| pair.ours.spec.placement == placement) {
        let spec = pair.ours.spec;
        let mut title = format!("against {}, {}", pair.socket.spec.mechanism, size(spec.message_bytes));
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
        "Round trips, times those of the socket"
    } else {
        "Throughput, times that of the socket"
    };
    let chart =
        Intervals::new(Axis::new(title, Scale::Log10, Unit::Ratio), groups)?.with_reference(1.0, "equal");
    Some(Element::Figure(Figure {
        name: format!("against-sockets-{pattern}-{placement}"),
        chart: Chart::Intervals(chart),
        alt: format!("{title}, {}", spoken(placement)),
        caption: format!(
            "{title}, {}; right of 1 is faster than the socket. n = {blocks} pairs of blocks; Hodges-Lehmann estimate of the geometric \
             ratio, 95 % interval by signed rank.",
            spoken(placement)
        ),
    }))
}
