//! Trials of the fan-out as its sections look at them: in groups that share all but a few axes.

use crate::{
    element::{Cell, Element},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::{
    dataset::TrialView,
    fanout::{
        Assignment, Batching, Content, Delivery, ETHERNET_MTU, Evidence, Fanout, FetchWhere, Framing, Hosts,
        ReceiveOffload, Reliability, Segmented, Spec,
    },
    plan::catalogue::SenderModel,
    record::{Fate, Row},
    stats::quantile,
};

/// A trial of the fan-out.
pub(super) type Trial<'a> = TrialView<'a, Fanout>;

/// Trials that differ only in the axes that a section blanks.
pub(super) struct Group<'v, 'a> {
    /// What they share; the blanked axes are meaningless.
    pub(super) spec: Spec,
    /// Models in the order of the catalogue.
    pub(super) trials: Vec<&'v Trial<'a>>,
}

/// Trials by what is left of their axes once `blank` has been at them, in the order of what is left.
pub(super) fn grouped<'v, 'a>(
    trials: impl IntoIterator<Item = &'v Trial<'a>>,
    blank: impl Fn(&mut Spec),
) -> Vec<Group<'v, 'a>>
where
    'a: 'v,
{
    let mut groups: Vec<Group<'v, 'a>> = Vec::new();
    for trial in trials {
        let mut spec = trial.spec.clone();
        blank(&mut spec);
        match groups.iter_mut().find(|group| group.spec == spec) {
            Some(group) => group.trials.push(trial),
            None => groups.push(Group { spec, trials: vec![trial] }),
        }
    }
    groups.sort_by(|a, b| a.spec.cmp(&b.spec));
    groups
}

/// Blanks the program, so that what is left is a case: what is sent, to whom and how.
pub(super) fn any_program(spec: &mut Spec) {
    spec.sender_model.clear();
    spec.pool_size = 0;
}

/// Every case of a run.
pub(super) fn cases<'v, 'a>(view: &'v View<'a>) -> Vec<Group<'v, 'a>> {
    grouped(&view.fanouts, any_program)
}

/// Cases of the assignment that a section shows one by one, and those that it shows where there are fewer.
const MOST_SHOWN: usize = 8;
const LEAST_SHOWN: usize = 2;
/// Cases that a section shows on demand; of a plan with every axis the rest is in the table of every trial alone.
const MOST_FOLDED: usize = 16;

/// Cases as a section shows them.
pub(super) struct Shown<'c, 'v, 'a> {
    /// One by one: those of the assignment first.
    pub(super) plainly: Vec<&'c Group<'v, 'a>>,
    /// On demand.
    pub(super) folded: Vec<&'c Group<'v, 'a>>,
    /// Not at all.
    pub(super) left_out: usize,
}

/// Which cases are shown how.
pub(super) fn shown<'c, 'v, 'a>(cases: &'c [Group<'v, 'a>]) -> Shown<'c, 'v, 'a> {
    let (mut plainly, others): (Vec<_>, Vec<_>) = cases.iter().partition(|case| is_assigned(&case.spec));
    let mut folded = if plainly.len() > MOST_SHOWN { plainly.split_off(MOST_SHOWN) } else { Vec::new() };
    folded.extend(others);
    let more = LEAST_SHOWN.saturating_sub(plainly.len()).min(folded.len());
    plainly.extend(folded.drain(..more));
    let left_out = folded.len().saturating_sub(MOST_FOLDED);
    folded.truncate(MOST_FOLDED);
    Shown { plainly, folded, left_out }
}

/// Where to find the cases that are not shown.
pub(super) fn left_out(count: usize, table: &str) -> Option<Element> {
    (count > 0).then(|| {
        let (cases, verb) = (format::counted(count, "more case"), if count == 1 { "is" } else { "are" });
        Element::prose(format!(
            "{cases} of this run {verb} in the table of every trial, and in `{table}` beside `run.json`."
        ))
    })
}

