//! What handing several datagrams to the kernel at once brings.

use super::view::{Trial, batching, brief, conditions, files, grouped, payload, sender, short};
use crate::{
    chart::{self, Axis, Chart, Intervals, Row, Scale},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::view::{View, cell, differs, plotted, worded},
};
use ferrybench_data::{
    fanout::{Batching, DELIVERED, GOODPUT, Reliability, Segmented, Spec},
    stats::{Estimate, LEAST_BLOCKS},
};

/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 16;
/// Rows of the figure, unless there are more kinds.
const MOST_DRAWN: usize = 36;

/// A trial that batches over one that differs in nothing else.
struct Pair<'v, 'a> {
    trial: &'v Trial<'a>,
    goodput: Option<Estimate>,
    delivered: Option<Estimate>,
}

impl Pair<'_, '_> {
    /// What says most: with repair the goodput, else what was delivered.
    fn told(&self) -> Option<Estimate> {
        if self.trial.spec.reliability == Reliability::Repair { self.goodput } else { self.delivered }
    }

    fn blocks(&self) -> usize {
        self.told().map_or(0, |ratio| ratio.blocks)
    }
}

/// What [`Pair::told`] is a ratio of.
const fn told(reliability: Reliability) -> &'static str {
    match reliability {
        Reliability::Repair => "goodput",
        Reliability::Unrepaired => "delivered datagrams",
    }
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let groups = grouped(&view.fanouts, |spec| {
        spec.batching = Batching::One;
        spec.segmented = Segmented::Never;
    });
    let mut pairs: Vec<Pair<'_, '_>> = Vec::new();
    for group in &groups {
        let is_one = |trial: &&&Trial<'_>| trial.spec.batching == Batching::One;
        let Some(one) = group.trials.iter().find(is_one) else { continue };
        pairs.extend(group.trials.iter().filter(|trial| trial.spec.batching != Batching::One).filter_map(
            |trial| {
                let [goodput, delivered] = [GOODPUT, DELIVERED].map(|metric| trial.ratio(one, metric));
                goodput.or(delivered).is_some().then_some(Pair { trial, goodput, delivered })
            },
        ));
    }
    // As figures and sentences read: by how, then by size; programs stay in the order of the catalogue.
    pairs.sort_by_key(|pair| {
        let spec = pair.trial.spec;
        (spec.batching, spec.segmented, spec.reliability, spec.datagram_bytes)
    });
    let Some(blocks) = pairs.iter().map(Pair::blocks).max() else { return Vec::new() };
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: datagrams to one system call"),
        Element::prose(
            "`one` hands each datagram to the kernel by itself. `sendmmsg` hands over several by one call; each still goes through the \
             network stack alone. `gso` hands over one large buffer, which goes through the stack as one and is cut up late, or never \
             where both ends share a machine: that is a figure of the software, not of a cable. Each is held against `one` in blocks of \
             the same round: with repair by goodput, without it by the datagrams that were delivered.",
        ),
    ];
    if blocks < LEAST_BLOCKS {
        elements
            .push(Element::prose(format!("No interval (n = {blocks}), so nothing is compared in words.")));
    } else {
        elements.push(Element::List(sentences(&pairs)));
        elements.extend(figure(&pairs));
    }
    elements.push(table(&pairs));
    elements
}

/// A pair's batching, reliability and payload: what is said of it is said of all programs at once.
fn kind(spec: &Spec) -> (String, Reliability, u32) {
    (batching(spec), spec.reliability, spec.datagram_bytes)
}

fn sentences(pairs: &[Pair<'_, '_>]) -> Vec<String> {
    let alike = |a: &Pair<'_, '_>, b: &Pair<'_, '_>| kind(a.trial.spec) == kind(b.trial.spec);
    pairs.chunk_by(alike).filter_map(sentence).collect()
}

