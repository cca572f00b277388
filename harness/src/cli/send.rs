//! `send`: files over UDP to receivers that listen.

use super::{Done, Exit, Trouble, bench, failure, note, request, say};
use clap::Args;
use comfy_table::{Table, presets};
use ferrybench::{
    fanout::{
        evidence::{Around, by_answers, join},
        fetch, post,
        send::{self, Destination, From, Job, Source, Target},
        senders, stock,
        told::Sent,
    },
    measure::clock,
    run::{
        catalogue,
        folder::{Details, RunFolder},
    },
};
use ferrybench_data::{
    fanout::{
        Assignment, Batching, Content, Delivery, ETHERNET_MTU, Fanout, FetchWhere, Framing, Hosts,
        LEDGER_HEADER_BYTES, OK, Reliability, Spec,
    },
    plan::catalogue::nearest,
    record::{Audit, Noise, Outcome, Record},
    run_info::{Ended, RunInfo},
    units::{Size, Span},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::HashSet,
    fs,
    io::{IsTerminal, stderr},
    net::{Ipv4Addr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// Bytes of IPv4 and UDP headers.
const PACKET_HEADERS: u32 = 28;
/// What stands for the plan of a run that had none.
const BY_HAND: &str =
    "# Sent by hand: there was no plan. run.json has the command line.\nname = \"send\"\nblocks = 1\n";
/// How often the moving line moves.
const TICK: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(super) struct Send {
    /// Files to send; of a folder, the files in it
    #[arg(value_name = "FILE", required_unless_present = "url")]
    files: Vec<PathBuf>,
    /// Fetch a file over HTTP or HTTPS, and send it
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// Each receiver
    #[arg(long, value_name = "HOST:PORT", required = true, num_args = 1..)]
    to: Vec<String>,
    /// `unicast`, `broadcast`, `limited-broadcast` or `multicast`
    #[arg(long, value_name = "HOW", default_value = "unicast")]
    delivery: Delivery,
    /// The broadcast address or the group, with the receivers' port
    #[arg(long, value_name = "ADDR:PORT")]
    via: Option<SocketAddr>,
    /// An address of the interface by which datagrams for all leave
    #[arg(long, value_name = "ADDR")]
    interface: Option<Ipv4Addr>,
    /// `all` (every file to every receiver) or `each` (file i to receiver i)
    #[arg(long, value_name = "HOW", default_value = "all")]
    assignment: Assignment,
    /// `ledger` (our header) or `bare` (content alone)
    #[arg(long, value_name = "FRAMING", default_value = "ledger")]
    framing: Framing,
    /// `repair` (what is missing is sent again) or `none` [default: repair with a header, none without]
    #[arg(long, value_name = "HOW")]
    reliability: Option<Reliability>,
    /// `one`, `sendmmsg` or `gso` [default: gso where a datagram fits into a packet; one for bare]
    #[arg(long, value_name = "HOW")]
    batching: Option<Batching>,
    /// Content bytes of a datagram; 0 for a whole file in one
    #[arg(long, value_name = "BYTES", default_value_t = 1400)]
    datagram_bytes: u32,
    /// Most content bytes in a second
    #[arg(long, value_name = "SIZE")]
    pace: Option<Size>,
    /// Who sends which file (`ferrybench list` shows the models)
    #[arg(long, value_name = "MODEL", default_value = "single-thread")]
    sender_model: String,
    /// Workers of a pool [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pool_size: Option<u32>,
    /// Who fetches: `parent-serial` or `in-worker`
    #[arg(long, value_name = "WHO", default_value = "parent-serial")]
    fetch_where: FetchWhere,
    /// Largest file that is fetched
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    fetch_limit: Size,
    /// Pause between fetching a file and sending it
    #[arg(long, value_name = "TIME")]
    think: Option<Span>,
    /// Largest packet of the network
    #[arg(long, value_name = "BYTES", default_value_t = ETHERNET_MTU)]
    mtu: u32,
    /// Record it as a run folder, of which `ferrybench report` makes a report
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Longest silence of a receiver before it is given up
    #[arg(long, value_name = "TIME", default_value = "5s")]
    patience: Span,
    /// Longest time of it all
    #[arg(long, value_name = "TIME", default_value = "60min")]
    deadline: Span,
}

impl Send {
    pub(super) fn carry_out(self) -> Done {
        // Said before anything is sent, which may take long.
        if let Some(out) = &self.out {
            RunFolder::check_free(out).map_err(request)?;
        }
        // Fetched files are sent from here, and go with it.
        let folder = Fetched::new()?;
        let job = self.job(folder.0.clone())?;
        let total = self.bytes_to_send(&job);
        let is_done = AtomicBool::new(false);
        let sent = thread::scope(|scope| {
            if stderr().is_terminal() {
                scope.spawn(|| show(total, &is_done));
            }
            let sent = send::run(&job, || Ok(clock::now()));
            is_done.store(true, Ordering::Relaxed);
            sent
        });
        let sent = sent.map_err(request)?;
        print(&job, &sent);
        if let Some(out) = &self.out {
            record(out, &job, &sent)?;
        }
        let good = |file: &ferrybench::fanout::told::SentFile| {
            file.outcome == OK
                && file.flows.iter().flat_map(|flow| &flow.receivers).all(|reached| reached.outcome == OK)
        };
        Ok(if sent.files.iter().all(good) { Exit::Good } else { Exit::Failed })
    }

    fn job(&self, into: PathBuf) -> Result<Job, Trouble> {
        let model = senders::find(&self.sender_model).ok_or_else(|| {
            let known = senders::ALL.iter().filter(|model| !model.hidden).map(|model| model.name);
            let hint = match nearest(&self.sender_model, known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "`ferrybench list` shows what exists".to_owned(),
            };
            request(format_args!("unknown sender model \"{}\"; {hint}", self.sender_model))
        })?;
        if self.pool_size.is_some() && !model.sized {
            return Err(request(format_args!("{} has no pool: leave --pool-size away", model.name)));
        }
        let targets = self.targets()?;
        let destination = self.destination(&targets)?;
        let sources = self.sources()?;
        let is_bare = self.framing == Framing::Bare;
        let header = if is_bare { 0 } else { LEDGER_HEADER_BYTES };
        let fits = self.datagram_bytes > 0 && self.datagram_bytes + header + PACKET_HEADERS <= self.mtu;
        let batching = self.batching.unwrap_or(match (is_bare, fits) {
            (true, _) => Batching::One,
            (false, true) => Batching::Gso,
            (false, false) => Batching::Sendmmsg,
        });
        let repairs = if is_bare { Reliability::Unrepaired } else { Reliability::Repair };
        let spec = Spec {
            sender_model: self.sender_model.clone(),
            pool_size: if model.sized { self.pool_size.unwrap_or(4) } else { 0 },
            delivery: self.delivery,
            assignment: self.assignment,
            receivers: targets.len() as u32,
            files: sources.len() as u32,
            file_bytes: 0,
            datagram_bytes: self.datagram_bytes,
            framing: self.framing,
            batching,
            reliability: self.reliability.unwrap_or(repairs),
            fetch_where: if self.url.is_empty() { FetchWhere::Local } else { self.fetch_where },
            think_ms: self.think.map_or(0, |time| time.0 / 1_000_000),
            hosts: Hosts::Named,
            pace_bytes_per_s: self.pace.map_or(0, |pace| pace.0),
            mtu_bytes: self.mtu,
            content: Content::Own,
            ..Spec::default()
        };
        Ok(Job {
            spec,
            session: rand::random(),
            targets,
            destination,
            sources,
            into: Some(into),
            fetch_limit_bytes: self.fetch_limit.0,
            patience_ms: self.patience.0 / 1_000_000,
            deadline_ms: self.deadline.0 / 1_000_000,
        })
    }

    fn targets(&self) -> Result<Vec<Target>, Trouble> {
        let resolve = |(text, receiver): (&String, u32)| {
            let wrong = |why: &dyn std::fmt::Display| {
                request(format_args!("--to takes HOST:PORT, such as 10.0.0.2:7000, not \"{text}\": {why}"))
            };
            let found = text.to_socket_addrs().map_err(|error| wrong(&error))?;
            // A name may have several: what is sent from an IPv4 socket needs one of its kind.
            let found: Vec<_> = found.collect();
            let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
            let address = *address.ok_or_else(|| wrong(&"no such host"))?;
            if address.port() == 0 {
                return Err(wrong(&"nobody listens on port 0"));
            }
            Ok(Target { receiver, address })
        };
        let targets: Vec<Target> = self.to.iter().zip(1..).map(resolve).collect::<Result<_, _>>()?;
        let mut known = HashSet::new();
        match targets.iter().find(|target| !known.insert(target.address)) {
            Some(twice) => Err(request(format_args!("--to names {} twice", twice.address))),
            None => Ok(targets),
        }
    }

    fn destination(&self, targets: &[Target]) -> Result<Option<Destination>, Trouble> {
        let port = targets.first().map_or(0, |target| target.address.port());
        let address = match (self.delivery, self.via) {
            (Delivery::Unicast, None) => return Ok(None),
            (Delivery::Unicast, Some(_)) => return Err(request("--via is for broadcast and multicast")),
            (Delivery::LimitedBroadcast, None) => SocketAddr::from(([255; 4], port)),
            (_, Some(address)) => address,
            (how, None) => {
                return Err(request(format_args!("--delivery {how} needs --via: an address that all hear")));
            }
        };
        Ok(Some(Destination { address, interface: self.interface }))
    }

    fn sources(&self) -> Result<Vec<Source>, Trouble> {
        let lying = stock::files_at(&self.files).map_err(request)?;
        let mut sources: Vec<Source> = lying.into_iter().map(of_path).collect();
        let of_url = |url: &String| Source { from: From::Url(url.clone()), name: fetch::name_of(url) };
        sources.extend(self.url.iter().map(of_url));
        Ok(sources)
    }

    /// Content bytes of a run without repeats, as far as they are known before.
    fn bytes_to_send(&self, job: &Job) -> u64 {
        let length = |source: &Source| match &source.from {
            From::Path(path) => fs::metadata(path).map_or(0, |facts| facts.len()),
            From::Url(_) => 0,
        };
        let once: u64 = job.sources.iter().map(length).sum();
        let is_for_all = self.delivery != Delivery::Unicast || self.assignment == Assignment::Each;
        if is_for_all { once } else { once * job.targets.len() as u64 }
    }
}

fn of_path(path: PathBuf) -> Source {
    Source { name: stock::name_of(&path), from: From::Path(path) }
}

/// A folder for what is fetched; it goes when it is dropped.
struct Fetched(PathBuf);

impl Fetched {
    fn new() -> Result<Self, Trouble> {
        let path = std::env::temp_dir().join(ferrybench::process::remains::unique_name());
        fs::create_dir(&path).map_err(|error| failure(format_args!("{}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Path::new(&self.0));
    }
}

/// A moving line, until it is done.
fn show(total: u64, is_done: &AtomicBool) {
    let style = ProgressStyle::with_template("{bar:24} {bytes} of {total_bytes}  {bytes_per_sec}")
        .expect("the template is fixed and valid");
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style);
    while !is_done.load(Ordering::Relaxed) {
        // Repeats come on top.
        bar.set_position(post::sent_bytes().min(total));
        clock::pause(TICK);
    }
    bar.finish_and_clear();
}

/// A run folder of one block: what the sender saw, and what receivers answered.
fn record(out: &Path, job: &Job, sent: &Sent) -> Result<(), Trouble> {
    let around = Around { hosts_distinct: 1, ..Around::default() };
    let heard = by_answers(sent, &job.targets);
    let (evidence, receivers, fetches) = join(&job.spec, sent, &heard, &around);
    let took_s = evidence.total_s;
    let record = Record::<Fanout> {
        block: 1,
        order: 1,
        noise: Noise::default(),
        spec: job.spec.clone(),
        outcome: Outcome::Measured { audit: Audit::of::<Fanout>(&job.spec, &evidence), evidence },
    };
    let catalogue = catalogue::of_this_machine().map_err(failure)?;
    let info = RunInfo { ended: Ended::Complete, wall_s: took_s, ..bench::begun_now("send", &catalogue)? };
    let mut folder = RunFolder::create(out, &info, BY_HAND).map_err(request)?;
    folder.append(&record, Details::Fanout { receivers, fetches }).map_err(failure)?;
    note(format_args!("Run: {}", out.display()));
    Ok(())
}

fn print(job: &Job, sent: &Sent) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "RECEIVER",
        "FILE",
        "BYTES",
        "SENT",
        "REPEATED",
        "LOST",
        "DUPLICATE",
        "SECONDS",
        "OUTCOME",
    ]);
    for file in &sent.files {
        if file.flows.is_empty() {
            let blank = String::new;
            table.add_row([
                "-".to_owned(),
                file.name.clone(),
                file.bytes.to_string(),
                blank(),
                blank(),
                blank(),
                blank(),
                blank(),
                file.outcome.clone(),
            ]);
        }
        for (flow, reached) in
            file.flows.iter().flat_map(|flow| flow.receivers.iter().map(move |reached| (flow, reached)))
        {
            let address = job.targets.iter().find(|target| target.receiver == reached.receiver);
            let count = |count: Option<u64>| count.map_or("n/a".to_owned(), |count| count.to_string());
            let counts = reached.counts;
            let took = reached.verified_ns.zip(file.first_ns).map(|(end, start)| end.saturating_sub(start));
            table.add_row([
                address.map_or(String::new(), |target| target.address.to_string()),
                file.name.clone(),
                file.bytes.to_string(),
                flow.transmissions.to_string(),
                flow.repeated.to_string(),
                count(counts.map(|counts| flow.transmissions.saturating_sub(counts.unique))),
                count(counts.map(|counts| counts.duplicate)),
                took.map_or("n/a".to_owned(), |took| format!("{:.3}", took as f64 / 1e9)),
                reached.outcome.clone(),
            ]);
        }
    }
    say(table.trim_fmt());
    for fetch in sent.files.iter().filter_map(|file| file.fetch.as_ref()) {
        let took = fetch.ended_ns.saturating_sub(fetch.start_ns) as f64 / 1e9;
        note(format_args!("Fetched {} in {took:.3} s: {}", fetch.url, fetch.outcome));
    }
    let total = sent.ended_ns.saturating_sub(sent.passed_barrier_ns) as f64 / 1e9;
    note(format_args!("Start-up {:.3} s, total {total:.3} s.", sent.start_up_ns as f64 / 1e9));
}