/// Each value of an axis once, in the order of the trials.
pub(super) fn values<T: PartialEq>(view: &View<'_>, of: impl Fn(&Spec) -> Option<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    for value in view.fanouts.iter().filter_map(|trial| of(trial.spec)) {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

/// What the catalogue knows of a sender model.
pub(super) fn model<'v>(view: &'v View<'_>, name: &str) -> Option<&'v SenderModel> {
    view.data.infos().flat_map(|info| &info.catalogue.fanout.sender_models).find(|model| model.name == name)
}

/// A program as the assignment calls it, with the size of its pool; its own name where it has none there.
pub(super) fn program(view: &View<'_>, spec: &Spec) -> String {
    let assigned = model(view, &spec.sender_model).map(|model| model.assignment_name.as_str());
    sized(assigned.filter(|name| !name.is_empty()).unwrap_or(&spec.sender_model), spec)
}

/// A sender model with the size of its pool.
pub(super) fn sender(spec: &Spec) -> String {
    sized(&spec.sender_model, spec)
}

fn sized(name: &str, spec: &Spec) -> String {
    match spec.pool_size {
        0 => name.to_owned(),
        1 => format!("{name}, 1 worker"),
        size => format!("{name}, {size} workers"),
    }
}

/// What is sent to whom, as in `2 pictures, one to each of 2 receivers, by unicast`.
pub(super) fn shape(spec: &Spec) -> String {
    let files = files(spec);
    let receivers = format::counted(spec.receivers as usize, "receiver");
    let to = match (spec.assignment, spec.receivers, spec.files) {
        (_, 1, _) => " to 1 receiver".to_owned(),
        (Assignment::Each, ..) => format!(", one to each of {receivers}"),
        (Assignment::All, _, 1) => format!(" to each of {receivers}"),
        (Assignment::All, ..) => format!(", all to each of {receivers}"),
    };
    let comma = if spec.assignment == Assignment::Each && spec.receivers > 1 { "," } else { "" };
    format!("{files}{to}{comma} by {}", delivery(spec.delivery))
}

/// Its files, as in `2 pictures` or `4 files of 25 MiB`.
pub(super) fn files(spec: &Spec) -> String {
    let count = spec.files as usize;
    match (spec.content, spec.file_bytes) {
        (Content::Own, _) => format!("{} of its own", format::counted(count, "file")),
        (Content::BuiltIn, 0) => format::counted(count, "picture"),
        (Content::BuiltIn, bytes) => format!("{} of {}", format::counted(count, "file"), size(bytes)),
    }
}

/// A way of addressing, in words.
pub(super) const fn delivery(of: Delivery) -> &'static str {
    match of {
        Delivery::Unicast => "unicast",
        Delivery::Broadcast => "broadcast",
        Delivery::LimitedBroadcast => "broadcast to 255.255.255.255",
        Delivery::Multicast => "multicast",
    }
}

/// What a datagram holds, as in `bare datagrams of 1 B`.
pub(super) fn datagrams(spec: &Spec) -> String {
    let of = payload(spec.datagram_bytes);
    match spec.framing {
        Framing::Bare => format!("bare datagrams of {of}"),
        Framing::Ledger => format!("datagrams of {of} with our header"),
    }
}

/// A payload in words.
pub(super) fn payload(bytes: u32) -> String {
    if bytes == 0 { "a whole file".into() } else { size(bytes.into()) }
}

/// A size that people write in whole bytes where it is no round number of KiB: 1,400 B and 8 KiB.
pub(super) fn size(bytes: u64) -> String {
    if bytes >= 10_000 || bytes.is_multiple_of(1024) {
        format::value(bytes as f64, Unit::Bytes)
    } else {
        format!("{} B", format::integer(bytes))
    }
}

