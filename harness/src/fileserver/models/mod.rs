//! Who serves which connection: one file for each model of a server, and their table.

mod broken;
mod process_per_connection;
mod process_pool;
mod single;
mod thread_per_connection;
mod thread_pool;
mod tokio;

pub use process_pool::FileWorker;

use super::service::{Report, Service, Worker};
use crate::measure::{clock, usage::ProcessUse};
use ferrybench_data::{
    fileserver::Accept,
    plan::catalogue::{Pool, ServerModel},
};
use rustix::net::{Shutdown, shutdown};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

/// One model of a server.
pub struct Model {
    /// Its name in plans, tables and on the command line.
    pub name: &'static str,
    /// One sentence for `list`.
    pub help: &'static str,
    /// What its pool is.
    pub pool: Pool,
    /// Whether its workers are processes that can share their accepting in other ways.
    pub accepts: bool,
    /// Broken on purpose, to show that the audit sees it.
    pub hidden: bool,
    /// Serves until the listening ends, then tells what its workers did.
    pub serve: fn(Listening, &Arc<Service>) -> io::Result<Report>,
}

/// Every model.
pub static ALL: &[Model] = &[
    single::ROW,
    thread_per_connection::ROW,
    thread_pool::ROW,
    process_per_connection::ROW,
    process_pool::ROW,
    tokio::ROW,
    broken::IDLE,
    broken::POOL,
    broken::TRUNCATE,
    broken::DROP,
];

/// The model of that name.
pub fn find(name: &str) -> Option<&'static Model> {
    ALL.iter().find(|model| model.name == name)
}

/// What a plan may name, as data.
pub fn describe() -> Vec<ServerModel> {
    ALL.iter()
        .map(|model| ServerModel {
            name: model.name.to_owned(),
            help: model.help.to_owned(),
            pool: model.pool,
            processes: model.accepts,
            hidden: model.hidden,
            lacking: None,
        })
        .collect()
}

/// A port that is listened on, and by how many workers.
pub struct Listening {
    /// One socket, or one for each worker under `reuseport`.
    pub listeners: Vec<TcpListener>,
    /// How the workers come to their connections.
    pub accept: Accept,
    /// Workers of a pool.
    pub workers: u32,
    /// Told once when every worker is there and connections will be served.
    pub ready: Box<dyn FnOnce(Vec<u32>) -> io::Result<()> + Send>,
}

/// Connections that may wait for a worker.
const BACKLOG: i32 = 4096;

impl Listening {
    /// Begins to listen. Port 0 takes any free one.
    pub fn on(address: SocketAddr, accept: Accept, workers: u32) -> io::Result<(Self, SocketAddr)> {
        let count = if accept == Accept::Reuseport { workers.max(1) } else { 1 };
        if accept == Accept::Reuseport && address.port() != 0 {
            // Else two servers would share the port, and each of their clients meet either.
            drop(listen(address, Accept::Shared)?);
        }
        let mut listeners = vec![listen(address, accept)?];
        let taken = listeners[0].local_addr()?;
        for _ in 1..count {
            listeners.push(listen(taken, accept)?);
        }
        Ok((Self { listeners, accept, workers, ready: Box::new(|_| Ok(())) }, taken))
    }

    /// What ends the listening from another thread.
    pub fn stop(&self) -> io::Result<Stop> {
        Ok(Stop(self.listeners.iter().map(TcpListener::try_clone).collect::<io::Result<_>>()?))
    }
}

fn listen(address: SocketAddr, accept: Accept) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if accept == Accept::Reuseport {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Ends the listening of a server: whoever waits in `accept` is woken, in other processes too.
pub struct Stop(Vec<TcpListener>);

impl Stop {
    /// No connection is taken any more; those under way are served to their end.
    pub fn ask(&self) {
        for listener in &self.0 {
            let _ = shutdown(listener, Shutdown::Both);
        }
    }
}

/// Takes connections one after another until the listening ends, and has each served.
fn each_connection(listener: &TcpListener, mut serve: impl FnMut(std::net::TcpStream)) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => serve(stream),
            Err(error) if ends_listening(&error) => return,
            Err(error) => pause_after(&error),
        }
    }
}

/// Lets a moment pass after an `accept` that failed: the peer was gone before we came, and the next one may be there; or
/// something ran out, and nothing is gained by asking again before others have had time to give it back.
fn pause_after(error: &io::Error) {
    let ran_out =
        matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM));
    clock::pause(Duration::from_millis(if ran_out { 50 } else { 1 }));
}

/// Whether an error of `accept` means that there will be no more connections.
fn ends_listening(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EBADF | libc::ENOTSOCK))
}

/// A worker that takes connections from a listening socket until the listening ends.
fn accepting(number: u32, listener: &TcpListener, service: &Service) -> Worker {
    let mut worker = Worker::new(number, service);
    worker.is_here();
    each_connection(listener, |stream| worker.serve(&stream, service));
    worker
}

/// The report of a server that is one process, and was ready at an earlier time.
fn one_process(workers: Vec<Worker>, ready: &ProcessUse) -> Report {
    let workers = workers.into_iter().map(|worker| worker.told).collect();
    Report { workers, processes: vec![ProcessUse::now().since(ready)] }
}
