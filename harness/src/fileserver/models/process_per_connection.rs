//! A new process for each connection, as many as come.

use super::{
    Listening, Model, each_connection,
    process_pool::{Handed, Reply, WHILE_IT_RUNS, start},
};
use crate::{
    fileserver::service::{Report, Service},
    measure::usage::ProcessUse,
};
use ferrybench_data::plan::catalogue::Pool;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

pub(super) const ROW: Model = Model {
    name: "process-per-connection",
    help: "a new process serves each connection, as many as come",
    pool: Pool::Unbounded,
    accepts: false,
    hidden: false,
    serve,
};

fn serve(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let before = ProcessUse::now();
    (listening.ready)(Vec::new())?;
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        let mut number = 0;
        each_connection(&listening.listeners[0], |stream| {
            number += 1;
            let started = start(number, &service.setup, Handed::Connection, stream.into());
            let report = &report;
            // Each is waited for, so that none stays behind as a zombie.
            scope.spawn(move || {
                let mut pid = 0;
                let told = started.and_then(|worker| {
                    loop {
                        match worker.reply(WHILE_IT_RUNS) {
                            Ok(Reply::Ready(own)) => pid = own,
                            other => break other,
                        }
                    }
                });
                if service.setup.records {
                    report.lock().unwrap_or_else(PoisonError::into_inner).add(number, pid, told);
                }
            });
        });
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.processes.push(ProcessUse::now().since(&before));
    Ok(report)
}
