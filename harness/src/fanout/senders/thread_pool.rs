//! N threads, started before the clock: each takes the next file when it is free.

use super::Model;
use crate::{
    fanout::{
        stage::Stage,
        worker::{Porter, Task},
    },
    pool::Work,
};
use std::{
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

pub(super) const ROW: Model = Model {
    name: "thread-pool",
    assignment_name: "multi thread asynchronous",
    help: "N threads, each takes the next file when it is free",
    sized: true,
    processes: false,
    hidden: false,
    source: include_str!("thread_pool.rs"),
    program,
};

fn program(stage: &Stage) -> io::Result<()> {
    let (hand_out, queue) = mpsc::channel::<Task>();
    let queue = Mutex::new(queue);
    let next = &|| queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let (come, here) = mpsc::channel();
    thread::scope(|scope| {
        let hand_out = hand_out;
        for _ in 0..stage.workers() {
            let mut porter = Porter::new(stage.job())?;
            let come = come.clone();
            thread::Builder::new().spawn_scoped(scope, move || {
                let _ = come.send(());
                while let Ok(task) = next() {
                    stage.note(Ok(porter.run(task)));
                }
            })?;
        }
        here.iter().take(stage.workers()).for_each(drop);
        stage.wait_for_the_start()?;
        for task in stage.files() {
            let _ = hand_out.send(task);
        }
        Ok(())
    })
}
