//! One row per subject over a shared axis: the ground of interval and dumbbell charts.

use super::{
    Group,
    axis::{Axis, Range},
    draw,
    scene::{Anchor, Place, Rect, Scene, Stroke, Weight, Words},
    style::{self, AXIS, GRID, HAIRLINE, INK, LABEL_SIZE, MARGIN, QUIET_INK, TICK_SIZE},
};
use crate::format;

/// A row that has a name.
pub(super) trait Labelled {
    fn label(&self) -> &str;
}

/// Where rows lie.
pub(super) struct Rows {
    pub(super) plot: Rect,
    /// The middles of all rows, from the first of the first group to the last of the last.
    pub(super) middles: Vec<f64>,
    /// Height of the whole chart.
    pub(super) height: f64,
    range: Range,
}

const ROW_HEIGHT: f64 = 22.0;
const HEADING_HEIGHT: f64 = 26.0;
const INDENT: f64 = 12.0;
const TICK_PITCH: f64 = 70.0;

impl Rows {
    /// Lays out the rows below `top`, with a column of the given width to the right; draws names, grid and axis.
    pub(super) fn draw<T: Labelled>(
        scene: &mut Scene,
        axis: &Axis,
        range: Range,
        groups: &[Group<T>],
        top: f64,
        right_column: f64,
    ) -> Self {
        let indent = if groups.iter().any(|group| !group.heading.is_empty()) { INDENT } else { 0.0 };
        let names: Vec<&str> = groups.iter().flat_map(|group| &group.items).map(Labelled::label).collect();
        let left = MARGIN + indent + draw::widest(&names, LABEL_SIZE, Weight::Regular) + 14.0;
        let right = style::WIDTH - MARGIN - right_column;

        let mut words = Vec::new();
        let mut middles = Vec::new();
        // Where grid lines run: not through headings, which may be wider than the names.
        let mut stretches = Vec::new();
        let mut y = top + 2.0;
        for group in groups {
            if !group.heading.is_empty() {
                let at = (MARGIN, y + HEADING_HEIGHT / 2.0);
                words.push(Words::centred_on(at, &group.heading, LABEL_SIZE, INK).semi_bold());
                y += HEADING_HEIGHT;
            }
            let first = y;
            for row in &group.items {
                let middle = y + ROW_HEIGHT / 2.0;
                words.push(Words::centred_on((MARGIN + indent, middle), row.label(), LABEL_SIZE, INK));
                middles.push(middle);
                y += ROW_HEIGHT;
            }
            stretches.push((first, y));
            y += 4.0;
        }
        let plot = Rect::new(left, top, right, y);
        let rows = Self { plot, middles, height: y + 42.0 + MARGIN * 0.7, range };
        rows.draw_axis(scene, axis, &stretches);
        for word in words {
            scene.words(word);
        }
        rows
    }

    /// Where a value lies in a row.
    pub(super) fn place(&self, value: f64, middle: f64) -> Place {
        (self.plot.at(self.range.fraction(value), 0.0).0, middle)
    }

    fn draw_axis(&self, scene: &mut Scene, axis: &Axis, stretches: &[(f64, f64)]) {
        let plot = self.plot;
        let hair = Stroke::solid(GRID, HAIRLINE);
        let line = Stroke::solid(AXIS, HAIRLINE);
        for middle in &self.middles {
            scene.line((plot.left, *middle), (plot.right, *middle), hair);
        }
        let width = |tick| draw::text_width(&format::tick(tick, axis.unit), TICK_SIZE, Weight::Regular);
        for tick in self.range.spaced_ticks(plot.width(), TICK_PITCH, width) {
            let (x, _) = plot.at(self.range.fraction(tick), 0.0);
            for (top, bottom) in stretches {
                scene.line((x, *top), (x, *bottom), hair);
            }
            scene.line((x, plot.bottom), (x, plot.bottom + 4.0), line);
            let at = (x, plot.bottom + 7.0 + TICK_SIZE * 0.8);
            let label = Words::new(format::tick(tick, axis.unit), at, TICK_SIZE, QUIET_INK);
            scene.words(label.anchored(Anchor::Middle));
        }
        scene.line(plot.at(0.0, 0.0), plot.at(1.0, 0.0), line);
        let at = (f64::midpoint(plot.left, plot.right), plot.bottom + 37.0);
        let title = Words::new(&axis.title, at, LABEL_SIZE, QUIET_INK);
        scene.words(title.anchored(Anchor::Middle));
    }
}
