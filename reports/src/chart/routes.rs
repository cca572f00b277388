//! Which way the arrows of a diagram run. Pure geometry.
//!
//! An arrow between columns has a *hub*, the end whose box may have arrows to several boxes, and an *own* end, where it
//! has a lane for itself and room for its label. It runs straight if it can; else it turns twice, beside its hub. In each
//! gap the own ends are on the right, unless all arrows meet in one box there.

use super::{
    diagram::{Link, Spot},
    draw,
    placement::{BAND, Draft, LINE_HEIGHT, STACK},
    scene::{Anchor, Place, Weight, Words},
    style::{INK, TICK_SIZE},
};

/// A line with or without heads at its two ends.
pub(super) struct Line {
    pub(super) path: Vec<Place>,
    pub(super) heads: [bool; 2],
}

/// What runs between a column and the next.
pub(super) struct Gap {
    runs: Vec<Run>,
    /// Index of the own ends of links, and of their hubs.
    sides: (usize, usize),
    /// Places at which arrows turn, beside each other.
    turns: usize,
    label_width: f64,
}

/// How a link runs across a gap.
struct Run {
    link: usize,
    hub: Spot,
    own_y: f64,
    hub_y: f64,
    /// The place among the turns of the gap; `None` if it runs straight.
    turn: Option<usize>,
}

/// The end of a line, and whether it has a head there.
type End = (Place, bool);

/// From the base line of a label down to its arrow.
const ABOVE_ARROW: f64 = 6.0;
/// Between the label of a lane and the arrow above.
const LANE_GAP: f64 = 6.0;
/// Between arrows that leave a hub for several boxes.
const HUB_PITCH: f64 = 24.0;
const TURN_PITCH: f64 = 8.0;
/// Heights that differ by less are made the same.
const LEAST_TURN: f64 = 12.0;
/// Before and after a label.
const LABEL_RIM: f64 = 4.0;
const NARROWEST_GAP: f64 = 70.0;
/// Between an arrow that runs down and its label.
const BESIDE_ARROW: f64 = 8.0;
/// Length of an arrow that runs down, beyond the height of its label.
const DOWN_LENGTH: f64 = 24.0;

impl Gap {
    pub(super) fn width(&self) -> f64 {
        (self.turning() + BAND + 2.0 * LABEL_RIM + self.label_width).max(NARROWEST_GAP).ceil()
    }

    /// Width beside the hubs that the turns take, with the rim of the column's band.
    fn turning(&self) -> f64 {
        BAND + if self.turns > 0 { (self.turns + 1) as f64 * TURN_PITCH } else { 0.0 }
    }
}

impl<'a> Draft<'a> {
    /// How tall the boxes beside a gap have to be for the arrows at their sides.
    pub(super) fn heights_at(&self, gap: usize) -> Vec<(Spot, f64)> {
        let (own, hub) = self.sides(gap);
        let pitch = self.lane_pitch(gap);
        let links = self.across(gap);
        let heights = links.iter().flat_map(|(_, link)| {
            let lanes = links.iter().filter(|(_, other)| other.ends[own] == link.ends[own]).count();
            let (places, count, between) = self.hub_places(gap, link.ends[hub]);
            let of_hub = if places.len() > 1 { count as f64 * between } else { 0.0 };
            [(link.ends[own], lanes as f64 * pitch), (link.ends[hub], of_hub + STACK)]
        });
        heights.collect()
    }

    /// How the links of a gap run.
    pub(super) fn gap(&self, gap: usize) -> Gap {
        let sides @ (own, hub) = self.sides(gap);
        let links = self.across(gap);
        let pitch = self.lane_pitch(gap);
        let own_y = |wanted: usize, link: &Link| {
            let lanes: Vec<usize> = links
                .iter()
                .filter(|(_, l)| l.ends[own] == link.ends[own])
                .map(|(index, _)| *index)
                .collect();
            let lane = lanes.iter().position(|index| *index == wanted).unwrap_or(0);
            self.front(link.ends[own]).middle().1 + offset(lane, lanes.len(), pitch)
        };
        let mut runs: Vec<Run> = Vec::new();
        for (index, link) in &links {
            let spot = link.ends[hub];
            let front = self.front(spot);
            let (places, count, between) = self.hub_places(gap, spot);
            let place = places.iter().find(|(other, _)| other == index).map_or(0, |(_, place)| *place);
            let mates = || links.iter().filter(|(_, other)| other.ends[hub] == spot);
            let fans_out = mates().any(|(_, other)| other.ends[own] != link.ends[own]);
            let side = (front.top + 6.0)..(front.bottom - STACK - 2.0);
            let is_straight = !fans_out && mates().all(|(other, l)| side.contains(&own_y(*other, l)));
            // A place for all gives way to an arrow that would have to turn for a little.
            let near = |y: &f64| count == 1 && (y - front.middle().1).abs() < LEAST_TURN;
            let given = mates().map(|(other, l)| own_y(*other, l)).find(near);
            let hub_y = given.unwrap_or(front.middle().1 + offset(place, count, between));
            let own_y = own_y(*index, link);
            let hub_y = if is_straight { own_y } else { hub_y };
            runs.push(Run { link: *index, hub: spot, own_y, hub_y, turn: None });
        }
        let turns = number_turns(&mut runs);
        let widths = links.iter().map(|(index, _)| self.label_width(*index));
        Gap { runs, sides, turns, label_width: widths.fold(0.0, f64::max) }
    }

