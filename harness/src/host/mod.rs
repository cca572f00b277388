//! What a machine is, as far as numbers depend on it, and hosts of our own to measure between.

mod cpu;
pub mod drops;
pub mod facts;
pub mod limits;
pub mod names;
pub mod room;
pub mod testbed;
