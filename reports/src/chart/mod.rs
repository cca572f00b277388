//! Charts as data, and their pictures.
//!
//! A chart goes through three stages. Its constructor refuses what cannot be drawn, so a chart that exists has at
//! least one point. Its own module lays it out as a `scene` of lines, marks and words in pixels. Only `draw`
//! knows the drawing library and turns a scene into SVG.

mod axis;
mod diagram;
mod draw;
mod dumbbell;
mod ecdf;
mod heatmap;
mod intervals;
mod labels;
mod legend;
mod lines;
mod panels;
mod placement;
mod raster;
mod routes;
mod rows;
mod scatter;
mod scene;
mod shades;
mod stacked;
mod style;
#[cfg(test)]
mod tests;
mod waterfall;

pub use self::{
    axis::{Axis, Scale},
    diagram::{Arrow, Block, Diagram},
    dumbbell::{Dumbbell, DumbbellRow},
    ecdf::{Curve, Ecdf},
    heatmap::{Categories, Cell, HeatMap},
    intervals::{Intervals, Row},
    lines::{Lines, Point, Series},
    raster::{RasterError, png},
    scatter::{Scatter, ScatterPoint},
    stacked::{Stacked, StackedRow},
    waterfall::{Segment, Timeline, Waterfall},
};

/// Any chart that a figure can hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// A quantity against message size or load, in small multiples.
    Lines(Lines),
    /// Empirical distribution functions, in small multiples.
    Ecdf(Ecdf),
    /// Estimates with their intervals, one row each.
    Intervals(Intervals),
    /// One quantity against another, each point labelled.
    Scatter(Scatter),
    /// Two or more conditions per row.
    Dumbbell(Dumbbell),
    /// A quantity in the cells of a grid of two categories, in small multiples.
    HeatMap(HeatMap),
    /// Bars of several parts in rows.
    Stacked(Stacked),
    /// What everyone was doing when, one thin row each.
    Waterfall(Waterfall),
    /// Boxes and arrows: how a system is built.
    Diagram(Diagram),
}

/// The picture of a chart: the same chart gives the same bytes.
pub fn svg(chart: &Chart) -> String {
    draw::svg(&scene(chart))
}

fn scene(chart: &Chart) -> scene::Scene {
    match chart {
        Chart::Lines(lines) => lines.scene(),
        Chart::Ecdf(ecdf) => ecdf.scene(),
        Chart::Intervals(intervals) => intervals.scene(),
        Chart::Scatter(scatter) => scatter.scene(),
        Chart::Dumbbell(dumbbell) => dumbbell.scene(),
        Chart::HeatMap(map) => map.scene(),
        Chart::Stacked(stacked) => stacked.scene(),
        Chart::Waterfall(waterfall) => waterfall.scene(),
        Chart::Diagram(diagram) => diagram.scene(),
    }
}

/// A value and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Its confidence interval (low, high).
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// A value without an interval.
    pub const fn exact(value: f64) -> Self {
        Self { value, interval: None }
    }

    /// A value with its confidence interval.
    pub const fn within(value: f64, low: f64, high: f64) -> Self {
        Self { value, interval: Some((low, high)) }
    }

    /// Every number that the axis has to cover.
    fn extent(self) -> impl Iterator<Item = f64> {
        let (low, high) = self.interval.unwrap_or((self.value, self.value));
        [self.value, low, high].into_iter()
    }
}

/// Rows or points that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<T> {
    /// Name of the group; none is shown if empty.
    pub heading: String,
    /// Its members, in the order in which they are drawn.
    pub items: Vec<T>,
}

impl<T> Group<T> {
    /// A group with a name.
    pub fn new(heading: impl Into<String>, items: Vec<T>) -> Self {
        Self { heading: heading.into(), items }
    }

    /// The only group of a chart needs no name.
    pub fn unnamed(items: Vec<T>) -> Self {
        Self::new("", items)
    }
}

/// One of the small multiples; all share their axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel<T> {
    /// What sets this panel apart; none is shown if empty.
    pub title: String,
    /// What is drawn: lines, of which up to seven stay distinguishable, or rows.
    pub series: Vec<T>,
}

impl<T> Panel<T> {
    /// A panel with a title.
    pub fn new(title: impl Into<String>, series: Vec<T>) -> Self {
        Self { title: title.into(), series }
    }
}
