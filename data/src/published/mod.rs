//! Published figures that a report can be held against.

mod fanout;
mod fileserver;
mod roundtrip;

pub use fanout::{FanoutRun, ONE_BY_BROADCAST, TWO_TO_TWO, fanout};
pub use fileserver::{GridRow, GridStatus, fileserver};
pub use roundtrip::{RoundTripRun, assignment_figure, roundtrip};
