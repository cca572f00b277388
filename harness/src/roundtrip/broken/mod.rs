//! Mechanisms that are broken on purpose, one for each way in which published tables of this kind went wrong. They are
//! hidden: a plan runs one only by naming it. A test shows that the audit flags each.
//!
//! The last two are no lies: their far end dies or falls silent, which whoever supervises must survive.

mod crash;
mod half;
mod hang;
mod no_wait;
mod same_thread;
mod signals;
mod sleep_poll;
mod untouched;

use super::{Ends, Handles, Making, descriptors::Make, mechanisms::pipe, registry::Mechanism};
use ferrybench_data::roundtrip::{Pattern, Peers, Spec, Wait};
use std::io;

pub(super) static ALL: &[Mechanism] = &[
    same_thread::ROW,
    untouched::ROW,
    no_wait::ROW,
    signals::ROW,
    sleep_poll::ROW,
    half::ROW,
    crash::ROW,
    hang::ROW,
];

/// What they claim to be: a pipe between processes.
const CLAIM: Mechanism = Mechanism {
    patterns: &[Pattern::Rtt],
    peers: &[Peers::Process],
    waits: &[Wait::Block],
    largest: || Ok(Some(SMALL)),
    ..pipe::ROW
};

/// A message that fits into a pipe, whoever reads it and when.
const SMALL: u64 = 4096;

/// A pipe's ends, of which the far one is told that it is: by a note that is not 0.
fn pipes_that_know(spec: &Spec, making: &Making) -> io::Result<Ends<Handles>> {
    let Ends { near, far } = pipe::Pipe::ends(spec, making)?;
    Ok(Ends { near, far: Handles { note: 1, ..far } })
}