/// Everything else that is not as plain as can be, as in `, gso, repair`.
pub(super) fn details(spec: &Spec) -> String {
    let mut words = manner(spec);
    match spec.fetch_where {
        FetchWhere::Local => {}
        FetchWhere::ParentSerial => words.push("fetched by the parent".into()),
        FetchWhere::InWorker => words.push("fetched by each worker".into()),
    }
    if spec.think_ms > 0 {
        words.push(format!("a pause of {} before sending", pause(spec)));
    }
    words.extend(conditions(spec));
    words.iter().flat_map(|word| [", ", word]).collect()
}

/// How datagrams leave, where that is not one by one and once.
fn manner(spec: &Spec) -> Vec<String> {
    let batching = (spec.batching != Batching::One).then(|| batching(spec));
    let repair = (spec.reliability == Reliability::Repair).then(|| "repair".to_owned());
    batching.into_iter().chain(repair).collect()
}

fn pause(spec: &Spec) -> String {
    format::tick(spec.think_ms as f64 / 1e3, Unit::Seconds)
}

/// What was done to the hosts and the network between them, beyond what a plan has by default.
pub(super) fn conditions(spec: &Spec) -> Vec<String> {
    let rate = |bytes: u64| format::value(bytes as f64, Unit::BytesPerSecond);
    let mut words: Vec<String> = Vec::new();
    let mut add = |is: bool, text: String| {
        if is {
            words.push(text);
        }
    };
    add(spec.hosts == Hosts::Loopback, "over loopback".into());
    add(spec.receive_offload == ReceiveOffload::Off, "received without GRO".into());
    add(spec.pace_bytes_per_s > 0, format!("paced to {}", rate(spec.pace_bytes_per_s)));
    add(spec.mtu_bytes != ETHERNET_MTU, format!("MTU {}", spec.mtu_bytes));
    words.extend(impairments(spec));
    words
}

/// What the network between the hosts was told to do to datagrams.
pub(super) fn impairments(spec: &Spec) -> Vec<String> {
    let rate = |bytes: u64| format::value(bytes as f64, Unit::BytesPerSecond);
    let mut words: Vec<String> = Vec::new();
    let mut add = |is: bool, text: String| {
        if is {
            words.push(text);
        }
    };
    add(spec.rate_bytes_per_s > 0, format!("links of {}", rate(spec.rate_bytes_per_s)));
    add(spec.loss_percent > 0, format!("{} % lost on purpose", spec.loss_percent));
    add(spec.duplicate_percent > 0, format!("{} % delivered twice on purpose", spec.duplicate_percent));
    words
}

/// A case in as few words as tell it from others, for figures and tables.
pub(super) fn short(spec: &Spec) -> String {
    let files = match (spec.content, spec.file_bytes) {
        (Content::BuiltIn, bytes) if bytes > 0 => format!("{} × {}", spec.files, size(bytes)),
        _ => files(spec),
    };
    let to = match spec.assignment {
        Assignment::Each => format!("one each to {}", spec.receivers),
        Assignment::All => format!("to {}", spec.receivers),
    };
    let bare = if spec.framing == Framing::Bare { " bare" } else { "" };
    let payload =
        if spec.datagram_bytes == 0 { "whole file".to_owned() } else { size(spec.datagram_bytes.into()) };
    let mut words =
        vec![format!("{files} {to}"), brief(spec.delivery).to_owned(), format!("{payload}{bare}")];
    words.extend(manner(spec));
    match spec.fetch_where {
        FetchWhere::Local => {}
        FetchWhere::ParentSerial => words.push("parent fetches".into()),
        FetchWhere::InWorker => words.push("workers fetch".into()),
    }
    if spec.think_ms > 0 {
        words.push(format!("{} pause", pause(spec)));
    }
    words.extend(conditions(spec).into_iter().map(|word| word.replace(" on purpose", "")));
    words.join(", ")
}

/// A way of addressing as the label of a line.
pub(super) const fn brief(of: Delivery) -> &'static str {
    match of {
        Delivery::LimitedBroadcast => "255.255.255.255",
        other => delivery(other),
    }
}

