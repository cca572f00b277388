//! Tasks of tokio on one thread for each CPU; a semaphore lets N connections in at a time.

use super::{Listening, Model, ends_listening, one_process};
use crate::{
    fileserver::service::{Report, Service, Worker},
    measure::{clock, usage::ProcessUse},
};
use ferrybench_data::plan::catalogue::Pool;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Builder, sync::Semaphore};

pub(super) const ROW: Model = Model {
    name: "tokio",
    help: "tasks of tokio on a thread for each CPU; a semaphore lets N connections in at a time",
    pool: Pool::Sized,
    accepts: false,
    hidden: false,
    serve,
};

fn serve(mut listening: Listening, service: &Arc<Service>) -> io::Result<Report> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let count = listening.workers;
    let free: VecDeque<Worker> = (1..=count).map(|number| Worker::new(number, service)).collect();
    let free = Arc::new(Mutex::new(free));
    let listener = listening.listeners.remove(0);
    listener.set_nonblocking(true)?;
    let ready = runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let places = Arc::new(Semaphore::new(count as usize));
        let ready = ProcessUse::now();
        (listening.ready)(Vec::new())?;
        // A connection is taken when there is a place for it: the others wait with the kernel.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let mut stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) if ends_listening(&error) => break,
                Err(_) => {
                    clock::pause(Duration::from_millis(1));
                    continue;
                }
            };
            let (free, service) = (Arc::clone(&free), Arc::clone(service));
            tokio::spawn(async move {
                let worker = free.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let mut worker = worker.expect("there are as many workers as places");
                worker.is_here();
                worker.serve_async(&mut stream, &service).await;
                drop(stream);
                free.lock().unwrap_or_else(PoisonError::into_inner).push_back(worker);
                drop(place);
            });
        }
        // Those under way are served to their end.
        let _ = places.acquire_many(count).await;
        io::Result::Ok(ready)
    })?;
    let mut workers: Vec<Worker> =
        std::mem::take(&mut *free.lock().unwrap_or_else(PoisonError::into_inner)).into();
    workers.sort_by_key(|worker| worker.told.worker);
    Ok(one_process(workers, &ready))
}
