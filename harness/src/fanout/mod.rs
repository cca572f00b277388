//! Files from one host to many over UDP.

pub mod outputs;
pub mod receive;
pub mod send;
pub mod stock;
pub mod told;
