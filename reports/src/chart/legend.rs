//! A legend above the plot: markers with their meaning, in as many lines as they need.

use super::{
    draw,
    scene::{Scene, Weight, Words},
    style::{self, INK, LABEL_SIZE, Look},
};

/// One entry of a legend.
pub(super) struct Key<'a> {
    pub(super) look: Look,
    pub(super) hollow: bool,
    pub(super) meaning: &'a str,
}

const LINE_HEIGHT: f64 = 20.0;
const GAP: f64 = 22.0;

/// Draws the legend from the top margin down and returns where it ends.
pub(super) fn draw(scene: &mut Scene, keys: &[Key<'_>], left: f64) -> f64 {
    let (mut x, mut y) = (left, style::MARGIN + LINE_HEIGHT / 2.0);
    for key in keys {
        let marker_width = style::MARKER_RADIUS * 2.0 + 7.0;
        let width = marker_width + draw::text_width(key.meaning, LABEL_SIZE, Weight::Regular);
        if x > left && x + width > style::WIDTH - style::MARGIN {
            (x, y) = (left, y + LINE_HEIGHT);
        }
        let at = (x + style::MARKER_RADIUS, y);
        if key.hollow {
            scene.hollow_marker(at, key.look);
        } else {
            scene.marker(at, key.look);
        }
        scene.words(Words::centred_on((x + marker_width, y), key.meaning, LABEL_SIZE, INK));
        x += width + GAP;
    }
    if keys.is_empty() { style::MARGIN } else { y + LINE_HEIGHT / 2.0 + 6.0 }
}
