//! Roles: the binary, started again by itself, plays one instead of reading a command line.
//!
//! A role gets one job as a line of JSON on its standard input, then cues; it answers in lines on its standard output.
//! When its input ends, so does the process, 200 ms later at the latest, even out of a spin loop: a reader thread sees
//! to it. (`PR_SET_PDEATHSIG` follows the thread that started the process, not the process.)

use crate::measure::clock;
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getpgrp, getpid},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::{self, BufRead, BufReader, Write},
    process::ExitCode,
    sync::{Arc, mpsc},
    time::Duration,
};

/// The word after the program's name that makes it play a role.
pub const WORKER: &str = "worker";

/// What a worker process, or a thread in its place, does.
pub trait Role {
    /// Its name on the command line of the worker.
    const NAME: &'static str;
    /// How long it may go on after its input has ended.
    const GRACE: Duration = Duration::from_millis(200);
    /// Whether its process leads a group of its own, which ends with it and which a terminal's Ctrl-C does not reach.
    const LEADS_GROUP: bool = false;
    /// What it is told first.
    type Job: Serialize + DeserializeOwned + Send + 'static;
    /// What it is told later.
    type Cue: Serialize + DeserializeOwned + Send + 'static;
    /// What it answers.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// What must be done while the process has one thread still: the kernel moves no others into a user namespace.
    fn alone(_job: &Self::Job) {}

    /// Sees to an answer that nobody waits for, as soon as it is read; whether it is one. Called where answers of a process
    /// come in, whatever else is done there.
    fn overhear(_reply: &Self::Reply) -> bool {
        false
    }

    /// Plays the role to its end. An error becomes the process's last words on standard error.
    fn play(job: Self::Job, port: Port<Self::Cue, Self::Reply>) -> io::Result<()>;
}

/// A role's connection to whoever started it.
pub struct Port<C, R> {
    /// What it is told; disconnected when there will be no more.
    pub cues: mpsc::Receiver<C>,
    /// Answers.
    pub replies: Replies<R>,
}

/// The answering half of a port; clones answer to the same place.
pub struct Replies<R>(Arc<Sink<R>>);

type Sink<R> = dyn Fn(&R) -> io::Result<()> + Send + Sync;

impl<R> Clone for Replies<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> Replies<R> {
    /// Answers go where `send` puts them.
    pub fn new(send: impl Fn(&R) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }

    /// Answers. An error means that nobody listens any more.
    pub fn send(&self, reply: &R) -> io::Result<()> {
        (self.0)(reply)
    }
}

/// One entry of the table of roles.
#[derive(Clone, Copy)]
pub struct Entry {
    name: &'static str,
    play: fn() -> io::Result<()>,
}

/// A role's entry in the table that [`take_over`] looks at.
pub const fn entry<T: Role>() -> Entry {
    Entry { name: T::NAME, play: play_from_stdio::<T> }
}

/// Plays the role that the command line names, if it names one.
pub fn take_over(roles: &[Entry]) -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != WORKER {
        return None;
    }
    let name = words.next()?;
    let role = roles.iter().find(|role| name == role.name)?;
    Some(match (role.play)() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    })
}

fn play_from_stdio<T: Role>() -> io::Result<()> {
    let mut input = BufReader::new(io::stdin());
    let mut line = String::new();
    input.read_line(&mut line)?;
    let job = serde_json::from_str(&line)?;
    T::alone(&job);
    let cues = cues_from::<T>(input);
    let replies = Replies::new(|reply: &T::Reply| {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        let mut output = io::stdout().lock();
        output.write_all(&line)?;
        output.flush()
    });
    T::play(job, Port { cues, replies })
}

/// The cues of a role, one a line. The end of the input ends this process.
pub(super) fn cues_from<T: Role>(input: impl BufRead + Send + 'static) -> mpsc::Receiver<T::Cue> {
    let (sender, cues) = mpsc::channel();
    std::thread::spawn(move || {
        pass_on(input, |cue| sender.send(cue).is_ok());
        drop(sender);
        clock::pause(T::GRACE);
        leave();
    });
    cues
}

/// Passes on framed messages until their end, or until nobody wants them; what cannot be read is the end as well.
pub(super) fn pass_on<T: DeserializeOwned>(input: impl BufRead, mut take: impl FnMut(T) -> bool) {
    for line in input.lines() {
        let message = line.and_then(|line| Ok(serde_json::from_str(&line)?));
        if !message.is_ok_and(&mut take) {
            return;
        }
    }
}

/// Ends this process at once, and its whole group where it leads one: partners and other people's programs too.
pub fn leave() -> ! {
    if getpgrp() == getpid() {
        let _ = kill(Pid::from_raw(0), Signal::SIGKILL);
    }
    std::process::exit(1)
}
