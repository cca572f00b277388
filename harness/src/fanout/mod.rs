//! Files from one host to many over UDP.
//!
//! `frame` says what a datagram looks like, `ledger` counts what arrived, `account` is one file at a receiver and `sending`
//! one file at a sender: all without I/O. `listen` and `post` drive them over sockets; `receive` and `send` are the roles.

pub mod account;
pub mod evidence;
pub mod frame;
pub mod ledger;
pub mod outputs;
pub mod receive;
pub mod send;
pub mod sending;
pub mod stock;
pub mod told;
