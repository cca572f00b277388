//! A fixed number of threads that all accept from one socket.

use super::{Listening, Model, accepting, one_process};
use crate::{
    fileserver::service::{Report, Service},
    measure::usage::ProcessUse,
};
use ferrybench_data::plan::catalogue::Pool;
use std::{io, sync::Arc, thread};

pub(super) const ROW: Model = Model {
    name: "thread-pool",
    help: "N threads accept from one socket; each serves one connection at a time",
    pool: Pool::Sized,
    accepts: false,
    hidden: false,
    serve,
};

fn serve(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let listener = &listening.listeners[0];
    thread::scope(|scope| {
        let begin = |number| {
            let work = move || accepting(number, listener, service);
            thread::Builder::new().name(format!("server {number}")).spawn_scoped(scope, work)
        };
        let threads: Vec<_> = (1..=listening.workers).map(begin).collect::<io::Result<_>>()?;
        let ready = ProcessUse::now();
        (listening.ready)(Vec::new())?;
        Ok(one_process(threads.into_iter().filter_map(|thread| thread.join().ok()).collect(), &ready))
    })
}
