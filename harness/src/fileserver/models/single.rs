//! One thread, one connection at a time.

use super::{Listening, Model, accepting, one_process};
use crate::{
    fileserver::service::{Report, Service},
    measure::usage::ProcessUse,
};
use ferrybench_data::plan::catalogue::Pool;
use std::{io, sync::Arc};

pub(super) const ROW: Model = Model {
    name: "single",
    help: "one thread serves one connection at a time",
    pool: Pool::One,
    accepts: false,
    hidden: false,
    serve,
};

fn serve(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let ready = ProcessUse::now();
    (listening.ready)(Vec::new())?;
    Ok(one_process(vec![accepting(1, &listening.listeners[0], service)], &ready))
}
