//! Values as colours: the palette viridis, which rises evenly in lightness and so survives a grey print.

use super::{
    axis::{Range, Scale, ends},
    draw,
    scene::{Rect, Rgb, Scene, Weight, Words},
    style::{self, INK, LABEL_SIZE, MARGIN, QUIET_INK, TICK_SIZE},
};

/// Viridis in eight equal steps.
const STOPS: [Rgb; 9] = [
    Rgb(0x44, 0x01, 0x54),
    Rgb(0x47, 0x2d, 0x7b),
    Rgb(0x3b, 0x52, 0x8b),
    Rgb(0x2c, 0x72, 0x8e),
    Rgb(0x21, 0x91, 0x8c),
    Rgb(0x28, 0xae, 0x80),
    Rgb(0x5e, 0xc9, 0x62),
    Rgb(0xad, 0xdc, 0x30),
    Rgb(0xfd, 0xe7, 0x25),
];

/// Width and height of the bar of all colours.
const BAR: (f64, f64) = (180.0, 12.0);
/// Width of the bar of an only colour.
const SWATCH: f64 = 24.0;
const LINE_HEIGHT: f64 = 20.0;
/// Between the bar and the words at its ends.
const GAP: f64 = 8.0;

/// The colours of values, from the lowest to the highest.
pub(super) struct Shades {
    pub(super) low: f64,
    pub(super) high: f64,
    /// `None` if there is only one value.
    range: Option<Range>,
}

impl Shades {
    /// Colours for these values; `None` if there are none. The scale has to admit them.
    pub(super) fn covering(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = ends(values)?;
        Some(Self { low, high, range: Range::spanning(scale, low, high) })
    }

    /// The colour of a value; an only value has the middle one.
    pub(super) fn of(&self, value: f64) -> Rgb {
        shade(self.range.map_or(0.5, |range| range.fraction(value)))
    }

    /// Draws, from the top margin down, what is measured and a bar of its colours between words for its ends; returns
    /// where that ends.
    pub(super) fn draw_bar(&self, scene: &mut Scene, measure: &str, [low, high]: &[String; 2]) -> f64 {
        let width = |text: &str, size: f64| draw::text_width(text, size, Weight::Regular);
        let (low, bar) = if self.range.is_some() { (low.as_str(), BAR.0) } else { ("", SWATCH) };
        let before = if low.is_empty() { 0.0 } else { width(low, TICK_SIZE) + GAP };
        let needed = before + bar + GAP + width(high, TICK_SIZE);

        let mut y = MARGIN + LINE_HEIGHT / 2.0;
        scene.words(Words::centred_on((MARGIN, y), measure, LABEL_SIZE, INK));
        let mut left = MARGIN + width(measure, LABEL_SIZE) + 2.0 * GAP;
        if measure.is_empty() || left + needed > style::WIDTH - MARGIN {
            y += if measure.is_empty() { 0.0 } else { LINE_HEIGHT };
            left = MARGIN;
        }
        scene.words(Words::centred_on((left, y), low, TICK_SIZE, QUIET_INK));
        let left = (left + before).round();
        let rect = Rect::new(left, y - BAR.1 / 2.0, left + bar, y + BAR.1 / 2.0);
        // Each step reaches to the end and is covered by the next, so that no seams show.
        for step in 0..bar as u32 {
            let fraction = self.range.map_or(0.5, |_| (f64::from(step) + 0.5) / bar);
            scene.rect(Rect { left: left + f64::from(step), ..rect }, shade(fraction));
        }
        scene.words(Words::centred_on((rect.right + GAP, y), high, TICK_SIZE, QUIET_INK));
        y + LINE_HEIGHT / 2.0 + 6.0
    }
}

/// The colour at a fraction of the palette.
fn shade(fraction: f64) -> Rgb {
    let along = fraction.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let step = (along as usize).min(STOPS.len() - 2);
    let (from, to) = (STOPS[step], STOPS[step + 1]);
    let between = |from: u8, to: u8| {
        (f64::from(from) + (f64::from(to) - f64::from(from)) * (along - step as f64)).round() as u8
    };
    Rgb(between(from.0, to.0), between(from.1, to.1), between(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_have_the_palettes_ends() {
        let shades = Shades::covering(Scale::Log10, [0.001, 1000.0, 1.0].into_iter()).unwrap();
        assert_eq!(shades.of(0.001), STOPS[0]);
        assert_eq!(shades.of(1.0), STOPS[4]);
        assert_eq!(shades.of(1000.0), STOPS[8]);
    }

    #[test]
    fn an_only_value_has_a_colour() {
        let shades = Shades::covering(Scale::Linear, [3.0, 3.0].into_iter()).unwrap();
        assert_eq!(shades.of(3.0), STOPS[4]);
        assert!(Shades::covering(Scale::Linear, std::iter::empty()).is_none());
    }
}
