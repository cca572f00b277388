//! A new process for each file, started when the file is there.

use super::Model;
use crate::{
    fanout::{stage::Stage, worker::Porter},
    pool::Hired,
};
use std::io;

pub(super) const ROW: Model = Model {
    name: "process-per-file",
    assignment_name: "multi process",
    help: "a new process sends each file",
    sized: false,
    processes: true,
    hidden: false,
    source: include_str!("process_per_file.rs"),
    program,
};

fn program(stage: &Stage) -> io::Result<()> {
    stage.wait_for_the_start()?;
    let mut under_way = Vec::new();
    for task in stage.files() {
        let file = task.file;
        let mut worker = Hired::<Porter>::start(stage.job())?;
        under_way.push((file, worker.give(task).map(|()| worker)));
    }
    for (file, worker) in under_way {
        let done = worker.and_then(|worker| worker.done(stage.patience()));
        stage.note_process(file, done);
    }
    Ok(())
}
