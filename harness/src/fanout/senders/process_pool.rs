//! N processes, started before the clock: each gets the next file when it is free.

use super::Model;
use crate::{
    fanout::{
        stage::Stage,
        worker::{Porter, Task},
    },
    pool::Hired,
};
use std::{
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

pub(super) const ROW: Model = Model {
    name: "process-pool",
    assignment_name: "multi process asynchronous",
    help: "N processes, each gets the next file when it is free",
    sized: true,
    processes: true,
    hidden: false,
    source: include_str!("process_pool.rs"),
    program,
};

fn program(stage: &Stage) -> io::Result<()> {
    let workers: Vec<_> =
        (0..stage.workers()).map(|_| Hired::<Porter>::start(stage.job())).collect::<io::Result<_>>()?;
    for worker in &workers {
        worker.is_ready()?;
    }
    let (hand_out, queue) = mpsc::channel::<Task>();
    let queue = Mutex::new(queue);
    let next = &|| queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    thread::scope(|scope| {
        let hand_out = hand_out;
        for mut worker in workers {
            // A process does not know of the others: a thread gives it one file after another.
            thread::Builder::new().spawn_scoped(scope, move || {
                while let Ok(task) = next() {
                    let file = task.file;
                    let done = worker.give(task).and_then(|()| worker.done(stage.patience()));
                    let is_dead = done.is_err();
                    stage.note_process(file, done);
                    if is_dead {
                        return;
                    }
                }
            })?;
        }
        stage.wait_for_the_start()?;
        for task in stage.files() {
            let _ = hand_out.send(task);
        }
        Ok(())
    })
}
