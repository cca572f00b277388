//! `serve`: the file server alone.

use super::{Done, Exit, failure, note, request};
use clap::Args;
use ferrybench::{
    fileserver::{
        drivers::Limits,
        models::{self, Listening},
        protocols,
        service::{Report, Service, Setup},
    },
    host::{limits, names},
    shelf,
};
use ferrybench_data::{
    fileserver::{Accept, ReadBytes, Received},
    plan::catalogue::{Pool, nearest},
    units::Span,
};
use signal_hook::{consts, iterator::Signals};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

/// How long connections that are under way may take once the server is told to end.
const FAREWELL: Duration = Duration::from_secs(5);
/// Descriptors that one worker may have open: its connection, a file, and a pipe between them.
const A_WORKER: u64 = 4;
/// Descriptors of a server besides those of its workers.
const OTHERS: u64 = 16;
/// Workers of a pool where nobody says.
const USUAL_WORKERS: u32 = 5;

#[derive(Args)]
pub(super) struct Serve {
    /// The folder to serve; uploads go into it
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:6666")]
    listen: String,
    /// Who serves which connection (`ferrybench list` shows the models)
    #[arg(long, value_name = "MODEL", default_value = "thread-pool")]
    model: String,
    /// Connections that are served at a time; the others wait [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    workers: Option<u32>,
    /// `course`, `raw` or `http`
    #[arg(long, value_name = "NAME", default_value = "course")]
    protocol: String,
    /// How worker processes come to connections: `shared`, `reuseport` or `handoff`
    #[arg(long, value_name = "HOW", default_value = "shared")]
    accept: Accept,
    /// Most bytes of one read
    #[arg(long, value_name = "SIZE", default_value = "auto")]
    read_bytes: ReadBytes,
    /// Longest silence of a client
    #[arg(long, value_name = "TIME", default_value = "30s")]
    idle: Span,
    /// Longest time of one transfer
    #[arg(long, value_name = "TIME", default_value = "120s")]
    deadline: Span,
    /// Say nothing of single requests
    #[arg(long)]
    quiet: bool,
}

impl Serve {
    pub(super) fn carry_out(self) -> Done {
        let model = models::find(&self.model).ok_or_else(|| {
            unknown(
                "server model",
                &self.model,
                models::ALL.iter().filter(|row| !row.hidden).map(|row| row.name),
            )
        })?;
        if protocols::find(&self.protocol).is_none() {
            return Err(unknown("protocol", &self.protocol, protocols::ALL.iter().map(|row| row.name)));
        }
        let workers = match (model.pool, self.workers) {
            (Pool::Sized, workers) => workers.unwrap_or(USUAL_WORKERS),
            (_, None) => 1,
            (_, Some(_)) => {
                return Err(request(format_args!("{} has no pool: leave --workers away", model.name)));
            }
        };
        if self.accept != Accept::Shared && !model.accepts {
            return Err(request(format_args!(
                "--accept {} is for worker processes, and {} has none",
                self.accept, model.name
            )));
        }
        limits::raise_descriptors();
        // Each thread that waits in `accept` has a descriptor reserved: with too few, none would be left for files.
        let (needed, most) = (OTHERS + A_WORKER * u64::from(workers), limits::descriptors());
        if model.pool == Pool::Sized && !model.accepts && needed > most {
            return Err(request(format_args!(
                "--workers {workers} may need {needed} descriptors, and the limit here is {most} (ulimit -n)"
            )));
        }
        let setup = Setup {
            protocol: self.protocol.clone(),
            root: self.root.clone(),
            spares: None,
            received: Received::Written,
            read_bytes: self.read_bytes,
            limits: Limits { idle_ms: millis(self.idle), transfer_ms: millis(self.deadline) },
            records: false,
            logs: !self.quiet,
        };
        // A folder that is none is told of next.
        let _ = shelf::remove_left_behind(&self.root);
        let service = Arc::new(Service::open(setup).map_err(request)?);
        let (mut listening, address) = Listening::on(self.address()?, self.accept, workers)
            .map_err(|error| request(format_args!("{} cannot be listened on: {error}", self.listen)))?;
        let stop = listening.stop().map_err(failure)?;
        let pool = if model.pool == Pool::Sized { format!(" of {workers}") } else { String::new() };
        let greeting = format!(
            "Serving {} on {address} by {}: {}{pool}. Ctrl-C ends.",
            self.root.display(),
            self.protocol,
            model.name
        );
        listening.ready = Box::new(move |_| {
            note(greeting);
            Ok(())
        });
        let (events, happened) = mpsc::channel();
        // Before anybody hears that it serves: a signal counts from then on.
        let mut signals = Signals::new([consts::SIGINT, consts::SIGTERM]).map_err(failure)?;
        let asked = events.clone();
        thread::spawn(move || signals.forever().try_for_each(|_| asked.send(Event::Asked)));
        let serve = model.serve;
        let server = thread::spawn(move || serve(listening, &service));
        thread::spawn(move || {
            let ended = server.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")));
            let _ = events.send(Event::Ended(ended));
        });
        let first = happened.recv().map_err(failure)?;
        if let Event::Ended(ended) = first {
            // It ends by itself only when it cannot go on.
            let why = ended.map_or_else(|error| error.to_string(), |report| last_failure(&report));
            return Err(failure(format_args!("the server could not go on: {why}")));
        }
        stop.ask();
        // Whoever asks twice does not want to wait.
        match happened.recv_timeout(FAREWELL) {
            Ok(Event::Ended(Ok(report))) => note(spoken(&report)),
            Ok(Event::Ended(Err(error))) => {
                return Err(failure(format_args!("the server did not end well: {error}")));
            }
            Ok(Event::Asked) | Err(_) => note("Connections that were still under way are broken off."),
        }
        Ok(Exit::Good)
    }

    fn address(&self) -> Result<SocketAddr, super::Trouble> {
        let wrong = |why: &dyn std::fmt::Display| {
            request(format_args!(
                "--listen takes HOST:PORT, such as 127.0.0.1:6666, not \"{}\": {why}",
                self.listen
            ))
        };
        Ok(names::look_up(&self.listen).map_err(|error| wrong(&error))?[0])
    }
}

/// What a running server waits for.
enum Event {
    /// Somebody wants it to end.
    Asked,
    /// It has ended.
    Ended(io::Result<Report>),
}

fn last_failure(report: &Report) -> String {
    let failures = report.workers.iter().rev().filter_map(|told| told.failure.clone());
    failures.into_iter().next().unwrap_or_else(|| "its workers are gone".to_owned())
}

fn millis(span: Span) -> u64 {
    (span.0 / 1_000_000).max(1)
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> super::Trouble {
    let hint = match nearest(name, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`ferrybench list` shows what exists".to_owned(),
    };
    request(format_args!("unknown {what} \"{name}\"; {hint}"))
}

fn spoken(report: &Report) -> String {
    let sum =
        |of: fn(&ferrybench::fileserver::service::Told) -> u64| report.workers.iter().map(of).sum::<u64>();
    match (sum(|told| told.ok), sum(|told| told.failed)) {
        (0, 0) => "Ended.".to_owned(),
        (ok, failed) => format!("Ended: {ok} requests went well, {failed} failed."),
    }
}
