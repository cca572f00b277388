//! Servers that are broken on purpose, in the ways in which hand-written ones were: to show that each is seen to.

use super::{Listening, Model, thread_pool};
use crate::fileserver::service::{Report, Service, Setup};
use ferrybench_data::{fileserver::Received, plan::catalogue::Pool};
use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

pub(super) const IDLE: Model =
    broken("broken-idle", "counts workers that served nobody as successful", count_idle);
pub(super) const POOL: Model =
    broken("process-broken-pool", "says that it has processes, and has threads", pretend_processes);
pub(super) const TRUNCATE: Model =
    broken("broken-truncate", "serves files without their last byte", truncate);
pub(super) const DROP: Model =
    broken("broken-drop", "says that uploads were stored, and drops them", drop_uploads);

const fn broken(
    name: &'static str,
    help: &'static str,
    serve: fn(Listening, &Arc<Service>) -> io::Result<Report>,
) -> Model {
    Model { name, help, pool: Pool::Sized, accepts: false, hidden: true, serve }
}

fn count_idle(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let mut report = (thread_pool::ROW.serve)(listening, service)?;
    for told in &mut report.workers {
        told.ok = told.ok.max(1);
    }
    Ok(report)
}

fn pretend_processes(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    (thread_pool::ROW.serve)(listening, service)
}

fn truncate(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let root = &service.setup.root;
    let own = root.with_file_name(format!("truncated-{}", MADE.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&own)?;
    for entry in fs::read_dir(root)?.filter_map(Result::ok) {
        let content = fs::read(entry.path())?;
        fs::write(own.join(entry.file_name()), &content[..content.len().saturating_sub(1)])?;
    }
    let other = Service::open(Setup { root: own.clone(), ..service.setup.clone() })?;
    let report = (thread_pool::ROW.serve)(listening, &Arc::new(other));
    fs::remove_dir_all(&own)?;
    report
}

fn drop_uploads(listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let setup = Setup { received: Received::Discarded, ..service.setup.clone() };
    (thread_pool::ROW.serve)(listening, &Arc::new(Service::open(setup)?))
}
