//! Processes of our own: roles that the binary takes over, partners beside us, the agent of a host, and what must be
//! removed when they end.

pub mod agent;
pub mod partner;
pub mod remains;
pub mod role;
