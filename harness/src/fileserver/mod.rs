//! The file server of the course: its protocol, spoken and checked.

pub mod check;
