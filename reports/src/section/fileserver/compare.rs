//! One grid over another: ratios of throughput and of time from blocks of the same round.

mod words;

use super::view::{Grid, Load, Trial, pool};
use crate::{
    chart::{Axis, Chart, Group, Intervals, Row, Scale},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::{
        ranking::capital,
        view::{View, cell, plotted},
    },
};
use ferrybench_data::{
    fileserver::{AGGREGATE, CLIENT_MEAN, Operation, Storage},
    stats::{Estimate, LEAST_BLOCKS},
};

/// Comparisons with fewer loads than this share one table and one figure.
const LEAST_OF_ITS_OWN: usize = 4;
/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 12;
/// From so many intervals on, some exclude 1 by chance.
const MANY_INTERVALS: usize = 20;

/// One grid over another.
pub(super) struct Comparison<'v, 'a> {
    /// What is above the line, in short.
    pub(super) over: String,
    /// What is below it.
    pub(super) under: String,
    /// What both have in common, in words; may be empty.
    pub(super) common: String,
    matches: Vec<Match<'v, 'a>>,
}

/// A load that both grids have.
struct Match<'v, 'a> {
    trial: &'v Trial<'a>,
    other: &'v Trial<'a>,
    throughput: Option<Estimate>,
    time: Option<Estimate>,
}

impl<'v, 'a> Comparison<'v, 'a> {
    /// `None` where no block of a round measured both.
    pub(super) fn new(
        (over, above): (String, &Grid<'v, 'a>),
        (under, below): (String, &Grid<'v, 'a>),
        common: String,
    ) -> Option<Self> {
        let matches: Vec<Match<'v, 'a>> = above
            .content()
            .filter_map(|trial| {
                let other = counterpart(trial, above, below)?;
                let [throughput, time] = [AGGREGATE, CLIENT_MEAN].map(|metric| trial.ratio(other, metric));
                throughput.or(time).is_some().then_some(Match { trial, other, throughput, time })
            })
            .collect();
        (!matches.is_empty()).then_some(Self { over, under, common, matches })
    }

    /// What is compared, as a heading has it.
    fn title(&self) -> String {
        let common = if self.common.is_empty() { String::new() } else { format!(": {}", self.common) };
        format!("{} over {}{common}", self.over, self.under)
    }

    fn has_interval(&self) -> bool {
        self.matches.iter().any(|of| of.throughput.is_some_and(|ratio| ratio.interval.is_some()))
    }
}

/// The trial of the same load. A server that takes every connection as it comes has no pool: it is held against the
/// largest.
fn counterpart<'v, 'a>(
    trial: &Trial<'a>,
    above: &Grid<'v, 'a>,
    below: &Grid<'v, 'a>,
) -> Option<&'v Trial<'a>> {
    let load = Load::of(trial.spec);
    let largest = |grid: &Grid<'_, '_>| grid.server_pools().last().copied();
    let server_pool = match (load.server_pool, largest(above), largest(below)?) {
        (0, _, size) => size,
        (size, Some(largest), 0) if size == largest => 0,
        (size, ..) => size,
    };
    // Where somebody else's server keeps its files is not told; its sizes are those of ours.
    let told = |storage| storage != Storage::Untold;
    below.find(Load { server_pool, ..load }).filter(|other| {
        let (one, two) = (trial.spec.storage, other.spec.storage);
        one == two || !told(one) || !told(two)
    })
}

/// How blocks of the two come to be held against each other.
struct Pairing {
    /// What is said where there are intervals.
    reading: &'static str,
    /// What pairs are needed.
    least: &'static str,
}

const SAME_ROUND: Pairing = Pairing {
    reading: "Blocks of the same round are divided by each other; nothing else in the plan differs between the two.",
    least: "blocks of the same round",
};
const OTHER_RUN: Pairing = Pairing {
    reading: "Several runs are reported together: where the two were measured by runs of their own, one after the other, blocks are \
              paired by their number, and a drift of the machine between the runs is in the ratio and not in its interval.",
    least: "blocks of each",
};

