//! A quantity against message size or load: lines in small multiples, each labelled at its right end.

use super::{
    Estimate, Panel,
    axis::{Axis, Range},
    draw, labels,
    panels::Axes,
    scene::{Place, Rect, Scene, Stroke, Weight, Words},
    style::{self, CONTEXT, HAIRLINE, LABEL_HEIGHT, LABEL_SIZE, LINE_WIDTH, Look},
};

/// A point of a [`Series`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where it was measured.
    pub x: f64,
    /// What was measured.
    pub y: Estimate,
}

/// A line of a [`Lines`] chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its label; the same name looks the same in every panel.
    pub name: String,
    /// Its points, in any order.
    pub points: Vec<Point>,
}

/// Lines in small multiples.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    x: Axis,
    y: Axis,
    panels: Vec<Panel<Series>>,
    context: bool,
}

/// Between the end of the plot and the labels, crossed by leader lines.
const LEADER: f64 = 18.0;
/// A label moved by less than this needs no leader line.
const UNMOVED: f64 = 3.0;

impl Lines {
    /// Leaves out points that have no place on the axes, then empty series and panels; `None` if nothing is left.
    pub fn new(x: Axis, y: Axis, panels: Vec<Panel<Series>>) -> Option<Self> {
        let panels: Vec<_> = panels
            .into_iter()
            .map(|mut panel| {
                for series in &mut panel.series {
                    series.points.retain(|point| x.scale.admits(point.x) && y.scale.admits(point.y.value));
                    series.points.sort_by(|left, right| left.x.total_cmp(&right.x));
                }
                panel.series.retain(|series| !series.points.is_empty());
                panel
            })
            .filter(|panel| !panel.series.is_empty())
            .collect();
        (!panels.is_empty()).then_some(Self { x, y, panels, context: false })
    }

    /// Shows the series of the other panels as faint lines behind each panel's own.
    #[must_use]
    pub fn with_context(self) -> Self {
        Self { context: true, ..self }
    }

    pub(super) fn scene(&self) -> Scene {
        let points = || self.panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
        let covers = "the constructor keeps a point that the axes admit";
        let axes = Axes {
            x: &self.x,
            x_range: Range::covering(self.x.scale, points().map(|point| point.x)).expect(covers),
            y: &self.y,
            y_range: Range::covering(self.y.scale, points().flat_map(|point| point.y.extent()))
                .expect(covers),
        };
        let names: Vec<Vec<&str>> = self
            .panels
            .iter()
            .map(|panel| panel.series.iter().map(|series| series.name.as_str()).collect())
            .collect();
        let gutters: Vec<f64> =
            names.iter().map(|names| LEADER + draw::widest(names, LABEL_SIZE, Weight::Regular)).collect();
        let most = names.iter().map(Vec::len).max().unwrap_or(0);
        let titles: Vec<&str> = self.panels.iter().map(|panel| panel.title.as_str()).collect();

        let mut scene = Scene::new();
        let grid = axes.draw(&mut scene, &titles, &gutters, most as f64 * LABEL_HEIGHT);
        let slots = style::slots(&names);
        for (index, (panel, plot)) in self.panels.iter().zip(&grid.plots).enumerate() {
            if self.context {
                self.draw_context(&mut scene, &axes, *plot, index);
            }
            let looks: Vec<Look> = slots[index].iter().map(|slot| style::look(*slot)).collect();
            draw_series(&mut scene, &axes, *plot, panel, &looks);
            draw_labels(&mut scene, &axes, *plot, panel, &looks);
        }
        scene.with_height(grid.height)
    }

    fn draw_context(&self, scene: &mut Scene, axes: &Axes<'_>, plot: Rect, own: usize) {
        let is_own = |series: &&Series| self.panels[own].series.iter().any(|other| other.name == series.name);
        let others = self.panels.iter().flat_map(|panel| &panel.series).filter(|series| !is_own(series));
        for series in others {
            scene.path(places(series, axes, plot), Stroke::solid(CONTEXT, HAIRLINE));
        }
    }
}

fn places(series: &Series, axes: &Axes<'_>, plot: Rect) -> Vec<Place> {
    series.points.iter().map(|point| axes.place(plot, point.x, point.y.value)).collect()
}

fn draw_series(scene: &mut Scene, axes: &Axes<'_>, plot: Rect, panel: &Panel<Series>, looks: &[Look]) {
    for (series, look) in panel.series.iter().zip(looks) {
        let stroke = Stroke { color: look.color, width: LINE_WIDTH, dash: look.dash };
        scene.path(places(series, axes, plot), stroke);
    }
    for (series, look) in panel.series.iter().zip(looks) {
        for point in &series.points {
            let end = |value: f64| axes.place(plot, point.x, value);
            let bar = point.y.interval.map(|(low, high)| (end(low), end(high)));
            scene.marker_with_bars(end(point.y.value), *look, bar.as_slice());
        }
    }
}

fn draw_labels(scene: &mut Scene, axes: &Axes<'_>, plot: Rect, panel: &Panel<Series>, looks: &[Look]) {
    let ends: Vec<Place> = panel
        .series
        .iter()
        .filter_map(|series| series.points.last())
        .map(|point| axes.place(plot, point.x, point.y.value))
        .collect();
    let wanted: Vec<f64> = ends.iter().map(|(_, y)| *y).collect();
    let middles = labels::spread(&wanted, LABEL_HEIGHT, plot.top - LABEL_HEIGHT / 2.0, plot.bottom + 2.0);
    for (((series, look), end), middle) in panel.series.iter().zip(looks).zip(ends).zip(middles) {
        let label = (plot.right + LEADER, middle);
        let ends_early = end.0 < plot.right - 0.1 * plot.width();
        if ends_early || (middle - end.1).abs() > UNMOVED {
            let dash: &[f64] = if ends_early { &[1.5, 2.5] } else { &[] };
            let elbow = (plot.right + 2.0, end.1);
            let start = (end.0 + style::MARKER_RADIUS + 2.0, end.1);
            let stroke = Stroke { color: look.color, width: HAIRLINE, dash };
            scene.path(vec![start, elbow, (label.0 - 3.0, middle)], stroke);
        }
        scene.words(Words::centred_on(label, &series.name, LABEL_SIZE, style::readable(look.color)));
    }
}
