//! A new thread for each file, started when the file is there.

use super::Model;
use crate::{
    fanout::{stage::Stage, worker::Porter},
    pool::Work,
};
use std::{io, thread};

pub(super) const ROW: Model = Model {
    name: "thread-per-file",
    assignment_name: "multi thread",
    help: "a new thread sends each file",
    sized: false,
    processes: false,
    hidden: false,
    source: include_str!("thread_per_file.rs"),
    program,
};

fn program(stage: &Stage) -> io::Result<()> {
    stage.wait_for_the_start()?;
    thread::scope(|scope| {
        for task in stage.files() {
            let mut porter = Porter::new(stage.job())?;
            thread::Builder::new().spawn_scoped(scope, move || stage.note(Ok(porter.run(task))))?;
        }
        Ok(())
    })
}
