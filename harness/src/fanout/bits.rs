//! Sets of numbers, one bit each. Pure.

/// Most words of a page.
const WORDS: usize = 4096;
/// Numbers of a page.
const NUMBERS: u64 = WORDS as u64 * 64;

/// A set of numbers that begin at 0 and are mostly close together. Pages are made, and grow, as numbers come: few small
/// numbers take little, and a wrong one far away takes a page and its place in the list, not all that lies between.
#[derive(Debug, Clone, Default)]
pub struct Bits {
    pages: Vec<Vec<u64>>,
    count: u64,
}

impl Bits {
    /// Adds a number; whether it was not there.
    #[inline]
    pub fn insert(&mut self, number: u64) -> bool {
        let (page, word, bit) = place(number);
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, Vec::new);
        }
        let words = &mut self.pages[page];
        if word >= words.len() {
            // Doubling keeps the copies few.
            words.resize((word + 1).max(words.len() * 2).clamp(16, WORDS), 0);
        }
        let is_new = words[word] & bit == 0;
        words[word] |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// Whether a number is there.
    pub fn contains(&self, number: u64) -> bool {
        let (page, word, bit) = place(number);
        self.pages.get(page).and_then(|words| words.get(word)).is_some_and(|word| word & bit != 0)
    }

    /// How many are there.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first number from `from` on, below `end`, that is there (`present`) or is not.
    pub fn next(&self, from: u64, end: u64, present: bool) -> Option<u64> {
        let mut at = from;
        while at < end {
            let (page, word, _) = place(at);
            let words = self.pages.get(page).map_or(&[][..], Vec::as_slice);
            let Some(word) = words.get(word) else {
                // Nothing more is in this page.
                if !present {
                    return Some(at);
                }
                at = (at / NUMBERS + 1) * NUMBERS;
                continue;
            };
            let word = if present { *word } else { !*word };
            let left = word >> (at % 64);
            if left != 0 {
                let found = at + u64::from(left.trailing_zeros());
                return (found < end).then_some(found);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    /// Memory that it takes, bytes.
    pub fn bytes(&self) -> usize {
        let words: usize = self.pages.iter().map(Vec::capacity).sum();
        self.pages.capacity() * size_of::<Vec<u64>>() + words * size_of::<u64>()
    }
}

/// The page that a number is in, the word of it, and its bit.
fn place(number: u64) -> (usize, usize, u64) {
    ((number / NUMBERS) as usize, (number % NUMBERS / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(numbers in prop::collection::vec(prop_oneof![0..200_u64, NUMBERS - 70..NUMBERS + 70, 0..9 * NUMBERS], 0..300), from in 0..9 * NUMBERS) {
            let (mut bits, mut set) = (Bits::default(), BTreeSet::new());
            for &number in &numbers {
                prop_assert_eq!(bits.insert(number), set.insert(number));
            }
            prop_assert_eq!(bits.count(), set.len() as u64);
            for number in numbers.iter().flat_map(|&number| [number, number + 1]).chain([from, u64::MAX]) {
                prop_assert_eq!(bits.contains(number), set.contains(&number));
            }
            let end = 8 * NUMBERS;
            for from in numbers.iter().copied().chain([0, from, end]) {
                prop_assert_eq!(bits.next(from, end, true), set.range(from..).next().copied().filter(|&at| at < end));
                let absent = (from..end).find(|at| !set.contains(at));
                prop_assert_eq!(bits.next(from, end, false), absent);
            }
        }
    }

    #[test]
    fn a_number_far_away_takes_a_page() {
        let mut bits = Bits::default();
        assert!(bits.insert(1 << 32));
        assert!(bits.bytes() < 1 << 20, "{} bytes", bits.bytes());
        let mut few = Bits::default();
        (0..500).for_each(|number| assert!(few.insert(number)));
        assert!(few.bytes() <= 256, "{} bytes", few.bytes());
        assert_eq!(bits.next(0, u64::MAX, true), Some(1 << 32));
    }
}
