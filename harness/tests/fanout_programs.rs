//! What the sending programs claim of themselves: their pauses, their workers and their counts, and what becomes of a lie.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ferrybench::fanout::{
    evidence::{Around, Heard, join},
    send::{From, Job},
    told::{Received, Sent},
};
use ferrybench_data::{
    family::Family,
    fanout::{Fanout, FetchWhere, OK, Reliability, Spec},
};
use std::sync::{Arc, Barrier};
use support::{
    Place,
    fanout::{Stand, content, send, spec, web_server},
};

const THINK_MS: u64 = 300;
const THINK_NS: u64 = THINK_MS * 1_000_000;

/// Two files from the web, a worker for each: what the sender did.
///
/// `at_once`: no file is served before both have been asked for, so that no worker can fetch both.
fn fetched_by(
    model: &str,
    fetch_where: FetchWhere,
    think_ms: u64,
    at_once: bool,
) -> (Job, Sent, Vec<Received>) {
    let place = Place::new();
    let mut spec = spec();
    (spec.sender_model, spec.pool_size) = (model.into(), if model.ends_with("pool") { 2 } else { 0 });
    (spec.fetch_where, spec.think_ms) = (fetch_where, think_ms);
    spec.files = 2;
    let contents = [content(70_000, 7), content(60_000, 8)];
    let stand = Stand::new(&place, spec, &contents, |_| {});
    let mut job = stand.job();
    job.into = Some(place.path("tmp"));
    let asked = Arc::new(Barrier::new(if at_once { 2 } else { 1 }));
    for (source, content) in job.sources.iter_mut().zip(contents) {
        source.from = From::Url(web_server(content, Arc::clone(&asked)));
    }
    let sent = send(&job);
    (job, sent, stand.finish())
}

#[test]
fn each_file_is_paused_for_between_its_fetch_and_its_first_datagram() {
    for (model, fetch_where, together) in [
        ("single-thread", FetchWhere::InWorker, false),
        ("thread-pool", FetchWhere::InWorker, true),
        ("process-pool", FetchWhere::InWorker, true),
        ("tokio", FetchWhere::InWorker, true),
        ("thread-per-file", FetchWhere::InWorker, true),
        ("process-per-file", FetchWhere::ParentSerial, false),
    ] {
        let (_, sent, _) = fetched_by(model, fetch_where, THINK_MS, together);
        // When a file was there, and when its first datagram left.
        let pauses: Vec<(u64, u64)> = sent
            .files
            .iter()
            .map(|file| {
                assert_eq!(file.outcome, OK, "{model}");
                let there = file.fetch.as_ref().unwrap().ended_ns.max(file.begun_ns);
                (there, file.first_ns.unwrap())
            })
            .collect();
        let [first, second] = pauses[..] else { panic!("two files were sent") };
        for (there, left) in [first, second] {
            assert!(left >= there + THINK_NS, "{model} paused for {} ns", left - there);
        }
        let one_after_another = if model == "single-thread" { 2 } else { 1 };
        let total = sent.ended_ns - sent.passed_barrier_ns;
        assert!(total >= THINK_NS * one_after_another, "{model} took {total} ns");
        let overlap = first.0.max(second.0) < first.1.min(second.1);
        if together {
            // A pause lies between the two instants of a file, and each worker had one file.
            assert!(overlap, "{model} paused for one file after the other: {pauses:?}");
        } else if one_after_another == 2 {
            assert!(!overlap, "one thread cannot pause for two files at once: {pauses:?}");
        }
    }
}

/// Why nobody should believe a row of this claim, by what its sender and receivers told.
fn reasons(claim: &Spec, sent: &Sent, received: Vec<Received>) -> Vec<String> {
    let heard: Vec<_> = received
        .into_iter()
        .map(|told| Heard {
            receiver: told.receiver,
            host: String::new(),
            address: told.address.to_string(),
            told: Ok(told),
            offset_ns: 0,
        })
        .collect();
    let around = Around { hosts_distinct: 1, ..Around::default() };
    let (seen, ..) = join(claim, sent, &heard, &around);
    Fanout::audit(claim, &seen)
}

#[test]
fn datagrams_that_were_never_sent_are_not_believed() {
    let place = Place::new();
    let mut spec = spec();
    (spec.reliability, spec.file_bytes) = (Reliability::Unrepaired, 50_000);
    let stand = Stand::new(&place, spec, &[content(50_000, 14)], |_| {});
    let mut job = stand.job();
    job.spec.sender_model = "broken-claims".into();
    let sent = send(&job);
    let reasons = reasons(&job.spec, &sent, stand.finish());
    assert!(
        reasons.iter().any(|why| why.contains("the files make up 72 datagrams, 80 were sent")),
        "{reasons:?}"
    );
}

#[test]
fn one_thread_is_not_believed_to_be_a_pool() {
    // Its pauses are so long that a second worker of a pool would have taken the second file.
    let (job, sent, received) = fetched_by("broken-one-thread", FetchWhere::InWorker, THINK_MS, false);
    assert!(sent.files.iter().all(|file| file.outcome == OK));
    for (model, pool_size, claim) in [
        ("process-pool", 2, "2 to 2 processes"),
        ("thread-pool", 2, "2 to 2 threads of one process"),
        ("process-per-file", 0, "2 processes"),
        ("thread-per-file", 0, "2 threads of one process"),
    ] {
        let claimed = Spec { sender_model: model.into(), pool_size, ..job.spec.clone() };
        assert_eq!(
            reasons(&claimed, &sent, received.clone()),
            [format!("{model} claims {claim}, and its workers are 1 threads of 1 processes")]
        );
    }
    // What it is, is believed: the rest of the row is sound.
    let honest = Spec { sender_model: "single-thread".into(), pool_size: 0, ..job.spec.clone() };
    assert_eq!(reasons(&honest, &sent, received), [""; 0]);
}
