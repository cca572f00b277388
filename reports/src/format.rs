//! Numbers as words: three significant digits, a readable prefix, and the unit always beside the number.

/// What a number counts, and the base in which it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Time, in seconds.
    Seconds,
    /// Time, in nanoseconds.
    Nanoseconds,
    /// CPU time spent per operation, in microseconds.
    CpuMicroseconds,
    /// A size, in bytes; binary prefixes.
    Bytes,
    /// A throughput, in bytes per second; decimal prefixes.
    BytesPerSecond,
    /// Operations per second.
    PerSecond,
    /// A quotient: 1 means equal.
    Ratio,
    /// A share, as a fraction: 0.25 is 25 %.
    Percent,
    /// A relative difference, as a fraction and always signed: 0.04 is +4 %.
    Change,
    /// A pure number.
    Plain,
}

/// Shown in place of a number that is not finite.
const NOT_A_NUMBER: &str = "–";
const SIGNIFICANT_DIGITS: i32 = 3;

/// A value with its unit: `5.21 µs`, `190 k/s`, `1.90×`.
pub fn value(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return NOT_A_NUMBER.to_owned();
    }
    let prefix = unit.prefix(value);
    format!("{}{}", prefix.number(value, unit), prefix.1)
}

/// A value with its interval, both at the value's prefix and precision: `5.21 µs [5.17, 5.26]`.
pub fn estimate(value: f64, interval: Option<(f64, f64)>, unit: Unit) -> String {
    let shown = self::value(value, unit);
    let Some((low, high)) = interval.filter(|(low, high)| low.is_finite() && high.is_finite()) else {
        return shown;
    };
    if !value.is_finite() {
        return shown;
    }
    let prefix = unit.prefix(value);
    let is_count = unit == Unit::Bytes && prefix.0 <= 1.0;
    let decimals = if is_count { 0 } else { decimals(value / prefix.0) };
    let bound = |bound: f64| signed(bound / prefix.0, decimals, unit);
    format!("{shown} [{}, {}]", bound(low), bound(high))
}

/// A value as the label of an axis: without the zeros that only state precision, as in `1 µs` or `0.5×`.
pub fn tick(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return NOT_A_NUMBER.to_owned();
    }
    if value == 0.0 && unit.prefixes().len() > 1 {
        // Which prefix the neighbours have is not known here, and zero needs none.
        return "0".to_owned();
    }
    let prefix = unit.prefix(value);
    let number = signed(value / prefix.0, decimals(value / prefix.0), unit);
    format!("{}{}", trimmed(&number), prefix.1)
}

/// A count with its thousands set apart: `1,234,567`.
pub fn integer(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with its noun: `1 block`, `6 blocks`.
pub fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", integer(count as u64))
}

/// A power of the unit that makes a number readable: what to divide by, and what to write behind.
#[derive(Clone, Copy)]
struct Prefix(f64, &'static str);

impl Prefix {
    fn number(self, value: f64, unit: Unit) -> String {
        let scaled = value / self.0;
        let number = signed(scaled, decimals(scaled), unit);
        if unit == Unit::Bytes { trimmed(&number).to_owned() } else { number }
    }
}

impl Unit {
    /// The prefixes of the unit, smallest first.
    const fn prefixes(self) -> &'static [Prefix] {
        const KIB: f64 = 1024.0;
        match self {
            Self::Seconds => {
                &[Prefix(1e-9, " ns"), Prefix(1e-6, " µs"), Prefix(1e-3, " ms"), Prefix(1.0, " s")]
            }
            Self::Nanoseconds => {
                &[Prefix(1.0, " ns"), Prefix(1e3, " µs"), Prefix(1e6, " ms"), Prefix(1e9, " s")]
            }
            Self::CpuMicroseconds => {
                &[Prefix(1e-3, " ns/op"), Prefix(1.0, " µs/op"), Prefix(1e3, " ms/op"), Prefix(1e6, " s/op")]
            }
            Self::Bytes => &[
                Prefix(1.0, " B"),
                Prefix(KIB, " KiB"),
                Prefix(KIB * KIB, " MiB"),
                Prefix(KIB * KIB * KIB, " GiB"),
            ],
            Self::BytesPerSecond => {
                &[Prefix(1.0, " B/s"), Prefix(1e3, " kB/s"), Prefix(1e6, " MB/s"), Prefix(1e9, " GB/s")]
            }
            Self::PerSecond => {
                &[Prefix(1.0, " /s"), Prefix(1e3, " k/s"), Prefix(1e6, " M/s"), Prefix(1e9, " G/s")]
            }
            Self::Ratio => &[Prefix(1.0, "×")],
            Self::Percent | Self::Change => &[Prefix(1e-2, " %")],
            Self::Plain => &[Prefix(1.0, "")],
        }
    }

    /// The largest prefix that leaves at least 1, judged after rounding so that 999.7 µs becomes 1.00 ms.
    fn prefix(self, value: f64) -> Prefix {
        let prefixes = self.prefixes();
        if value == 0.0 {
            // Zero has no magnitude; the unit's base reads best.
            return prefixes.iter().copied().find(|prefix| prefix.0 >= 1.0).unwrap_or(prefixes[0]);
        }
        // Sizes are exact and their prefixes are no powers of ten.
        let rounded = if self == Self::Bytes { value.abs() } else { rounded(value.abs()) };
        let fits = |prefix: &&Prefix| rounded >= prefix.0 * (1.0 - 1e-9);
        prefixes.iter().rev().find(fits).copied().unwrap_or(prefixes[0])
    }
}

