//! Where the boxes of a diagram lie: in columns around one middle, moved apart as far as the arrows between them ask for.
//!
//! Heights come first: they say which arrows run straight and which turn, hence how wide the gaps have to be.

use super::{
    diagram::{Block, Diagram, Spot},
    draw,
    routes::{Gap, Line},
    scene::{Rect, Weight, Words},
    style::{self, LABEL_SIZE, MARGIN, TICK_SIZE},
};

pub(super) const TITLE_LINE_HEIGHT: f64 = 19.0;
pub(super) const LINE_HEIGHT: f64 = 16.0;
/// Between the side of a box and its words.
pub(super) const PADDING: f64 = 10.0;
/// How far the last box of a stack stands out, to the right and to the top.
pub(super) const STACK: f64 = 8.0;

const HEADING_HEIGHT: f64 = 30.0;
/// Between boxes and the rim of their column's band.
pub(super) const BAND: f64 = 10.0;
const BOX_GAP: f64 = 16.0;
/// Between the title of a box and how many there are of it.
const COUNT_GAP: f64 = 12.0;
/// How far the rest of a broken line is set in.
const HANGING: f64 = 9.0;
/// Gaps grow to this width if there is room.
const USUAL_GAP: f64 = 230.0;
/// Widths at which words are broken, tried in turn: of boxes, and of labels.
const CAPS: [(f64, f64); 11] = [
    (330.0, 170.0),
    (330.0, 120.0),
    (260.0, 120.0),
    (260.0, 90.0),
    (220.0, 90.0),
    (190.0, 90.0),
    (160.0, 90.0),
    (140.0, 80.0),
    (120.0, 80.0),
    (105.0, 70.0),
    (90.0, 60.0),
];

/// A box in its place, with its words broken into lines.
pub(super) struct Placed {
    pub(super) front: Rect,
    pub(super) title: Vec<String>,
    /// Small print: how far each line is set in, and its words.
    pub(super) lines: Vec<(f64, String)>,
}

/// A column in its place.
pub(super) struct Column {
    pub(super) boxes: Vec<Placed>,
    /// Behind its boxes and its heading.
    pub(super) band: Rect,
}

/// A diagram laid out.
pub(super) struct Plan {
    pub(super) columns: Vec<Column>,
    pub(super) lines: Vec<Line>,
    pub(super) labels: Vec<Words>,
    pub(super) height: f64,
}

/// The plan of a diagram; `None` if it is too wide however its words are broken.
pub(super) fn plan(diagram: &Diagram) -> Option<Plan> {
    CAPS.iter().find_map(|(of_boxes, of_labels)| Draft::new(diagram, *of_boxes, *of_labels).finished())
}

/// A diagram that is being laid out, with all heights known and all boxes at the left.
pub(super) struct Draft<'a> {
    pub(super) diagram: &'a Diagram,
    pub(super) columns: Vec<Vec<Placed>>,
    /// The labels of the links, broken into lines.
    pub(super) labels: Vec<Vec<String>>,
    bottom: f64,
}

impl<'a> Draft<'a> {
    fn new(diagram: &'a Diagram, of_boxes: f64, of_labels: f64) -> Self {
        let labels =
            diagram.links.iter().map(|link| broken(&link.label, of_labels, TICK_SIZE, Weight::Regular));
        let columns =
            diagram.columns.iter().map(|group| group.items.iter().map(|block| sized(block, of_boxes)));
        let mut draft = Self {
            diagram,
            columns: columns.map(Iterator::collect).collect(),
            labels: labels.collect(),
            bottom: 0.0,
        };
        for gap in 0..draft.columns.len().saturating_sub(1) {
            draft.make_room_for_arrows(gap);
        }
        draft.stack_boxes();
        draft
    }

    /// Makes boxes tall enough for the arrows at their sides.
    fn make_room_for_arrows(&mut self, gap: usize) {
        for ((column, row), height) in self.heights_at(gap) {
            let front = &mut self.columns[column][row].front;
            front.bottom = front.bottom.max(height);
        }
    }

