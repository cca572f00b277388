//! What holds for every kind of chart.

mod samples;

use self::samples::{NAMES, crossed, diagram, each_kind, ecdf, intervals, time};
use super::{
    Axis, Chart, Curve, Dumbbell, DumbbellRow, Ecdf, Estimate, Group, Intervals, Lines, Panel, Point, Row,
    Scale, Scatter, Series, png, scene,
    scene::{Rect, Shape, Words},
    svg,
};
use crate::format::Unit;

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
fn no_arrow_strikes_words() {
    for chart in [diagram(), crossed()].map(Option::unwrap) {
        let (_, words) = words(&chart);
        for shape in scene(&chart).shapes {
            let Shape::Path(places, _) = shape else { continue };
            for pair in places.windows(2) {
                let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
                let stretch = Rect::new(ax.min(bx), ay.min(by), ax.max(bx), ay.max(by)).grown(0.7);
                for word in &words {
                    assert!(stretch.overlap(word.extent()) < 1e-6, "{:?} under {stretch:?}", word.text);
                }
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
