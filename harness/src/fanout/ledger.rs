//! The account of every transmission of one file at one receiver, and of the positions that are there. Pure, and bounded:
//! one bit for each transmission and one for each position.

use super::{
    bits::Bits,
    frame::{LONGEST_MAP, MOST_GAPS, Missing},
    told::Counts,
};

/// Transmissions of one file at one receiver.
#[derive(Debug, Clone)]
pub struct Ledger {
    serials: Bits,
    limit: u64,
    highest: Option<u64>,
    is_closed: bool,
    counts: Counts,
}

/// Repeats of each datagram, on average, beyond which a serial is not believed: else one wrong number could take all
/// memory.
const MOST_REPEATS: u64 = 64;
/// Serials that are believed of however short a file.
const LEAST_SERIALS: u64 = 1 << 20;

impl Ledger {
    /// An empty one, of a file of so many datagrams.
    pub fn new(datagrams: u32) -> Self {
        let limit = LEAST_SERIALS + MOST_REPEATS * u64::from(datagrams);
        Self { serials: Bits::default(), limit, highest: None, is_closed: false, counts: Counts::default() }
    }

    /// A datagram with a good checksum arrived. One whose serial cannot be is corrupt. Whether it counts.
    #[inline]
    pub fn arrived(&mut self, serial: u64) -> bool {
        if serial >= self.limit {
            self.corrupted();
            return false;
        }
        let counts = &mut self.counts;
        counts.received += 1;
        counts.late += u64::from(self.is_closed);
        if !self.serials.insert(serial) {
            counts.duplicate += 1;
            return true;
        }
        counts.unique += 1;
        match self.highest {
            Some(highest) if serial < highest => {
                counts.reordered += 1;
                counts.reorder_extent = counts.reorder_extent.max(highest - serial);
            }
            _ => self.highest = Some(serial),
        }
        true
    }

    /// A datagram arrived whose checksum or header is wrong.
    pub fn corrupted(&mut self) {
        self.counts.received += 1;
        self.counts.corrupt += 1;
    }

    /// What arrives from now on is late.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// What is missing of the positions from `from` to `end`, as far as one answer can tell it.
pub fn missing(present: &Bits, from: u32, end: u32) -> Missing {
    let mut gaps: Vec<(u32, u32)> = Vec::new();
    let mut to = end.max(from);
    let mut at = u64::from(from);
    while let Some(first) = present.next(at, end.into(), false) {
        let after = present.next(first, end.into(), true).unwrap_or(end.into());
        let (first, after) = (first as u32, after as u32);
        // One by one they reach as far as they can; then a map is the better way where it reaches further.
        if gaps.len() >= MOST_GAPS && first >= from.saturating_add(LONGEST_MAP) {
            to = first;
            break;
        }
        gaps.push((first, after - first));
        at = after.into();
    }
    if gaps.len() > MOST_GAPS {
        let map_ends = from.saturating_add(LONGEST_MAP).min(to);
        let (told, _) = gaps[MOST_GAPS];
        if told >= map_ends {
            gaps.truncate(MOST_GAPS);
            to = told;
        } else {
            to = map_ends;
            gaps.retain(|&(first, _)| first < to);
            if let Some((first, count)) = gaps.last_mut() {
                *count = (*count).min(to - *first);
            }
        }
    }
    Missing { from, to, gaps }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[derive(Debug, Clone)]
    enum Fate {
        Lost,
        Arrives { copies: u8, delay: u8 },
        Corrupt,
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            2 => Just(Fate::Lost),
            8 => (1_u8..4, 0_u8..20).prop_map(|(copies, delay)| Fate::Arrives { copies, delay }),
            1 => Just(Fate::Corrupt),
        ]
    }