    /// Where links leave a hub: the place of each link, how many places there are, and how far apart. Links to several
    /// boxes share a place if they look and read the same.
    fn hub_places(&self, gap: usize, spot: Spot) -> (Vec<(usize, usize)>, usize, f64) {
        let (own, hub) = self.sides(gap);
        let mut links = self.across(gap);
        links.retain(|(_, link)| link.ends[hub] == spot);
        let fans_out = links.iter().any(|(_, link)| link.ends[own] != links[0].1.ends[own]);
        let mut kinds: Vec<([bool; 2], &str)> = Vec::new();
        let mut places = Vec::new();
        for (index, link) in links {
            let kind = (link.heads, link.label.as_str());
            let known = kinds.iter().position(|other| fans_out && *other == kind);
            places.push((index, known.unwrap_or(kinds.len())));
            if known.is_none() {
                kinds.push(kind);
            }
        }
        (places, kinds.len(), if fans_out { HUB_PITCH } else { self.lane_pitch(gap) })
    }

    /// The arrows of a gap that reaches from `left` to `right`.
    pub(super) fn lines(&self, gap: &Gap, (left, right): (f64, f64)) -> Vec<Line> {
        let (own, hub) = gap.sides;
        let end = |run: &Run, side: usize| -> End {
            let link = &self.diagram.links[run.link];
            let front = self.front(link.ends[side]);
            let stack = if self.is_stack(link.ends[side]) { STACK } else { 0.0 };
            let x = if side == 0 { front.right + stack } else { front.left };
            ((x, if side == own { run.own_y } else { run.hub_y }), link.heads[side])
        };
        let mut lines = Vec::new();
        for (index, run) in gap.runs.iter().enumerate() {
            let is_mate = |other: &&Run| (other.hub, other.hub_y) == (run.hub, run.hub_y);
            if gap.runs[..index].iter().any(|other| is_mate(&other)) {
                continue;
            }
            let mates: Vec<&Run> = gap.runs.iter().filter(is_mate).collect();
            let ends = mates.iter().map(|mate| end(mate, own)).chain([end(run, hub)]).collect();
            let turn = mates.iter().find_map(|mate| mate.turn);
            let along = BAND + (turn.unwrap_or(0) + 1) as f64 * TURN_PITCH;
            lines.extend(tree(ends, turn.map(|_| if hub == 0 { left + along } else { right - along })));
        }
        lines
    }

    /// The labels of a gap that reaches from `left` to `right`.
    pub(super) fn label_words(&self, gap: &Gap, (left, right): (f64, f64)) -> Vec<Words> {
        let turning = gap.turning();
        let (from, to) =
            if gap.sides.0 == 1 { (left + turning, right - BAND) } else { (left + BAND, right - turning) };
        let labels = gap.runs.iter().flat_map(|run| {
            let label = &self.labels[run.link];
            let line = move |(index, text): (usize, &String)| {
                let above = (label.len() - 1 - index) as f64 * LINE_HEIGHT + ABOVE_ARROW;
                let at = (f64::midpoint(from, to), run.own_y - above);
                Words::new(text, at, TICK_SIZE, INK).anchored(Anchor::Middle)
            };
            label.iter().enumerate().map(line)
        });
        labels.collect()
    }

    /// The arrows between neighbours in a column, with their labels.
    pub(super) fn down_routes(&self) -> (Vec<Line>, Vec<Words>) {
        let (mut lines, mut labels) = (Vec::new(), Vec::new());
        for (index, link) in self.diagram.links.iter().enumerate().filter(|(_, link)| link.is_down()) {
            let mates: Vec<usize> = self.down_to(link.ends[1]).map(|(index, _)| index).collect();
            let rank = mates.iter().take_while(|mate| **mate < index).count();
            let (upper, lower) = (self.front(link.ends[0]), self.front(link.ends[1]));
            let x = upper.at((rank + 1) as f64 / (mates.len() + 1) as f64, 0.0).0;
            let bottom = lower.top - if self.is_stack(link.ends[1]) { STACK } else { 0.0 };
            lines.push(Line { path: vec![(x, upper.bottom), (x, bottom)], heads: link.heads });
            let label = &self.labels[index];
            for (line, text) in label.iter().enumerate() {
                let below = offset(line, label.len(), LINE_HEIGHT);
                let at = (x + BESIDE_ARROW, f64::midpoint(upper.bottom, bottom) + below);
                labels.push(Words::centred_on(at, text, TICK_SIZE, INK));
            }
        }
        (lines, labels)
    }

