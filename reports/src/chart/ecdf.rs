//! Empirical distribution functions: which share of the samples was at most so long, in small multiples.

use super::{
    Panel,
    axis::{Axis, Range, Scale},
    draw,
    panels::Axes,
    scene::{Place, Rect, Scene, Stroke, Weight, Words},
    style::{self, LABEL_SIZE, LINE_WIDTH, Look},
};
use crate::format::Unit;

/// One distribution of an [`Ecdf`] chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its label; the same name looks the same in every panel.
    pub name: String,
    /// Values with the share of samples at or below each, both rising.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// The distribution of samples in any order; those that are not finite are left out.
    pub fn of_samples(name: impl Into<String>, samples: &[f64]) -> Self {
        let mut sorted: Vec<f64> = samples.iter().copied().filter(|sample| sample.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let points = sorted.into_iter().enumerate().map(|(rank, sample)| (sample, (rank + 1) as f64 / count));
        Self { name: name.into(), points: points.collect() }
    }

    /// The smallest value that at least this share of the samples does not exceed.
    fn quantile(&self, share: f64) -> Option<f64> {
        self.points.iter().find(|(_, cumulated)| *cumulated >= share).map(|(value, _)| *value)
    }
}

/// Distribution functions in small multiples.
#[derive(Debug, Clone, PartialEq)]
pub struct Ecdf {
    x: Axis,
    y: Axis,
    panels: Vec<Panel<Curve>>,
}

/// Quartiles carry a marker, so that curves differ in more than colour.
const MARKED: [f64; 3] = [0.25, 0.5, 0.75];
/// Steps smaller than this, in pixels, are drawn as one.
const SMALLEST_STEP: f64 = 0.75;
const KEY_HEIGHT: f64 = 19.0;
const KEY_LINE: f64 = 26.0;
const KEY_GAP: f64 = 14.0;

impl Ecdf {
    /// Leaves out values that have no place on the axis, then empty curves and panels; `None` if nothing is left.
    pub fn new(x: Axis, panels: Vec<Panel<Curve>>) -> Option<Self> {
        let panels: Vec<_> = panels
            .into_iter()
            .map(|mut panel| {
                for curve in &mut panel.series {
                    curve.points.retain(|(value, share)| x.scale.admits(*value) && share.is_finite());
                }
                panel.series.retain(|curve| !curve.points.is_empty());
                panel
            })
            .filter(|panel| !panel.series.is_empty())
            .collect();
        let y = Axis::new("Share of samples", Scale::Linear, Unit::Percent);
        (!panels.is_empty()).then_some(Self { x, y, panels })
    }

    pub(super) fn scene(&self) -> Scene {
        let values = self
            .panels
            .iter()
            .flat_map(|panel| &panel.series)
            .flat_map(|curve| &curve.points)
            .map(|(value, _)| *value);
        let x_range = Range::covering(self.x.scale, values);
        let axes = Axes {
            x: &self.x,
            x_range: x_range.expect("the constructor keeps a value that the axis admits"),
            y: &self.y,
            y_range: Range::unit_interval(),
        };
        let names: Vec<Vec<&str>> = self
            .panels
            .iter()
            .map(|panel| panel.series.iter().map(|curve| curve.name.as_str()).collect())
            .collect();
        let beside = KEY_GAP + KEY_LINE + 6.0;
        let gutters: Vec<f64> =
            names.iter().map(|names| beside + draw::widest(names, LABEL_SIZE, Weight::Regular)).collect();
        let most = names.iter().map(Vec::len).max().unwrap_or(0);
        let titles: Vec<&str> = self.panels.iter().map(|panel| panel.title.as_str()).collect();

        let mut scene = Scene::new();
        let grid = axes.draw(&mut scene, &titles, &gutters, most as f64 * KEY_HEIGHT);
        let slots = style::slots(&names);
        for ((panel, plot), slots) in self.panels.iter().zip(&grid.plots).zip(slots) {
            let looks: Vec<Look> = slots.into_iter().map(style::look).collect();
            for (curve, look) in panel.series.iter().zip(&looks) {
                let stroke = Stroke { color: look.color, width: LINE_WIDTH, dash: look.dash };
                scene.path(steps(curve, &axes, *plot), stroke);
            }
            for (curve, look) in panel.series.iter().zip(&looks) {
                for share in MARKED {
                    if let Some(value) = curve.quantile(share) {
                        scene.marker(axes.place(*plot, value, share), *look);
                    }
                }
            }
            draw_keys(&mut scene, *plot, panel, &looks);
        }
        scene.with_height(grid.height)
    }
}

/// The curve as a staircase, without steps too small to see.
fn steps(curve: &Curve, axes: &Axes<'_>, plot: Rect) -> Vec<Place> {
    let Some(&(first, _)) = curve.points.first() else { return Vec::new() };
    let mut last = axes.place(plot, first, 0.0);
    let mut steps = vec![last];
    for (index, &(value, share)) in curve.points.iter().enumerate() {
        let (x, y) = axes.place(plot, value, share);
        let visible = (x - last.0).abs().max((y - last.1).abs()) >= SMALLEST_STEP;
        if visible || index + 1 == curve.points.len() {
            steps.extend([(x, last.1), (x, y)]);
            last = (x, y);
        }
    }
    steps
}

/// The names beside the panel, in the order in which the curves cross the middle.
fn draw_keys(scene: &mut Scene, plot: Rect, panel: &Panel<Curve>, looks: &[Look]) {
    let mut keys: Vec<(&Curve, &Look)> = panel.series.iter().zip(looks).collect();
    let median = |curve: &Curve| curve.quantile(0.5).unwrap_or(f64::INFINITY);
    keys.sort_by(|(left, _), (right, _)| median(left).total_cmp(&median(right)));
    for (row, (curve, look)) in keys.into_iter().enumerate() {
        let y = plot.top + (row as f64 + 0.5) * KEY_HEIGHT;
        let left = plot.right + KEY_GAP;
        let stroke = Stroke { color: look.color, width: LINE_WIDTH, dash: look.dash };
        scene.line((left, y), (left + KEY_LINE, y), stroke);
        scene.marker((left + KEY_LINE / 2.0, y), *look);
        let at = (left + KEY_LINE + 6.0, y);
        scene.words(Words::centred_on(at, &curve.name, LABEL_SIZE, style::readable(look.color)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_to_one() {
        let curve = Curve::of_samples("pipe", &[3.0, 1.0, f64::NAN, 2.0, 4.0]);
        assert_eq!(curve.points, [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75), (4.0, 1.0)]);
        assert_eq!(curve.quantile(0.5), Some(2.0));
        assert_eq!(Curve::of_samples("none", &[]).points, []);
    }
}
