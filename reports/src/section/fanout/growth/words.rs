//! Where the lines of two ways of addressing cross: only where intervals exclude equality is anything claimed.

use super::{Program, delivery};
use crate::{
    format::{self, Unit},
    section::view::{differs, worded},
};
use ferrybench_data::{fanout::Delivery, stats::Estimate};
use std::collections::BTreeSet;

/// What is nearer to 1 than this is said to be the same.
const SAME: f64 = 0.005;

/// One sentence for each pair of ways that a program was measured in, the plainer below the line.
pub(super) fn sentences(
    program: &Program<'_, '_>,
    metric: &str,
    (what, whose): (&str, &str),
    sides: [&str; 2],
) -> Vec<String> {
    let ways: Vec<Delivery> = Delivery::ALL
        .iter()
        .copied()
        .filter(|way| program.trials.iter().any(|trial| trial.spec.delivery == *way))
        .collect();
    let mut items = Vec::new();
    for (place, under) in ways.iter().enumerate() {
        for over in &ways[place + 1..] {
            let ratios = ratios(program, metric, *over, *under);
            items.extend(verdict(&ratios, sides).map(|verdict| {
                format!("**{what}, {whose}:** {} over {}: {verdict}.", delivery(*over), delivery(*under))
            }));
        }
    }
    items
}

/// One way over the other, for each number of receivers that both have.
fn ratios(program: &Program<'_, '_>, metric: &str, over: Delivery, under: Delivery) -> Vec<(u32, Estimate)> {
    let counts: BTreeSet<u32> = program.trials.iter().map(|trial| trial.spec.receivers).collect();
    let ratio = |count: &u32| {
        let ratio = program.find(over, *count)?.ratio(program.find(under, *count)?, metric)?;
        ratio.interval.is_some().then_some((*count, ratio))
    };
    counts.iter().filter_map(ratio).collect()
}

/// What the ratios say, smallest number of receivers first; `None` where no interval tells.
fn verdict(ratios: &[(u32, Estimate)], [less, more]: [&str; 2]) -> Option<String> {
    let shown: Vec<String> = ratios
        .iter()
        .map(|(count, ratio)| {
            format!("{} with {}", worded(*ratio, Unit::Ratio), format::counted(*count as usize, "receiver"))
        })
        .collect();
    let decided: Vec<(u32, bool)> = ratios
        .iter()
        .filter(|(_, ratio)| differs(*ratio))
        .map(|(count, ratio)| (*count, ratio.value > 1.0))
        .collect();
    let side = |is_more: bool| if is_more { more } else { less };
    let crossings: Vec<String> = decided
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1)
        .map(|pair| {
            format!(
                "the lines cross between {} and {} receivers: {} before, {} after",
                pair[0].0,
                pair[1].0,
                side(pair[0].1),
                side(pair[1].1)
            )
        })
        .collect();
    let is_same = |of: &Estimate| {
        of.interval.is_some_and(|(low, high)| (low - 1.0).abs().max((high - 1.0).abs()) <= SAME)
    };
    let verdict = match (decided.first(), crossings.is_empty()) {
        (None, _) if ratios.is_empty() => return None,
        _ if ratios.iter().all(|(_, ratio)| is_same(ratio)) => {
            return Some("the same within half a per cent".into());
        }
        (None, _) => "not told apart at any number of receivers".to_owned(),
        (_, false) => crossings.join("; "),
        (Some((_, is_more)), true) if decided.len() == ratios.len() && ratios.len() > 1 => {
            format!("{} at every number of receivers, the lines do not cross", side(*is_more))
        }
        (Some((_, is_more)), true) => {
            let at: Vec<String> = decided.iter().map(|(count, _)| count.to_string()).collect();
            let unsure: Vec<String> = ratios
                .iter()
                .filter(|(_, ratio)| !differs(*ratio))
                .map(|(count, _)| count.to_string())
                .collect();
            let but = if unsure.is_empty() {
                String::new()
            } else {
                format!(", not told apart at {}", unsure.join(", "))
            };
            format!("{} at {}{but}", side(*is_more), at.join(", "))
        }
    };
    Some(format!("{} ({})", verdict, shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(count: u32, value: f64, spread: f64) -> (u32, Estimate) {
        (count, Estimate { value, interval: Some((value / spread, value * spread)), blocks: 6 })
    }

    fn says(ratios: &[(u32, Estimate)]) -> String {
        let words = verdict(ratios, ["shorter", "longer"]).unwrap();
        words.split_once(" (").unwrap().0.to_owned()
    }

    #[test]
    fn lines_cross_only_where_intervals_tell() {
        assert_eq!(
            says(&[at(2, 1.5, 1.1), at(4, 1.02, 1.1), at(8, 0.6, 1.1)]),
            "the lines cross between 2 and 8 receivers: longer before, shorter after"
        );
        assert_eq!(says(&[at(2, 1.05, 1.1), at(8, 0.95, 1.1)]), "not told apart at any number of receivers");
        assert_eq!(says(&[at(2, 1.05, 1.1), at(8, 0.5, 1.1)]), "shorter at 8, not told apart at 2");
        assert_eq!(
            says(&[at(2, 0.5, 1.0), at(4, 0.25, 1.0)]),
            "shorter at every number of receivers, the lines do not cross"
        );
        assert_eq!(says(&[at(2, 0.5, 1.0)]), "shorter at 2");
        assert_eq!(verdict(&[], ["shorter", "longer"]), None);
        let same = verdict(&[at(2, 1.0, 1.001), at(4, 0.999, 1.002)], ["fewer", "more"]);
        assert_eq!(same.as_deref(), Some("the same within half a per cent"));
    }
}
