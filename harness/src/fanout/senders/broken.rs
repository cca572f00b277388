//! Senders that are broken on purpose, to show that each is seen to.

use super::{Model, single_thread};
use crate::fanout::stage::Stage;
use std::io;

/// It counts datagrams that it never sent.
pub(super) const CLAIMS_MORE: Model = Model {
    name: "broken-claims",
    help: "claims a tenth more datagrams than it sent",
    program: claim_more,
    ..BROKEN
};

/// It is named as a pool of processes, and is one thread.
pub(super) const ONE_THREAD: Model = Model {
    name: "broken-one-thread",
    help: "says that it has workers, and sends from one thread",
    sized: true,
    processes: true,
    ..BROKEN
};

const BROKEN: Model = Model {
    name: "",
    assignment_name: "",
    help: "",
    sized: false,
    processes: false,
    hidden: true,
    source: include_str!("broken.rs"),
    program: single_thread::program,
};

fn claim_more(stage: &Stage) -> io::Result<()> {
    single_thread::program(stage)?;
    stage.amend(|sent| {
        for flow in &mut sent.flows {
            flow.transmissions += flow.transmissions / 10 + 1;
        }
    });
    Ok(())
}