    proptest! {
        #[test]
        fn the_ledger_is_that_of_a_naive_model(fates in prop::collection::vec(fate(), 0..400), closes_at in 0_usize..800) {
            // Who arrives when: a delay moves a datagram behind others.
            let mut arrivals: BTreeMap<(usize, usize), Option<u64>> = BTreeMap::new();
            for (serial, fate) in fates.iter().enumerate() {
                match fate {
                    Fate::Lost => {}
                    Fate::Corrupt => drop(arrivals.insert((serial, arrivals.len()), None)),
                    Fate::Arrives { copies, delay } => for copy in 0..usize::from(*copies) {
                        arrivals.insert((serial + usize::from(*delay) * (copy + 1), arrivals.len()), Some(serial as u64));
                    },
                }
            }
            let mut ledger = Ledger::new(fates.len() as u32);
            let (mut seen, mut expected) = (BTreeSet::new(), Counts::default());
            for (number, arrival) in arrivals.values().enumerate() {
                if number == closes_at {
                    ledger.close();
                }
                expected.received += 1;
                let Some(serial) = *arrival else {
                    ledger.corrupted();
                    expected.corrupt += 1;
                    continue;
                };
                prop_assert!(ledger.arrived(serial));
                expected.late += u64::from(number >= closes_at);
                if seen.contains(&serial) {
                    expected.duplicate += 1;
                    continue;
                }
                expected.unique += 1;
                if let Some(&last) = seen.last().filter(|last| **last > serial) {
                    expected.reordered += 1;
                    expected.reorder_extent = expected.reorder_extent.max(last - serial);
                }
                seen.insert(serial);
            }
            let counts = ledger.counts();
            prop_assert_eq!(counts, expected);
            prop_assert_eq!(counts.received, counts.unique + counts.duplicate + counts.corrupt);
            let lost = fates.iter().filter(|fate| !matches!(fate, Fate::Arrives { .. })).count() as u64;
            prop_assert_eq!(counts.unique + lost, fates.len() as u64);
        }

        #[test]
        fn what_is_missing_is_told_bit_by_bit(present in prop::collection::vec(any::<bool>(), 0..4000), sparse in any::<bool>()) {
            let end = present.len() as u32;
            let mut bits = Bits::default();
            let is_there = |position: usize| present[position] || sparse && !position.is_multiple_of(97);
            for position in (0..present.len()).filter(|position| is_there(*position)) {
                bits.insert(position as u64);
            }
            let (mut at, mut told) = (0, Vec::new());
            while at < end {
                let part = missing(&bits, at, end);
                prop_assert!(part.from == at && part.to > at && part.to <= end);
                prop_assert!(part.gaps.len() <= MOST_GAPS || part.to - part.from <= LONGEST_MAP);
                told.extend(part.gaps.iter().flat_map(|&(first, count)| first..first + count));
                at = part.to;
            }
            let expected: Vec<u32> = (0..end).filter(|position| !is_there(*position as usize)).collect();
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn many_scattered_gaps_are_told_in_several_parts() {
        let mut bits = Bits::default();
        let end = 100_000;
        (0..end).filter(|position| position % 3 != 0).for_each(|position| {
            bits.insert(position);
        });
        let (mut at, mut told, mut parts) = (0, 0, 0);
        while at < end as u32 {
            let part = missing(&bits, at, end as u32);
            told += part.gaps.len();
            at = part.to;
            parts += 1;
        }
        assert_eq!((told, parts), (33_334, 11));
    }

    #[test]
    fn a_serial_that_cannot_be_is_corrupt_and_takes_no_memory() {
        let mut ledger = Ledger::new(3);
        assert!(!ledger.arrived(u64::MAX));
        assert_eq!(ledger.counts(), Counts { received: 1, corrupt: 1, ..Counts::default() });
        assert_eq!(ledger.serials.bytes(), 0);
    }

    #[test]
    fn a_forged_serial_of_the_longest_file_takes_little_memory() {
        let mut ledger = Ledger::new(u32::MAX);
        assert!(ledger.arrived(ledger.limit - 1));
        assert!(ledger.serials.bytes() < 40 << 20, "{} bytes", ledger.serials.bytes());
    }

    #[test]
    fn two_gibibytes_of_1400_byte_datagrams_take_less_than_a_mebibyte() {
        let datagrams = (2_u64 << 30).div_ceil(1400);
        let mut ledger = Ledger::new(datagrams as u32);
        let mut positions = Bits::default();
        for serial in 0..datagrams {
            ledger.arrived(serial);
            positions.insert(serial);
        }
        assert!(ledger.serials.bytes() + positions.bytes() < 1 << 20);
    }
}
