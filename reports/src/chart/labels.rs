//! Places for labels so that no two overlap. Pure geometry.

use super::scene::{Place, Rect};

/// Moves labels of one height apart along an axis, as little as possible (least squares), keeping their order.
///
/// Takes and returns the labels' middles. All lie between `low` and `high` if there is room for all.
pub(super) fn spread(wanted: &[f64], height: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&left, &right| wanted[left].total_cmp(&wanted[right]));

    // With the heights of the labels before it taken off, each label only has to lie no lower than the one before:
    // isotonic regression, solved by pooling neighbours that violate the order.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        let mut pool = (wanted[index] - rank as f64 * height, 1);
        while let Some(&(mean, count)) = pools.last() {
            if mean <= pool.0 {
                break;
            }
            pools.pop();
            let total = count + pool.1;
            pool = ((mean * count as f64 + pool.0 * pool.1 as f64) / total as f64, total);
        }
        pools.push(pool);
    }

    let first = low + height / 2.0;
    let last = (high - height / 2.0 - wanted.len().saturating_sub(1) as f64 * height).max(first);
    let reduced = pools.iter().flat_map(|&(mean, count)| std::iter::repeat_n(mean.clamp(first, last), count));
    let mut places = vec![0.0; wanted.len()];
    for (rank, (&index, place)) in order.iter().zip(reduced).enumerate() {
        places[index] = place + rank as f64 * height;
    }
    places
}

/// A point that wants a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Labelled {
    pub(super) at: Place,
    /// Width and height of the label.
    pub(super) size: (f64, f64),
}

/// Where a label went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) rect: Rect,
    /// The end of a leader line at the label; `None` if the label is beside its point.
    pub(super) leader: Option<Place>,
}

/// Distances tried between a point and its label; the first needs no leader line.
const DISTANCES: [f64; 11] = [7.0, 14.0, 22.0, 30.0, 40.0, 52.0, 66.0, 84.0, 106.0, 132.0, 165.0];
/// Directions tried, best first: the eye expects a label to the right.
const DIRECTIONS: [Place; 16] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, -1.0),
    (0.0, 1.0),
    (0.71, -0.71),
    (0.71, 0.71),
    (-0.71, -0.71),
    (-0.71, 0.71),
    (0.92, -0.38),
    (0.92, 0.38),
    (-0.92, -0.38),
    (-0.92, 0.38),
    (0.38, -0.92),
    (0.38, 0.92),
    (-0.38, -0.92),
    (-0.38, 0.92),
];
/// Between a leader line and its label.
const LEADER_GAP: f64 = 2.5;
const SWEEPS: usize = 8;

/// Orders of turns that compete.
const ORDERS: u32 = 48;

/// What labels have to respect.
struct Ground<'a> {
    points: &'a [Labelled],
    /// Radius of the mark at each point.
    radius: f64,
    obstacles: &'a [Rect],
    bounds: Rect,
}

/// Labels each point near itself, inside `bounds`, clear of the other labels, of leader lines, of the marks of
/// `radius` and of `obstacles`.
///
/// Each label in turn takes the cheapest of its candidate places given all others, until none moves (coordinate
/// descent). The order of turns decides which local optimum is found, so several orders compete; all of it is
/// deterministic.
pub(super) fn place_around(
    points: &[Labelled],
    radius: f64,
    obstacles: &[Rect],
    bounds: Rect,
) -> Vec<Placement> {
    let ground = Ground { points, radius, obstacles, bounds };
    (0..ORDERS)
        .map(|turn| ground.descend(&order(points, turn)))
        .min_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, placed)| placed)
        .unwrap_or_default()
}

/// The points in the order in which they pass a line that sweeps the plane, in a direction that differs each turn.
fn order(points: &[Labelled], turn: u32) -> Vec<usize> {
    let (dy, dx) = (f64::from(turn) / f64::from(ORDERS) * std::f64::consts::TAU).sin_cos();
    let passed = |index: usize| points[index].at.0 * dx + points[index].at.1 * dy;
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|left, right| passed(*left).total_cmp(&passed(*right)));
    // Every other turn begins in the middle, where it is most crowded.
    if turn % 2 == 1 {
        order.rotate_left(points.len() / 2);
    }
    order
}

impl Ground<'_> {
    /// One descent: the cost it ends at, and the places in the order of the points.
    fn descend(&self, order: &[usize]) -> (f64, Vec<Placement>) {
        let mut placed: Vec<Option<Placement>> = vec![None; self.points.len()];
        let mut total = 0.0;
        for _ in 0..SWEEPS {
            total = 0.0;
            let before = placed.clone();
            for &index in order {
                placed[index] = None;
                let best = candidates(self.points[index])
                    .map(|(place, effort)| (place, effort + self.cost(&placed, index, place)))
                    .min_by(|left, right| left.1.total_cmp(&right.1));
                if let Some((place, cost)) = best {
                    placed[index] = Some(place);
                    total += cost;
                }
            }
            if placed == before {
                break;
            }
        }
        (total, placed.into_iter().flatten().collect())
    }

    /// What a place costs beyond its effort, given the places of the other labels.
    fn cost(&self, placed: &[Option<Placement>], index: usize, place: Placement) -> f64 {
        // In a crowd a leader line cannot help passing marks, but it must not strike out words.
        const OVER_MARK: f64 = 50.0;
        const OVER_WORDS: f64 = 500.0;
        let rect = place.rect;
        let leader = place.leader.map(|end| (self.points[index].at, end));
        let beyond = rect.width() * rect.height() - rect.overlap(self.bounds);
        let covered: f64 = self.obstacles.iter().map(|obstacle| rect.overlap(*obstacle)).sum();
        let mut cost = 50.0 * beyond + 4.0 * covered;
        for (other, labelled) in self.points.iter().enumerate() {
            let mark = around(labelled.at, self.radius);
            cost += 8.0 * rect.overlap(mark);
            if other == index {
                continue;
            }
            cost += OVER_MARK * f64::from(u8::from(crosses(leader, mark)));
            if let Some(neighbour) = placed[other] {
                let its_leader = neighbour.leader.map(|end| (labelled.at, end));
                cost += 20.0 * rect.overlap(neighbour.rect);
                let struck = u8::from(crosses(leader, neighbour.rect)) + u8::from(crosses(its_leader, rect));
                cost += OVER_WORDS * f64::from(struck);
                cost += OVER_WORDS / 2.0 * f64::from(u8::from(cut(leader, its_leader)));
            }
        }
        cost
    }
}

