//! The order in which blocks are measured.

use ferrybench_data::plan::Order;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Every (trial, block) of a run, blocks from 1. Each round holds every trial once, so that a drift of the machine hits
/// all alike and a run that is stopped has as many blocks of each.
pub fn rounds(trials: usize, blocks: u32, order: Order, seed: u64) -> Vec<(usize, u32)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Vec::with_capacity(trials * blocks as usize);
    for block in 1..=blocks {
        let mut round: Vec<usize> = (0..trials).collect();
        if order == Order::Shuffled {
            round.shuffle(&mut random);
        }
        all.extend(round.into_iter().map(|trial| (trial, block)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_round_holds_every_trial_once(trials in 1_usize..40, blocks in 1_u32..8, seed in any::<u64>()) {
            let all = rounds(trials, blocks, Order::Shuffled, seed);
            prop_assert_eq!(&all, &rounds(trials, blocks, Order::Shuffled, seed));
            for (block, round) in (1..).zip(all.chunks(trials)) {
                let mut seen: Vec<_> = round.iter().map(|(trial, _)| *trial).collect();
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..trials).collect::<Vec<_>>());
                prop_assert!(round.iter().all(|(_, of)| *of == block));
            }
        }
    }

    #[test]
    fn rounds_differ_and_alternation_does_not() {
        let shuffled = rounds(20, 2, Order::Shuffled, 1);
        let round = |place: usize| {
            shuffled[place * 20..(place + 1) * 20].iter().map(|(trial, _)| *trial).collect::<Vec<_>>()
        };
        assert_ne!(round(0), round(1));
        assert_eq!(rounds(2, 2, Order::Alternating, 1), [(0, 1), (1, 1), (0, 2), (1, 2)]);
    }
}
