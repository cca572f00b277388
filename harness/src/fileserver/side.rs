//! The server's side of a block: its process, and the folder that it serves, looked at between rounds. Both are on the
//! host of whoever conducts the block, or on another, where a worker of ours has them and is asked.

use super::{
    conduct::{self, PATIENCE},
    drivers::Limits,
    models,
    serve::{self, Serve},
    service::{Report, Setup},
    store::{Source, Store},
    verify::{self, Copy},
};
use crate::{
    measure::clock,
    process::{
        afar::{Remote, Rendezvous},
        partner::{Partner, Program},
        role::{Port, Role},
    },
};
use ferrybench_data::fileserver::{Operation, Spec};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Length of the files that DELETE removes, bytes.
const DELETED_BYTES: usize = 1024;

/// What a server's side is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The trial.
    pub spec: Spec,
    /// Where the server's files lie.
    pub store: Store,
    /// What uploads are held against.
    pub source: Source,
    /// How long a transfer may take.
    pub limits: Limits,
    /// The address that the server listens on, on a port that is free.
    pub address: IpAddr,
}

/// A folder that a server serves, which we may look into.
pub(super) struct Folder {
    /// Where it is.
    pub(super) root: PathBuf,
    /// Where files go back to that were verified.
    pub(super) store: Store,
    /// Length and hashes of what is uploaded.
    pub(super) source: (u64, Source),
}

impl Folder {
    /// Makes small files under these names.
    fn put(&self, names: &[String]) -> io::Result<()> {
        names.iter().try_for_each(|name| fs::write(self.root.join(name), [b'x'; DELETED_BYTES]))
    }

    /// Why uploads are not what they should be, each by itself; their pages are handed back.
    fn judge(&self, uploads: &[Upload]) -> Vec<Option<String>> {
        let copies = uploads.iter().map(|upload| Copy {
            path: self.root.join(&upload.name),
            stamped: upload.stamped.then(|| upload.name.clone()),
        });
        verify::judge(&copies.collect::<Vec<_>>(), &self.source, &self.store)
    }
}

/// A file that should have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its name at the server.
    pub name: String,
    /// Whether it begins with that name.
    pub stamped: bool,
}

/// The server's side, wherever it is.
pub(super) enum Side {
    /// On this host. Somebody else's server has a process of its own, and may have a folder that we cannot see.
    Here { server: Option<Partner<Serve>>, folder: Option<Folder> },
    /// On another host.
    There(Partner<ServerSide>),
}

/// Where the server is once it listens, and what that took.
pub(super) struct Started {
    pub(super) address: SocketAddr,
    pub(super) start_s: f64,
}

impl Side {
    /// Starts our server on this host.
    pub(super) fn start(job: &Job) -> io::Result<(Self, Started)> {
        let Job { spec, store, source, limits, address } = job;
        models::find(&spec.server_model)
            .ok_or_else(|| io::Error::other(format!("there is no server model {}", spec.server_model)))?;
        let told = serve::Job {
            setup: Setup {
                protocol: spec.protocol.clone(),
                root: store.root(),
                spares: store.spares_for(spec, Operation::Upload),
                received: spec.received,
                read_bytes: spec.read_bytes,
                limits: *limits,
                records: true,
                logs: false,
            },
            model: spec.server_model.clone(),
            workers: spec.server_pool.max(1),
            accept: spec.accept,
            address: SocketAddr::from((*address, 0)),
        };
        let begun = clock::now();
        // Whoever waits for its answer hears how it ended.
        let server: Partner<Serve> =
            Partner::process(&Program::myself(), &told, Vec::new(), Arc::new(|_| {}))?;
        let serve::Reply::Ready(address) = server.reply(PATIENCE)? else {
            return Err(io::Error::other("the server ended before it began"));
        };
        let start_s = (clock::now() - begun) as f64 / 1e9;
        let folder =
            Folder { root: store.root(), store: store.clone(), source: (spec.volume_bytes, source.clone()) };
        Ok((Self::Here { server: Some(server), folder: Some(folder) }, Started { address, start_s }))
    }

    /// Has it started on another host.
    pub(super) fn start_there(job: &Job, control: &Rendezvous) -> io::Result<(Self, Started)> {
        let partner: Partner<ServerSide> = control.partner(job, Arc::new(|_| {}))?;
        // Longer than the other host waits itself: what it has to say is the better reason.
        match partner.reply(PATIENCE + Duration::from_secs(5))? {
            Reply::Started { address, start_s } => Ok((Self::There(partner), Started { address, start_s })),
            other => Err(unexpected(other)),
        }
    }

    /// Somebody else's server, which runs already; we may look into the folder that we were told.
    pub(super) fn of_somebody_else(job: &conduct::Job) -> Self {
        let folder =
            |root: &PathBuf| Folder { root: root.clone(), store: job.store.clone(), source: job.source() };
        Self::Here { server: None, folder: job.server_root.as_ref().map(folder) }
    }

    /// Whether anybody can look into the server's folder.
    pub(super) fn is_seen(&self) -> bool {
        !matches!(self, Self::Here { folder: None, .. })
    }

