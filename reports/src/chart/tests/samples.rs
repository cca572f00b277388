//! A chart of each kind, full to the brim.

use super::super::{
    Arrow, Axis, Block, Categories, Cell, Chart, Curve, Diagram, Dumbbell, DumbbellRow, Ecdf, Estimate,
    Group, HeatMap, Intervals, Lines, Panel, Point, Row, Scale, Scatter, ScatterPoint, Segment, Series,
    Stacked, StackedRow, Timeline, Waterfall,
};
use crate::format::Unit;

pub(super) const NAMES: [&str; 7] =
    ["pipe", "unix-seqpacket", "python-mp-queue", "tcp", "shm-futex", "crossbeam", "rtrb-with-long-name"];

pub(super) fn time() -> Axis {
    Axis::new("Median round trip", Scale::Log10, Unit::Nanoseconds)
}

fn around(value: f64) -> Estimate {
    Estimate::within(value, value * 0.9, value * 1.15)
}

/// Values so close to each other that labels have to make room.
fn crowded(index: usize) -> f64 {
    5_000.0 * (1.0 + index as f64 * 0.02)
}

fn lines() -> Option<Chart> {
    let series = |index: usize, name: &str| Series {
        name: name.into(),
        points: [1.0, 64.0, 1_048_576.0]
            .into_iter()
            .take(if index == 2 { 2 } else { 3 })
            .map(|x| Point { x, y: around(crowded(index) + x) })
            .collect(),
    };
    let panel = |title| {
        let series = NAMES.iter().enumerate().map(|(index, name)| series(index, name)).collect();
        Panel::new(title, series)
    };
    let x = Axis::new("Message size", Scale::Log2, Unit::Bytes);
    Lines::new(x, time(), vec![panel("One"), panel("Two"), panel("Three")])
        .map(|l| Chart::Lines(l.with_context()))
}

pub(super) fn ecdf() -> Option<Chart> {
    let curves = NAMES.iter().enumerate().map(|(index, name)| {
        let samples: Vec<f64> =
            (0..500).map(|sample| crowded(index) * (1.0 + f64::from(sample) / 300.0)).collect();
        Curve::of_samples(*name, &samples)
    });
    Ecdf::new(time(), vec![Panel::new("", curves.collect())]).map(Chart::Ecdf)
}

pub(super) fn intervals() -> Option<Chart> {
    let row = |(index, name): (usize, &&str)| Row {
        label: (*name).into(),
        estimate: around(0.8 + 0.1 * index as f64),
    };
    let axis = Axis::new("Relative to one CPU", Scale::Log10, Unit::Ratio);
    let groups = vec![Group::new("All of them", NAMES.iter().enumerate().map(row).collect())];
    Intervals::new(axis, groups).map(|chart| Chart::Intervals(chart.with_reference(1.0, "no difference")))
}

fn scatter() -> Option<Chart> {
    let point = |(index, name): (usize, &&str)| ScatterPoint {
        label: (*name).into(),
        x: around(crowded(index)),
        y: around(crowded(index * 5 % 7) / 1e3),
    };
    let y = Axis::new("CPU time per operation", Scale::Linear, Unit::CpuMicroseconds);
    let groups = vec![Group::new("All of them", NAMES.iter().enumerate().map(point).collect())];
    Scatter::new(time(), y, groups).map(Chart::Scatter)
}

/// So many points in one place that they share a block of names.
fn crowd() -> Option<Chart> {
    let more = (0..11).map(|index| format!("more-{index}"));
    let names = NAMES.iter().map(ToString::to_string).chain(more);
    let point = |(index, label): (usize, String)| ScatterPoint {
        label,
        x: around(5_000.0 + index as f64),
        y: around(1.0 + index as f64 * 1e-3),
    };
    let mut points: Vec<ScatterPoint> = names.enumerate().map(point).collect();
    points.push(ScatterPoint { label: "afar".into(), x: around(90.0), y: around(0.01) });
    let y = Axis::new("CPU time per operation", Scale::Log10, Unit::CpuMicroseconds);
    Scatter::new(time(), y, vec![Group::new("All of them", points)]).map(Chart::Scatter)
}

fn dumbbell() -> Option<Chart> {
    let row = |(index, name): (usize, &&str)| DumbbellRow {
        label: (*name).into(),
        values: vec![Some(around(crowded(index))), (index != 1).then(|| around(crowded(index) * 2.0))],
    };
    let groups = vec![Group::unnamed(NAMES.iter().enumerate().map(row).collect())];
    Dumbbell::new(time(), vec!["same CPU".into(), "split".into()], groups).map(Chart::Dumbbell)
}

