//! What handing several datagrams to the kernel at once brings.

use super::view::{Trial, grouped, payload, program, sender, shape};
use crate::{
    chart::{self, Axis, Chart, Intervals, Row, Scale},
    element::{Cell, Column, Element, Figure, Table},
    format::Unit,
    section::{
        ranking::capital,
        view::{View, cell, differs, plotted, worded},
    },
};
use ferrybench_data::{
    fanout::{Batching, DELIVERED, GOODPUT, Reliability, Segmented},
    stats::{Estimate, LEAST_BLOCKS},
};

/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 16;

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

    fn kind(&self) -> String {
        let spec = self.trial.spec;
        match spec.segmented {
            Segmented::Never => spec.batching.to_string(),
            Segmented::Stack => format!("{}, cut up in the kernel", spec.batching),
            Segmented::Device => format!("{}, cut up in the device", spec.batching),
        }
    }
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let groups = grouped(&view.fanouts, |spec| {
        spec.batching = Batching::One;
        spec.segmented = Segmented::Never;
    });
    let mut pairs: Vec<Pair<'_, '_>> = Vec::new();
    for group in &groups {
        let Some(one) = group.trials.iter().find(|trial| trial.spec.batching == Batching::One) else { continue };
        pairs.extend(group.trials.iter().filter(|trial| trial.spec.batching != Batching::One).filter_map(|trial| {
            let [goodput, delivered] = [GOODPUT, DELIVERED].map(|metric| trial.ratio(one, metric));
            goodput.or(delivered).is_some().then_some(Pair { trial, goodput, delivered })
        }));
    }
    let Some(blocks) = pairs.iter().map(Pair::blocks).max() else { return Vec::new() };
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: datagrams to one system call"),
        Element::prose(
            "`one` hands each datagram to the kernel by itself. `sendmmsg` hands over several by one call; each still goes through the \
             network stack alone. `gso` hands over one large buffer, which goes through the stack as one and is cut up late, or never \
             where both ends share a machine: that is a figure of the software, not of a cable. Each is held against `one` in blocks of \
             the same round.",
        ),
    ];
    if blocks < LEAST_BLOCKS {
        elements.push(Element::prose(format!("No interval (n = {blocks}), so nothing is compared in words.")));
    } else {
        elements.push(Element::List(pairs.iter().filter_map(|pair| sentence(view, pair)).collect()));
        elements.extend(figure(&pairs));
    }
    elements.push(table(view, &pairs));
    elements
}

fn sentence(view: &View<'_>, pair: &Pair<'_, '_>) -> Option<String> {
    let ratio = pair.told().filter(|ratio| ratio.interval.is_some())?;
    let spec = pair.trial.spec;
    let what = if spec.reliability == Reliability::Repair { "the goodput" } else { "the delivered datagrams" };
    let at = format!(
        "{}, {}, datagrams of {}{}",
        program(view, spec),
        shape(spec),
        payload(spec.datagram_bytes),
        if spec.reliability == Reliability::Repair { ", repair" } else { "" }
    );
    Some(if differs(ratio) {
        format!("**`{}`** has **{}** {what} of `one` ({at}).", pair.kind(), worded(ratio, Unit::Ratio))
    } else {
        format!("`{}` cannot be told apart from `one` by {what}: {} ({at}).", pair.kind(), worded(ratio, Unit::Ratio))
    })
}

fn figure(pairs: &[Pair<'_, '_>]) -> Option<Element> {
    let mut groups: Vec<chart::Group<Row>> = Vec::new();
    for (pair, ratio) in pairs.iter().filter_map(|pair| Some((pair, pair.told()?))) {
        let spec = pair.trial.spec;
        let heading = capital(&format!("{}, {}", shape(spec), spec.reliability));
        let label = format!("{}: {}, {}", pair.kind(), sender(spec), payload(spec.datagram_bytes));
        let row = Row { label, estimate: plotted(ratio) };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.items.push(row),
            None => groups.push(chart::Group::new(heading, vec![row])),
        }
    }
    let axis = Axis::new("Goodput (repair) or delivered datagrams (none), times that of `one`", Scale::Log10, Unit::Ratio);
    let chart = Intervals::new(axis, groups)?.with_reference(1.0, "equal");
    let blocks = pairs.iter().map(Pair::blocks).max().unwrap_or(0);
    Some(Element::Figure(Figure {
        name: "fanout-batching".into(),
        chart: Chart::Intervals(chart),
        alt: "Ratios of batched sending over single datagrams".into(),
        caption: format!(
            "Batched over single datagrams; right of 1 batching moves more. n = {blocks} pairs of blocks; Hodges-Lehmann estimate of the \
             geometric ratio, 95 % interval by signed rank."
        ),
    }))
}

fn table(view: &View<'_>, pairs: &[Pair<'_, '_>]) -> Element {
    let rows: Vec<Vec<Cell>> = pairs
        .iter()
        .map(|pair| {
            let spec = pair.trial.spec;
            vec![
                Cell::code(pair.kind()),
                Cell::text(program(view, spec)),
                Cell::text(shape(spec)),
                Cell::text(payload(spec.datagram_bytes)),
                Cell::text(spec.reliability.word()),
                cell(pair.goodput, Unit::Ratio),
                cell(pair.delivered, Unit::Ratio),
                Cell::Integer(pair.blocks() as u64),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("Batching"),
        Column::left("Program"),
        Column::left("Case"),
        Column::right("Datagram"),
        Column::left("Reliability"),
        Column::right("Goodput over `one`"),
        Column::right("Delivered over `one`"),
        Column::right("n"),
    ];
    let count = rows.len();
    let caption = "The batched trial over the one that differs in nothing else, in blocks of the same round.".into();
    let table = Element::Table(Table { columns, rows, caption });
    if count > MOST_ROWS { Element::fold(format!("All {count} ratios"), vec![table]) } else { table }
}
