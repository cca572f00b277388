//! A task of tokio for each file, on a thread for each CPU; started before the clock.

use super::Model;
use crate::{
    fanout::{stage::Stage, worker::Porter},
    pool::Work,
};
use std::io;
use tokio::{runtime::Builder, time::timeout};

pub(super) const ROW: Model = Model {
    name: "tokio",
    assignment_name: "",
    help: "a task of tokio sends each file, on a thread for each CPU",
    sized: false,
    processes: false,
    hidden: false,
    source: include_str!("tokio.rs"),
    program,
};

fn program(stage: &Stage) -> io::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    stage.wait_for_the_start()?;
    let mut under_way = Vec::new();
    for task in stage.files() {
        let file = task.file;
        let mut porter = Porter::new(stage.job())?;
        under_way.push((file, runtime.spawn(async move { porter.run_async(task).await })));
    }
    runtime.block_on(async {
        for (file, carried) in under_way {
            let done = match timeout(stage.patience(), carried).await {
                Ok(Ok(sent)) => Ok(sent),
                Ok(Err(error)) => Err(format!("file {file}: its task ended: {error}")),
                Err(_) => Err(format!("file {file}: its task did not end in time")),
            };
            stage.note(done);
        }
    });
    Ok(())
}
