//! Sending, watched: a line that says how far it is, and an end when somebody asks for one.

use super::super::{
    Trouble, failure, note,
    plan::{rounded, spoken},
    request,
};
use ferrybench::{
    fanout::{
        progress::{self, Progress},
        send::{self, Job},
        told::Sent,
    },
    measure::clock,
    run::coordinator::seconds_since,
};
use ferrybench_data::{fanout::OK, units::Span};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::{consts, iterator, low_level::signal_name};
use std::{
    io::{self, IsTerminal, stderr},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

/// How often the moving line moves.
const TICK: Duration = Duration::from_millis(100);

/// Signals that ask for an end, from the moment that this is made.
pub(super) struct Signals(mpsc::Receiver<i32>);

impl Signals {
    pub(super) fn new() -> Result<Self, Trouble> {
        let mut signals = iterator::Signals::new([consts::SIGINT, consts::SIGTERM]).map_err(failure)?;
        let (asked, came) = mpsc::channel();
        thread::spawn(move || signals.forever().try_for_each(|signal| asked.send(signal)));
        Ok(Self(came))
    }

    /// Somebody has asked.
    fn asked(&self) -> Option<Trouble> {
        let signal = self.0.try_recv().ok()?;
        let name = signal_name(signal).unwrap_or("a signal");
        Some(failure(format_args!("stopped by {name} before every receiver had every file")))
    }
}

/// Sends. Where somebody asks for an end, this returns at once; threads and processes that still send end with this process.
pub(super) fn carry(job: &Arc<Job>, signals: &Signals, every: Span) -> Result<Sent, Trouble> {
    // Before anything is made that nobody would remove.
    if let Some(asked) = signals.asked() {
        return Err(asked);
    }
    progress::watch();
    let theirs = Arc::clone(job);
    let (ends, ended) = mpsc::channel();
    let sender = thread::spawn(move || send::run(&theirs, || Ok(clock::now())));
    thread::spawn(move || {
        let sent = sender.join().unwrap_or_else(|_| Err(io::Error::other("the sender panicked")));
        let _ = ends.send(sent);
    });
    let mut line = Line::new(every);
    let sent = loop {
        if let Some(asked) = signals.asked() {
            line.finish();
            return Err(asked);
        }
        match ended.recv_timeout(TICK) {
            Ok(sent) => break sent.map_err(request),
            Err(mpsc::RecvTimeoutError::Timeout) => line.show(Progress::now()),
            Err(mpsc::RecvTimeoutError::Disconnected) => break Err(failure("the sender is gone")),
        }
    };
    line.finish();
    // Ctrl-C at a terminal ends worker processes too, perhaps before it is heard here.
    match signals.asked() {
        Some(asked) if !sent.as_ref().is_ok_and(|sent| sent.files.iter().all(|file| file.outcome == OK)) => {
            Err(asked)
        }
        _ => sent,
    }
}

/// What is shown meanwhile: a moving line on a terminal, a new one now and then elsewhere.
enum Line {
    Moving(ProgressBar),
    Plain { every: Span, begun: u64, said_s: f64 },
}

impl Line {
    fn new(every: Span) -> Self {
        if !stderr().is_terminal() {
            return Self::Plain { every, begun: clock::now(), said_s: 0.0 };
        }
        let style = ProgressStyle::with_template("{bar:24} {bytes} of {total_bytes}  {bytes_per_sec}")
            .expect("the template is fixed and valid");
        Self::Moving(ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style))
    }

    fn show(&mut self, Progress { sent, wanted }: Progress) {
        // Repeats come on top.
        let sent = sent.min(wanted);
        match self {
            Self::Moving(bar) => {
                bar.set_length(wanted);
                bar.set_position(sent);
            }
            Self::Plain { every, begun, said_s } => {
                let elapsed_s = seconds_since(*begun);
                if elapsed_s - *said_s < every.seconds() {
                    return;
                }
                *said_s = elapsed_s;
                note(format_args!("{} of {} sent in {}", rounded(sent), rounded(wanted), spoken(elapsed_s)));
            }
        }
    }

    fn finish(&self) {
        if let Self::Moving(bar) = self {
            bar.finish_and_clear();
        }
    }
}