    /// Makes small files that the round will remove, where we may.
    pub(super) fn put(&mut self, names: Vec<String>) -> io::Result<()> {
        match self {
            Self::Here { folder, .. } => folder.as_ref().map_or(Ok(()), |folder| folder.put(&names)),
            Self::There(partner) => match ask(partner, Cue::Put(names))? {
                Reply::Done => Ok(()),
                other => Err(unexpected(other)),
            },
        }
    }

    /// Files that LIST should bring.
    pub(super) fn visible(&mut self) -> io::Result<usize> {
        match self {
            Self::Here { folder, .. } => {
                Ok(folder.as_ref().map_or(0, |folder| verify::visible(&folder.root)))
            }
            Self::There(partner) => match ask(partner, Cue::Visible)? {
                Reply::Visible(count) => Ok(count),
                other => Err(unexpected(other)),
            },
        }
    }

    /// Of these names, those that are still there.
    pub(super) fn left(&mut self, names: Vec<String>) -> io::Result<Vec<String>> {
        match self {
            Self::Here { folder, .. } => {
                let is_left =
                    |name: &String| folder.as_ref().is_some_and(|folder| folder.root.join(name).exists());
                Ok(names.into_iter().filter(is_left).collect())
            }
            Self::There(partner) => match ask(partner, Cue::Left(names))? {
                Reply::Left(names) => Ok(names),
                other => Err(unexpected(other)),
            },
        }
    }

    /// Why uploads are not what they should be, each by itself.
    pub(super) fn judge(&mut self, uploads: Vec<Upload>) -> io::Result<Vec<Option<String>>> {
        match self {
            Self::Here { folder, .. } => {
                Ok(folder.as_ref().map_or_else(Vec::new, |folder| folder.judge(&uploads)))
            }
            Self::There(partner) => match ask(partner, Cue::Judge(uploads))? {
                Reply::Judged(faults) => Ok(faults),
                other => Err(unexpected(other)),
            },
        }
    }

    /// Ends the server: what its workers did.
    pub(super) fn end(&mut self) -> io::Result<Report> {
        match self {
            Self::Here { server, .. } => {
                let server = server.as_mut().ok_or_else(|| io::Error::other("it is not our server"))?;
                server.cue(serve::End)?;
                match server.reply(PATIENCE)? {
                    serve::Reply::Told(report) => Ok(*report),
                    serve::Reply::Ready(_) => Err(io::Error::other("the server answered out of turn")),
                }
            }
            Self::There(partner) => match ask(partner, Cue::End)? {
                Reply::Told(report) => Ok(*report),
                other => Err(unexpected(other)),
            },
        }
    }
}

/// Longest that another host may take to answer: hashing what was uploaded to it takes longest.
const LOOKING: Duration = Duration::from_secs(600);

fn ask(partner: &mut Partner<ServerSide>, cue: Cue) -> io::Result<Reply> {
    partner.cue(cue)?;
    partner.reply(LOOKING)
}

fn unexpected(reply: Reply) -> io::Error {
    io::Error::other(match reply {
        Reply::Failed(why) => why,
        other => format!("the server's host answered out of turn: {other:?}"),
    })
}

/// The role of whoever has the server's side on another host than the clients'.
pub enum ServerSide {}

/// What it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cue {
    /// Make small files.
    Put(Vec<String>),
    /// How many files are there?
    Visible,
    /// Which of these are still there?
    Left(Vec<String>),
    /// Are these what they should be?
    Judge(Vec<Upload>),
    /// End the server.
    End,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The server listens.
    Started {
        /// Where.
        address: SocketAddr,
        /// From its start until then, seconds.
        start_s: f64,
    },
    /// It is done.
    Done,
    /// So many.
    Visible(usize),
    /// These.
    Left(Vec<String>),
    /// Why not, each by itself.
    Judged(Vec<Option<String>>),
    /// What the server's workers did.
    Told(Box<Report>),
    /// It cannot be done.
    Failed(String),
}

impl Role for ServerSide {
    const NAME: &'static str = "server-side";
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn play(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        let failed = |error: io::Error| Reply::Failed(error.to_string());
        let (mut side, started) = match Side::start(&job) {
            Ok(started) => started,
            Err(error) => return port.replies.send(&failed(error)),
        };
        port.replies.send(&Reply::Started { address: started.address, start_s: started.start_s })?;
        for cue in port.cues {
            let is_last = cue == Cue::End;
            let answer = match cue {
                Cue::Put(names) => side.put(names).map(|()| Reply::Done),
                Cue::Visible => side.visible().map(Reply::Visible),
                Cue::Left(names) => side.left(names).map(Reply::Left),
                Cue::Judge(uploads) => side.judge(uploads).map(Reply::Judged),
                Cue::End => side.end().map(|report| Reply::Told(Box::new(report))),
            };
            port.replies.send(&answer.unwrap_or_else(failed))?;
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Remote for ServerSide {
    const AFAR: &'static str = "server-afar";

    fn play_afar(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        Self::play(job, port)
    }
}
