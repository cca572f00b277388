//! The process that holds network namespaces: one a thread. They have no names, so they are gone when it is.

use crate::process::role::{Port, Role};
use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid, gettid, setsid},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io,
    sync::{OnceLock, mpsc},
    thread,
};

/// The role of whoever holds namespaces.
pub enum Hold {}

/// What a holder is told first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Namespaces to hold.
    pub namespaces: u32,
    /// Whether they lie in a user namespace of their own, which an ordinary user may make.
    pub user_namespace: bool,
}

/// What a holder is told later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cue {
    /// Stay, in a session of your own: whoever started you has noted how to find you.
    Keep,
}

/// What a holder answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// They are there.
    Holding {
        /// The thread that lives in each: `/proc/THREAD/ns/net` leads there.
        threads: Vec<i32>,
    },
    /// They are not: one sentence.
    Failed(String),
    /// It stays.
    Kept,
}

/// How entering the user namespace went.
static ENTERED: OnceLock<Result<(), String>> = OnceLock::new();

impl Role for Hold {
    const NAME: &'static str = "hold";
    // One that is kept leads a session, which the leader of a group cannot begin.
    const LEADS_GROUP: bool = false;
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn alone(job: &Job) {
        if job.user_namespace {
            let entered = enter_user_namespace().map_err(|error| error.to_string());
            let _ = ENTERED.set(entered);
        }
    }

    fn play(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        let held = match ENTERED.get() {
            Some(Err(why)) => Err(format!("a user namespace cannot be made: {why}")),
            _ => hold(job.namespaces).map_err(|error| format!("a network namespace cannot be made: {error}")),
        };
        match held {
            Ok(threads) => {
                port.replies.send(&Reply::Holding { threads })?;
            }
            Err(why) => return port.replies.send(&Reply::Failed(why)),
        }
        let mut own_input = Vec::new();
        while let Ok(Cue::Keep) = port.cues.recv() {
            // Who holds the other end of its own input sees no end of it.
            own_input.push(OpenOptions::new().write(true).open("/proc/self/fd/0")?);
            setsid()?;
            port.replies.send(&Reply::Kept)?;
        }
        Ok(())
    }
}

/// Makes this process root of a user namespace of its own, in which it is its user's only self.
fn enter_user_namespace() -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    // An ordinary user may map its own group only after it gave up changing groups.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// Starts a thread for each namespace; they live as long as the process.
fn hold(namespaces: u32) -> io::Result<Vec<i32>> {
    let mut threads = Vec::new();
    for _ in 0..namespaces {
        let (tell, told) = mpsc::channel();
        thread::Builder::new().stack_size(64 << 10).spawn(move || {
            let made = unshare(CloneFlags::CLONE_NEWNET).map(|()| gettid().as_raw());
            if tell.send(made).is_ok() {
                loop {
                    thread::park();
                }
            }
        })?;
        let made = told.recv().map_err(|_| io::Error::other("its thread is gone"))?;
        threads.push(made?);
    }
    Ok(threads)
}
