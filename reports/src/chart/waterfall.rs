//! What everyone was doing when, one thin row each: who waited, for how long, and for whom?

use super::{
    Panel,
    axis::{Axis, Range, Scale, ends},
    draw,
    legend::{self, Key},
    panels,
    scene::{Anchor, Rect, Scene, Stroke, Weight, Words},
    style::{self, AXIS, FAILED, HAIRLINE, INK, LABEL_SIZE, MARGIN, QUIET_INK, TICK_SIZE, TITLE_SIZE},
};
use crate::format::{self, Unit};

/// A stretch of a [`Timeline`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// When it began, in seconds since the common start.
    pub start: f64,
    /// When it ended, in seconds since the common start.
    pub end: f64,
    /// What was done, as its place among the chart's kinds.
    pub kind: usize,
}

impl Segment {
    fn is_drawable(&self, kinds: usize) -> bool {
        self.start >= 0.0 && self.end >= self.start && self.end.is_finite() && self.kind < kinds
    }
}

/// A row of a [`Waterfall`] chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// What was done, in order.
    pub segments: Vec<Segment>,
    /// Whether it ended in failure, which is marked.
    pub failed: bool,
}

impl Timeline {
    fn end(&self) -> f64 {
        self.segments.iter().map(|segment| segment.end).fold(0.0, f64::max)
    }
}

/// Timelines in panels one below the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Waterfall {
    time: Axis,
    rows: String,
    kinds: Vec<String>,
    panels: Vec<Panel<Timeline>>,
    shared: bool,
}

const TITLE_HEIGHT: f64 = 26.0;
const TICK_LABEL_HEIGHT: f64 = 22.0;
const AXIS_TITLE_HEIGHT: f64 = 20.0;
/// Height that the rows of a panel share, as far as they stay this thin or thick.
const USUAL_HEIGHT: f64 = 210.0;
const THINNEST: f64 = 4.0;
const THICKEST: f64 = 20.0;
/// Least height of a row whose number is shown.
const NUMBER_HEIGHT: f64 = 14.0;
/// Above the first row and below the last.
const RIM: f64 = 3.0;
/// Segments are drawn at least this long, so that short ones show.
const SHORTEST: f64 = 1.0;

impl Waterfall {
    /// `time` and `rows` name the axes, such as "Time since the barrier's release" and "Client". The same list of
    /// `kinds` gives the same colours in every chart; those that nothing is of are left out of the legend.
    ///
    /// Leaves out segments without a place (before the common start, backwards, of no kind), but no row, since rows are
    /// numbered; then panels without any segment; `None` if nothing is left.
    pub fn new(
        time: impl Into<String>,
        rows: impl Into<String>,
        kinds: Vec<String>,
        panels: Vec<Panel<Timeline>>,
    ) -> Option<Self> {
        let panels: Vec<_> = panels
            .into_iter()
            .map(|mut panel| {
                for row in &mut panel.series {
                    row.segments.retain(|segment| segment.is_drawable(kinds.len()));
                }
                panel
            })
            .filter(|panel| panel.series.iter().any(|row| !row.segments.is_empty()))
            .collect();
        let time = Axis::new(time, Scale::Linear, Unit::Seconds);
        (!panels.is_empty()).then_some(Self { time, rows: rows.into(), kinds, panels, shared: false })
    }

    /// Gives all panels the same time axis, so that lengths compare across panels.
    #[must_use]
    pub fn with_shared_time(self) -> Self {
        Self { shared: true, ..self }
    }

    pub(super) fn scene(&self) -> Scene {
        let mut scene = Scene::new();
        let mut y = self.draw_legend(&mut scene);
        let top = y;
        let most = self.panels.iter().map(|panel| panel.series.len()).max().unwrap_or(0);
        let numbers = draw::text_width(&format::integer(most as u64), TICK_SIZE, Weight::Regular);
        let left = MARGIN + AXIS_TITLE_HEIGHT + numbers + 8.0;
        // The title of the rows needs room beside them.
        let least = draw::text_width(&self.rows, LABEL_SIZE, Weight::Regular) / self.panels.len() as f64;
        for (index, panel) in self.panels.iter().enumerate() {
            y += if panel.title.is_empty() { 6.0 } else { TITLE_HEIGHT };
            let height = (pitch(panel.series.len()) * panel.series.len() as f64 + 2.0 * RIM).max(least);
            let plot = Rect::new(left, y, style::WIDTH - MARGIN - 8.0, y + height);
            let range = self.range(panel);
            draw_titles(&mut scene, panel, plot);
            panels::draw_x_ticks(&mut scene, &self.time, range, plot);
            draw_rows(&mut scene, panel, plot, range);
            let axis = Stroke::solid(AXIS, HAIRLINE);
            scene.path(vec![plot.at(0.0, 1.0), plot.at(0.0, 0.0), plot.at(1.0, 0.0)], axis);
            y = plot.bottom + TICK_LABEL_HEIGHT + if index + 1 < self.panels.len() { 4.0 } else { 0.0 };
        }
        self.draw_axis_titles(&mut scene, left, (top, y));
        scene.with_height(y + AXIS_TITLE_HEIGHT + MARGIN * 0.7)
    }

    fn range(&self, panel: &Panel<Timeline>) -> Range {
        let sharing = if self.shared { self.panels.as_slice() } else { std::slice::from_ref(panel) };
        let times = sharing.iter().flat_map(|panel| &panel.series).map(Timeline::end);
        Range::covering(Scale::Linear, times.chain([0.0])).expect("zero has a place on a linear axis")
    }

