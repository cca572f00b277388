//! What a machine is, as far as numbers depend on it.

mod cpu;
pub mod facts;
pub mod limits;
pub mod room;
