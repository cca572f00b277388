//! K tasks on N workers, by every kind of pool. Its own binary plays the workers that are processes, so it has a `main`
//! of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and tells its checks by name")]

use ferrybench::{
    pool::{self, Member, Pool, Work},
    process::role,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::getpid,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, io, process::ExitCode, time::Duration};

const MODELS: [&str; 3] = ["thread-pool", "process-pool", "tokio"];
const LONG: Duration = Duration::from_secs(60);

/// A worker that adds up.
struct Adder {
    sum: u64,
}

/// What it is told at the start.
#[derive(Clone, Serialize, Deserialize)]
struct Job {
    from: u64,
    fails: bool,
}

const JOB: Job = Job { from: 0, fails: false };

#[derive(Clone, Serialize, Deserialize)]
enum Task {
    Add(u64),
    /// Dies as a thread does.
    Panic,
    /// Dies as a process does.
    Die,
    Hang,
}

/// The sum so far, and where it was made.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Done(u64, i32, i32);

impl Work for Adder {
    const ROLE: &'static str = "adder";
    type Job = Job;
    type Task = Task;
    type Done = Done;
    type Progress = ();

    fn new(job: &Job) -> io::Result<Self> {
        if job.fails { Err(io::Error::other("it does not want to")) } else { Ok(Self { sum: job.from }) }
    }

    fn run(&mut self, task: Task) -> Done {
        match task {
            Task::Add(number) => self.sum += number,
            Task::Panic => panic!("as it was told to"),
            Task::Die => kill(getpid(), Signal::SIGKILL).unwrap(),
            Task::Hang => loop {
                std::thread::park();
            },
        }
        Done(self.sum, getpid().as_raw(), nix::unistd::gettid().as_raw())
    }

    async fn run_async(&mut self, task: Task) -> Done {
        match task {
            Task::Hang => std::future::pending().await,
            task => self.run(task),
        }
    }
}

fn start(model: &str, workers: u32) -> Box<dyn Pool<Adder>> {
    pool::start(model, workers, &JOB).unwrap()
}

fn sums(done: &Result<Vec<Done>, String>) -> Vec<u64> {
    done.as_ref().unwrap().iter().map(|Done(sum, ..)| *sum).collect()
}

fn add(numbers: &[u64]) -> Vec<Task> {
    numbers.iter().map(|number| Task::Add(*number)).collect()
}

/// Each worker has its own tasks, does them in order, and keeps what it has from one round to the next.
fn rounds_follow_each_other(model: &str) {
    let mut pool = start(model, 3);
    let mut last = 0;
    for round in 1..=3 {
        let round_of = pool.round(vec![add(&[1, 2]), add(&[10]), add(&[])], LONG).unwrap();
        let all: Vec<_> = round_of.workers.iter().map(sums).collect();
        assert_eq!(all, [vec![3 * round - 2, 3 * round], vec![10 * round], vec![]]);
        assert!(round_of.released_ns > last, "the barrier was released anew");
        last = round_of.released_ns;
        assert_eq!(round_of.processes.len(), if model == "process-pool" { 3 } else { 0 });
    }
}

/// Threads and processes are what they are called.
fn workers_are_what_the_model_says(model: &str) {
    let mut pool = start(model, 4);
    let round = pool.round(vec![add(&[1]); 4], LONG).unwrap();
    let done: Vec<&Done> = round.workers.iter().flat_map(|done| done.as_ref().unwrap()).collect();
    let processes: BTreeSet<_> = done.iter().map(|Done(_, pid, _)| *pid).collect();
    let threads: BTreeSet<_> = done.iter().map(|Done(_, _, tid)| *tid).collect();
    let own = getpid().as_raw();
    match model {
        "process-pool" => assert!(processes.len() == 4 && !processes.contains(&own)),
        "thread-pool" => assert!(threads.len() == 4 && processes.len() == 1),
        _ => assert_eq!(processes, [own].into()),
    }
}

/// Whoever dies is named; what the others did is kept.
fn a_dead_worker_is_named(model: &str) {
    let mut pool = start(model, 3);
    let (death, how) = match model {
        "process-pool" => (Task::Die, "the adder worker was ended by SIGKILL"),
        "thread-pool" => (Task::Panic, "the worker thread ended"),
        _ => (Task::Panic, "the task ended: task "),
    };
    let round = pool.round(vec![add(&[1]), vec![Task::Add(1), death], add(&[1])], LONG).unwrap();
    assert_eq!((sums(&round.workers[0]), sums(&round.workers[2])), (vec![1], vec![1]));
    let named = round.workers[1].as_ref().unwrap_err();
    assert!(named.starts_with(how), "{named}");
    // It stays dead, and the others work on.
    let round = pool.round(vec![add(&[1]); 3], LONG).unwrap();
    assert_eq!((sums(&round.workers[0]), sums(&round.workers[2])), (vec![2], vec![2]));
    assert!(round.workers[1].is_err());
}

/// A deadline ends the wait for a worker that hangs.
fn a_hanging_worker_is_named(model: &str) {
    let mut pool = start(model, 2);
    let deadline = Duration::from_secs(6);
    let round = pool.round(vec![add(&[1]), vec![Task::Hang]], deadline).unwrap();
    assert_eq!(sums(&round.workers[0]), [1]);
    let named = round.workers[1].as_ref().unwrap_err();
    assert!(named.contains("did not"), "{named}");
}

/// Who cannot begin is an error of the pool or of each worker, in a sentence.
fn a_worker_that_cannot_begin_is_told(model: &str) {
    let job = Job { fails: true, ..JOB };
    let why = match pool::start::<Adder>(model, 2, &job) {
        Err(error) => vec![error.to_string()],
        Ok(mut pool) => match pool.round(vec![add(&[1]); 2], LONG) {
            Ok(round) => round.workers.into_iter().map(Result::unwrap_err).collect(),
            Err(error) => vec![error.to_string()],
        },
    };
    for why in why {
        assert!(why.contains("it does not want to") || why.contains("ended with code 1"), "{why}");
    }
}

fn an_unknown_pool_is_refused() {
    let why = pool::start::<Adder>("zzz", 2, &JOB).err().unwrap();
    assert_eq!(why.to_string(), "there is no pool zzz");
    let named: Vec<String> = pool::describe().into_iter().map(|named| named.name).collect();
    assert_eq!(named, MODELS);
}

type Check = (&'static str, fn(&str));

fn main() -> ExitCode {
    if let Some(code) = role::take_over(&[role::entry::<Member<Adder>>()]) {
        return code;
    }
    let checks: [Check; 5] = [
        ("rounds_follow_each_other", rounds_follow_each_other),
        ("workers_are_what_the_model_says", workers_are_what_the_model_says),
        ("a_dead_worker_is_named", a_dead_worker_is_named),
        ("a_hanging_worker_is_named", a_hanging_worker_is_named),
        ("a_worker_that_cannot_begin_is_told", a_worker_that_cannot_begin_is_told),
    ];
    for (name, check) in checks {
        for model in MODELS {
            check(model);
            println!("{name} {model} ... ok");
        }
    }
    an_unknown_pool_is_refused();
    println!("an_unknown_pool_is_refused ... ok");
    ExitCode::SUCCESS
}
