//! Latency histograms: what a sample carries, and how a histogram travels.

use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2Serializer},
};
use serde::{Deserialize, Serialize};

/// A histogram from 1 ns to 60 s whose values are within 1 % of what was recorded.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2).expect("the bounds are fixed and valid")
}

/// The least sample of which the largest value exceeds the quantile with 95 % probability: 1 - q^n >= 0.95.
pub fn least_sample(quantile: f64) -> u64 {
    (0.05_f64.ln() / quantile.ln()).ceil() as u64
}

/// A quantile in nanoseconds, or `None` where the sample is too small to carry it.
pub fn carried(histogram: &Histogram<u64>, quantile: f64) -> Option<f64> {
    (histogram.len() >= least_sample(quantile)).then(|| histogram.value_at_quantile(quantile) as f64)
}

/// One row of `histograms.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistogramRow {
    /// The trial's id.
    pub trial: String,
    /// The block.
    pub block: u32,
    /// HDR histogram, V2 encoding, base64: nanoseconds an exchange.
    pub histogram: String,
}

/// A histogram as text.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).expect("writing to memory cannot fail");
    STANDARD.encode(bytes)
}

/// The histogram that a text holds, or `None` where it is damaged.
pub fn decode(text: &str) -> Option<Histogram<u64>> {
    Deserializer::new().deserialize(&mut STANDARD.decode(text).ok()?.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_wants_its_sample() {
        assert_eq!([0.5, 0.9, 0.99, 0.999].map(least_sample), [5, 29, 299, 2995]);
        let mut seen = histogram();
        seen.record_n(1000, 298).unwrap();
        assert_eq!(carried(&seen, 0.99), None);
        seen.record(1000).unwrap();
        let p99 = carried(&seen, 0.99).unwrap();
        assert!((p99 / 1000.0 - 1.0).abs() < 0.01, "{p99}");
    }

    #[test]
    fn a_histogram_survives_the_journey() {
        let mut seen = histogram();
        for value in [1, 64, 5_000, 42_000, 42_000, 9_000_000_000] {
            seen.record(value).unwrap();
        }
        assert_eq!(decode(&encode(&seen)).unwrap(), seen);
        assert!(decode("not a histogram").is_none());
    }
}
