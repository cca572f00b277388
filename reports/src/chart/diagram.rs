//! Boxes and arrows in columns: how a system is built, and what goes where.

use super::{
    Group,
    placement::{self, LINE_HEIGHT, Placed, Plan, STACK, TITLE_LINE_HEIGHT},
    routes::Line,
    scene::{Anchor, Place, Rect, Scene, Stroke, Words},
    style::{self, BORDER, INK, LABEL_SIZE, QUIET_INK, TICK_SIZE},
};

/// A box of a [`Diagram`].
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its name, by which arrows find it.
    pub title: String,
    /// What else there is to say, in small print.
    pub lines: Vec<String>,
    /// How many there are of it, such as "× 50"; drawn as a stack of boxes.
    pub count: Option<String>,
}

impl Block {
    /// A box that is alone.
    pub fn new<T: Into<String>>(title: impl Into<String>, lines: impl IntoIterator<Item = T>) -> Self {
        Self { title: title.into(), lines: lines.into_iter().map(Into::into).collect(), count: None }
    }

    /// A box that stands for several.
    #[must_use]
    pub fn times(self, count: impl Into<String>) -> Self {
        Self { count: Some(count.into()), ..self }
    }
}

/// An arrow of a [`Diagram`], between boxes of neighbouring columns or between neighbours in a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrow {
    /// Title of the box where it starts.
    pub from: String,
    /// Title of the box where it ends.
    pub to: String,
    /// What goes this way; none is shown if empty.
    pub label: String,
    /// Whether it has a head at both ends.
    pub both_ways: bool,
}

impl Arrow {
    /// An arrow with a head at its end.
    pub fn new(from: impl Into<String>, to: impl Into<String>, label: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into(), label: label.into(), both_ways: false }
    }

    /// The arrow with a head at both ends.
    #[must_use]
    pub fn both_ways(self) -> Self {
        Self { both_ways: true, ..self }
    }
}

/// Column and row of a box.
pub(super) type Spot = (usize, usize);

/// An arrow whose ends are found: first the left or the upper one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    pub(super) ends: [Spot; 2],
    pub(super) heads: [bool; 2],
    pub(super) label: String,
}

impl Link {
    /// Whether it runs inside a column.
    pub(super) const fn is_down(&self) -> bool {
        self.ends[0].0 == self.ends[1].0
    }
}

/// Boxes in columns with arrows between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagram {
    pub(super) columns: Vec<Group<Block>>,
    pub(super) links: Vec<Link>,
}

const HEAD_LENGTH: f64 = 8.0;
const HEAD_HALF_WIDTH: f64 = 4.0;
const ARROW_WIDTH: f64 = 1.4;

impl Diagram {
    /// Columns run from left to right, their boxes from top to bottom; columns without boxes are left out.
    ///
    /// `None` if there is no box, if two have the same title, if an arrow names no box or would have to cross others,
    /// because its boxes are no neighbours, and if the words do not fit the width of a chart however they are broken.
    pub fn new(mut columns: Vec<Group<Block>>, arrows: Vec<Arrow>) -> Option<Self> {
        columns.retain(|column| !column.items.is_empty());
        let spots: Vec<(Spot, &str)> = columns
            .iter()
            .enumerate()
            .flat_map(|(column, group)| {
                group.items.iter().enumerate().map(move |(row, block)| ((column, row), block.title.as_str()))
            })
            .collect();
        let mut titles: Vec<&str> = spots.iter().map(|(_, title)| *title).collect();
        titles.sort_unstable();
        if titles.is_empty() || titles.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        let links = arrows.into_iter().map(|arrow| link(&spots, arrow)).collect::<Option<Vec<Link>>>()?;
        let diagram = Self { columns, links };
        placement::plan(&diagram).is_some().then_some(diagram)
    }

    pub(super) fn scene(&self) -> Scene {
        let plan = placement::plan(self).expect("the constructor keeps only what can be placed");
        let mut scene = Scene::new();
        self.draw_columns(&mut scene, &plan);
        for (group, column) in self.columns.iter().zip(&plan.columns) {
            for (block, placed) in group.items.iter().zip(&column.boxes) {
                draw_box(&mut scene, block, placed);
            }
        }
        for line in &plan.lines {
            draw_line(&mut scene, line);
        }
        for label in plan.labels {
            scene.words(label);
        }
        scene.with_height(plan.height)
    }

    fn draw_columns(&self, scene: &mut Scene, plan: &Plan) {
        for (group, column) in self.columns.iter().zip(&plan.columns) {
            if !group.heading.is_empty() {
                scene.rect(column.band, style::GROUND);
                let (x, _) = column.band.middle();
                let at = (x, column.band.top + 15.0);
                let words = Words::centred_on(at, &group.heading, LABEL_SIZE, QUIET_INK);
                scene.words(words.semi_bold().anchored(Anchor::Middle));
            }
        }
    }
}

