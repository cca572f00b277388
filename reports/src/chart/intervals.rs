//! Estimates with their intervals, one row each: rankings and ratios.

use super::{
    Estimate, Group,
    axis::{Axis, Range},
    draw,
    legend::{self, Key},
    rows::{Labelled, Rows},
    scene::{Anchor, Scene, Stroke, Weight, Words},
    style::{self, AXIS, HAIRLINE, INK, INTERVAL_WIDTH, LINE_WIDTH, MARGIN, QUIET_INK, TICK_SIZE},
};
use crate::format;

/// A row of an [`Intervals`] chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What was estimated.
    pub label: String,
    /// The estimate.
    pub estimate: Estimate,
}

impl Labelled for Row {
    fn label(&self) -> &str {
        &self.label
    }
}

/// Estimates in rows, with the numbers beside.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    axis: Axis,
    groups: Vec<Group<Row>>,
    reference: Option<(f64, String)>,
}

/// Half the height of the caps of an interval.
const CAP: f64 = 5.0;

impl Intervals {
    /// Leaves out rows that have no place on the axis, then empty groups; `None` if nothing is left.
    pub fn new(axis: Axis, groups: Vec<Group<Row>>) -> Option<Self> {
        let groups: Vec<_> = groups
            .into_iter()
            .map(|mut group| {
                group.items.retain(|row| axis.scale.admits(row.estimate.value));
                group
            })
            .filter(|group| !group.items.is_empty())
            .collect();
        (!groups.is_empty()).then_some(Self { axis, groups, reference: None })
    }

    /// Draws a line at a value, such as 1 for ratios, named by `label`.
    ///
    /// Estimates whose interval holds the value get a hollow marker: they may not differ from it.
    #[must_use]
    pub fn with_reference(self, value: f64, label: impl Into<String>) -> Self {
        let reference = self.axis.scale.admits(value).then(|| (value, label.into()));
        Self { reference, ..self }
    }

    pub(super) fn scene(&self) -> Scene {
        let rows = || self.groups.iter().flat_map(|group| &group.items);
        let extent = rows().flat_map(|row| row.estimate.extent());
        let reference = self.reference.iter().map(|(value, _)| *value);
        let range = Range::covering(self.axis.scale, extent.chain(reference))
            .expect("the constructor keeps a row that the axis admits");
        let numbers: Vec<String> = rows()
            .map(|row| format::estimate(row.estimate.value, row.estimate.interval, self.axis.unit))
            .collect();
        let widest = draw::widest(&numbers, TICK_SIZE, Weight::Regular);

        let mut scene = Scene::new();
        let top = self.draw_legend(&mut scene);
        let layout = Rows::draw(&mut scene, &self.axis, range, &self.groups, top, widest + 14.0);
        self.draw_reference(&mut scene, &layout);
        let look = style::look(0);
        for ((row, number), &middle) in rows().zip(numbers).zip(&layout.middles) {
            if let Some((low, high)) = row.estimate.interval {
                let (low, high) = (layout.place(low, middle), layout.place(high, middle));
                scene.line(low, high, Stroke::solid(look.color, LINE_WIDTH));
                // Caps show where an interval shorter than its marker ends.
                for (x, _) in [low, high] {
                    let cap = Stroke::solid(look.color, INTERVAL_WIDTH);
                    scene.line((x, middle - CAP), (x, middle + CAP), cap);
                }
            }
            let place = layout.place(row.estimate.value, middle);
            if self.is_undecided(row.estimate) {
                scene.hollow_marker(place, look);
            } else {
                scene.bare_marker(place, look);
            }
            let at = (style::WIDTH - MARGIN, middle);
            scene.words(Words::centred_on(at, number, TICK_SIZE, INK).anchored(Anchor::End));
        }
        scene.with_height(layout.height)
    }

    fn is_undecided(&self, estimate: Estimate) -> bool {
        match (&self.reference, estimate.interval) {
            (Some((reference, _)), Some((low, high))) => (low..=high).contains(reference),
            _ => false,
        }
    }

    fn draw_legend(&self, scene: &mut Scene) -> f64 {
        let Some((reference, _)) = &self.reference else { return MARGIN };
        let reference = format::tick(*reference, self.axis.unit);
        let (decided, undecided) =
            (format!("interval excludes {reference}"), format!("interval holds {reference}"));
        let look = style::look(0);
        let keys =
            [Key { look, hollow: false, meaning: &decided }, Key { look, hollow: true, meaning: &undecided }];
        // The name of the reference line stands between the legend and the plot.
        legend::draw(scene, &keys, MARGIN) + TICK_SIZE + 4.0
    }

    fn draw_reference(&self, scene: &mut Scene, layout: &Rows) {
        let Some((reference, label)) = &self.reference else { return };
        let (x, top) = layout.place(*reference, layout.plot.top);
        scene.line(
            (x, top),
            (x, layout.plot.bottom),
            Stroke { color: AXIS, width: HAIRLINE, dash: &[4.0, 3.0] },
        );
        // Near an end of the axis the name runs inwards.
        let half = draw::text_width(label, TICK_SIZE, Weight::Regular) / 2.0;
        let middle =
            x.clamp(layout.plot.left + half, (layout.plot.right - half).max(layout.plot.left + half));
        let words = Words::new(label, (middle, top - 5.0), TICK_SIZE, QUIET_INK);
        scene.words(words.anchored(Anchor::Middle));
    }
}