    /// Puts the boxes of each column below each other, around the same middle, and makes them equally wide.
    fn stack_boxes(&mut self) {
        // Labels may stand out above the first box.
        let labels = (0..self.columns.len()).map(|gap| self.label_height(gap) / 2.0).fold(0.0, f64::max);
        let top = MARGIN + if self.has_headings() { HEADING_HEIGHT } else { labels };
        let spaces: Vec<Vec<f64>> = (0..self.columns.len())
            .map(|column| {
                (0..self.columns[column].len()).map(|row| self.space_above((column, row))).collect()
            })
            .collect();
        let height = |column: &Vec<Placed>, spaces: &Vec<f64>| {
            column.iter().map(|placed| placed.front.height()).sum::<f64>() + spaces.iter().sum::<f64>()
        };
        let heights: Vec<f64> = self.columns.iter().zip(&spaces).map(|(c, s)| height(c, s)).collect();
        let tallest = heights.iter().copied().fold(0.0, f64::max);
        let widths: Vec<f64> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        for (index, column) in self.columns.iter_mut().enumerate() {
            let mut y = top + (tallest - heights[index]) / 2.0;
            for (placed, space) in column.iter_mut().zip(&spaces[index]) {
                y += space;
                let bottom = y + placed.front.height();
                placed.front = Rect::new(0.0, y, widths[index], bottom);
                y = bottom;
            }
        }
        self.bottom = top + tallest + if self.has_headings() { BAND } else { 0.0 };
    }

    fn space_above(&self, spot: Spot) -> f64 {
        let apart = if spot.1 == 0 { 0.0 } else { self.down_height(spot).max(BOX_GAP) };
        apart + if self.is_stack(spot) { STACK } else { 0.0 }
    }

    /// Width of the boxes of a column: room for all their words, the heading and labels beside arrows inside.
    fn width(&self, column: usize) -> f64 {
        let boxes = self.columns[column].iter().map(|placed| placed.front.width()).fold(0.0, f64::max);
        let heading = draw::text_width(&self.diagram.columns[column].heading, LABEL_SIZE, Weight::SemiBold);
        let beside = (0..self.columns[column].len()).map(|row| self.down_width((column, row)));
        beside.fold(boxes.max(heading), f64::max).ceil()
    }

    /// Moves the columns apart and finds the ways of the arrows; `None` if that takes too much width.
    fn finished(mut self) -> Option<Plan> {
        let rim = if self.has_headings() { BAND } else { 0.0 };
        let outer: Vec<f64> = (0..self.columns.len())
            .map(|column| self.columns[column][0].front.width() + self.stacked(column))
            .collect();
        let gaps: Vec<Gap> = (0..self.columns.len() - 1).map(|gap| self.gap(gap)).collect();
        let needed: Vec<f64> = gaps.iter().map(Gap::width).collect();
        let free = style::WIDTH - 2.0 * (MARGIN + rim) - outer.iter().sum::<f64>();
        let widths = evened(&needed, free)?;

        let mut x = (MARGIN + rim + (free - widths.iter().sum::<f64>()) / 2.0).floor();
        let mut bands = Vec::new();
        for (index, column) in self.columns.iter_mut().enumerate() {
            for placed in column {
                placed.front.left += x;
                placed.front.right += x;
            }
            bands.push(Rect::new(x - rim, MARGIN, x + outer[index] + rim, self.bottom));
            x += outer[index] + widths.get(index).unwrap_or(&0.0);
        }
        let (mut lines, mut labels) = self.down_routes();
        for (index, gap) in gaps.iter().enumerate() {
            let between = (bands[index].right - rim, bands[index + 1].left + rim);
            lines.extend(self.lines(gap, between));
            labels.extend(self.label_words(gap, between));
        }
        let columns = self.columns.into_iter().zip(bands);
        let columns = columns.map(|(boxes, band)| Column { boxes, band }).collect();
        Some(Plan { columns, lines, labels, height: self.bottom + MARGIN })
    }

    pub(super) fn front(&self, (column, row): Spot) -> Rect {
        self.columns[column][row].front
    }

