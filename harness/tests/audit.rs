//! What is broken on purpose is found out: each defect by the reason that it deserves.

#![allow(clippy::unwrap_used, reason = "a test may, and this is one")]

mod support;

use ferrybench_data::{
    family::Family,
    roundtrip::{Pattern, Peers, Placement, RoundTrip, Spec, Wait},
};
use std::io::{Read, Write};
use support::{Place, block, eventually, pause};

fn broken(name: &str) -> Spec {
    let spec = block::trial(name, Pattern::Rtt, 64, Peers::Process, Wait::Block);
    Spec { placement: Placement::SameCpu, ..spec }
}

#[track_caller]
fn is_flagged(name: &str, deserved: &str) {
    let spec = broken(name);
    let reasons = RoundTrip::audit(&spec, &block::run(&spec, 1_000).unwrap());
    assert!(reasons.iter().any(|reason| reason.contains(deserved)), "{name}: {reasons:?}");
}

#[test]
fn a_sound_pipe_passes() {
    let spec = broken("pipe");
    let seen = block::run(&spec, 1_000).unwrap();
    assert_eq!(RoundTrip::audit(&spec, &seen), Vec::<String>::new());
}

#[test]
fn one_thread_at_both_ends() {
    is_flagged("broken-same-thread", "both ends are process");
}

#[test]
fn an_untouched_payload() {
    is_flagged("broken-untouched", "1000 of 1000 messages did not verify at the far end");
}

#[test]
fn an_answer_before_the_request() {
    is_flagged("broken-no-wait", "messages did not verify at the far end");
}

#[test]
fn signals_at_work() {
    is_flagged("broken-signals", "signals do part of the work: SIGUSR1");
}

#[test]
fn sleeping_and_polling() {
    // Where the machine is busy the probe for it is left out, or does not stand out: that says nothing.
    let spec = broken("broken-sleep-poll");
    let told = || RoundTrip::audit(&spec, &block::run(&spec, 1_000).unwrap());
    assert!((0..20).any(|_| told().iter().any(|reason| reason.contains("it sleeps and polls"))));
}

#[test]
fn half_of_the_work() {
    is_flagged("broken-half", "1000 exchanges were ordered, the near end counted 5");
}

#[test]
fn a_crash_is_a_failure_at_once() {
    block::run(&broken("broken-crash"), 1_000).unwrap_err();
}

#[test]
fn a_silent_far_end_dies_with_its_input() {
    let place = Place::new();
    let mut near = place.worker("near");
    let mut input = near.stdin.take().unwrap();
    let job = block::job(&broken("broken-hang"), 1_000, place.folder.path());
    writeln!(input, "{}", serde_json::to_string(&job).unwrap()).unwrap();
    eventually("a far worker", || place.playing("far").is_some());
    pause(300);
    assert!(place.playing("near").is_some() && place.playing("far").is_some(), "{:?}", place.processes());
    drop(input);
    near.wait().unwrap();
    eventually("the far worker's end", || place.processes().is_empty());
    let mut said = String::new();
    near.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}
