//! `criterion.csv`: Criterion's estimates beside the harness's.

use serde::{Deserialize, Serialize};

/// One benchmark's estimate, times in nanoseconds an exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriterionRow {
    /// The trial's id, which is the benchmark's full id.
    pub trial: String,
    /// Mean time.
    pub mean_ns: f64,
    /// Lower bound of its interval.
    pub mean_low_ns: f64,
    /// Upper bound of its interval.
    pub mean_high_ns: f64,
    /// Confidence level of that interval.
    pub confidence_level: f64,
}

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

#[derive(Deserialize)]
struct Estimates {
    mean: Point,
}

#[derive(Deserialize)]
struct Point {
    confidence_interval: Bounds,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Bounds {
    confidence_level: f64,
    lower_bound: f64,
    upper_bound: f64,
}

/// The row that a pair of `benchmark.json` and `estimates.json` comes to.
pub fn row(benchmark: &[u8], estimates: &[u8]) -> serde_json::Result<CriterionRow> {
    let Benchmark { full_id: trial } = serde_json::from_slice(benchmark)?;
    let Estimates { mean: Point { confidence_interval: bounds, point_estimate: mean_ns } } =
        serde_json::from_slice(estimates)?;
    let Bounds { confidence_level, lower_bound: mean_low_ns, upper_bound: mean_high_ns } = bounds;
    Ok(CriterionRow { trial, mean_ns, mean_low_ns, mean_high_ns, confidence_level })
}
