//! Measuring without disturbing: the only clock, what a thread used, where it runs, and how quiet the machine is.

pub mod clock;
pub mod noise;
pub mod place;
pub mod usage;
