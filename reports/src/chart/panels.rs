//! Small multiples: panels in a grid with shared axes.

use super::{
    axis::{Axis, Range},
    draw,
    scene::{Anchor, Place, Rect, Scene, Stroke, Weight, Words},
    style::{self, AXIS, GRID, HAIRLINE, INK, LABEL_SIZE, MARGIN, QUIET_INK, TICK_SIZE, TITLE_SIZE},
};
use crate::format;

/// Both axes of a chart with what they cover.
pub(super) struct Axes<'a> {
    pub(super) x: &'a Axis,
    pub(super) x_range: Range,
    pub(super) y: &'a Axis,
    pub(super) y_range: Range,
}

/// Where the panels lie.
pub(super) struct Grid {
    pub(super) plots: Vec<Rect>,
    /// Height of the whole chart.
    pub(super) height: f64,
    columns: usize,
}

const GAP: f64 = 14.0;
const TITLE_HEIGHT: f64 = 26.0;
const TICK_LABEL_HEIGHT: f64 = 22.0;
const AXIS_TITLE_HEIGHT: f64 = 20.0;
const SINGLE_HEIGHT: f64 = 340.0;
const MULTIPLE_HEIGHT: f64 = 220.0;
const STACKED_HEIGHT: f64 = 200.0;
/// Room that a tick label of the x axis takes, and that one of the y axis takes.
const TICK_PITCH: (f64, f64) = (46.0, 40.0);

impl Axes<'_> {
    /// Lays out panels each with a gutter for labels to its right; draws frames, grids and axes.
    pub(super) fn draw(
        &self,
        scene: &mut Scene,
        titles: &[&str],
        gutters: &[f64],
        least_height: f64,
    ) -> Grid {
        self.draw_below(scene, 0.0, titles, gutters, least_height)
    }

    /// As [`Axes::draw`], but further down by the height of what stands above.
    pub(super) fn draw_below(
        &self,
        scene: &mut Scene,
        above: f64,
        titles: &[&str],
        gutters: &[f64],
        least_height: f64,
    ) -> Grid {
        let grid = self.grid(above, titles, gutters, least_height);
        for (index, (plot, title)) in grid.plots.iter().zip(titles).enumerate() {
            self.draw_panel(scene, *plot, index % grid.columns == 0);
            let title = Words::new(*title, (plot.left, plot.top - 9.0), TITLE_SIZE, INK);
            scene.words(title.semi_bold());
            let lowest_of_column = index + grid.columns >= grid.plots.len();
            if lowest_of_column {
                let below = plot.bottom + TICK_LABEL_HEIGHT + LABEL_SIZE + 2.0;
                let middle = f64::midpoint(plot.left, plot.right);
                let title = Words::new(&self.x.title, (middle, below), LABEL_SIZE, QUIET_INK);
                scene.words(title.anchored(Anchor::Middle));
            }
        }
        if let (Some(first), Some(last)) = (grid.plots.first(), grid.plots.last()) {
            let middle = f64::midpoint(first.top, last.bottom);
            let title =
                Words::new(&self.y.title, (MARGIN + LABEL_SIZE * 0.76, middle), LABEL_SIZE, QUIET_INK);
            scene.words(title.anchored(Anchor::Middle).upwards());
        }
        grid
    }

    /// Where a value lies in a panel.
    pub(super) fn place(&self, plot: Rect, x: f64, y: f64) -> Place {
        plot.at(self.x_range.fraction(x), self.y_range.fraction(y))
    }

    fn grid(&self, occupied: f64, titles: &[&str], gutters: &[f64], least_height: f64) -> Grid {
        // Three in two columns would leave a hole that looks like a missing panel.
        let columns = if titles.len() == 3 { 1 } else { titles.len().clamp(1, 2) };
        let rows = titles.len().div_ceil(columns);
        let height = least_height.max(match (rows, columns) {
            (1, 1) => SINGLE_HEIGHT,
            (_, 1) => STACKED_HEIGHT,
            _ => MULTIPLE_HEIGHT,
        });
        let tick_width = self
            .y_ticks(height)
            .iter()
            .map(|tick| draw::text_width(&format::tick(*tick, self.y.unit), TICK_SIZE, Weight::Regular))
            .fold(0.0, f64::max);
        let left = MARGIN + AXIS_TITLE_HEIGHT + tick_width + 8.0;
        let free = style::WIDTH - MARGIN - left - GAP * (columns - 1) as f64;
        let gutter =
            |column: usize| gutters.iter().skip(column).step_by(columns).copied().fold(0.0, f64::max);
        let width = (free - (0..columns).map(gutter).sum::<f64>()) / columns as f64;
        let above = if titles.iter().any(|title| !title.is_empty()) { TITLE_HEIGHT } else { 6.0 };
        let pitch = above + height + TICK_LABEL_HEIGHT + 8.0;

        let plots = (0..titles.len())
            .map(|index| {
                let (row, column) = (index / columns, index % columns);
                let x = left + (0..column).map(|before| width + gutter(before) + GAP).sum::<f64>();
                let y = occupied + MARGIN + above + row as f64 * pitch;
                Rect::new(x, y, x + width, y + height)
            })
            .collect();
        let height = occupied + MARGIN + pitch * rows as f64 - 8.0 + AXIS_TITLE_HEIGHT + MARGIN * 0.7;
        Grid { plots, height, columns }
    }

    fn y_ticks(&self, height: f64) -> Vec<f64> {
        self.y_range.ticks((height / TICK_PITCH.1) as usize)
    }

    fn draw_panel(&self, scene: &mut Scene, plot: Rect, with_y_labels: bool) {
        let hair = Stroke::solid(GRID, HAIRLINE);
        let axis = Stroke::solid(AXIS, HAIRLINE);
        for tick in self.y_ticks(plot.height()) {
            let (_, y) = plot.at(0.0, self.y_range.fraction(tick));
            scene.line((plot.left, y), (plot.right, y), hair);
            if with_y_labels {
                let label = format::tick(tick, self.y.unit);
                let words = Words::centred_on((plot.left - 7.0, y), label, TICK_SIZE, QUIET_INK);
                scene.words(words.anchored(Anchor::End));
            }
        }
        draw_x_ticks(scene, self.x, self.x_range, plot);
        scene.path(vec![plot.at(0.0, 1.0), plot.at(0.0, 0.0), plot.at(1.0, 0.0)], axis);
    }
}

/// The grid lines of the x axis with their labels below a plot.
pub(super) fn draw_x_ticks(scene: &mut Scene, axis: &Axis, range: Range, plot: Rect) {
    let width = |tick| draw::text_width(&format::tick(tick, axis.unit), TICK_SIZE, Weight::Regular);
    for tick in range.spaced_ticks(plot.width(), TICK_PITCH.0, width) {
        let (x, _) = plot.at(range.fraction(tick), 0.0);
        scene.line((x, plot.top), (x, plot.bottom), Stroke::solid(GRID, HAIRLINE));
        scene.line((x, plot.bottom), (x, plot.bottom + 4.0), Stroke::solid(AXIS, HAIRLINE));
        let label = format::tick(tick, axis.unit);
        let words = Words::new(label, (x, plot.bottom + 7.0 + TICK_SIZE * 0.8), TICK_SIZE, QUIET_INK);
        scene.words(words.anchored(Anchor::Middle));
    }
}
