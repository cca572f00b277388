//! Ratios in sentences: only where an interval excludes 1 is anything claimed.

use super::{Comparison, Match, place};
use crate::{
    format::{self, Unit},
    section::{fileserver::view::what, ranking::capital, view::differs},
};
use ferrybench_data::{fileserver::Operation, stats::Estimate};
use std::collections::BTreeMap;

/// Ratios of which an interval excludes 1, on either side, and how many there are in all.
struct Verdict {
    above: Vec<f64>,
    below: Vec<f64>,
    all: usize,
}

impl Verdict {
    fn of(ratios: impl Iterator<Item = Estimate>) -> Self {
        let mut verdict = Self { above: Vec::new(), below: Vec::new(), all: 0 };
        for ratio in ratios.filter(|ratio| ratio.interval.is_some()) {
            verdict.all += 1;
            if differs(ratio) {
                let side = if ratio.value > 1.0 { &mut verdict.above } else { &mut verdict.below };
                side.push(ratio.value);
            }
        }
        verdict
    }

    /// `higher at 3 of 9 pairs of pool sizes (1.05× to 1.20×), lower at 1 (0.93×), not told apart at 5`.
    fn words(&self, above: &str, below: &str) -> Option<String> {
        let side = |word: &str, ratios: &[f64]| {
            let (least, most) = ratios
                .iter()
                .fold((f64::MAX, 0.0_f64), |(least, most), ratio| (least.min(*ratio), most.max(*ratio)));
            let [least, most] = [least, most].map(|ratio| format::value(ratio, Unit::Ratio));
            let range = if ratios.len() == 1 { least } else { format!("{least} to {most}") };
            (!ratios.is_empty()).then(|| (word.to_owned(), ratios.len(), format!(" ({range})")))
        };
        let apart = self.all - self.above.len() - self.below.len();
        let beside = (apart > 0).then(|| ("not told apart".to_owned(), apart, String::new()));
        let words: Vec<String> = [side(above, &self.above), side(below, &self.below), beside]
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(place, (word, count, range))| {
                let all = format!(" of {} of pool sizes", format::counted(self.all, "pair"));
                format!("{word} at {count}{}{range}", if place == 0 { &all } else { "" })
            })
            .collect();
        (self.all > 0).then(|| words.join(", "))
    }
}

/// One sentence for each operation and volume.
pub(super) fn of_many(one: &Comparison<'_, '_>) -> Vec<String> {
    let mut groups: BTreeMap<(Operation, u64), Vec<&Match<'_, '_>>> = BTreeMap::new();
    for of in &one.matches {
        groups.entry((of.trial.spec.operation, of.trial.spec.volume_bytes)).or_default().push(of);
    }
    groups
        .iter()
        .filter_map(|((operation, volume), of)| {
            let moved = Verdict::of(of.iter().filter_map(|of| of.throughput));
            let time = Verdict::of(of.iter().filter_map(|of| of.time));
            Some(format!(
                "**{}:** throughput {}; time per client {}.",
                capital(&what(*operation, *volume)),
                moved.words("higher", "lower")?,
                time.words("longer", "shorter")?
            ))
        })
        .collect()
}

/// A comparison of few loads in one sentence.
pub(super) fn of_few(one: &Comparison<'_, '_>) -> Option<String> {
    let (mut apart, mut beside) = (Vec::new(), Vec::new());
    for of in &one.matches {
        let Some(ratio) = of.throughput.filter(|ratio| ratio.interval.is_some()) else { continue };
        let (low, high) = ratio.interval?;
        let at = place(of);
        if differs(ratio) {
            apart.push(format!("**{:.2}** [{low:.2}, {high:.2}] ({at})", ratio.value));
        } else {
            beside.push(format!("{low:.2} to {high:.2} ({at})"));
        }
    }
    let (over, under) = (&one.over, &one.under);
    let pair = format!("{}: throughput of `{over}` over that of `{under}`", capital(&one.common));
    let mut words = Vec::new();
    if !apart.is_empty() {
        words.push(apart.join(", "));
    }
    if !beside.is_empty() {
        words.push(format!("not told apart: {}", beside.join(", ")));
    }
    (!words.is_empty()).then(|| format!("{pair}: {}.", words.join("; ")))
}
