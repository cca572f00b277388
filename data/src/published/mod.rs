//! Published figures that a report can be held against.

pub mod fanout;
mod fileserver;
mod roundtrip;

pub use fileserver::{GridRow, GridStatus, fileserver};
pub use roundtrip::{RoundTripRun, assignment_figure, roundtrip};
