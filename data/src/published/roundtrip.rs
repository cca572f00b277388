//! The published run of the round-trip assignment.

use serde::Deserialize;

/// One run of the published round-trip program.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RoundTripRun {
    /// What was measured.
    pub mechanism: String,
    /// What the program called it.
    pub label: String,
    /// Run, from 1.
    pub run: u32,
    /// The figure that was printed.
    pub published_figure_per_s: f64,
    /// CPU time of the parent, in whole ticks of its clock.
    pub cpu_ticks_of_15_625_ms: u32,
    /// Operating system.
    pub os: String,
    /// Cores.
    pub cores: u32,
}

impl RoundTripRun {
    /// CPU time of the parent, seconds.
    pub fn parent_cpu_s(&self) -> f64 {
        f64::from(self.cpu_ticks_of_15_625_ms) * 0.015_625
    }
}

/// The published program's own formula: half its exchanges and one, per CPU second of the parent.
pub fn assignment_figure(exchanges: u64, parent_cpu_s: f64) -> f64 {
    (exchanges / 2 + 1) as f64 / parent_cpu_s
}

/// The published run of the round-trip assignment.
pub fn roundtrip() -> Vec<RoundTripRun> {
    super::read(include_bytes!("../../reference/roundtrip-published.csv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_figures_follow_from_their_own_ticks() {
        let runs = roundtrip();
        assert_eq!(runs.len(), 6);
        for run in runs {
            let figure = assignment_figure(10_000, run.parent_cpu_s());
            assert!((figure / run.published_figure_per_s - 1.0).abs() < 0.001, "{figure} against {run:?}");
        }
    }
}
