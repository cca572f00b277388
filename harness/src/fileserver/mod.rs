//! A file server under pool sizes, and the stress client that holds it against its promises.
//!
//! A protocol (`protocols`) is a `session` without network I/O; `drivers` drive it over a connection; a server `models`
//! row says who serves which connection.

pub mod check;
pub mod conduct;
pub mod drivers;
mod evidence;
mod hands;
pub mod models;
pub mod outside;
pub mod protocols;
mod round;
#[cfg(test)]
mod script;
pub mod serve;
pub mod service;
pub mod session;
pub mod side;
pub mod store;
pub mod stress;
pub mod transfer;
mod verify;