/// Words, figures and tables of some comparisons. `stem` begins the names of their figures.
pub(super) fn show(view: &View<'_>, comparisons: &[Comparison<'_, '_>], stem: &str) -> Vec<Element> {
    let pairing = if view.data.others.is_empty() { &SAME_ROUND } else { &OTHER_RUN };
    let Some(blocks) = comparisons.iter().flat_map(|one| &one.matches).map(blocks).max() else {
        return Vec::new();
    };
    let mut elements = Vec::new();
    if blocks < LEAST_BLOCKS {
        elements.push(Element::prose(format!(
            "No interval (n = {blocks}), so nothing is compared in words: {LEAST_BLOCKS} {} are the least.",
            pairing.least
        )));
    } else {
        elements.push(Element::prose(reading(comparisons, pairing)));
    }
    let (large, small): (Vec<_>, Vec<_>) =
        comparisons.iter().partition(|one| one.matches.len() >= LEAST_OF_ITS_OWN);
    for (number, one) in (1..).zip(&large) {
        elements.push(Element::heading(3, capital(&one.title())));
        elements.extend(list(words::of_many(one)));
        elements.extend(figures(one, &format!("{stem}-{number}")));
        elements.push(folded(table(std::slice::from_ref(one), false)));
    }
    if !small.is_empty() {
        elements.extend(list(small.iter().filter_map(|one| words::of_few(one)).collect()));
        elements.extend(figure_of_few(&small, stem));
        elements.push(folded(table(&small, true)));
    }
    elements
}

fn blocks(of: &Match<'_, '_>) -> usize {
    of.throughput.or(of.time).map_or(0, |ratio| ratio.blocks)
}

fn reading(comparisons: &[Comparison<'_, '_>], pairing: &Pairing) -> String {
    let mut text = format!(
        "{} Throughput above 1: the first moves more. Time below 1: its clients are done sooner. A hollow marker means that the interval \
         holds 1, and nothing is claimed.",
        pairing.reading
    );
    let intervals = comparisons.iter().flat_map(|one| &one.matches).count() * 2;
    if intervals >= MANY_INTERVALS {
        text += &format!(
            " Of so many 95 % intervals ({intervals}) about one in twenty excludes 1 by chance alone: believe a pattern, not one row."
        );
    }
    text
}

fn list(items: Vec<String>) -> Option<Element> {
    (!items.is_empty()).then_some(Element::List(items))
}

fn folded(table: Table) -> Element {
    if table.rows.len() <= MOST_ROWS {
        return Element::Table(table);
    }
    Element::fold(format!("All {} ratios", table.rows.len()), vec![Element::Table(table)])
}

/// What is asked for, by how many, of how many.
fn place(of: &Match<'_, '_>) -> String {
    format!("{}, {}", Load::of(of.trial.spec).what(), pools(of))
}

/// Client pool × server pool; both server pools where they differ.
fn pools(of: &Match<'_, '_>) -> String {
    let (ours, theirs) = (of.trial.spec.server_pool, of.other.spec.server_pool);
    let servers =
        if ours == theirs { pool(ours) } else { format!("{} against {}", pool(ours), pool(theirs)) };
    format!("{} × {servers}", of.trial.spec.client_pool)
}

