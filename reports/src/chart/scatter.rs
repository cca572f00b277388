//! One quantity against another, each point labelled: trade-offs such as speed against CPU time.

use super::{
    Estimate, Group,
    axis::{Axis, Range},
    draw,
    labels::{self, Labelled, Placement},
    legend::{self, Key},
    panels::Axes,
    scene::{Place, Rect, Scene, Stroke, Weight, Words},
    style::{self, HAIRLINE, LABEL_SIZE, Look, MARKER_RADIUS},
};

/// A point of a [`Scatter`] chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ScatterPoint {
    /// Its name.
    pub label: String,
    /// Its place along the horizontal axis.
    pub x: Estimate,
    /// Its place along the vertical axis.
    pub y: Estimate,
}

/// Labelled points in groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    x: Axis,
    y: Axis,
    groups: Vec<Group<ScatterPoint>>,
}

/// Labels keep this far from intervals.
const BAR_CLEARANCE: f64 = 2.0;
const PLOT_HEIGHT: f64 = 440.0;

impl Scatter {
    /// Leaves out points that have no place on the axes, then empty groups; `None` if nothing is left.
    pub fn new(x: Axis, y: Axis, groups: Vec<Group<ScatterPoint>>) -> Option<Self> {
        let groups: Vec<_> = groups
            .into_iter()
            .map(|mut group| {
                group.items.retain(|point| x.scale.admits(point.x.value) && y.scale.admits(point.y.value));
                group
            })
            .filter(|group| !group.items.is_empty())
            .collect();
        (!groups.is_empty()).then_some(Self { x, y, groups })
    }

    pub(super) fn scene(&self) -> Scene {
        let points = || self.groups.iter().flat_map(|group| &group.items);
        let covers = "the constructor keeps a point that the axes admit";
        let axes = Axes {
            x: &self.x,
            x_range: Range::covering(self.x.scale, points().flat_map(|p| p.x.extent())).expect(covers),
            y: &self.y,
            y_range: Range::covering(self.y.scale, points().flat_map(|p| p.y.extent())).expect(covers),
        };
        let looks: Vec<Look> = (0..self.groups.len()).map(style::look).collect();

        let mut scene = Scene::new();
        let named = self.groups.iter().zip(&looks).filter(|(group, _)| !group.heading.is_empty());
        let keys: Vec<Key<'_>> =
            named.map(|(group, look)| Key { look: *look, hollow: false, meaning: &group.heading }).collect();
        let top = legend::draw(&mut scene, &keys, style::MARGIN) - style::MARGIN;
        let grid = axes.draw_below(&mut scene, top, &[""], &[12.0], PLOT_HEIGHT);
        let plot = grid.plots[0];

        let marked: Vec<(&ScatterPoint, Look, Place)> = self
            .groups
            .iter()
            .zip(&looks)
            .flat_map(|(group, look)| group.items.iter().map(move |point| (point, *look)))
            .map(|(point, look)| (point, look, axes.place(plot, point.x.value, point.y.value)))
            .collect();
        let placements = place_labels(&marked, &axes, plot);
        for ((_, look, place), placement) in marked.iter().zip(&placements) {
            if let Some(end) = placement.leader {
                scene.line(*place, end, Stroke::solid(look.color, HAIRLINE));
            }
        }
        for (point, look, place) in &marked {
            scene.marker_with_bars(*place, *look, &bars(point, &axes, plot));
        }
        for ((point, look, _), placement) in marked.iter().zip(&placements) {
            let at = (placement.rect.left, f64::midpoint(placement.rect.top, placement.rect.bottom));
            scene.words(Words::centred_on(at, &point.label, LABEL_SIZE, style::readable(look.color)));
        }
        scene.with_height(grid.height)
    }
}

/// The horizontal and the vertical interval of a point.
fn bars(point: &ScatterPoint, axes: &Axes<'_>, plot: Rect) -> Vec<(Place, Place)> {
    let ScatterPoint { x, y, .. } = point;
    let across =
        x.interval.map(|(low, high)| (axes.place(plot, low, y.value), axes.place(plot, high, y.value)));
    let upright =
        y.interval.map(|(low, high)| (axes.place(plot, x.value, low), axes.place(plot, x.value, high)));
    across.into_iter().chain(upright).collect()
}

fn place_labels(marked: &[(&ScatterPoint, Look, Place)], axes: &Axes<'_>, plot: Rect) -> Vec<Placement> {
    let points: Vec<Labelled> = marked
        .iter()
        .map(|(point, _, at)| {
            let width = draw::text_width(&point.label, LABEL_SIZE, Weight::Regular);
            Labelled { at: *at, size: (width, LABEL_SIZE + 1.0) }
        })
        .collect();
    let bars: Vec<Rect> = marked
        .iter()
        .flat_map(|(point, ..)| bars(point, axes, plot))
        .map(|((left, bottom), (right, top))| {
            Rect::new(left, top.min(bottom), right, top.max(bottom)).grown(BAR_CLEARANCE)
        })
        .collect();
    let inside = Rect::new(plot.left + 5.0, plot.top, plot.right, plot.bottom - 3.0);
    labels::place_around(&points, MARKER_RADIUS + 1.5, &bars, inside)
}
