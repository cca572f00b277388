//! Stacked bars in rows: of what parts is a total made?

use super::{
    Group,
    axis::{Axis, Range, Scale},
    draw,
    legend::{self, Key},
    rows::{Labelled, Rows},
    scene::{Rect, Scene, Weight, Words},
    style::{self, INK, MARGIN, TICK_SIZE},
};
use crate::format::{self, Unit};

/// A row of a [`Stacked`] chart.
#[derive(Debug, Clone, PartialEq)]
pub struct StackedRow {
    /// What the parts make up.
    pub label: String,
    /// One part for each of the chart's kinds, in their order and in the chart's unit; 0 where there is none.
    pub parts: Vec<f64>,
}

impl StackedRow {
    fn total(&self) -> f64 {
        self.parts.iter().sum()
    }

    fn is_drawable(&self, kinds: usize) -> bool {
        let has_kinds = (1..=kinds).contains(&self.parts.len());
        has_kinds && self.parts.iter().all(|part| *part >= 0.0) && self.total().is_finite()
    }
}

impl Labelled for StackedRow {
    fn label(&self) -> &str {
        &self.label
    }
}

/// Bars of several parts, with their totals beside.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacked {
    axis: Axis,
    kinds: Vec<String>,
    groups: Vec<Group<StackedRow>>,
}

const HALF_BAR: f64 = 7.0;
/// Between a bar and its total.
const GAP: f64 = 6.0;

impl Stacked {
    /// `title` and `unit` are those of the axis, which starts at zero. The same list of `kinds` gives the same colours in
    /// every chart; those that no row has are left out of the legend.
    ///
    /// Leaves out rows with a part that is negative, not a number or of no kind, since their totals would be wrong, and
    /// then empty groups; `None` if nothing is left but zeros.
    pub fn new(
        title: impl Into<String>,
        unit: Unit,
        kinds: Vec<String>,
        groups: Vec<Group<StackedRow>>,
    ) -> Option<Self> {
        let groups: Vec<_> = groups
            .into_iter()
            .map(|mut group| {
                group.items.retain(|row| row.is_drawable(kinds.len()));
                group
            })
            .filter(|group| !group.items.is_empty())
            .collect();
        let axis = Axis::new(title, Scale::Linear, unit);
        let has_length = groups.iter().flat_map(|group| &group.items).any(|row| row.total() > 0.0);
        has_length.then_some(Self { axis, kinds, groups })
    }

    pub(super) fn scene(&self) -> Scene {
        let rows = || self.groups.iter().flat_map(|group| &group.items);
        let totals: Vec<String> = rows().map(|row| format::value(row.total(), self.axis.unit)).collect();
        let extent = rows().map(StackedRow::total).chain([0.0]);
        let range = Range::covering(Scale::Linear, extent).expect("zero has a place on a linear axis");

        let mut scene = Scene::new();
        let has = |kind: usize| rows().any(|row| row.parts.get(kind).is_some_and(|part| *part > 0.0));
        let kinds = self.kinds.iter().enumerate().filter(|(kind, _)| has(*kind));
        let keys: Vec<Key<'_>> =
            kinds.map(|(kind, meaning)| Key { look: style::fill(kind), hollow: false, meaning }).collect();
        let top = legend::draw(&mut scene, &keys, MARGIN);
        let widest = draw::widest(&totals, TICK_SIZE, Weight::Regular);
        // A bar ends before its axis does, which leaves room for some of its total.
        let layout =
            Rows::draw(&mut scene, &self.axis, range, &self.groups, top, (widest + GAP - 14.0).max(12.0));
        for ((row, total), &middle) in rows().zip(totals).zip(&layout.middles) {
            let mut sum = 0.0;
            let mut end = layout.place(0.0, middle).0;
            for (kind, part) in row.parts.iter().enumerate().filter(|(_, part)| **part > 0.0) {
                sum += part;
                let start = end;
                end = layout.place(sum, middle).0;
                let bar = Rect::new(start, middle - HALF_BAR, end, middle + HALF_BAR);
                scene.rect(bar, style::fill(kind).color);
            }
            // The words stand clear of the grid.
            let width = draw::text_width(&total, TICK_SIZE, Weight::Regular);
            let ground = Rect::new(end + 1.0, middle - HALF_BAR, end + GAP + width + 2.0, middle + HALF_BAR);
            scene.rect(ground, style::WHITE);
            scene.words(Words::centred_on((end + GAP, middle), total, TICK_SIZE, INK));
        }
        scene.with_height(layout.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacked(parts: &[f64]) -> Option<Stacked> {
        let row = StackedRow { label: "50 clients".into(), parts: parts.into() };
        let kinds = vec!["queue wait".into(), "service".into()];
        Stacked::new("Time", Unit::Seconds, kinds, vec![Group::unnamed(vec![row])])
    }

    #[test]
    fn parts_may_be_nothing() {
        for parts in [&[0.0, 1.0][..], &[1.0]] {
            assert!(stacked(parts).is_some(), "{parts:?}");
        }
    }

    #[test]
    fn a_row_without_a_true_total_is_left_out() {
        for parts in
            [&[][..], &[0.0, 0.0], &[1.0, f64::NAN], &[1.0, -0.5], &[f64::INFINITY], &[1.0, 1.0, 1.0]]
        {
            assert_eq!(stacked(parts), None, "{parts:?}");
        }
    }
}