/// Two figures for each operation: throughput and time.
fn figures(one: &Comparison<'_, '_>, stem: &str) -> Vec<Element> {
    if !one.has_interval() {
        return Vec::new();
    }
    let mut elements = Vec::new();
    for operation in [Operation::Download, Operation::Upload] {
        for (name, words, of) in [
            (
                "throughput",
                "Aggregate throughput",
                (|of| of.throughput) as fn(&Match<'_, '_>) -> Option<Estimate>,
            ),
            ("time", "Mean time per client", |of| of.time),
        ] {
            let mut groups: Vec<Group<Row>> = Vec::new();
            let asked = one.matches.iter().filter(|of| of.trial.spec.operation == operation);
            for (matched, ratio) in asked.filter_map(|matched| Some((matched, of(matched)?))) {
                let heading = capital(&Load::of(matched.trial.spec).what());
                let row = Row { label: pools(matched), estimate: plotted(ratio) };
                match groups.iter_mut().find(|group| group.heading == heading) {
                    Some(group) => group.items.push(row),
                    None => groups.push(Group::new(heading, vec![row])),
                }
            }
            let axis = Axis::new(format!("{words}, times that of {}", one.under), Scale::Log10, Unit::Ratio);
            let pairs = one.matches.iter().map(blocks).max().unwrap_or(0);
            elements.extend(Intervals::new(axis, groups).map(|chart| {
                Element::Figure(Figure {
                    name: format!("{stem}-{name}-{operation}"),
                    chart: Chart::Intervals(chart.with_reference(1.0, "equal")),
                    alt: format!("{words} of {}, {operation}", one.title()),
                    caption: format!(
                        "{words}, {operation}: {}. Rows are client pool × server pool. {}",
                        one.title(),
                        method(pairs)
                    ),
                })
            }));
        }
    }
    elements
}

fn method(pairs: usize) -> String {
    format!(
        "n = {} of blocks; Hodges-Lehmann estimate of the geometric ratio, 95 % interval by signed rank.",
        format::counted(pairs, "pair")
    )
}

/// Comparisons of few loads in one figure of throughput.
fn figure_of_few(few: &[&Comparison<'_, '_>], stem: &str) -> Option<Element> {
    if !few.iter().any(|one| one.has_interval()) {
        return None;
    }
    let mut groups: Vec<Group<Row>> = Vec::new();
    for one in few {
        for (of, ratio) in one.matches.iter().filter_map(|of| Some((of, of.throughput?))) {
            let heading = capital(&Load::of(of.trial.spec).what());
            let common = if one.common.is_empty() { String::new() } else { format!(", {}", one.common) };
            let label = format!("{} / {}{common}", one.over, one.under);
            let row = Row { label, estimate: plotted(ratio) };
            match groups.iter_mut().find(|group| group.heading == heading) {
                Some(group) => group.items.push(row),
                None => groups.push(Group::new(heading, vec![row])),
            }
        }
    }
    let axis = Axis::new("Aggregate throughput, the first times the second", Scale::Log10, Unit::Ratio);
    let chart = Intervals::new(axis, groups)?.with_reference(1.0, "equal");
    let pairs = few.iter().flat_map(|one| &one.matches).map(blocks).max().unwrap_or(0);
    Some(Element::Figure(Figure {
        name: format!("{stem}-throughput"),
        chart: Chart::Intervals(chart),
        alt: "Ratios of aggregate throughput".into(),
        caption: format!(
            "Aggregate throughput, the first times the second; right of 1 the first moves more. {}",
            method(pairs)
        ),
    }))
}

fn table(comparisons: &[&Comparison<'_, '_>], named: bool) -> Table {
    let mut columns = Vec::new();
    if named {
        columns.extend(["Over", "Under", "Both"].map(Column::left));
    }
    columns.extend([
        Column::left("Operation"),
        Column::right("Volume"),
        Column::right("Client × server pool"),
        Column::right("Aggregate throughput"),
        Column::right("Time per client"),
        Column::right("n"),
    ]);
    let mut rows = Vec::new();
    for one in comparisons {
        for of in &one.matches {
            let mut row = Vec::new();
            if named {
                row.extend([&one.over, &one.under, &one.common].map(Cell::text));
            }
            row.extend([
                Cell::text(of.trial.spec.operation.word()),
                Cell::exact(of.trial.spec.volume_bytes as f64, Unit::Bytes),
                Cell::text(pools(of)),
                cell(of.throughput, Unit::Ratio),
                cell(of.time, Unit::Ratio),
                Cell::Integer(blocks(of) as u64),
            ]);
            rows.push(row);
        }
    }
    let most = comparisons.iter().flat_map(|one| &one.matches).map(blocks).max().unwrap_or(0);
    let caption = if most < LEAST_BLOCKS {
        format!("The first over the second; no interval (n = {most}).")
    } else {
        format!("The first over the second. {}", method(most))
    };
    Table { columns, rows, caption }
}
