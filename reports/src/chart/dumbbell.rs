//! Two or more conditions per row, such as one CPU against two: how far apart are they?

use super::{
    Estimate, Group,
    axis::{Axis, Range},
    legend::{self, Key},
    rows::{Labelled, Rows},
    scene::{Scene, Stroke},
    style::{self, BORDER, MARGIN},
};

/// A row of a [`Dumbbell`] chart.
#[derive(Debug, Clone, PartialEq)]
pub struct DumbbellRow {
    /// What was measured under all conditions.
    pub label: String,
    /// One value per condition, `None` where it was not measured.
    pub values: Vec<Option<Estimate>>,
}

impl Labelled for DumbbellRow {
    fn label(&self) -> &str {
        &self.label
    }
}

/// Conditions side by side in rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Dumbbell {
    axis: Axis,
    conditions: Vec<String>,
    groups: Vec<Group<DumbbellRow>>,
}

impl Dumbbell {
    /// Leaves out values that have no place on the axis, values beyond the last condition, and then empty rows and
    /// groups; `None` if nothing is left.
    pub fn new(axis: Axis, conditions: Vec<String>, groups: Vec<Group<DumbbellRow>>) -> Option<Self> {
        let groups: Vec<_> = groups
            .into_iter()
            .map(|mut group| {
                for row in &mut group.items {
                    row.values.truncate(conditions.len());
                    for value in &mut row.values {
                        *value = value.filter(|estimate| axis.scale.admits(estimate.value));
                    }
                }
                group.items.retain(|row| row.values.iter().any(Option::is_some));
                group
            })
            .filter(|group| !group.items.is_empty())
            .collect();
        (!groups.is_empty()).then_some(Self { axis, conditions, groups })
    }

    pub(super) fn scene(&self) -> Scene {
        let rows = || self.groups.iter().flat_map(|group| &group.items);
        let extent =
            rows().flat_map(|row| row.values.iter().flatten()).flat_map(|estimate| estimate.extent());
        let range = Range::covering(self.axis.scale, extent)
            .expect("the constructor keeps a value that the axis admits");

        let mut scene = Scene::new();
        let keys: Vec<Key<'_>> = self
            .conditions
            .iter()
            .enumerate()
            .map(|(slot, meaning)| Key { look: style::look(slot), hollow: false, meaning })
            .collect();
        let top = legend::draw(&mut scene, &keys, MARGIN);
        // The column to the right leaves room for half a tick label.
        let layout = Rows::draw(&mut scene, &self.axis, range, &self.groups, top, 12.0);
        for (row, &middle) in rows().zip(&layout.middles) {
            draw_row(&mut scene, &layout, row, middle);
        }
        scene.with_height(layout.height)
    }
}

fn draw_row(scene: &mut Scene, layout: &Rows, row: &DumbbellRow, middle: f64) {
    let measured = || row.values.iter().enumerate().filter_map(|(slot, value)| Some((slot, (*value)?)));
    let places = || measured().map(|(_, estimate)| layout.place(estimate.value, middle).0);
    let (left, right) = (places().fold(f64::INFINITY, f64::min), places().fold(f64::NEG_INFINITY, f64::max));
    scene.line((left, middle), (right, middle), Stroke::solid(BORDER, 3.0));
    for (slot, estimate) in measured() {
        let place = |value: f64| layout.place(value, middle);
        let bar = estimate.interval.map(|(low, high)| (place(low), place(high)));
        scene.marker_with_bars(place(estimate.value), style::look(slot), bar.as_slice());
    }
}
