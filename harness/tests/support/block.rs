//! One block of one trial, without a coordinator.

use super::program;
use ferrybench::{
    measure::place,
    process::partner::Partner,
    roundtrip::{
        Near,
        near::{Block, Job, Reply},
    },
};
use ferrybench_data::{
    roundtrip::{Evidence, Pattern, Peers, Placement, Source, Spec, Wait},
    units::Span,
};
use std::{path::Path, sync::Arc, time::Duration};

/// A trial with both ends where the scheduler puts them.
pub fn trial(mechanism: &str, pattern: Pattern, message_bytes: u64, peers: Peers, wait: Wait) -> Spec {
    Spec {
        mechanism: mechanism.to_owned(),
        pattern,
        message_bytes,
        peers,
        wait,
        placement: Placement::Unpinned,
        producers: 1,
        source: Source::BuiltIn,
        hosts: String::new(),
    }
}

/// What a near worker is told: so many exchanges after hardly any warm-up.
pub fn job(spec: &Spec, exchanges: u64, folder: &Path) -> Job {
    Job {
        spec: spec.clone(),
        warm_up: Span(1_000),
        leg: None,
        exchanges: Some(exchanges),
        seed: 1,
        places: place::choose(&place::allowed().unwrap()),
        clock_cost_ns: 22.0,
        folder: folder.to_owned(),
        far_host: None,
    }
}

/// Runs a block to its end and removes what it declared, as an agent does.
pub fn run(spec: &Spec, exchanges: u64) -> Result<Evidence, String> {
    let folder = tempfile::tempdir().unwrap();
    let job = job(spec, exchanges, folder.path());
    let near = Partner::<Near>::process(&program(), &job, Vec::new(), Arc::new(|_| {})).unwrap();
    let mut declared = Vec::new();
    let ended = loop {
        match near.reply(Duration::from_secs(60)) {
            Ok(Reply::Declare(remains)) => declared.push(remains),
            Ok(Reply::Done(block)) => {
                let Block { evidence, .. } = *block;
                break Ok(evidence);
            }
            Ok(Reply::Failed(reason)) => break Err(reason),
            Err(error) => break Err(error.to_string()),
        }
    };
    drop(near);
    for remains in declared {
        remains.remove();
    }
    ended
}
