//! Published figures that a report can be held against.

mod fanout;
mod fileserver;
mod roundtrip;

pub use fanout::{FanoutRun, ONE_BY_BROADCAST, TWO_TO_TWO, fanout};
pub use fileserver::{GridRow, GridStatus, fileserver};
pub use roundtrip::{RoundTripRun, assignment_figure, roundtrip};

use serde::de::DeserializeOwned;

/// The rows of a table that is part of the source.
fn read<T: DeserializeOwned>(table: &[u8]) -> Vec<T> {
    csv::Reader::from_reader(table)
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("the file is part of the source, and a test reads it")
}
