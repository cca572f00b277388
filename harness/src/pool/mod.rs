//! K tasks on N workers: threads, processes or tasks of tokio, released together by a barrier; and single processes that
//! take tasks as they come. Client pools and senders share what a worker is.

mod gate;
mod hand;
mod processes;
mod threads;
mod tokio;

pub use hand::{Hand, Hired};
pub use processes::Member;

use crate::measure::usage::{ProcessUse, Usage};
use ferrybench_data::plan::catalogue::Named;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{io, time::Duration};

/// What the workers of a pool do.
pub trait Work: Sized + Send + 'static {
    /// The role of a worker that is a process.
    const ROLE: &'static str;
    /// What all workers are told at the start.
    type Job: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
    /// One task.
    type Task: Serialize + DeserializeOwned + Send + 'static;
    /// What came of it.
    type Done: Serialize + DeserializeOwned + Send + 'static;
    /// What a process that takes tasks as they come tells of one before it is done.
    type Progress: Serialize + DeserializeOwned + Send + 'static;

    /// A worker that has done nothing: what it keeps from one task to the next.
    fn new(job: &Self::Job) -> io::Result<Self>;
    /// Does a task by blocking calls.
    fn run(&mut self, task: Self::Task) -> Self::Done;
    /// Does it as a task of tokio.
    fn run_async(&mut self, task: Self::Task) -> impl Future<Output = Self::Done> + Send;
    /// What tells how far this process is with a task, each time of what came since the last; `None` where nobody wants to
    /// know.
    fn watch(_task: &Self::Task) -> Option<Watch<Self::Progress>> {
        None
    }
    /// A process that this one started told how far it is.
    fn overheard(_progress: &Self::Progress) {}
}

/// Looks how far a task is.
pub type Watch<P> = Box<dyn FnMut() -> P + Send>;

/// Workers that stay from one round to the next.
pub trait Pool<W: Work> {
    /// Each worker gets its own list, waits at the barrier, and does one task after another. Every worker has answered
    /// when this returns, or is named as dead.
    fn round(&mut self, tasks: Vec<Vec<W::Task>>, deadline: Duration) -> io::Result<Round<W::Done>>;
}

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round<D> {
    /// When the barrier was released, on the monotonic clock of this host.
    pub released_ns: u64,
    /// What each worker did, in its tasks' order; or how it died.
    pub workers: Vec<Result<Vec<D>, String>>,
    /// What all workers together used in the round. The delay of tasks of tokio is not known and counts as none.
    pub used: Usage,
    /// The worker processes so far, where workers are processes.
    pub processes: Vec<ProcessUse>,
}

/// One model of a pool.
struct Model {
    name: &'static str,
    help: &'static str,
}

const THREADS: Model = Model { name: "thread-pool", help: "N threads of one process" };
const PROCESSES: Model = Model { name: "process-pool", help: "N processes" };
const TOKIO: Model = Model { name: "tokio", help: "N tasks of tokio on a thread for each CPU" };

/// What a plan may name, as data.
pub fn describe() -> Vec<Named> {
    let named = |model: Model| Named { name: model.name.to_owned(), help: model.help.to_owned() };
    [THREADS, PROCESSES, TOKIO].map(named).into()
}

/// Starts the workers of a pool.
pub fn start<W: Work>(model: &str, workers: u32, job: &W::Job) -> io::Result<Box<dyn Pool<W>>> {
    match model {
        name if name == THREADS.name => Ok(Box::new(threads::Threads::start(workers, job)?)),
        name if name == PROCESSES.name => Ok(Box::new(processes::Processes::start(workers, job)?)),
        name if name == TOKIO.name => Ok(Box::new(tokio::Tasks::start(workers, job)?)),
        other => Err(io::Error::other(format!("there is no pool {other}"))),
    }
}