/// Candidate places with the effort of reading each.
fn candidates(point: Labelled) -> impl Iterator<Item = (Placement, f64)> {
    let (x, y) = point.at;
    let (width, height) = point.size;
    DISTANCES.into_iter().enumerate().flat_map(move |(ring, distance)| {
        DIRECTIONS.into_iter().enumerate().map(move |(preference, (dx, dy))| {
            let (near_x, near_y) = (x + dx * distance, y + dy * distance);
            // The label hangs on the side or corner that faces the point.
            let left = near_x - width * hang(dx);
            let top = near_y - height * hang(dy);
            let rect = Rect::new(left, top, left + width, top + height);
            let leader = (ring > 0).then_some((near_x - dx * LEADER_GAP, near_y - dy * LEADER_GAP));
            (Placement { rect, leader }, distance + preference as f64 * 0.6)
        })
    })
}

/// How much of the label lies before the point in one dimension: all, half or none.
fn hang(direction: f64) -> f64 {
    if direction > 0.6 {
        0.0
    } else if direction < -0.6 {
        1.0
    } else {
        0.5
    }
}

type Segment = (Place, Place);

fn around((x, y): Place, radius: f64) -> Rect {
    Rect::new(x - radius, y - radius, x + radius, y + radius)
}

/// Whether a segment passes through a rectangle (Liang and Barsky's clipping).
fn crosses(segment: Option<Segment>, rect: Rect) -> bool {
    let Some((from, to)) = segment else { return false };
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let sides = [
        (-dx, from.0 - rect.left),
        (dx, rect.right - from.0),
        (-dy, from.1 - rect.top),
        (dy, rect.bottom - from.1),
    ];
    let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
    for (towards, distance) in sides {
        if towards == 0.0 {
            if distance <= 0.0 {
                return false;
            }
        } else if towards < 0.0 {
            enters = enters.max(distance / towards);
        } else {
            leaves = leaves.min(distance / towards);
        }
    }
    enters < leaves
}

/// Whether two segments cross.
fn cut(one: Option<Segment>, other: Option<Segment>) -> bool {
    let (Some((a, b)), Some((c, d))) = (one, other) else { return false };
    let side = |p: Place, q: Place, r: Place| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator, so that the properties are tried on the same cases everywhere.
    fn numbers(seed: u64) -> impl FnMut(f64) -> f64 {
        let mut state = seed;
        move |limit| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31) * limit
        }
    }

    #[test]
    fn spread_labels_do_not_overlap_and_keep_their_order() {
        for seed in 0..200 {
            let mut next = numbers(seed);
            let count = next(9.0) as usize;
            let wanted: Vec<f64> = (0..count).map(|_| next(200.0)).collect();
            let places = spread(&wanted, 14.0, 0.0, 200.0);
            for left in 0..count {
                assert!((7.0 - 1e-9..=193.0 + 1e-9).contains(&places[left]));
                for right in 0..left {
                    assert!((places[left] - places[right]).abs() >= 14.0 - 1e-9);
                    assert!((wanted[left] - wanted[right]) * (places[left] - places[right]) >= 0.0);
                }
            }
        }
    }

    #[test]
    fn labels_with_room_stay_where_they_want_to_be() {
        assert_eq!(spread(&[50.0, 20.0], 14.0, 0.0, 100.0), [50.0, 20.0]);
        assert_eq!(spread(&[], 14.0, 0.0, 100.0), [0.0; 0]);
        assert_eq!(spread(&[50.0, 50.0], 10.0, 0.0, 100.0), [45.0, 55.0]);
    }

    #[test]
    fn placed_labels_do_not_overlap() {
        let bounds = Rect::new(0.0, 0.0, 700.0, 450.0);
        for seed in 0..12 {
            let mut next = numbers(seed);
            let points: Vec<Labelled> = (0..22)
                .map(|_| Labelled {
                    at: (100.0 + next(500.0), 60.0 + next(330.0)),
                    size: (50.0 + next(60.0), 14.0),
                })
                .collect();
            let placed = place_around(&points, 5.0, &[], bounds);
            assert_eq!(placed.len(), points.len());
            for left in 0..placed.len() {
                assert!(bounds.holds(placed[left].rect), "seed {seed}");
                for right in 0..left {
                    assert!(placed[left].rect.overlap(placed[right].rect) < 1e-6, "seed {seed}");
                }
            }
        }
    }
}
