//! What holds for every kind of chart.

use super::{
    Axis, Categories, Cell, Chart, Curve, Dumbbell, DumbbellRow, Ecdf, Estimate, Group, HeatMap, Intervals,
    Lines, Panel, Point, Row, Scale, Scatter, ScatterPoint, Segment, Series, Timeline, Waterfall, png, scene,
    scene::{Rect, Shape, Words},
    svg,
};
use crate::format::Unit;

const NAMES: [&str; 7] =
    ["pipe", "unix-seqpacket", "python-mp-queue", "tcp", "shm-futex", "crossbeam", "rtrb-with-long-name"];

fn time() -> Axis {
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

fn ecdf() -> Option<Chart> {
    let curves = NAMES.iter().enumerate().map(|(index, name)| {
        let samples: Vec<f64> =
            (0..500).map(|sample| crowded(index) * (1.0 + f64::from(sample) / 300.0)).collect();
        Curve::of_samples(*name, &samples)
    });
    Ecdf::new(time(), vec![Panel::new("", curves.collect())]).map(Chart::Ecdf)
}

fn intervals() -> Option<Chart> {
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

fn each_kind() -> Vec<Chart> {
    let kinds =
        [lines(), ecdf(), intervals(), scatter(), crowd(), dumbbell(), heat_map(), heat_cell(), waterfall()];
    kinds.map(Option::unwrap).into()
}

fn words(chart: &Chart) -> (Rect, Vec<Words>) {
    let scene = scene(chart);
    let words = scene.shapes.into_iter().filter_map(|shape| match shape {
        Shape::Words(words) => Some(words),
        _ => None,
    });
    (Rect::new(0.0, 0.0, scene.width, scene.height), words.collect())
}

#[test]
fn every_label_is_in_the_picture() {
    for chart in each_kind() {
        let svg = svg(&chart);
        for name in NAMES {
            assert!(svg.contains(&format!(">\n{name}\n<")), "{name}");
        }
    }
}

#[test]
fn all_words_lie_inside_the_picture() {
    for chart in each_kind() {
        let (picture, words) = words(&chart);
        for word in words {
            assert!(picture.holds(word.extent()), "{word:?} in {picture:?}");
        }
    }
}

#[test]
fn all_shapes_lie_inside_the_picture() {
    for chart in each_kind() {
        let scene = scene(&chart);
        let picture = Rect::new(0.0, 0.0, scene.width, scene.height);
        for shape in &scene.shapes {
            let (Shape::Path(places, _) | Shape::Polygon(places, _)) = shape else { continue };
            for &(x, y) in places {
                assert!(picture.holds(Rect::new(x, y, x, y)), "{shape:?} in {picture:?}");
            }
        }
    }
}

#[test]
fn no_words_overlap() {
    for chart in each_kind() {
        let (_, words) = words(&chart);
        for (index, left) in words.iter().enumerate() {
            for right in &words[..index] {
                let overlap = left.extent().overlap(right.extent());
                assert!(overlap < 1e-6, "{:?} and {:?}", left.text, right.text);
            }
        }
    }
}

#[test]
fn a_picture_is_reproducible() {
    for chart in each_kind() {
        let svg = svg(&chart);
        assert_eq!(svg, super::svg(&chart));
        assert_eq!(png(&svg).unwrap(), png(&svg).unwrap());
    }
}

#[test]
fn a_png_has_twice_the_nominal_size() {
    let chart = intervals().unwrap();
    let (picture, _) = words(&chart);
    let png = png(&svg(&chart)).unwrap();
    let dimension = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!(dimension(16), picture.right as u32 * 2);
    assert_eq!(dimension(20), picture.bottom as u32 * 2);
}

#[test]
fn words_are_escaped() {
    let row = Row { label: "a<b & c".into(), estimate: Estimate::exact(2.0) };
    let chart = Chart::Intervals(Intervals::new(time(), vec![Group::unnamed(vec![row])]).unwrap());
    let svg = svg(&chart);
    assert!(svg.contains("a&lt;b &amp; c"));
    assert!(png(&svg).is_ok());
}

#[test]
fn fonts_fall_back() {
    let svg = svg(&ecdf().unwrap());
    assert!(svg.contains("font-family=\"Inter, system-ui, sans-serif\""));
    assert!(!svg.contains("font-family=\"Inter\""));
}

#[test]
fn without_data_there_is_no_chart() {
    let x = || Axis::new("Message size", Scale::Log2, Unit::Bytes);
    let unplaced =
        Series { name: "pipe".into(), points: vec![Point { x: 0.0, y: Estimate::exact(f64::NAN) }] };
    assert!(Lines::new(x(), time(), vec![]).is_none());
    assert!(Lines::new(x(), time(), vec![Panel::new("", vec![unplaced])]).is_none());
    assert!(Ecdf::new(time(), vec![Panel::new("", vec![Curve::of_samples("pipe", &[])])]).is_none());
    assert!(Intervals::new(time(), vec![Group::unnamed(vec![])]).is_none());
    assert!(Scatter::new(x(), time(), vec![]).is_none());
    let row = DumbbellRow { label: "pipe".into(), values: vec![None, Some(Estimate::exact(1.0))] };
    assert!(Dumbbell::new(time(), vec!["one".into()], vec![Group::unnamed(vec![row])]).is_none());
}

#[test]
fn one_point_is_enough() {
    let x = Axis::new("Message size", Scale::Log2, Unit::Bytes);
    let series = Series { name: "pipe".into(), points: vec![Point { x: 1.0, y: Estimate::exact(0.0) }] };
    let y = Axis::new("Lost", Scale::Linear, Unit::PerSecond);
    let lines = Lines::new(x, y, vec![Panel::new("", vec![series])]).unwrap();
    assert!(svg(&Chart::Lines(lines)).contains("pipe"));
    let curve = Curve::of_samples("pipe", &[4.0]);
    let ecdf = Ecdf::new(time(), vec![Panel::new("", vec![curve])]).unwrap();
    assert!(svg(&Chart::Ecdf(ecdf)).contains("pipe"));
}
