//! The published runs of the UDP assignment: two pictures to two servers, and one picture by broadcast.

use crate::fanout::{Delivery, FetchWhere};
use serde::Deserialize;

/// One program of the assignment, with the times that it printed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FanoutRun {
    /// The case: `two-images-to-two-servers` or `one-image-broadcast`.
    pub case: String,
    /// What the assignment calls the program.
    pub program: String,
    /// Our name for its sender model.
    pub sender_model: String,
    /// Workers of its pool; `None` where it has one for each file.
    pub pool_size: Option<u32>,
    /// Servers that received.
    pub receivers: u32,
    /// To whom a datagram was addressed.
    pub delivery: Delivery,
    /// Who fetched the files.
    pub fetch_where: FetchWhere,
    /// Pause of each worker between fetching and sending, seconds.
    pub think_s: f64,
    /// The total that the program printed, seconds.
    pub total_s: f64,
    /// Fetching the first file, seconds, where it was printed.
    pub fetch_1_s: Option<f64>,
    /// Fetching the second file, seconds, where it was printed.
    pub fetch_2_s: Option<f64>,
    /// Time of the one worker, fetch and pause included, seconds, where it was printed.
    pub worker_1_s: Option<f64>,
    /// What is left of the total beside the fetches, seconds.
    pub rest_s: Option<f64>,
    /// Payload of a datagram as it was written down: bytes, or `whole file`.
    pub datagram_bytes: String,
}

/// The case in which two pictures go to two servers, one to each.
pub const TWO_TO_TWO: &str = "two-images-to-two-servers";
/// The case in which one picture goes to both servers by broadcast.
pub const ONE_BY_BROADCAST: &str = "one-image-broadcast";

impl FanoutRun {
    /// Files that the program sent.
    pub fn files(&self) -> u32 {
        if self.case == TWO_TO_TWO { 2 } else { 1 }
    }

    /// Fetching all files, seconds, where that was printed.
    pub fn fetch_s(&self) -> Option<f64> {
        Some(self.fetch_1_s? + self.fetch_2_s.unwrap_or(0.0))
    }

    /// The share of the total that went to fetching, 0 to 1, where it was printed.
    pub fn fetch_share(&self) -> Option<f64> {
        Some(self.fetch_s()? / self.total_s)
    }
}

/// The published runs of the UDP assignment; there is none of a single thread, nor of a process pool by broadcast.
pub fn fanout() -> Vec<FanoutRun> {
    super::read(include_bytes!("../../reference/fanout-published.csv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_of_one_of_two_cases() {
        let runs = fanout();
        let of = |case: &str| runs.iter().filter(|run| run.case == case).count();
        assert_eq!((of(TWO_TO_TWO), of(ONE_BY_BROADCAST), runs.len()), (4, 3, 7));
        for run in &runs {
            let is_broadcast = run.case == ONE_BY_BROADCAST;
            assert_eq!(run.delivery == Delivery::Broadcast, is_broadcast, "{run:?}");
            assert_eq!(run.fetch_where == FetchWhere::InWorker, is_broadcast, "{run:?}");
            assert_eq!(run.pool_size.is_some(), run.sender_model.ends_with("-pool"), "{run:?}");
        }
    }

    #[test]
    fn the_rest_is_what_the_fetches_leave_of_the_total() {
        for run in fanout().iter().filter(|run| run.case == TWO_TO_TWO) {
            let left = run.total_s - run.fetch_s().expect("this case has both fetches");
            assert!((left - run.rest_s.expect("and the rest")).abs() < 1e-5, "{left} s of {run:?}");
        }
    }

    #[test]
    fn most_of_the_unicast_totals_is_the_fetch() {
        let shares: Vec<f64> = fanout().iter().filter_map(FanoutRun::fetch_share).collect();
        assert_eq!(shares.len(), 4);
        assert!(shares.iter().all(|share| (0.72..0.75).contains(share)), "{shares:?}");
    }
}
