//! A quantity in the cells of a grid of two categories, in small multiples: which combination is best, and where does
//! it break down?

use super::{
    Panel,
    axis::Axis,
    draw,
    scene::{Anchor, Rect, Scene, Stroke, Weight, Words},
    shades::Shades,
    style::{self, BORDER, HAIRLINE, INK, LABEL_SIZE, MARGIN, QUIET_INK, TICK_SIZE, TITLE_SIZE},
};
use crate::format;

/// An axis of names, such as pool sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Categories {
    /// What the names tell apart, in words.
    pub title: String,
    /// The names, in the order in which they are drawn: left to right, or top to bottom.
    pub names: Vec<String>,
}

impl Categories {
    /// Names with what they tell apart.
    pub fn new<T: Into<String>>(title: impl Into<String>, names: impl IntoIterator<Item = T>) -> Self {
        Self { title: title.into(), names: names.into_iter().map(Into::into).collect() }
    }
}

/// What a cell of a [`HeatMap`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A figure.
    Value(f64),
    /// No figure, and in a short word why, such as "failed".
    Absent(String),
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or_else(Self::unknown, Self::Value)
    }
}

impl Cell {
    /// No figure, for no reason that is known.
    fn unknown() -> Self {
        Self::Absent("–".into())
    }
}

/// Grids of coloured cells with their figures.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    measure: Axis,
    columns: Categories,
    rows: Categories,
    panels: Vec<Panel<Vec<Cell>>>,
    per_panel: bool,
}

const MOST_PER_ROW: usize = 4;
const WIDEST_CELL: f64 = 240.0;
const CELL_HEIGHT: f64 = 34.0;
/// Between the figure and the sides of its cell.
const CELL_PADDING: f64 = 5.0;
/// White around each cell.
const RIM: f64 = 0.75;
const PANEL_GAP: f64 = 16.0;
const TITLE_HEIGHT: f64 = 26.0;
const NAME_HEIGHT: f64 = 20.0;
const AXIS_TITLE_HEIGHT: f64 = 22.0;

/// Where the panels lie.
struct Layout {
    plots: Vec<Rect>,
    cell: (f64, f64),
    per_row: usize,
    /// Size of the figures in the cells, and of the names below them.
    text_sizes: (f64, f64),
    bottom: f64,
}

impl HeatMap {
    /// Each panel holds one list of cells for each name of `rows`, each with one cell for each name of `columns`; cells
    /// beyond are left out, missing ones and those that have no place on the axis of the measure are absent. `None`
    /// if no cell of any panel has a value.
    pub fn new(
        measure: Axis,
        columns: Categories,
        rows: Categories,
        mut panels: Vec<Panel<Vec<Cell>>>,
    ) -> Option<Self> {
        for panel in &mut panels {
            panel.series.resize(rows.names.len(), Vec::new());
            for row in &mut panel.series {
                row.resize(columns.names.len(), Cell::unknown());
                for cell in row {
                    if matches!(cell, Cell::Value(value) if !measure.scale.admits(*value)) {
                        *cell = Cell::unknown();
                    }
                }
            }
        }
        let has_value = panels.iter().flat_map(values).next().is_some();
        has_value.then_some(Self { measure, columns, rows, panels, per_panel: false })
    }

    /// Colours each panel from its own lowest to its own highest value.
    #[must_use]
    pub fn with_colors_per_panel(self) -> Self {
        Self { per_panel: true, ..self }
    }

    pub(super) fn scene(&self) -> Scene {
        let mut scene = Scene::new();
        let shared = Shades::covering(self.measure.scale, self.panels.iter().flat_map(values))
            .expect("the constructor keeps a value that the scale admits");
        let ends = if self.per_panel {
            ["lowest of the panel", "highest of the panel"].map(Into::into)
        } else {
            [shared.low, shared.high].map(|end| format::value(end, self.measure.unit))
        };
        let top = shared.draw_bar(&mut scene, &self.measure.title, &ends);
        let layout = self.layout(top);
        for (index, (panel, plot)) in self.panels.iter().zip(&layout.plots).enumerate() {
            let own = Shades::covering(self.measure.scale, values(panel)).filter(|_| self.per_panel);
            let shades = own.as_ref().unwrap_or(&shared);
            let title = Words::new(&panel.title, (plot.left, plot.top - 9.0), TITLE_SIZE, INK);
            scene.words(title.semi_bold());
            self.draw_cells(&mut scene, panel, *plot, shades, &layout);
            self.draw_names(&mut scene, *plot, &layout, index % layout.per_row == 0);
        }
        self.draw_axis_titles(&mut scene, &layout);
        scene.with_height(layout.bottom + MARGIN * 0.7)
    }

