//! One thread: it sends one file after another.

use super::Model;
use crate::{
    fanout::{stage::Stage, worker::Porter},
    pool::Work,
};
use std::io;

pub(super) const ROW: Model = Model {
    name: "single-thread",
    assignment_name: "single thread",
    help: "one thread sends one file after another",
    sized: false,
    processes: false,
    hidden: false,
    source: include_str!("single_thread.rs"),
    program,
};

pub(super) fn program(stage: &Stage) -> io::Result<()> {
    let mut porter = Porter::new(stage.job())?;
    stage.wait_for_the_start()?;
    for task in stage.files() {
        stage.note(Ok(porter.run(task)));
    }
    Ok(())
}