/// How datagrams are handed to the kernel, and where a large buffer is cut up.
pub(super) fn batching(spec: &Spec) -> String {
    match spec.segmented {
        Segmented::Never => spec.batching.to_string(),
        Segmented::Stack => format!("{}, cut up in the kernel", spec.batching),
        Segmented::Device => format!("{}, cut up in the device", spec.batching),
    }
}

/// Whether a case is one of the assignment's kind: pictures, or files that are fetched first.
pub(super) const fn is_assigned(spec: &Spec) -> bool {
    spec.file_bytes == 0 || !matches!(spec.fetch_where, FetchWhere::Local)
}

/// All that is known of a case.
pub(super) fn title(spec: &Spec) -> String {
    format!("{}; {}{}", shape(spec), datagrams(spec), details(spec))
}

/// The median of something over the blocks that may be compared.
pub(super) fn median(trial: &Trial<'_>, of: impl Fn(&Evidence) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = trial.good().filter_map(|(_, seen)| of(seen)).collect();
    quantile::median(&values)
}

/// A count summed over the blocks that may be compared; `None` where a block does not tell it.
pub(super) fn sum(trial: &Trial<'_>, of: impl Fn(&Evidence) -> Option<u64>) -> Option<u64> {
    let counts: Option<Vec<u64>> = trial.good().map(|(_, seen)| of(seen)).collect();
    counts.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
}

/// The largest memory of the sender with its workers and of one receiver, over the blocks that may be compared, to one
/// decimal: as far as peaks repeat.
pub(super) fn memory(trial: &Trial<'_>) -> [Cell; 2] {
    let sides: [fn(&Evidence) -> u64; 2] =
        [|seen| seen.sender_peak_rss_bytes, |seen| seen.receiver_peak_rss_bytes];
    sides.map(|of| {
        let most = trial.good().map(|(_, seen)| of(seen)).max();
        most.map_or(Cell::Empty, |bytes| {
            Cell::text(format!("{:.1}\u{a0}MiB", bytes as f64 / f64::from(1 << 20)))
        })
    })
}

/// How a trial's blocks ended: their number where all are good, else what became of the others.
pub(super) fn outcome(trial: &Trial<'_>) -> String {
    let good = trial.good().count();
    let mut words = vec![format::counted(good, "block")];
    let mut reasons: Vec<(String, Vec<u32>)> = Vec::new();
    for row in &trial.rows {
        let text = match row.fate() {
            Fate::Refused(why) => format!("refused: {}", why.join("; ")),
            Fate::Failed(why) => format!("failed: {why}"),
            Fate::Skipped(why) => format!("skipped: {why}"),
            Fate::Proved | Fate::SelfReported => continue,
        };
        match reasons.iter_mut().find(|(known, _)| *known == text) {
            Some((_, blocks)) => blocks.push(row.block),
            None => reasons.push((text, vec![row.block])),
        }
    }
    if good == 0 && !reasons.is_empty() {
        words.clear();
    }
    let is_skipped = |text: &str| text.starts_with("skipped");
    words.extend(reasons.into_iter().map(|(text, blocks)| {
        let numbers: Vec<String> = blocks.iter().map(ToString::to_string).collect();
        let noun = if blocks.len() == 1 { "block" } else { "blocks" };
        if is_skipped(&text) { text } else { format!("{noun} {} {text}", numbers.join(", ")) }
    }));
    words.join("; ")
}

/// Least and most of some numbers as one text: `73.0 %` or `73.0 to 74.1 %`.
pub(super) fn span(values: impl IntoIterator<Item = f64>, unit: Unit) -> Option<String> {
    let (least, most) = values.into_iter().fold(None, |ends: Option<(f64, f64)>, value| {
        Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    })?;
    let [low, high] = [least, most].map(|end| format::value(end, unit));
    if low == high {
        return Some(high);
    }
    match (low.rsplit_once(' '), high.rsplit_once(' ')) {
        (Some((number, ours)), Some((_, theirs))) if ours == theirs => Some(format!("{number} to {high}")),
        _ => Some(format!("{low} to {high}")),
    }
}
