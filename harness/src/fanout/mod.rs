//! Files from one host to many over UDP.
//!
//! `frame` says what a datagram looks like, `ledger` counts what arrived, `account` is one file at a receiver and `sending`
//! one file at a sender: all without I/O. `listen` and `post` drive them over sockets; `receive` and `send` are the roles.

pub mod account;
pub mod bare;
mod batching;
mod bits;
pub mod books;
pub mod evidence;
pub mod fetch;
pub mod frame;
mod inbox;
pub mod ledger;
mod listen;
pub mod outbox;
pub mod outputs;
mod post;
pub mod progress;
pub mod receive;
pub mod send;
pub mod senders;
pub mod sending;
mod socket;
pub mod stage;
pub mod stock;
mod store;
pub mod told;
pub mod worker;
