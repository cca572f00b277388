//! The role of a stress client: a pool of workers that make transfers, round after round.

use super::transfer::{self, Done, Task, Transfer};
use crate::{
    host::limits,
    measure::usage::ProcessUse,
    pool::{self, Round},
    process::role::{Port, Role},
};
use serde::{Deserialize, Serialize};
use std::{io, time::Duration};

/// The role of a stress client.
pub enum Stress {}

/// What a stress client is told first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Name of the pool's model.
    pub model: String,
    /// Workers of the pool.
    pub workers: u32,
    /// What each of them is told.
    pub transfer: transfer::Job,
}

/// One round: what each worker transfers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cue {
    /// A list for each worker.
    pub tasks: Vec<Vec<Task>>,
    /// How long the round may take, milliseconds.
    pub deadline_ms: u64,
}

/// What a stress client answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Its workers are there.
    Ready,
    /// A round is done; with what this process used so far.
    Round(Box<Round<Done>>, ProcessUse),
}

impl Role for Stress {
    const NAME: &'static str = "client";
    type Job = Job;
    type Cue = Cue;
    type Reply = Reply;

    fn play(job: Job, port: Port<Cue, Reply>) -> io::Result<()> {
        limits::raise_descriptors();
        let mut pool = pool::start::<Transfer>(&job.model, job.workers, &job.transfer)?;
        port.replies.send(&Reply::Ready)?;
        for cue in port.cues {
            let round = pool.round(cue.tasks, Duration::from_millis(cue.deadline_ms))?;
            port.replies.send(&Reply::Round(Box::new(round), ProcessUse::now()))?;
        }
        Ok(())
    }
}
