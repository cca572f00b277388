//! Ferrybench: how fast does data change hands?
//!
//! A table of contents: play a worker's role, or parse, do, and say how it went.

mod cli;

use ferrybench::{
    fanout::{receive::Receive, send::Send, stock::Stock, worker::Porter},
    fileserver::{
        conduct::Conduct, models::FileWorker, outside::Outside, serve::Serve, side::ServerSide,
        store::Keeper, stress::Stress, transfer::Transfer,
    },
    host::{limits, testbed::holder::Hold},
    pool::{Hand, Member},
    process::{afar::Afar, agent::Agent, heir::Heir, role},
    roundtrip::{Far, Near, foreign::Foreign},
};
use std::process::ExitCode;

/// The roles that this binary plays when it starts itself again.
const ROLES: &[role::Entry] = &[
    role::entry::<Agent>(),
    role::entry::<Heir>(),
    role::entry::<Hold>(),
    role::entry::<Near>(),
    role::entry::<Far>(),
    role::entry::<Afar<Far>>(),
    role::entry::<Foreign>(),
    role::entry::<Keeper>(),
    role::entry::<Conduct>(),
    role::entry::<Outside>(),
    role::entry::<Serve>(),
    role::entry::<Afar<ServerSide>>(),
    role::entry::<FileWorker>(),
    role::entry::<Stress>(),
    role::entry::<Member<Transfer>>(),
    role::entry::<Stock>(),
    role::entry::<Receive>(),
    role::entry::<Send>(),
    role::entry::<Hand<Porter>>(),
];

fn main() -> ExitCode {
    limits::outlive_the_file_size_limit();
    role::take_over(ROLES).unwrap_or_else(cli::main)
}