fn rounded(value: f64) -> f64 {
    let step = 10_f64.powi(exponent(value) - SIGNIFICANT_DIGITS + 1);
    (value / step).round() * step
}

fn exponent(value: f64) -> i32 {
    value.abs().log10().floor() as i32
}

/// Decimals that leave three significant digits.
fn decimals(value: f64) -> usize {
    if value == 0.0 {
        return 0;
    }
    let digits = SIGNIFICANT_DIGITS - 1 - exponent(rounded(value.abs()) * (1.0 + 1e-12));
    usize::try_from(digits).unwrap_or(0)
}

/// A number with a typographic minus sign; differences also carry their plus sign.
fn signed(value: f64, decimals: usize, unit: Unit) -> String {
    let number = format!("{:.decimals$}", value.abs());
    let is_zero = number.chars().all(|digit| matches!(digit, '0' | '.'));
    match (is_zero, value < 0.0, unit) {
        (false, true, _) => format!("−{number}"),
        (false, false, Unit::Change) => format!("+{number}"),
        _ => number,
    }
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_at_a_readable_prefix() {
        let cases = [
            (5.213e-6, Unit::Seconds, "5.21 µs"),
            (999.7e-6, Unit::Seconds, "1.00 ms"),
            (0.5e-9, Unit::Seconds, "0.500 ns"),
            (0.0, Unit::Seconds, "0 s"),
            (-2.5e-3, Unit::Seconds, "−2.50 ms"),
            (104.6, Unit::Nanoseconds, "105 ns"),
            (9.996, Unit::Nanoseconds, "10.0 ns"),
            (190_432.0, Unit::PerSecond, "190 k/s"),
            (4.1e9, Unit::BytesPerSecond, "4.10 GB/s"),
            (64.0, Unit::Bytes, "64 B"),
            (1_048_576.0, Unit::Bytes, "1 MiB"),
            (1536.0, Unit::Bytes, "1.5 KiB"),
            (1.9, Unit::Ratio, "1.90×"),
            (0.125, Unit::Percent, "12.5 %"),
            (0.042, Unit::Change, "+4.20 %"),
            (-0.042, Unit::Change, "−4.20 %"),
            (2.311, Unit::CpuMicroseconds, "2.31 µs/op"),
            (12_345.0, Unit::Plain, "12345"),
            (f64::NAN, Unit::Plain, "–"),
        ];
        for (number, unit, expected) in cases {
            assert_eq!(value(number, unit), expected);
        }
    }

    #[test]
    fn an_interval_shares_prefix_and_precision() {
        assert_eq!(estimate(5.213e-6, Some((5.166e-6, 5.26e-6)), Unit::Seconds), "5.21 µs [5.17, 5.26]");
        assert_eq!(estimate(950.0, Some((300.0, 1200.0)), Unit::Nanoseconds), "950 ns [300, 1200]");
        assert_eq!(estimate(10.1, Some((9.87, 10.3)), Unit::Ratio), "10.1× [9.9, 10.3]");
        assert_eq!(estimate(0.01, Some((-0.02, 0.04)), Unit::Change), "+1.00 % [−2.00, +4.00]");
        assert_eq!(estimate(1.5, None, Unit::Ratio), "1.50×");
        assert_eq!(estimate(1.5, Some((f64::NAN, 2.0)), Unit::Ratio), "1.50×");
    }

    #[test]
    fn ticks_drop_idle_zeros() {
        assert_eq!(tick(1e-6, Unit::Seconds), "1 µs");
        assert_eq!(tick(100_000.0, Unit::Nanoseconds), "100 µs");
        assert_eq!(tick(0.5, Unit::Ratio), "0.5×");
        assert_eq!(tick(0.25, Unit::Percent), "25 %");
        assert_eq!(tick(65_536.0, Unit::Bytes), "64 KiB");
        assert_eq!(tick(1024.0, Unit::Bytes), "1 KiB");
        assert_eq!(tick(0.0, Unit::BytesPerSecond), "0");
        assert_eq!(tick(0.0, Unit::Percent), "0 %");
        assert_eq!(tick(2.5e6, Unit::PerSecond), "2.5 M/s");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(integer(0), "0");
        assert_eq!(integer(999), "999");
        assert_eq!(integer(1_234_567), "1,234,567");
        assert_eq!([0, 1, 2].map(|count| counted(count, "row")), ["0 rows", "1 row", "2 rows"]);
    }
}
