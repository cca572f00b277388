//! A new thread for each connection, as many as come.

use super::{Listening, Model, each_connection, one_process};
use crate::{
    fileserver::service::{Report, Service, Worker},
    measure::usage::ProcessUse,
};
use ferrybench_data::plan::catalogue::Pool;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

pub(super) const ROW: Model = Model {
    name: "thread-per-connection",
    help: "a new thread serves each connection, as many as come",
    pool: Pool::Unbounded,
    accepts: false,
    hidden: false,
    serve,
};

fn serve(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let ready = ProcessUse::now();
    (listening.ready)(Vec::new())?;
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let mut number = 0;
        each_connection(&listening.listeners[0], |stream| {
            number += 1;
            let done = &done;
            let work = move || {
                let mut worker = Worker::new(number, service);
                worker.is_here();
                worker.serve(&stream, service);
                if service.setup.records {
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                }
            };
            // Where there is no thread to be had, the connection is closed, which is all that can be done for it.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        });
    });
    Ok(one_process(done.into_inner().unwrap_or_else(PoisonError::into_inner), &ready))
}