/// So many panels with such wide cells that they need several rows.
fn heat_map() -> Option<Chart> {
    let cell = |row: usize, column: usize| match (row + column) % 7 {
        6 => Cell::Absent("failed".into()),
        3 => None.into(),
        power => Cell::Value(10_f64.powi(power as i32 - 3)),
    };
    let rows: Vec<Vec<Cell>> =
        (0..NAMES.len()).map(|row| (0..3).map(|column| cell(row, column)).collect()).collect();
    let panels = (0..12).map(|volume| Panel::new(format!("Download, {volume}0 MiB"), rows.clone()));
    let (columns, rows) =
        (Categories::new("Server pool", ["1", "5", "50"]), Categories::new("Client pool", NAMES));
    HeatMap::new(time(), columns, rows, panels.collect()).map(Chart::HeatMap)
}

/// One cell, narrower than the title beside it is long.
fn heat_cell() -> Option<Chart> {
    let names = NAMES.join(", ");
    let panel = Panel::new("", vec![vec![Cell::Value(1.0)]]);
    let (columns, rows) = (Categories::new("Server pool", NAMES), Categories::new(names, NAMES));
    HeatMap::new(time(), columns, rows, vec![panel]).map(|map| Chart::HeatMap(map.with_colors_per_panel()))
}

fn waterfall() -> Option<Chart> {
    let segment = |row: usize, kind: usize| Segment {
        start: (row + kind) as f64,
        end: (row + kind) as f64 + 0.9,
        kind,
    };
    let rows = |count: usize| {
        let row = |row| (0..NAMES.len()).map(|kind| segment(row, kind)).collect();
        (0..count).map(|index| Timeline { segments: row(index), failed: index % 9 == 3 }).collect()
    };
    let panels = [1, 12, 60].map(|count| Panel::new(format!("{count} clients"), rows(count)));
    Waterfall::new("Time", "Client of the server", NAMES.map(Into::into).into(), panels.into())
        .map(Chart::Waterfall)
}

fn stacked() -> Option<Chart> {
    let row = |(index, name): (usize, &&str)| StackedRow {
        label: (*name).into(),
        parts: (0..NAMES.len()).map(|kind| (kind * index) as f64).collect(),
    };
    let groups = vec![Group::new("All of them", NAMES.iter().enumerate().map(row).collect())];
    let kinds = (0..NAMES.len()).map(|kind| format!("kind {kind}"));
    Stacked::new("Time", Unit::Seconds, kinds.collect(), groups).map(Chart::Stacked)
}

/// From many to one and to many again, with arrows side by side and inside a column.
pub(super) fn diagram() -> Option<Chart> {
    let block = |(index, name): (usize, &&str)| {
        let block = Block::new(*name, ["a line of small print", "and one that is somewhat longer"]);
        if index % 2 == 0 { block.times("× 50") } else { block }
    };
    let blocks: Vec<Block> = NAMES.iter().enumerate().map(block).collect();
    let columns = vec![
        Group::new("Left", blocks[..3].to_vec()),
        Group::new("Middle", blocks[3..4].to_vec()),
        Group::new("Right, under a long heading", blocks[4..].to_vec()),
    ];
    let middle = NAMES[3];
    let mut arrows = vec![
        Arrow::new(NAMES[0], NAMES[1], "down"),
        Arrow::new(NAMES[6], NAMES[5], "up, with a longer label"),
        Arrow::new(NAMES[4], middle, "back"),
    ];
    arrows.extend(NAMES[..3].iter().map(|name| Arrow::new(*name, middle, "many words to break")));
    arrows.extend(
        NAMES[4..].iter().map(|name| Arrow::new(middle, *name, format!("{} B", name.len())).both_ways()),
    );
    Diagram::new(columns, arrows).map(Chart::Diagram)
}

/// As wide as it may be, without headings.
pub(super) fn crossed() -> Option<Chart> {
    let blocks = |names: &[&str]| names.iter().map(|name| Block::new(*name, ["small print"])).collect();
    let columns = vec![Group::unnamed(blocks(&NAMES[..4])), Group::unnamed(blocks(&NAMES[4..]))];
    let pairs = NAMES[..4].iter().flat_map(|left| NAMES[4..].iter().map(move |right| (left, right)));
    let arrows = pairs.map(|(left, right)| Arrow::new(*left, *right, format!("from {left} to {right}")));
    Diagram::new(columns, arrows.collect()).map(Chart::Diagram)
}

pub(super) fn each_kind() -> Vec<Chart> {
    let kinds = [
        lines(),
        ecdf(),
        intervals(),
        scatter(),
        crowd(),
        dumbbell(),
        heat_map(),
        heat_cell(),
        waterfall(),
        stacked(),
        diagram(),
        crossed(),
    ];
    kinds.map(Option::unwrap).into()
}