fn link(spots: &[(Spot, &str)], arrow: Arrow) -> Option<Link> {
    let spot = |wanted: &str| spots.iter().find(|(_, title)| *title == wanted).map(|(spot, _)| *spot);
    let (from, to) = (spot(&arrow.from)?, spot(&arrow.to)?);
    let heads = [arrow.both_ways, true];
    let (ends, heads) = if from <= to { ([from, to], heads) } else { ([to, from], [heads[1], heads[0]]) };
    let [(left, upper), (right, lower)] = ends;
    let are_neighbours = left + 1 == right || (left == right && upper + 1 == lower);
    are_neighbours.then_some(Link { ends, heads, label: arrow.label })
}

fn draw_box(scene: &mut Scene, block: &Block, placed: &Placed) {
    let front = placed.front;
    // The farthest of a stack first, each covered by the next.
    let behind = if block.count.is_some() { [STACK, STACK / 2.0].as_slice() } else { &[] };
    for offset in behind.iter().chain(&[0.0]) {
        let (left, right) = (front.left + offset, front.right + offset);
        let rect = Rect::new(left, front.top - offset, right, front.bottom - offset);
        scene.rect(rect, if *offset > 0.0 { BORDER } else { style::look(0).color });
        scene.rect(rect.grown(-1.25), style::WHITE);
    }
    let words = placed.title.len() as f64 * TITLE_LINE_HEIGHT + placed.lines.len() as f64 * LINE_HEIGHT;
    let mut y = front.middle().1 - words / 2.0;
    let left = front.left + placement::PADDING;
    if let Some(count) = &block.count {
        let at = (front.right - placement::PADDING, y + TITLE_LINE_HEIGHT / 2.0);
        let words = Words::centred_on(at, count, LABEL_SIZE, style::readable(style::look(0).color));
        scene.words(words.semi_bold().anchored(Anchor::End));
    }
    for line in &placed.title {
        let at = (left, y + TITLE_LINE_HEIGHT / 2.0);
        scene.words(Words::centred_on(at, line, LABEL_SIZE, INK).semi_bold());
        y += TITLE_LINE_HEIGHT;
    }
    for (set_in, line) in &placed.lines {
        let at = (left + set_in, y + LINE_HEIGHT / 2.0);
        scene.words(Words::centred_on(at, line, TICK_SIZE, QUIET_INK));
        y += LINE_HEIGHT;
    }
}

fn draw_line(scene: &mut Scene, line: &Line) {
    let mut path = line.path.clone();
    let last = path.len() - 1;
    if line.heads[0] {
        path[0] = draw_head(scene, path[1], path[0]);
    }
    if line.heads[1] {
        path[last] = draw_head(scene, path[last - 1], path[last]);
    }
    scene.path(path, Stroke::solid(QUIET_INK, ARROW_WIDTH));
}

/// A head at the end of a line that comes from `from`; returns where the line has to end.
fn draw_head(scene: &mut Scene, from: Place, tip: Place) -> Place {
    let length = (tip.0 - from.0).hypot(tip.1 - from.1);
    let (dx, dy) = ((tip.0 - from.0) / length, (tip.1 - from.1) / length);
    let base = (tip.0 - dx * HEAD_LENGTH, tip.1 - dy * HEAD_LENGTH);
    let corner = |side: f64| (base.0 - dy * side * HEAD_HALF_WIDTH, base.1 + dx * side * HEAD_HALF_WIDTH);
    scene.polygon(vec![tip, corner(1.0), corner(-1.0)], QUIET_INK);
    (tip.0 - dx * (HEAD_LENGTH - 1.0), tip.1 - dy * (HEAD_LENGTH - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Group<Block>> {
        let block = |title: &str| Block::new(title, ["a line"]);
        vec![
            Group::unnamed(vec![block("client")]),
            Group::unnamed(vec![block("acceptor"), block("pool")]),
            Group::unnamed(vec![block("storage")]),
        ]
    }

    #[test]
    fn arrows_join_neighbours_only() {
        let accepts =
            |from: &str, to: &str| Diagram::new(columns(), vec![Arrow::new(from, to, "")]).is_some();
        assert!(accepts("client", "pool"));
        assert!(accepts("storage", "pool"));
        assert!(accepts("pool", "acceptor"));
        assert!(!accepts("client", "storage"));
        assert!(!accepts("client", "client"));
        assert!(!accepts("client", "nowhere"));
    }

    #[test]
    fn what_cannot_be_placed_is_refused() {
        assert_eq!(Diagram::new(vec![Group::unnamed(vec![])], vec![]), None);
        let twice =
            || vec![Group::unnamed(vec![Block::new("client", ["one"]), Block::new("client", ["two"])])];
        assert_eq!(Diagram::new(twice(), vec![]), None);
        let endless = vec![Group::unnamed(vec![Block::new("x".repeat(200), ["one"])])];
        assert_eq!(Diagram::new(endless, vec![]), None);
    }

    #[test]
    fn an_arrow_to_the_left_has_its_head_there() {
        let diagram = Diagram::new(columns(), vec![Arrow::new("pool", "client", "")]).unwrap();
        assert_eq!(diagram.links[0].ends, [(0, 0), (1, 1)]);
        assert_eq!(diagram.links[0].heads, [true, false]);
    }
}
