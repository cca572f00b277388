//! One quantity against another, each point labelled: trade-offs such as speed against CPU time.

use super::{
    Estimate, Group,
    axis::{Axis, Range},
    draw,
    labels::{self, Labelled, Placement},
    legend::{self, Key},
    panels::Axes,
    scene::{Place, Rect, Scene, Stroke, Weight, Words},
    style::{self, AXIS, HAIRLINE, LABEL_SIZE, Look, MARKER_RADIUS},
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
/// Points nearer than this to each other, across and down, belong to one crowd.
const CROWDED: Place = (20.0, 14.0);
/// Fewer points than this still have room for a label each.
const LEAST_CROWD: usize = 6;
/// The names of a crowd beyond this many go in two columns.
const LONGEST_COLUMN: usize = 8;
const COLUMN_GAP: f64 = 12.0;
/// Share of a crowd's width and height together that a label of one point takes.
const ROOM_FOR_A_LABEL: f64 = 8.0;

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
        let tags = tags(&marked);
        let placements = place_tags(&tags, &marked, &axes, plot);
        for (tag, placement) in tags.iter().zip(&placements) {
            if tag.members.len() > 1 {
                let Rect { left, top, right, bottom } = placement.rect;
                let end = (tag.at.0.clamp(left - 4.0, right + 4.0), tag.at.1.clamp(top - 2.0, bottom + 2.0));
                scene.line(tag.at, end, Stroke::solid(AXIS, HAIRLINE));
            } else if let Some(end) = placement.leader {
                scene.line(tag.at, end, Stroke::solid(marked[tag.members[0]].1.color, HAIRLINE));
            }
        }
        for (point, look, place) in &marked {
            scene.marker_with_bars(*place, *look, &bars(point, &axes, plot));
        }
        for (tag, placement) in tags.iter().zip(&placements) {
            for (&member, (x, y)) in tag.members.iter().zip(tag.places(placement.rect)) {
                let (point, look, _) = marked[member];
                let color = style::readable(look.color);
                scene.words(Words::centred_on((x, y), &point.label, LABEL_SIZE, color));
            }
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

/// A point as it is drawn.
type Marked<'a> = (&'a ScatterPoint, Look, Place);

/// The label of one point, or the names of a crowd in one block.
struct Tag {
    members: Vec<usize>,
    at: Place,
    columns: usize,
    /// Width of a column, and height of a line.
    cell: (f64, f64),
}

impl Tag {
    fn new(members: Vec<usize>, marked: &[Marked<'_>]) -> Self {
        let count = members.len();
        let columns = if count > LONGEST_COLUMN { 2 } else { 1 };
        let gap = if columns > 1 { COLUMN_GAP } else { 0.0 };
        let names: Vec<&str> = members.iter().map(|&member| marked[member].0.label.as_str()).collect();
        let height = if count > 1 { style::LABEL_HEIGHT } else { LABEL_SIZE + 1.0 };
        let middle = |of: fn(Place) -> f64| {
            members.iter().map(|&member| of(marked[member].2)).sum::<f64>() / count as f64
        };
        let at = (middle(|place| place.0), middle(|place| place.1));
        Self { at, columns, cell: (draw::widest(&names, LABEL_SIZE, Weight::Regular) + gap, height), members }
    }

    fn lines(&self) -> usize {
        self.members.len().div_ceil(self.columns)
    }

    fn labelled(&self) -> Labelled {
        let size = (self.cell.0 * self.columns as f64, self.cell.1 * self.lines() as f64);
        Labelled { at: self.at, size }
    }

    /// Where each member's name begins, down the first column and then the next.
    fn places(&self, rect: Rect) -> impl Iterator<Item = Place> {
        let (lines, (width, height)) = (self.lines(), self.cell);
        (0..self.members.len()).map(move |index| {
            let (column, line) = (index / lines, index % lines);
            (rect.left + column as f64 * width, rect.top + (line as f64 + 0.5) * height)
        })
    }
}

/// A tag for each point that stands free, and one for each crowd, whose own labels would cover each other.
fn tags(marked: &[Marked<'_>]) -> Vec<Tag> {
    let touch = |(x, y): Place, (u, v): Place| (x - u).abs() < CROWDED.0 && (y - v).abs() < CROWDED.1;
    let mut crowds: Vec<Vec<usize>> = Vec::new();
    for (index, (_, _, place)) in marked.iter().enumerate() {
        let (near, apart): (Vec<_>, Vec<_>) =
            crowds.into_iter().partition(|crowd| crowd.iter().any(|&other| touch(*place, marked[other].2)));
        crowds = apart;
        crowds.push(near.into_iter().flatten().chain([index]).collect());
    }
    let mut tags: Vec<Tag> = Vec::new();
    for mut crowd in crowds {
        if crowd.len() < LEAST_CROWD || !is_dense(&crowd, marked) {
            tags.extend(crowd.into_iter().map(|alone| Tag::new(vec![alone], marked)));
        } else {
            crowd.sort_unstable();
            tags.push(Tag::new(crowd, marked));
        }
    }
    tags
}

/// Whether the labels of a crowd would find no room around it.
fn is_dense(crowd: &[usize], marked: &[Marked<'_>]) -> bool {
    let span = |of: fn(Place) -> f64| {
        let ends = crowd.iter().map(|&member| of(marked[member].2));
        ends.clone().fold(f64::MIN, f64::max) - ends.fold(f64::MAX, f64::min)
    };
    span(|place| place.0) + span(|place| place.1) < crowd.len() as f64 * ROOM_FOR_A_LABEL
}

fn place_tags(tags: &[Tag], marked: &[Marked<'_>], axes: &Axes<'_>, plot: Rect) -> Vec<Placement> {
    let points: Vec<Labelled> = tags.iter().map(Tag::labelled).collect();
    let bars = marked.iter().flat_map(|(point, ..)| bars(point, axes, plot)).map(
        |((left, bottom), (right, top))| {
            Rect::new(left, top.min(bottom), right, top.max(bottom)).grown(BAR_CLEARANCE)
        },
    );
    let marks = marked.iter().map(|(_, _, (x, y))| Rect::new(*x, *y, *x, *y).grown(MARKER_RADIUS + 1.5));
    let taken: Vec<Rect> = bars.chain(marks).collect();
    let inside = Rect::new(plot.left + 5.0, plot.top, plot.right, plot.bottom - 3.0);
    labels::place_around(&points, MARKER_RADIUS + 1.5, &taken, inside)
}
