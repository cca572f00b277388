//! The vocabulary and the mathematics of ferrybench.
//!
//! What a plan is, what a trial is, what was seen, whether to believe it, and what follows from it. Everything
//! here is pure: no clock, no sockets, no processes; files only where a caller hands over a reader or a writer.
#![forbid(unsafe_code)]

mod axis;
pub mod criterion;
pub mod dataset;
pub mod family;
pub mod fanout;
pub mod fileserver;
pub mod latency;
pub mod measure;
pub mod plan;
pub mod published;
pub mod record;
pub mod roundtrip;
pub mod run_info;
pub mod stats;
pub mod table;
pub mod units;
pub mod warning;