    /// As many panels side by side as leave their cells room, in rows of about equal length.
    fn layout(&self, top: f64) -> Layout {
        let (columns, count) = (self.columns.names.len() as f64, self.panels.len());
        let cells = self.panels.iter().flat_map(|panel| &panel.series).flatten();
        let figures: Vec<String> = cells.map(|cell| self.text(cell)).collect();
        let figure = draw::widest(&figures, TICK_SIZE, Weight::Regular) + 2.0 * CELL_PADDING;
        let name = draw::widest(&self.columns.names, TICK_SIZE, Weight::Regular) + CELL_PADDING;
        let titles: Vec<&str> = self.panels.iter().map(|panel| panel.title.as_str()).collect();
        let title = draw::widest(&titles, TITLE_SIZE, Weight::SemiBold);
        let left =
            MARGIN + AXIS_TITLE_HEIGHT + draw::widest(&self.rows.names, TICK_SIZE, Weight::Regular) + 6.0;
        let free = style::WIDTH - MARGIN - left;
        let width = |per_row: usize| (free - PANEL_GAP * (per_row - 1) as f64) / per_row as f64;
        let needed = (figure.max(name) * columns).max(title);
        let per_row = (1..=MOST_PER_ROW)
            .rev()
            .map(|most| count.div_ceil(count.div_ceil(most)))
            .find(|&per_row| width(per_row) >= needed)
            .unwrap_or(1);

        let above = if titles.iter().any(|title| !title.is_empty()) { TITLE_HEIGHT } else { 6.0 };
        let between = above + NAME_HEIGHT + 8.0;
        let lines = count.div_ceil(per_row) as f64;
        let rows = self.rows.names.len() as f64;
        // The title of the rows needs room beside them.
        let title = draw::text_width(&self.rows.title, LABEL_SIZE, Weight::Regular);
        let cell = (
            (width(per_row) / columns).min(WIDEST_CELL),
            CELL_HEIGHT.max((title - between * (lines - 1.0)) / (rows * lines)),
        );
        let (across, down) = (cell.0 * columns, cell.1 * rows);
        let pitch = between + down;
        let plots = (0..count).map(|index| {
            let x = left + (index % per_row) as f64 * (across + PANEL_GAP);
            let y = top + above + (index / per_row) as f64 * pitch;
            Rect::new(x, y, x + across, y + down)
        });
        Layout {
            plots: plots.collect(),
            per_row,
            cell,
            text_sizes: (TICK_SIZE * (cell.0 / figure).min(1.0), TICK_SIZE * (cell.0 / name).min(1.0)),
            bottom: top + pitch * lines - 8.0 + AXIS_TITLE_HEIGHT,
        }
    }

    fn text(&self, cell: &Cell) -> String {
        match cell {
            Cell::Value(value) => format::value(*value, self.measure.unit),
            Cell::Absent(reason) => reason.clone(),
        }
    }

    fn draw_cells(
        &self,
        scene: &mut Scene,
        panel: &Panel<Vec<Cell>>,
        plot: Rect,
        shades: &Shades,
        layout: &Layout,
    ) {
        let ((width, height), (size, _)) = (layout.cell, layout.text_sizes);
        for (down, row) in panel.series.iter().enumerate() {
            for (across, cell) in row.iter().enumerate() {
                let (left, top) = (plot.left + across as f64 * width, plot.top + down as f64 * height);
                let rect = Rect::new(left, top, left + width, top + height).grown(-RIM);
                let text = self.text(cell);
                let color = match cell {
                    Cell::Value(value) => {
                        let color = shades.of(*value);
                        scene.rect(rect, color);
                        style::ink_on(color)
                    }
                    Cell::Absent(_) => {
                        draw_hatching(scene, rect, draw::text_width(&text, size, Weight::Regular));
                        QUIET_INK
                    }
                };
                let words = Words::centred_on(rect.middle(), text, size, color);
                scene.words(words.anchored(Anchor::Middle));
            }
        }
    }

