//! A run: from trials to a folder of records.

pub mod catalogue;
pub mod coordinator;
pub mod folder;
mod local;
pub mod order;

pub use local::LocalHost;
