//! `send`: files over UDP to receivers that listen.

mod outcome;
mod under_way;

use super::{Done, Trouble, failure, request};
use clap::Args;
use ferrybench::{
    fanout::{
        fetch,
        send::{self, Destination, From, Job, Source, Target},
        senders, stock,
    },
    host::names,
    measure::clock,
    process::{
        heir::Bequest,
        remains::{Remains, unique_name},
    },
    run::folder::RunFolder,
};
use ferrybench_data::{
    fanout::{
        Assignment, Batching, Content, Delivery, ETHERNET_MTU, FetchWhere, Framing, Hosts,
        LEDGER_HEADER_BYTES, Reliability, Spec,
    },
    plan::catalogue::nearest,
    units::{Size, Span},
};
use std::{
    collections::HashSet,
    env,
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

/// Bytes of IPv4 and UDP headers.
const PACKET_HEADERS: u32 = 28;

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
    /// With `bare`: what nobody can prove counts as well [default: it is exit code 1]
    #[arg(long)]
    unproven_ok: bool,
    /// How often a line says how far it is, where there is no terminal
    #[arg(long, value_name = "TIME", default_value = "10s")]
    progress: Span,
}

impl Send {
    pub(super) fn carry_out(self) -> Done {
        // Said before anything is sent, which may take long.
        if let Some(out) = &self.out {
            RunFolder::check_free(out).map_err(request)?;
        }
        // Names are looked up, which may take long: until then a signal ends this at once.
        let job = Arc::new(self.job()?);
        let signals = under_way::Signals::new()?;
        // Declared before the sender makes it; it goes however this process ends.
        let fetched = job.into.clone().map(|folder| Bequest::of(Remains::Path(folder)));
        let fetched = fetched.transpose().map_err(failure)?;
        let mut sent = under_way::carry(&job, &signals, self.progress)?;
        drop(fetched);
        if self.framing == Framing::Bare {
            outcome::mark_unproven(&mut sent);
        }
        outcome::print(&job, &sent);
        if let Some(out) = &self.out {
            outcome::record(out, &job, &sent)?;
        }
        Ok(outcome::verdict(&sent, self.unproven_ok))
    }

    fn job(&self) -> Result<Job, Trouble> {
        if self.unproven_ok && self.framing == Framing::Ledger {
            return Err(request(
                "--unproven-ok is for --framing bare: with our header receivers prove what arrived",
            ));
        }
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
            // The kernel's randomness by the standard library's hand: `rand` asks a dynamic C library for it, and needs /dev
            // where there is none.
            session: RandomState::new().hash_one(()),
            targets,
            destination,
            sources,
            into: (!self.url.is_empty()).then(fetch_folder),
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
            let found = names::look_up(text).map_err(|error| wrong(&error))?;
            // A name may have several: what is sent from an IPv4 socket needs one of its kind.
            let address = *found.iter().find(|address| address.is_ipv4()).unwrap_or(&found[0]);
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
        if self.delivery == Delivery::LimitedBroadcast && self.interface.is_none() {
            return Err(request(
                "--delivery limited-broadcast needs --interface: 255.255.255.255 names no network, and an address of an \
                 interface says by which it leaves",
            ));
        }
        if let Some(interface) = self.interface {
            send::check_interface(interface).map_err(|why| request(format_args!("--interface: {why}")))?;
        }
        let address = match (self.delivery, self.via) {
            (Delivery::Unicast, None) if self.interface.is_some() => {
                return Err(request("--interface is for broadcast and multicast"));
            }
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
}

/// A name for the folder of what is fetched.
fn fetch_folder() -> PathBuf {
    env::temp_dir().join(format!("{}-{}", unique_name(), clock::now()))
}

fn of_path(path: PathBuf) -> Source {
    Source { name: stock::name_of(&path), from: From::Path(path) }
}
