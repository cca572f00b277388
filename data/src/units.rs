//! Sizes and durations as people write them: `64`, `"4KiB"`, `"200ms"`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A number of bytes, written as a whole number or with a binary or decimal suffix (`64`, `"4KiB"`, `"10MB"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

const SIZE_UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("expected a size of at least 1 byte, such as 64 or \"4KiB\", not \"{text}\"");
        let trimmed = text.trim();
        let (digits, scale) = SIZE_UNITS
            .iter()
            .find_map(|(unit, scale)| trimmed.strip_suffix(unit).map(|digits| (digits.trim(), *scale)))
            .unwrap_or((trimmed, 1));
        let count: u64 = digits.parse().map_err(|_| expected())?;
        match count.checked_mul(scale) {
            Some(0) => Err(expected()),
            Some(bytes) => Ok(Self(bytes)),
            None => Err(format!("\"{text}\" is more bytes than 64 bits can count")),
        }
    }
}

impl fmt::Display for Size {
    /// The shortest exact form: `64B`, `4KiB`, `1MiB`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact =
            SIZE_UNITS[..3].iter().rev().find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale));
        match exact {
            Some((unit, scale)) => write!(out, "{}{unit}", self.0 / scale),
            None => write!(out, "{}B", self.0),
        }
    }
}

/// A length of time in whole nanoseconds, written with its unit (`"200ms"`, `"1.5s"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

const SPAN_UNITS: [(&str, f64); 6] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("min", 60e9), ("s", 1e9)];

impl Span {
    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("expected a duration above zero with its unit, such as \"200ms\", not \"{text}\"");
        let trimmed = text.trim();
        let (digits, scale) = SPAN_UNITS
            .iter()
            .find_map(|(unit, scale)| trimmed.strip_suffix(unit).map(|digits| (digits.trim(), *scale)))
            .ok_or_else(expected)?;
        let count: f64 = digits.parse().map_err(|_| expected())?;
        let nanos = count * scale;
        if !(1.0..=3.6e12).contains(&nanos) {
            return Err(if nanos > 3.6e12 {
                format!("\"{text}\" is longer than an hour")
            } else {
                expected()
            });
        }
        Ok(Self(nanos.round() as u64))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)]
            .into_iter()
            .find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale));
        match exact {
            Some((unit, scale)) => write!(out, "{}{unit}", self.0 / scale),
            None => write!(out, "{}ns", self.0),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;
        impl de::Visitor<'_> for Written {
            type Value = Size;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a size of at least 1 byte, such as 64 or \"4KiB\"")
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                if bytes == 0 {
                    Err(E::invalid_value(de::Unexpected::Unsigned(0), &self))
                } else {
                    Ok(Size(bytes))
                }
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
                match u64::try_from(bytes) {
                    Ok(bytes) => self.visit_u64(bytes),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(bytes), &self)),
                }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Written)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;
        impl de::Visitor<'_> for Written {
            type Value = Span;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a duration with its unit, such as \"200ms\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Written)
    }
}
