//! Values of a plan's axes that are a number or a word: a size or `pictures`, a pause or `none`.

use crate::units::{Size, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A number that is 0 where its word stands; read from a word, a number or a number with its unit.
macro_rules! number_or_word {
    ($(#[$doc:meta])* $name:ident, $word:literal, $unit:ident, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.0 == 0 { out.write_str($word) } else { $unit(self.0).fmt(out) }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                if text.trim() == $word || ($word == "none" && text.trim() == "0") {
                    return Ok(Self(0));
                }
                let $unit(number) = text.parse().map_err(|why: String| {
                    let expected = concat!("expected \"", $word, "\" or ", $example);
                    // Too many bytes, or too long a time: a reason of its own.
                    if why.starts_with("expected") { format!("{expected}, not \"{text}\"") } else { why }
                })?;
                Ok(Self(number))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Written;
                impl de::Visitor<'_> for Written {
                    type Value = $name;
                    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                        out.write_str(concat!("\"", $word, "\" or ", $example))
                    }
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$name, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$name, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                from.deserialize_any(Written)
            }
        }
    };
}

number_or_word! {
    /// Size of a file, bytes; 0 for `pictures`, each as long as it is.
    FileBytes, "pictures", Size, "a size such as \"1MiB\""
}
number_or_word! {
    /// Payload of a datagram, bytes; 0 for `whole-file`.
    DatagramBytes, "whole-file", Size, "a size such as 1400"
}
number_or_word! {
    /// Bytes in a second; 0 for `none`, no limit.
    BytesPerSecond, "none", Size, "bytes in a second such as \"10MB\""
}
number_or_word! {
    /// A pause, nanoseconds; 0 for `none`.
    Pause, "none", Span, "a duration such as \"2s\""
}

impl Pause {
    /// In whole milliseconds, as trials have it.
    pub const fn millis(self) -> u64 {
        self.0 / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_numbers_are_read() {
        assert_eq!("pictures".parse(), Ok(FileBytes(0)));
        assert_eq!("1MiB".parse(), Ok(FileBytes(1 << 20)));
        assert_eq!("whole-file".parse(), Ok(DatagramBytes(0)));
        assert_eq!(("none".parse(), "0".parse()), (Ok(Pause(0)), Ok(Pause(0))));
        assert_eq!("2s".parse(), Ok(Pause(2_000_000_000)));
        assert_eq!("0".parse(), Ok(BytesPerSecond(0)));
        let refused: String = "0".parse::<DatagramBytes>().unwrap_err();
        assert!(
            refused.starts_with("expected \"whole-file\" or a size such as 1400, not \"0\""),
            "{refused}"
        );
        assert!("2".parse::<Pause>().is_err(), "a pause has a unit");
        assert_eq!("90min".parse::<Pause>(), Err("\"90min\" is longer than an hour".into()));
        assert_eq!(Pause(2_000_000_000).millis(), 2000);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(number in 0_u64..1 << 40) {
            for text in [FileBytes(number).to_string(), DatagramBytes(number).to_string()] {
                let read = text.parse::<FileBytes>().or_else(|_| text.parse().map(|DatagramBytes(n)| FileBytes(n)));
                prop_assert_eq!(read, Ok(FileBytes(number)));
            }
            prop_assert_eq!(BytesPerSecond(number).to_string().parse(), Ok(BytesPerSecond(number)));
            let pause = Pause(number % 3_600_000_000_000);
            prop_assert_eq!(pause.to_string().parse(), Ok(pause));
        }
    }
}
