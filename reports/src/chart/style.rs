//! The look of all charts: sizes, palette, markers and dashes.
//!
//! Series differ in colour, marker and dash pattern at once, so that a chart survives a grey print and colour-blind
//! eyes. The palette is that of Okabe and Ito without its yellow, which is too pale for lines on white.

use super::scene::Rgb;

/// Width of every chart, in CSS pixels.
pub(super) const WIDTH: f64 = 860.0;
/// Space between the border and what is drawn.
pub(super) const MARGIN: f64 = 16.0;

pub(super) const TITLE_SIZE: f64 = 14.0;
pub(super) const LABEL_SIZE: f64 = 13.0;
pub(super) const TICK_SIZE: f64 = 12.0;
/// Distance between the base lines of neighbouring labels.
pub(super) const LABEL_HEIGHT: f64 = 16.0;
/// From the middle of a line of text down to its base line, as a share of its size.
pub(super) const MIDDLE_TO_BASE: f64 = 0.36;

pub(super) const LINE_WIDTH: f64 = 1.8;
pub(super) const INTERVAL_WIDTH: f64 = 1.4;
pub(super) const HAIRLINE: f64 = 1.0;
pub(super) const MARKER_RADIUS: f64 = 4.0;

pub(super) const WHITE: Rgb = Rgb(0xff, 0xff, 0xff);
pub(super) const BORDER: Rgb = Rgb(0xd0, 0xd4, 0xd9);
/// Behind what is set apart from the rest.
pub(super) const GROUND: Rgb = Rgb(0xf5, 0xf6, 0xf8);
pub(super) const GRID: Rgb = Rgb(0xe6, 0xe8, 0xeb);
pub(super) const CONTEXT: Rgb = Rgb(0xd3, 0xd6, 0xda);
pub(super) const AXIS: Rgb = Rgb(0x6b, 0x72, 0x7a);
pub(super) const INK: Rgb = Rgb(0x22, 0x26, 0x2b);
pub(super) const QUIET_INK: Rgb = Rgb(0x4d, 0x54, 0x5c);

/// The shape at a data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    InvertedTriangle,
    Hexagon,
    Star,
    /// For what failed; no series has it.
    Cross,
}

/// How one series differs from the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub(super) color: Rgb,
    pub(super) marker: Marker,
    /// Lengths of dashes and gaps; empty is solid.
    pub(super) dash: &'static [f64],
}

const LOOKS: [Look; 7] = [
    Look { color: Rgb(0x00, 0x72, 0xb2), marker: Marker::Circle, dash: &[] },
    Look { color: Rgb(0xd5, 0x5e, 0x00), marker: Marker::Square, dash: &[7.0, 3.0] },
    Look { color: Rgb(0x00, 0x9e, 0x73), marker: Marker::Triangle, dash: &[2.5, 2.5] },
    Look { color: Rgb(0xcc, 0x79, 0xa7), marker: Marker::Diamond, dash: &[9.0, 3.0, 2.5, 3.0] },
    Look { color: Rgb(0xe6, 0x9f, 0x00), marker: Marker::InvertedTriangle, dash: &[12.0, 4.0] },
    Look { color: Rgb(0x56, 0xb4, 0xe9), marker: Marker::Hexagon, dash: &[4.5, 3.0] },
    Look { color: Rgb(0x33, 0x38, 0x3e), marker: Marker::Star, dash: &[9.0, 3.0, 2.5, 3.0, 2.5, 3.0] },
];

/// The look of the series in a slot; slots beyond the last begin again.
pub(super) const fn look(slot: usize) -> Look {
    LOOKS[slot % LOOKS.len()]
}

/// The mark of what failed.
pub(super) const FAILED: Look = Look { color: Rgb(0xd5, 0x5e, 0x00), marker: Marker::Cross, dash: &[] };

/// Fills of areas: neighbours differ in lightness, which lines and markers show by their dash and shape.
const FILLS: [Rgb; 7] = [
    Rgb(0x00, 0x9e, 0x73),
    Rgb(0xf0, 0xc2, 0x64),
    Rgb(0x00, 0x72, 0xb2),
    Rgb(0xcc, 0x79, 0xa7),
    Rgb(0x33, 0x38, 0x3e),
    Rgb(0x56, 0xb4, 0xe9),
    Rgb(0xd5, 0x5e, 0x00),
];

/// The look of the areas in a slot; slots beyond the last begin again.
pub(super) const fn fill(slot: usize) -> Look {
    Look { color: FILLS[slot % FILLS.len()], marker: Marker::Square, dash: &[] }
}

/// Black or white, whichever reads better on a ground of this colour; the contrast is never below 4.5.
pub(super) fn ink_on(ground: Rgb) -> Rgb {
    const BLACK: Rgb = Rgb(0, 0, 0);
    let contrast_on_black = 21.0 / contrast_on_white(ground);
    if contrast_on_black > contrast_on_white(ground) { BLACK } else { WHITE }
}

/// The colour darkened until words in it have a contrast of 4.5 on white, the minimum of WCAG 2 level AA.
pub(super) fn readable(color: Rgb) -> Rgb {
    let mut shade = color;
    while contrast_on_white(shade) < 4.5 {
        let darker = |channel: u8| (f64::from(channel) * 0.95) as u8;
        shade = Rgb(darker(shade.0), darker(shade.1), darker(shade.2));
    }
    shade
}

fn contrast_on_white(Rgb(red, green, blue): Rgb) -> f64 {
    let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    1.05 / (luminance + 0.05)
}

/// Gives each name a slot, the same in every panel; names of one panel differ as long as there are slots.
pub(super) fn slots(panels: &[Vec<&str>]) -> Vec<Vec<usize>> {
    let mut known: Vec<(&str, usize)> = Vec::new();
    let slot_of = |known: &[(&str, usize)], name: &str| {
        known.iter().find(|(other, _)| *other == name).map(|(_, slot)| *slot)
    };
    panels
        .iter()
        .map(|names| {
            let mut taken: Vec<usize> = names.iter().filter_map(|name| slot_of(&known, name)).collect();
            names
                .iter()
                .map(|name| {
                    slot_of(&known, name).unwrap_or_else(|| {
                        let slot = (0..taken.len()).find(|slot| !taken.contains(slot)).unwrap_or(taken.len());
                        taken.push(slot);
                        known.push((name, slot));
                        slot
                    })
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_readable_in_every_colour() {
        for slot in 0..LOOKS.len() {
            assert!(contrast_on_white(readable(look(slot).color)) >= 4.5);
        }
    }

    #[test]
    fn words_are_readable_on_every_ground() {
        for grey in 0..=255 {
            let contrast = contrast_on_white(Rgb(grey, grey, grey));
            let chosen = if ink_on(Rgb(grey, grey, grey)) == WHITE { contrast } else { 21.0 / contrast };
            assert!(chosen >= 4.5, "{grey}");
        }
    }

    #[test]
    fn a_name_keeps_its_slot() {
        assert_eq!(slots(&[vec!["a", "b"], vec!["c", "b", "a", "d"]]), [vec![0, 1], vec![2, 1, 0, 3]]);
        assert_eq!(slots(&[vec!["a", "b"], vec!["c", "d"]]), [vec![0, 1], vec![0, 1]]);
    }
}
