//! A laid-out chart: lines, marks and words with their places in pixels, in the order in which they are painted.

#[cfg(test)]
use super::draw;
use super::style::{self, Look, Marker};

/// A place in CSS pixels; y grows downwards.
pub(super) type Place = (f64, f64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    pub(super) const fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left, top, right, bottom }
    }

    pub(super) const fn width(self) -> f64 {
        self.right - self.left
    }

    pub(super) const fn height(self) -> f64 {
        self.bottom - self.top
    }

    /// The place at the given fractions of the width, from the left, and of the height, from the bottom.
    pub(super) fn at(self, x: f64, y: f64) -> Place {
        (self.left + x * self.width(), self.bottom - y * self.height())
    }

    /// The corners from the left top on, clockwise.
    pub(super) const fn corners(self) -> [Place; 4] {
        [(self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom)]
    }

    /// The middle.
    pub(super) fn middle(self) -> Place {
        self.at(0.5, 0.5)
    }

    /// The rectangle with a rim around it.
    pub(super) fn grown(self, rim: f64) -> Self {
        Self::new(self.left - rim, self.top - rim, self.right + rim, self.bottom + rim)
    }

    /// Area that both cover.
    pub(super) fn overlap(self, other: Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Whether `other` lies inside.
    #[cfg(test)]
    pub(super) fn holds(self, other: Self) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && self.right >= other.right
            && self.bottom >= other.bottom
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) color: Rgb,
    pub(super) width: f64,
    pub(super) dash: &'static [f64],
}

impl Stroke {
    pub(super) const fn solid(color: Rgb, width: f64) -> Self {
        Self { color, width, dash: &[] }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    SemiBold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    pub(super) text: String,
    /// Where the base line starts, has its middle or ends, as `anchor` says.
    pub(super) at: Place,
    pub(super) size: f64,
    pub(super) color: Rgb,
    pub(super) weight: Weight,
    pub(super) anchor: Anchor,
    /// Whether the words run upwards.
    pub(super) upwards: bool,
}

impl Words {
    pub(super) fn new(text: impl Into<String>, at: Place, size: f64, color: Rgb) -> Self {
        Self {
            text: text.into(),
            at,
            size,
            color,
            weight: Weight::Regular,
            anchor: Anchor::Start,
            upwards: false,
        }
    }

    /// Words whose middle is at the given height.
    pub(super) fn centred_on((x, y): Place, text: impl Into<String>, size: f64, color: Rgb) -> Self {
        Self::new(text, (x, y + size * style::MIDDLE_TO_BASE), size, color)
    }

    pub(super) fn semi_bold(self) -> Self {
        Self { weight: Weight::SemiBold, ..self }
    }

    pub(super) fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(super) fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }

    /// The box that the words fill.
    #[cfg(test)]
    pub(super) fn extent(&self) -> Rect {
        let width = draw::text_width(&self.text, self.size, self.weight);
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let (above, below) = (self.size * 0.76, self.size * 0.22);
        let (x, y) = self.at;
        if self.upwards {
            Rect::new(x - above, y + before - width, x + below, y + before)
        } else {
            Rect::new(x - before, y - above, x - before + width, y + below)
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Path(Vec<Place>, Stroke),
    Polygon(Vec<Place>, Rgb),
    Disc(Place, f64, Rgb),
    Words(Words),
}

/// Shapes on a white ground with a thin border, so that a chart reads on light and dark pages.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    pub(super) const fn new() -> Self {
        Self { width: style::WIDTH, height: 0.0, shapes: Vec::new() }
    }

    /// The scene with its height, known only after layout.
    pub(super) fn with_height(self, height: f64) -> Self {
        Self { height: height.ceil(), ..self }
    }

    pub(super) fn line(&mut self, from: Place, to: Place, stroke: Stroke) {
        self.shapes.push(Shape::Path(vec![from, to], stroke));
    }

    pub(super) fn path(&mut self, places: Vec<Place>, stroke: Stroke) {
        if places.len() > 1 {
            self.shapes.push(Shape::Path(places, stroke));
        }
    }

    pub(super) fn polygon(&mut self, corners: Vec<Place>, color: Rgb) {
        self.shapes.push(Shape::Polygon(corners, color));
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, rect: Rect, color: Rgb) {
        self.polygon(rect.corners().to_vec(), color);
    }

    pub(super) fn words(&mut self, words: Words) {
        if !words.text.is_empty() {
            self.shapes.push(Shape::Words(words));
        }
    }

    /// A mark with a white rim that sets it off from what it covers.
    pub(super) fn marker(&mut self, at: Place, look: Look) {
        self.marker_with_bars(at, look, &[]);
    }

    /// A mark whose intervals run over its rim, so that even short ones show.
    pub(super) fn marker_with_bars(&mut self, at: Place, look: Look, bars: &[(Place, Place)]) {
        self.mark(at, look.marker, style::MARKER_RADIUS + 1.1, style::WHITE);
        for (low, high) in bars {
            self.line(*low, *high, Stroke::solid(look.color, style::INTERVAL_WIDTH));
        }
        self.mark(at, look.marker, style::MARKER_RADIUS, look.color);
    }

    /// A mark without a rim.
    pub(super) fn bare_marker(&mut self, at: Place, look: Look) {
        self.mark(at, look.marker, style::MARKER_RADIUS, look.color);
    }

    /// A mark that is only an outline.
    pub(super) fn hollow_marker(&mut self, at: Place, look: Look) {
        self.mark(at, look.marker, style::MARKER_RADIUS + 0.4, look.color);
        self.mark(at, look.marker, style::MARKER_RADIUS - 1.4, style::WHITE);
    }

    /// A mark of the given radius, without a rim.
    pub(super) fn mark(&mut self, (x, y): Place, marker: Marker, radius: f64, color: Rgb) {
        let corners = |count: u32, turn: f64, stretch: f64| -> Vec<Place> {
            (0..count)
                .map(|corner| {
                    let angle = (f64::from(corner) / f64::from(count) + turn) * std::f64::consts::TAU;
                    (x + radius * stretch * angle.sin(), y - radius * stretch * angle.cos())
                })
                .collect()
        };
        // The stretch gives all shapes about the same area.
        let polygon = match marker {
            Marker::Circle => return self.shapes.push(Shape::Disc((x, y), radius, color)),
            Marker::Square => corners(4, 0.125, 1.25),
            Marker::Triangle => corners(3, 0.0, 1.4),
            Marker::Diamond => corners(4, 0.0, 1.35),
            Marker::InvertedTriangle => corners(3, 0.5, 1.4),
            Marker::Hexagon => corners(6, 0.0, 1.12),
            Marker::Cross => corners(12, 1.0 / 12.0, 1.5)
                .into_iter()
                .enumerate()
                .map(|(corner, (px, py))| {
                    // Two corners end each arm; every third lies where two arms meet.
                    let reach = if corner % 3 == 2 { 0.38 } else { 1.0 };
                    (x + (px - x) * reach, y + (py - y) * reach)
                })
                .collect(),
            Marker::Star => corners(10, 0.0, 1.5)
                .into_iter()
                .enumerate()
                .map(|(corner, (px, py))| {
                    let reach = if corner % 2 == 0 { 1.0 } else { 0.5 };
                    (x + (px - x) * reach, y + (py - y) * reach)
                })
                .collect(),
        };
        self.shapes.push(Shape::Polygon(polygon, color));
    }
}