    fn draw_legend(&self, scene: &mut Scene) -> f64 {
        let rows = || self.panels.iter().flat_map(|panel| &panel.series);
        let used = |kind: usize| rows().flat_map(|row| &row.segments).any(|segment| segment.kind == kind);
        let mut keys: Vec<Key<'_>> = self
            .kinds
            .iter()
            .enumerate()
            .filter(|(kind, _)| used(*kind))
            .map(|(kind, meaning)| Key { look: style::fill(kind), hollow: false, meaning })
            .collect();
        if rows().any(|row| row.failed) {
            keys.push(Key { look: FAILED, hollow: false, meaning: "failed" });
        }
        legend::draw(scene, &keys, MARGIN)
    }

    fn draw_axis_titles(&self, scene: &mut Scene, left: f64, (top, bottom): (f64, f64)) {
        let at = (f64::midpoint(left, style::WIDTH - MARGIN - 8.0), bottom + LABEL_SIZE + 2.0);
        scene.words(Words::new(&self.time.title, at, LABEL_SIZE, QUIET_INK).anchored(Anchor::Middle));
        let at = (MARGIN + LABEL_SIZE * 0.76, f64::midpoint(top, bottom));
        let rows = Words::new(&self.rows, at, LABEL_SIZE, QUIET_INK);
        scene.words(rows.anchored(Anchor::Middle).upwards());
    }
}

/// Height of each of so many rows.
fn pitch(rows: usize) -> f64 {
    (USUAL_HEIGHT / rows as f64).floor().clamp(THINNEST, THICKEST)
}

fn draw_rows(scene: &mut Scene, panel: &Panel<Timeline>, plot: Rect, range: Range) {
    let mut marks = Vec::new();
    let pitch = pitch(panel.series.len());
    let stride = if pitch < NUMBER_HEIGHT { 10 } else { 1 };
    // A quarter pixel is the finest step in which pictures are drawn.
    let half = (pitch * 0.4 * 4.0).floor() / 4.0;
    for (index, row) in panel.series.iter().enumerate() {
        let number = index + 1;
        let middle = plot.middle().1 + (index as f64 + 0.5 - panel.series.len() as f64 / 2.0) * pitch;
        if number == 1 || number % stride == 0 {
            let number = format::integer(number as u64);
            let words = Words::centred_on((plot.left - 7.0, middle), number, TICK_SIZE, QUIET_INK);
            scene.words(words.anchored(Anchor::End));
        }
        let x = |time: f64| plot.at(range.fraction(time), 0.0).0;
        for segment in &row.segments {
            let (start, end) = (x(segment.start), x(segment.end));
            let bar = Rect::new(start, middle - half, end.max(start + SHORTEST), middle + half);
            scene.rect(bar, style::fill(segment.kind).color);
        }
        if row.failed {
            marks.push((x(row.end()), middle));
        }
    }
    // Above all rows, since marks are higher than thin ones.
    let radius = (pitch * 0.5).clamp(3.0, style::MARKER_RADIUS);
    for (x, y) in marks {
        let at = (x + radius + 2.0, y);
        scene.mark(at, FAILED.marker, radius + 0.5, style::WHITE);
        scene.mark(at, FAILED.marker, radius, FAILED.color);
    }
}

/// The title of a panel and, if there is room beside it, when its first and its last row ended.
fn draw_titles(scene: &mut Scene, panel: &Panel<Timeline>, plot: Rect) {
    let y = plot.top - 9.0;
    scene.words(Words::new(&panel.title, (plot.left, y), TITLE_SIZE, INK).semi_bold());
    let begun = panel.series.iter().filter(|row| !row.segments.is_empty());
    let Some((first, last)) = ends(begun.map(Timeline::end)) else { return };
    let word = |end: f64| format::value(end, Unit::Seconds);
    let note = if panel.series.len() == 1 {
        format!("ends after {}", word(last))
    } else {
        format!("first ends after {}, last after {}", word(first), word(last))
    };
    let title = draw::text_width(&panel.title, TITLE_SIZE, Weight::SemiBold);
    let width = draw::text_width(&note, TICK_SIZE, Weight::Regular);
    if !panel.title.is_empty() && title + 20.0 + width <= plot.width() {
        let words = Words::new(note, (plot.right, y), TICK_SIZE, QUIET_INK);
        scene.words(words.anchored(Anchor::End));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waterfall(start: f64, end: f64, kind: usize) -> Option<Waterfall> {
        let row = Timeline { segments: vec![Segment { start, end, kind }], failed: false };
        let empty = Timeline { segments: vec![], failed: true };
        let panel = Panel::new("1 worker", vec![empty, row]);
        Waterfall::new("Time", "Client", vec!["service".into()], vec![panel])
    }

    #[test]
    fn rows_keep_their_numbers() {
        let waterfall = waterfall(0.0, 1.0, 0).unwrap();
        assert_eq!(waterfall.panels[0].series.len(), 2);
    }

    #[test]
    fn without_a_segment_there_is_no_waterfall() {
        for (start, end, kind) in
            [(f64::NAN, 1.0, 0), (0.0, f64::INFINITY, 0), (2.0, 1.0, 0), (-1.0, 1.0, 0), (0.0, 1.0, 1)]
        {
            assert_eq!(waterfall(start, end, kind), None);
        }
        assert_eq!(Waterfall::new("Time", "Client", vec![], vec![]), None);
    }
}
