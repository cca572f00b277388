//! Ratios between two trials whose blocks ran side by side.
//!
//! Block b of one trial is paired with block b of the other: they ran in the same round. On the logarithms of the
//! pair ratios the Hodges-Lehmann estimate (median of the Walsh averages) and the interval that inverts the Wilcoxon
//! signed-rank test are computed (Hollander and Wolfe, *Nonparametric Statistical Methods*, 3.2 and 3.3); both are
//! then ratios of geometric means. The test is exact: the null distribution is counted, not approximated.

use super::{Estimate, quantile::median};

/// Geometric ratio of paired positive values with its 95 % interval. `None` without a usable pair.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let logs: Vec<f64> =
        pairs.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| (a / b).ln()).collect();
    let shift = shift(&logs)?;
    Some(Estimate {
        value: shift.value.exp(),
        interval: shift.interval.map(|(low, high)| (low.exp(), high.exp())),
        blocks: shift.blocks,
    })
}

/// Hodges-Lehmann estimate of the centre of symmetric differences, with its 95 % interval.
pub fn shift(differences: &[f64]) -> Option<Estimate> {
    let n = differences.len();
    let mut walsh: Vec<f64> =
        (0..n).flat_map(|i| (i..n).map(move |j| f64::midpoint(differences[i], differences[j]))).collect();
    walsh.sort_by(f64::total_cmp);
    let value = median(&walsh)?;
    let interval = critical(n).map(|skip| (walsh[skip], walsh[walsh.len() - 1 - skip]));
    Some(Estimate { value, interval, blocks: n })
}

/// The largest c with P(T+ <= c) <= 0.025 under the null hypothesis: so many Walsh averages are cut at each side.
/// `None` where even c = 0 is likelier, below 6 differences.
fn critical(n: usize) -> Option<usize> {
    // ways[t] counts the subsets of the ranks 1..=n with sum t, as a share of all 2^n.
    let most = n * (n + 1) / 2;
    let mut ways = vec![0.0_f64; most + 1];
    ways[0] = 1.0;
    for rank in 1..=n {
        for sum in (0..=most).rev() {
            let with = if sum >= rank { ways[sum - rank] } else { 0.0 };
            ways[sum] = f64::midpoint(ways[sum], with);
        }
    }
    let mut tail = 0.0;
    let mut critical = None;
    for (sum, share) in ways.iter().enumerate() {
        tail += share;
        if tail > 0.025 {
            break;
        }
        critical = Some(sum);
    }
    critical
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn critical_values_agree_with_the_published_table() {
        // Wilcoxon signed-rank, two-sided 5 %: n = 6..12, 15, 20, 25 (Siegel, table G).
        let published = [
            (5, None),
            (6, Some(0)),
            (7, Some(2)),
            (8, Some(3)),
            (9, Some(5)),
            (10, Some(8)),
            (11, Some(10)),
            (12, Some(13)),
            (15, Some(25)),
            (20, Some(52)),
            (25, Some(89)),
        ];
        for (n, expected) in published {
            assert_eq!(critical(n), expected, "n = {n}");
        }
    }

    #[test]
    #[expect(clippy::approx_constant, reason = "a patient's score, not pi")]
    fn depression_scores_of_the_textbook() {
        // Hollander and Wolfe, example 3.1: nine patients, theta = -0.46, 96 % interval (-0.786, -0.010).
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
        let estimate = shift(&differences).unwrap();
        assert!((estimate.value - -0.46).abs() < 0.005, "{estimate:?}");
        let (low, high) = estimate.interval.unwrap();
        assert!((low - -0.786).abs() < 0.005 && (high - -0.010).abs() < 0.005, "{estimate:?}");
    }

    proptest! {
        #[test]
        fn turning_the_pairs_round_inverts_the_ratio(pairs in prop::collection::vec((1e-3..1e6_f64, 1e-3..1e6_f64), 6..20)) {
            let forward = ratio(&pairs).unwrap();
            let turned: Vec<_> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
            let backward = ratio(&turned).unwrap();
            prop_assert!((forward.value * backward.value - 1.0).abs() < 1e-9);
            let ((low, high), (back_low, back_high)) = (forward.interval.unwrap(), backward.interval.unwrap());
            prop_assert!(low <= forward.value && forward.value <= high);
            prop_assert!((low * back_high - 1.0).abs() < 1e-9 && (high * back_low - 1.0).abs() < 1e-9);
        }

        #[test]
        fn a_constant_ratio_has_no_width(values in prop::collection::vec(1e-3..1e6_f64, 6..20), factor in 0.1..10.0_f64) {
            let pairs: Vec<_> = values.iter().map(|value| (value * factor, *value)).collect();
            let estimate = ratio(&pairs).unwrap();
            let (low, high) = estimate.interval.unwrap();
            prop_assert!((estimate.value / factor - 1.0).abs() < 1e-9 && high / low - 1.0 < 1e-9);
        }
    }
}