    pub(super) fn is_stack(&self, (column, row): Spot) -> bool {
        self.diagram.columns[column].items[row].count.is_some()
    }

    /// How far stacks stand out of a column.
    fn stacked(&self, column: usize) -> f64 {
        if (0..self.columns[column].len()).any(|row| self.is_stack((column, row))) { STACK } else { 0.0 }
    }

    fn has_headings(&self) -> bool {
        self.diagram.columns.iter().any(|column| !column.heading.is_empty())
    }
}

/// The widths of gaps that share what is free: at least as wide as needed and else as equal as possible; `None` if there
/// is not enough.
fn evened(needed: &[f64], free: f64) -> Option<Vec<f64>> {
    let at = |level: f64| needed.iter().map(move |needed| needed.max(level));
    let fits = |level: f64| at(level).sum::<f64>() <= free;
    if !fits(0.0) {
        return None;
    }
    let level = (0..=USUAL_GAP as u32).rev().map(f64::from).find(|level| fits(*level))?;
    Some(at(level).collect())
}

/// A box as large as its words, which are broken at the given width.
fn sized(block: &Block, cap: f64) -> Placed {
    let count =
        block.count.iter().map(|count| draw::text_width(count, LABEL_SIZE, Weight::SemiBold) + COUNT_GAP);
    let count: f64 = count.sum();
    let title = broken(&block.title, cap - count, LABEL_SIZE, Weight::SemiBold);
    let mut lines = Vec::new();
    for line in &block.lines {
        let broken = broken(line, cap, TICK_SIZE, Weight::Regular).into_iter().enumerate();
        lines.extend(broken.map(|(index, words)| (if index == 0 { 0.0 } else { HANGING }, words)));
    }
    let of_lines =
        lines.iter().map(|(set_in, words)| set_in + draw::text_width(words, TICK_SIZE, Weight::Regular));
    let of_title = draw::widest(&title, LABEL_SIZE, Weight::SemiBold) + count;
    let width = of_lines.fold(of_title, f64::max);
    let height = title.len().max(1) as f64 * TITLE_LINE_HEIGHT + lines.len() as f64 * LINE_HEIGHT;
    Placed { front: Rect::new(0.0, 0.0, width + 2.0 * PADDING, height + 1.5 * PADDING), title, lines }
}

/// Words broken into lines of about equal length that are no wider than `cap`, unless a single word is.
fn broken(text: &str, cap: f64, size: f64, weight: Weight) -> Vec<String> {
    let mut lines = filled(text, cap, size, weight);
    let mut narrower = cap;
    while lines.len() > 1 {
        narrower *= 0.95;
        let tried = filled(text, narrower, size, weight);
        let too_wide = draw::widest(&tried, size, weight) > narrower;
        if tried.len() > lines.len() || too_wide {
            break;
        }
        lines = tried;
    }
    lines
}

/// Words broken into lines each of which takes what it can.
fn filled(text: &str, cap: f64, size: f64, weight: Weight) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if draw::text_width(&longer, size, weight) <= cap {
                *line = longer;
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_as_equal_as_their_labels_let_them() {
        assert_eq!(evened(&[100.0, 40.0], 180.0), Some(vec![100.0, 80.0]));
        assert_eq!(evened(&[100.0, 40.0], 300.0), Some(vec![150.0, 150.0]));
        assert_eq!(evened(&[40.0], 900.0), Some(vec![USUAL_GAP]));
        assert_eq!(evened(&[100.0, 40.0], 130.0), None);
        assert_eq!(evened(&[], 10.0), Some(vec![]));
    }

    #[test]
    fn lines_are_of_about_equal_length() {
        let broken = |text, cap| broken(text, cap, TICK_SIZE, Weight::Regular);
        assert_eq!(
            broken("one at a time, from first to last", 150.0),
            ["one at a time,", "from first to last"]
        );
        assert_eq!(broken("one", 1.0), ["one"]);
        assert_eq!(broken("", 100.0), [""; 0]);
    }
}
