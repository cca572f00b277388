//! The published runs of the UDP assignment: two pictures to two servers, and one picture to both by broadcast.

use crate::{
    axis::axis,
    fanout::{Assignment, Delivery, FetchWhere, Spec},
};
use serde::{Deserialize, Deserializer, de};

axis! {
    /// The shape of a published run.
    Case {
        /// Two pictures, one to each of two servers.
        TwoImages = "two-images-to-two-servers",
        /// One picture to both servers by broadcast.
        OneImage = "one-image-broadcast",
    }
}

/// One program of a published run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PublishedRow {
    /// The run that it belongs to.
    pub case: Case,
    /// What the assignment calls the program.
    pub program: String,
    /// Our sender model of that kind.
    pub sender_model: String,
    /// Workers of its pool, where it has one.
    pub pool_size: Option<u32>,
    /// Receiving hosts.
    pub receivers: u32,
    /// To whom a datagram is addressed.
    pub delivery: Delivery,
    /// Who fetches the files.
    pub fetch_where: FetchWhere,
    /// Pause between fetching a file and sending it, seconds.
    pub think_s: f64,
    /// The total time that was printed, seconds.
    pub total_s: f64,
    /// Fetching the first file, seconds, where it was printed.
    pub fetch_1_s: Option<f64>,
    /// The same of the second.
    pub fetch_2_s: Option<f64>,
    /// Time of the first worker, its pause included, seconds, where it was printed.
    pub worker_1_s: Option<f64>,
    /// What is left of the total without the fetches, seconds, where they were printed.
    pub rest_s: Option<f64>,
    /// Payload of one datagram, bytes; 0 for a whole file in one.
    #[serde(deserialize_with = "payload")]
    pub datagram_bytes: u32,
}

/// Largest datagram that the published broadcast programs sent, bytes.
const LARGEST_DATAGRAM: u64 = 54_272;

impl PublishedRow {
    /// Fetching all files, seconds, where it was printed.
    pub fn fetch_s(&self) -> Option<f64> {
        let fetches: Vec<f64> = [self.fetch_1_s, self.fetch_2_s].into_iter().flatten().collect();
        (!fetches.is_empty()).then(|| fetches.iter().sum())
    }

    /// Share of the total that went to fetching, 0 to 1.
    pub fn fetch_share(&self) -> Option<f64> {
        Some(self.fetch_s()? / self.total_s)
    }

    /// Share of the total that was a pause, 0 to 1: each worker had one file, so that pauses overlapped.
    pub fn think_share(&self) -> f64 {
        self.think_s / self.total_s
    }

    /// Whether a trial asks for the same, but for what its datagrams hold: the same program, files and receivers.
    pub fn is_of(&self, spec: &Spec) -> bool {
        let (files, assignment) = match self.case {
            Case::TwoImages => (2, Assignment::Each),
            Case::OneImage => (1, Assignment::All),
        };
        // One datagram does not hold one of our pictures: there a file of the largest published size stands for it.
        let is_picture =
            spec.file_bytes == 0 || self.case == Case::OneImage && spec.file_bytes == LARGEST_DATAGRAM;
        let is_broadcast = |delivery| matches!(delivery, Delivery::Broadcast | Delivery::LimitedBroadcast);
        self.sender_model == spec.sender_model
            && (files, assignment) == (spec.files, spec.assignment)
            && is_picture
            && self.receivers == spec.receivers
            && self.fetch_where == spec.fetch_where
            && (self.think_s * 1e3).round() as u64 == spec.think_ms
            && (self.delivery == spec.delivery || is_broadcast(self.delivery) && is_broadcast(spec.delivery))
    }
}

/// Every published program, in the order of the assignment.
pub fn rows() -> Vec<PublishedRow> {
    csv::Reader::from_reader(include_bytes!("../../reference/fanout-published.csv").as_slice())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("the file is part of the source, and a test reads it")
}

fn payload<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match String::deserialize(from)?.as_str() {
        "whole file" => Ok(0),
        bytes => bytes.parse().map_err(|_| de::Error::custom(format!("\"{bytes}\" is not a payload"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_totals_are_the_fetches_and_the_rest() {
        let rows = rows();
        assert_eq!(rows.len(), 7);
        for row in rows.iter().filter(|row| row.case == Case::TwoImages) {
            let (fetch, rest) = (row.fetch_s().unwrap(), row.rest_s.unwrap());
            assert!((fetch + rest - row.total_s).abs() < 1e-6, "{row:?}");
            assert_eq!(row.datagram_bytes, 1);
            let share = row.fetch_share().unwrap();
            assert!((0.72..0.75).contains(&share), "{}: {share}", row.program);
        }
    }

    #[test]
    fn a_broadcast_is_mostly_a_pause() {
        for row in rows().iter().filter(|row| row.case == Case::OneImage) {
            assert_eq!((row.fetch_s(), row.datagram_bytes), (None, 0));
            assert!((0.85..1.0).contains(&row.think_share()), "{row:?}");
            assert!(row.worker_1_s.unwrap() < row.total_s);
        }
    }
}