    fn draw_names(&self, scene: &mut Scene, plot: Rect, layout: &Layout, with_rows: bool) {
        for (index, name) in self.columns.names.iter().enumerate() {
            let x = plot.left + (index as f64 + 0.5) * layout.cell.0;
            let at = (x, plot.bottom + 5.0 + TICK_SIZE * 0.8);
            let words = Words::new(name, at, layout.text_sizes.1, QUIET_INK);
            scene.words(words.anchored(Anchor::Middle));
        }
        for (index, name) in self.rows.names.iter().enumerate().filter(|_| with_rows) {
            let at = (plot.left - 6.0, plot.top + (index as f64 + 0.5) * layout.cell.1);
            scene.words(Words::centred_on(at, name, TICK_SIZE, QUIET_INK).anchored(Anchor::End));
        }
    }

    fn draw_axis_titles(&self, scene: &mut Scene, layout: &Layout) {
        let (Some(first), Some(last)) = (layout.plots.first(), layout.plots.last()) else { return };
        let right = layout.plots.iter().map(|plot| plot.right).fold(0.0, f64::max);
        let at = (f64::midpoint(first.left, right), layout.bottom - 4.0);
        let columns = Words::new(&self.columns.title, at, LABEL_SIZE, QUIET_INK);
        scene.words(columns.anchored(Anchor::Middle));
        let at = (MARGIN + LABEL_SIZE * 0.76, f64::midpoint(first.top, last.bottom));
        let rows = Words::new(&self.rows.title, at, LABEL_SIZE, QUIET_INK);
        scene.words(rows.anchored(Anchor::Middle).upwards());
    }
}

fn values(panel: &Panel<Vec<Cell>>) -> impl Iterator<Item = f64> {
    panel.series.iter().flatten().filter_map(|cell| match cell {
        Cell::Value(value) => Some(*value),
        Cell::Absent(_) => None,
    })
}

/// A pale cell with slanting lines, left clear in the middle for words of the given width.
fn draw_hatching(scene: &mut Scene, rect: Rect, words: f64) {
    const PITCH: f64 = 8.0;
    scene.rect(rect, style::GROUND);
    let (width, height) = (rect.width(), rect.height());
    let mut start = PITCH / 2.0;
    while start < width + height {
        // The line on which the distances from the left and from the top add up to `start`.
        let from = (rect.left + start.min(width), rect.top + (start - width).max(0.0));
        let to = (rect.left + (start - height).max(0.0), rect.top + start.min(height));
        scene.line(from, to, Stroke::solid(BORDER, HAIRLINE));
        start += PITCH;
    }
    let (x, y) = rect.middle();
    let half = (words / 2.0 + 4.0).min(width / 2.0);
    scene.rect(Rect::new(x - half, y - 9.0, x + half, y + 9.0), style::GROUND);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chart::Scale, format::Unit};

    fn map(cells: Vec<Vec<Cell>>) -> Option<HeatMap> {
        let measure = Axis::new("Goodput", Scale::Log10, Unit::BytesPerSecond);
        let pools = |title| Categories::new(title, ["1", "5"]);
        HeatMap::new(measure, pools("server"), pools("client"), vec![Panel::new("", cells)])
    }

    #[test]
    fn what_is_no_figure_is_absent() {
        let cells = vec![vec![Cell::Value(1.0), Cell::Value(0.0), Cell::Value(2.0)], vec![None.into()]];
        let map = map(cells).unwrap();
        let unknown = Cell::unknown;
        assert_eq!(map.panels[0].series, [vec![Cell::Value(1.0), unknown()], vec![unknown(), unknown()]]);
    }

    #[test]
    fn without_a_figure_there_is_no_map() {
        assert_eq!(map(vec![]), None);
        assert_eq!(map(vec![vec![Cell::Absent("failed".into()), Cell::Value(f64::NAN)]]), None);
    }
}
