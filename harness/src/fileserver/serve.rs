//! The role of a server: one model, one protocol, one folder, until it is told to end.

use super::{
    models::{self, Listening},
    service::{Report, Service, Setup},
};
use crate::{
    host::limits,
    process::role::{Port, Role},
};
use ferrybench_data::fileserver::Accept;
use serde::{Deserialize, Serialize};
use std::{io, net::SocketAddr, sync::Arc, thread};

/// The role of a server.
pub enum Serve {}

/// What a server is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What it serves.
    pub setup: Setup,
    /// Name of its model.
    pub model: String,
    /// Workers of its pool.
    pub workers: u32,
    /// How they come to their connections.
    pub accept: Accept,
    /// Where it listens; port 0 takes any.
    pub address: SocketAddr,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It serves.
    Ready(SocketAddr),
    /// What its workers did.
    Told(Box<Report>),
}

/// The word that ends the listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End;

impl Role for Serve {
    const NAME: &'static str = "serve";
    type Job = Job;
    type Cue = End;
    type Reply = Reply;

    fn play(job: Job, port: Port<End, Reply>) -> io::Result<()> {
        limits::raise_descriptors();
        let model = models::find(&job.model)
            .ok_or_else(|| io::Error::other(format!("there is no server model {}", job.model)))?;
        let service = Arc::new(Service::open(job.setup)?);
        let (mut listening, address) = Listening::on(job.address, job.accept, job.workers)?;
        let stop = listening.stop()?;
        thread::spawn(move || {
            // Told to end, or left alone: both end it.
            let _ = port.cues.recv();
            stop.ask();
        });
        let replies = port.replies.clone();
        listening.ready = Box::new(move |_| replies.send(&Reply::Ready(address)));
        let report = (model.serve)(listening, &service)?;
        port.replies.send(&Reply::Told(Box::new(report)))
    }
}
