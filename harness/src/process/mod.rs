//! Processes of our own: roles that the binary takes over, partners beside us and on other hosts, the agents of hosts
//! and how they are reached, and what must be removed when they end.

pub mod afar;
pub mod agent;
pub mod heir;
pub mod hosts;
pub mod identity;
pub mod partner;
pub mod reach;
pub mod remains;
pub mod role;
