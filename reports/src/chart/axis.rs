//! Axes: what they mean, which values they cover, and where their ticks are.

use crate::format::Unit;

/// What an axis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The quantity, in words; tick labels carry the unit.
    pub title: String,
    /// How values become distances.
    pub scale: Scale,
    /// What the values count.
    pub unit: Unit,
}

impl Axis {
    /// An axis that covers whatever is drawn on it.
    pub fn new(title: impl Into<String>, scale: Scale, unit: Unit) -> Self {
        Self { title: title.into(), scale, unit }
    }
}

/// How values become distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal quotients; ticks at decades.
    Log10,
    /// Equal distances are equal quotients; ticks at powers of two.
    Log2,
}

impl Scale {
    /// Whether the value has a place on this scale.
    pub(super) fn admits(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }

    fn forward(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log10 => value.log10(),
            Self::Log2 => value.log2(),
        }
    }
}

/// Room left at both ends of an axis, as a share of the covered span.
const PADDING: f64 = 0.04;
/// A linear axis starts at zero unless all values lie above this share of the highest.
const FAR_FROM_ZERO: f64 = 0.5;

/// More ticks than this are clutter however wide the chart.
const MOST_TICKS: usize = 9;
/// Least distance between two tick labels, pixels.
const CLEARANCE: f64 = 12.0;

/// The part of a scale that an axis covers; the ends are in transformed coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Range {
    /// The range that holds all admitted values with a little room; `None` if there is none.
    pub(super) fn covering(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = ends(values.filter(|&value| scale.admits(value)))?;
        let (low, high) = (scale.forward(low), scale.forward(high));
        let minimum_span = match scale {
            Scale::Linear => (high.abs().max(low.abs()) * 0.1).max(f64::MIN_POSITIVE.sqrt()),
            Scale::Log10 => 0.5,
            Scale::Log2 => 2.0,
        };
        let missing = (minimum_span - (high - low)).max(0.0) / 2.0;
        let (low, high) = (low - missing, high + missing);
        let padding = (high - low) * PADDING;
        let starts_at_zero = scale == Scale::Linear && low >= 0.0 && low < FAR_FROM_ZERO * high;
        Some(Self { scale, low: if starts_at_zero { 0.0 } else { low - padding }, high: high + padding })
    }

    /// The range from one value to a higher one, without room to spare; `None` if either has no place.
    pub(super) fn spanning(scale: Scale, low: f64, high: f64) -> Option<Self> {
        let admitted = scale.admits(low) && scale.admits(high) && low < high;
        admitted.then(|| Self { scale, low: scale.forward(low), high: scale.forward(high) })
    }

    /// The range of a share, without room to spare.
    pub(super) const fn unit_interval() -> Self {
        Self { scale: Scale::Linear, low: 0.0, high: 1.0 }
    }

    /// Where a value lies between the ends, 0 to 1; values beyond an end lie at the end.
    pub(super) fn fraction(self, value: f64) -> f64 {
        if !self.scale.admits(value) {
            return 0.0;
        }
        ((self.scale.forward(value) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The densest regular ticks of which there are no more than `at_most`.
    pub(super) fn ticks(self, at_most: usize) -> Vec<f64> {
        let at_most = at_most.clamp(2, MOST_TICKS);
        let ticks = match self.scale {
            Scale::Linear => return linear_ticks(self.low, self.high, at_most),
            Scale::Log10 => self.decade_ticks(at_most),
            Scale::Log2 => self.power_of_two_ticks(at_most),
        };
        if ticks.len() >= 2 {
            return ticks;
        }
        let base: f64 = if self.scale == Scale::Log2 { 2.0 } else { 10.0 };
        linear_ticks(base.powf(self.low), base.powf(self.high), at_most)
    }

    /// The densest ticks whose labels, of the given widths, stand clear of each other along an axis of that length.
    pub(super) fn spaced_ticks(self, length: f64, pitch: f64, width: impl Fn(f64) -> f64) -> Vec<f64> {
        let stand_clear = |ticks: &[f64]| {
            ticks.windows(2).all(|pair| {
                let apart = (self.fraction(pair[1]) - self.fraction(pair[0])) * length;
                apart >= f64::midpoint(width(pair[0]), width(pair[1])) + CLEARANCE
            })
        };
        let most = ((length / pitch) as usize).clamp(2, MOST_TICKS);
        (2..=most)
            .rev()
            .map(|at_most| self.ticks(at_most))
            .find(|ticks| stand_clear(ticks))
            .unwrap_or_else(|| self.ticks(2))
    }

    fn decade_ticks(self, at_most: usize) -> Vec<f64> {
        let decades = |multiples: &[f64], stride: i32| -> Vec<f64> {
            (self.low.floor() as i32..=self.high.ceil() as i32)
                .filter(|decade| decade.rem_euclid(stride) == 0)
                .flat_map(|decade| multiples.iter().map(move |multiple| multiple * 10_f64.powi(decade)))
                .filter(|tick| (self.low..=self.high).contains(&tick.log10()))
                .collect()
        };
        let (dense, thirds): (&[f64], &[f64]) = (&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0], &[1.0, 2.0, 5.0]);
        [
            (dense, 1),
            (thirds, 1),
            (&[1.0, 3.0], 1),
            (&[1.0], 1),
            (&[1.0], 2),
            (&[1.0], 3),
            (&[1.0], 4),
            (&[1.0], 6),
        ]
        .into_iter()
        .map(|(multiples, stride)| decades(multiples, stride))
        .find(|ticks| ticks.len() <= at_most)
        .unwrap_or_default()
    }

    fn power_of_two_ticks(self, at_most: usize) -> Vec<f64> {
        [1, 2, 4, 5, 6, 10, 20]
            .into_iter()
            .map(|stride| {
                (self.low.ceil() as i32..=self.high.floor() as i32)
                    .filter(|power| power.rem_euclid(stride) == 0)
                    .map(|power| 2_f64.powi(power))
                    .collect::<Vec<_>>()
            })
            .find(|ticks| ticks.len() <= at_most)
            .unwrap_or_default()
    }
}

/// The lowest and the highest of some numbers.
pub(super) fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, value| {
        Some(ends.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))))
    })
}