/// `gso, datagrams of 512 B: more delivered datagrams than one in 3 of 3 comparisons (5.31× to 5.47×).`
fn sentence(pairs: &[Pair<'_, '_>]) -> Option<String> {
    let (how, reliability, bytes) = kind(pairs.first()?.trial.spec);
    let ratios: Vec<Estimate> =
        pairs.iter().filter_map(Pair::told).filter(|ratio| ratio.interval.is_some()).collect();
    let begin = format!("**`{how}`, datagrams of {}:**", payload(bytes));
    let what = told(reliability);
    if let [ratio] = ratios.as_slice() {
        let shown = worded(*ratio, Unit::Ratio);
        return Some(if differs(*ratio) {
            format!("{begin} {shown} the {what} of `one`.")
        } else {
            format!("{begin} not told apart from `one` by the {what}: {shown}.")
        });
    }
    let side = |word: &str, is: fn(&Estimate) -> bool| {
        let of: Vec<f64> = ratios.iter().filter(|ratio| is(ratio)).map(|ratio| ratio.value).collect();
        let span = super::view::span(of.iter().copied(), Unit::Ratio)?;
        Some(format!("{word} in {} of {} ({span})", of.len(), ratios.len()))
    };
    let apart = ratios.iter().filter(|ratio| !differs(**ratio)).count();
    let mut words: Vec<String> = [
        side("more", |ratio| differs(*ratio) && ratio.value > 1.0),
        side("fewer", |ratio| differs(*ratio) && ratio.value < 1.0),
    ]
    .into_iter()
    .flatten()
    .collect();
    if apart > 0 {
        words.push(format!("not told apart in {apart} of {}", ratios.len()));
    }
    (!words.is_empty()).then(|| {
        let all = format::counted(ratios.len(), "comparison");
        format!("{begin} {what} against `one`, {all} of program and case: {}.", words.join(", "))
    })
}

fn figure(pairs: &[Pair<'_, '_>]) -> Option<Element> {
    let mut groups: Vec<chart::Group<Row>> = Vec::new();
    let alike = |a: &Pair<'_, '_>, b: &Pair<'_, '_>| kind(a.trial.spec) == kind(b.trial.spec);
    let kinds = pairs.chunk_by(alike).count();
    let one_sender = pairs.windows(2).all(|two| sender(two[0].trial.spec) == sender(two[1].trial.spec));
    let each = (MOST_DRAWN / kinds.max(1)).max(1);
    let drawn = pairs.chunk_by(alike).flat_map(|pairs| pairs.iter().take(each));
    for (pair, ratio) in drawn.filter_map(|pair| Some((pair, pair.told()?))) {
        let spec = pair.trial.spec;
        let (how, reliability, bytes) = kind(spec);
        let heading = format!("{how}, {}: {}", payload(bytes), told(reliability));
        let label = label(spec, !one_sender);
        let row = Row { label, estimate: plotted(ratio) };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.items.push(row),
            None => groups.push(chart::Group::new(heading, vec![row])),
        }
    }
    let axis = Axis::new("Times that of single datagrams", Scale::Log10, Unit::Ratio);
    let chart = Intervals::new(axis, groups)?.with_reference(1.0, "equal");
    let blocks = pairs.iter().map(Pair::blocks).max().unwrap_or(0);
    let some = if pairs.len() > kinds * each {
        format!(" The first {each} of each kind; all are in the table.")
    } else {
        String::new()
    };
    Some(Element::Figure(Figure {
        name: "fanout-batching".into(),
        chart: Chart::Intervals(chart),
        alt: "Ratios of batched sending over single datagrams".into(),
        caption: format!(
            "Batched over single datagrams; right of 1 batching moves more. n = {blocks} pairs of blocks; Hodges-Lehmann estimate of the \
             geometric ratio, 95 % interval by signed rank.{some}"
        ),
    }))
}

/// What sets a row of the figure apart from others below its heading.
fn label(spec: &Spec, with_sender: bool) -> String {
    let mut words = Vec::new();
    if with_sender {
        words.push(sender(spec));
    }
    words.push(format!("{} to {}, {}", files(spec), spec.receivers, brief(spec.delivery)));
    words.extend(conditions(spec).into_iter().map(|word| {
        word.replace(" on purpose", "")
            .replace("delivered twice", "twice")
            .replace("received without", "without")
    }));
    words.join(", ")
}

fn table(pairs: &[Pair<'_, '_>]) -> Element {
    let rows: Vec<Vec<Cell>> = pairs
        .iter()
        .map(|pair| {
            let spec = pair.trial.spec;
            vec![
                Cell::text(short(spec)),
                Cell::code(sender(spec)),
                cell(pair.goodput, Unit::Ratio),
                cell(pair.delivered, Unit::Ratio),
                Cell::Integer(pair.blocks() as u64),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("Case"),
        Column::left("Sender model"),
        Column::right("Goodput over `one`"),
        Column::right("Delivered over `one`"),
        Column::right("n"),
    ];
    let count = rows.len();
    let caption =
        "The batched trial over the one that differs in nothing else, in blocks of the same round.".into();
    let table = Element::Table(Table { columns, rows, caption });
    if count > MOST_ROWS { Element::fold(format!("All {count} ratios"), vec![table]) } else { table }
}
