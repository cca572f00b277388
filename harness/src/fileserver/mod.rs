//! A file server under pool sizes, and the stress client that holds it against its promises.
//!
//! A protocol (`protocols`) is a `session` without network I/O; `drivers` drive it over a connection; a server `models`
//! row says who serves which connection.

mod hands;
pub mod protocols;
#[cfg(test)]
mod script;
pub mod session;