fn linear_ticks(low: f64, high: f64, at_most: usize) -> Vec<f64> {
    let rough = (high - low) / at_most as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    for multiple in [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 50.0] {
        let step = multiple * magnitude;
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        let count = (last - first) as usize + 1;
        if count <= at_most {
            return (0..count).map(|index| (first + index as f64) * step).collect();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(scale: Scale, low: f64, high: f64, at_most: usize) -> Vec<String> {
        let range = Range::covering(scale, [low, high].into_iter()).unwrap();
        range.ticks(at_most).iter().map(|tick| crate::format::tick(*tick, Unit::Plain)).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(Scale::Log10, 1.0, 1000.0, 5), ["1", "10", "100", "1000"]);
        assert_eq!(ticks(Scale::Log10, 1.5, 8.0, 5), ["2", "5"]);
        assert_eq!(ticks(Scale::Log2, 1.0, 1_048_576.0, 7), ["1", "16", "256", "4096", "65536", "1048576"]);
        assert_eq!(ticks(Scale::Linear, 0.0, 9.0, 5), ["0", "2", "4", "6", "8"]);
    }

    #[test]
    fn one_value_still_has_an_axis() {
        for scale in [Scale::Linear, Scale::Log10, Scale::Log2] {
            for value in [3.0, 2e9] {
                let range = Range::covering(scale, [value].into_iter()).unwrap();
                assert!((0.3..=1.0).contains(&range.fraction(value)), "{scale:?}");
                assert!(range.ticks(6).len() >= 2, "{scale:?} {value}");
            }
        }
        assert!(Range::covering(Scale::Linear, [0.0].into_iter()).is_some());
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        assert_eq!(Range::covering(Scale::Log10, [0.0, -1.0, f64::NAN].into_iter()), None);
    }
}