    /// Height that the arrows to a box from the one above need.
    pub(super) fn down_height(&self, spot: Spot) -> f64 {
        let height = |index: usize| self.labels[index].len() as f64 * LINE_HEIGHT + DOWN_LENGTH;
        self.down_to(spot).map(|(index, _)| height(index)).fold(0.0, f64::max)
    }

    /// Width that the arrows to a box from the one above need.
    pub(super) fn down_width(&self, spot: Spot) -> f64 {
        let widest = self.down_to(spot).map(|(index, _)| self.label_width(index)).fold(0.0, f64::max);
        (widest + 2.0 * BESIDE_ARROW) * (self.down_to(spot).count() + 1) as f64
    }

    /// Height of the highest label of a gap.
    pub(super) fn label_height(&self, gap: usize) -> f64 {
        let lines = self.across(gap).iter().map(|(index, _)| self.labels[*index].len()).max();
        lines.unwrap_or(0) as f64 * LINE_HEIGHT
    }

    /// The links between a column and the next, from the upmost own end to the lowest.
    fn across(&self, gap: usize) -> Vec<(usize, &'a Link)> {
        let mut links = self.crossing(gap);
        let (own, hub) = self.sides(gap);
        links.sort_by_key(|(index, link)| (link.ends[own], link.ends[hub], *index));
        links
    }

    /// The links between a column and the next.
    fn crossing(&self, gap: usize) -> Vec<(usize, &'a Link)> {
        let crosses = |(_, link): &(usize, &Link)| !link.is_down() && link.ends[0].0 == gap;
        self.diagram.links.iter().enumerate().filter(crosses).collect()
    }

    /// The links to a box from the one above it.
    fn down_to(&self, spot: Spot) -> impl Iterator<Item = (usize, &'a Link)> {
        let leads = move |(_, link): &(usize, &Link)| link.is_down() && link.ends[1] == spot;
        self.diagram.links.iter().enumerate().filter(leads)
    }

    /// Index of the own ends of the links of a gap, and of their hubs.
    fn sides(&self, gap: usize) -> (usize, usize) {
        let links = self.crossing(gap);
        let differ = |end: usize| links.iter().any(|(_, link)| link.ends[end] != links[0].1.ends[end]);
        if differ(0) && !differ(1) { (0, 1) } else { (1, 0) }
    }

    fn lane_pitch(&self, gap: usize) -> f64 {
        self.label_height(gap) + ABOVE_ARROW + LANE_GAP
    }

    fn label_width(&self, link: usize) -> f64 {
        draw::widest(&self.labels[link], TICK_SIZE, Weight::Regular)
    }
}

/// How far one of several lies from the middle of all.
fn offset(rank: usize, count: usize, pitch: f64) -> f64 {
    (rank as f64 - (count - 1) as f64 / 2.0) * pitch
}

/// Joins ends by a vertical line at `x`, from the upmost to the lowest, or two of the same height directly.
fn tree(mut ends: Vec<End>, x: Option<f64>) -> Vec<Line> {
    ends.sort_by(|(left, _), (right, _)| left.1.total_cmp(&right.1));
    let (Some(&first), Some(&last)) = (ends.first(), ends.last()) else { return Vec::new() };
    let heads = [first.1, last.1];
    let Some(x) = x else { return vec![Line { path: vec![first.0, last.0], heads }] };
    let trunk = vec![first.0, (x, first.0.1), (x, last.0.1), last.0];
    let mut lines = vec![Line { path: trunk, heads }];
    for (at, head) in &ends[1..ends.len() - 1] {
        lines.push(Line { path: vec![(x, at.1), *at], heads: [false, *head] });
    }
    lines
}

/// Gives the runs that turn their places such that those that turn the same way do not cross, and counts the places.
/// Runs from the same place turn together.
fn number_turns(runs: &mut [Run]) -> usize {
    // Who turns first goes farthest: the upmost of those that go up, the lowest of those that go down.
    let upwards = runs.iter().filter(|run| run.own_y < run.hub_y).map(|run| run.hub_y);
    let mut places: Vec<f64> = upwards.collect();
    places.sort_by(f64::total_cmp);
    let downwards = runs.iter().filter(|run| run.own_y > run.hub_y).map(|run| run.hub_y);
    let mut down: Vec<f64> = downwards.collect();
    down.sort_by(|left, right| right.total_cmp(left));
    places.extend(down);
    let mut distinct: Vec<f64> = Vec::new();
    for place in places {
        if !distinct.contains(&place) {
            distinct.push(place);
        }
    }
    for run in runs.iter_mut().filter(|run| run.own_y.total_cmp(&run.hub_y).is_ne()) {
        run.turn = distinct.iter().position(|place| place.total_cmp(&run.hub_y).is_eq());
    }
    distinct.len()
}
