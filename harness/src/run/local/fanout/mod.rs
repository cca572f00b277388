//! Fan-out on its hosts: what a run makes beforehand, and where each host is found.

mod block;
mod scene;

use super::{Heard, LOOK_UP, LocalHost, last_of};
use crate::{
    fanout::stock::{self, Stock, Stocked, Wanted},
    fileserver::{
        drivers::Limits,
        serve::{self, Serve},
        service::Setup,
    },
    host::{
        room::TMPFS,
        testbed::{BedHost, TestBed},
    },
    measure::clock,
    process::{
        hosts::{HERE, Worker},
        partner::Program,
        reach::Reach,
        remains::unique_name,
        role::Role,
    },
    run::coordinator::Attempt,
};
use ferrybench_data::{
    fanout::{Content, FetchWhere, Hosts, Spec},
    fileserver::{Accept, ReadBytes, Received},
    plan::{Sources, Trial},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::atomic::Ordering,
    time::Duration,
};

/// The hosts of a run's fan-out trials, and what is sent from the first to the others.
pub(super) struct Network {
    /// The sender, then each receiver.
    stations: Vec<Station>,
    /// What made them, where the run did.
    bed: Option<TestBed>,
    /// The subnet's broadcast address, where one is known.
    broadcast: Option<Ipv4Addr>,
    /// The folder on the sender's host that everything of the run lies in.
    root: PathBuf,
    /// What is sent.
    stock: Vec<(Wanted, Vec<Stocked>)>,
    /// Why there is nothing to send, where that is so.
    nothing: Option<String>,
    /// Where the sender's host serves its files, where any trial fetches them.
    web: Option<SocketAddr>,
}

impl Network {
    /// Why the network between the hosts does not work: its tools say less than whoever saw its holder end, and may say it
    /// sooner.
    fn broken(&self, error: &io::Error) -> String {
        let give_up = clock::now() + HEARD_OF.as_nanos() as u64;
        while let Some(bed) = &self.bed {
            if let Some(why) = bed.lost() {
                return format!("the test hosts are gone: {why}");
            }
            if clock::now() > give_up {
                break;
            }
            clock::pause(LOOK_UP / 10);
        }
        format!("the network could not be set up: {error}")
    }
}

/// One host's part.
struct Station {
    /// Its number.
    host: usize,
    /// What it is called.
    name: String,
    /// By which the others reach it.
    address: Ipv4Addr,
    /// Where its files go.
    folder: PathBuf,
    /// Why nobody can send to it although its agent is there, or `None`.
    unreachable: Option<String>,
}

/// Longest that preparing may take.
const PREPARING: Duration = Duration::from_secs(300);
/// Longest that a run may hold what was made for it.
const LONGEST_RUN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest until the end of a process is heard of.
const HEARD_OF: Duration = Duration::from_secs(2);
/// Workers of the small HTTP server.
const WEB_WORKERS: u32 = 8;

impl LocalHost {
    /// Makes the hosts, and the files to send, for all fan-out trials.
    pub(super) fn prepare_network(&mut self, trials: &[&Trial]) -> io::Result<()> {
        let specs: Vec<&Spec> = trials.iter().filter_map(|trial| trial.cell.fanout()).collect();
        let Some(first) = specs.first() else { return Ok(()) };
        let receivers = specs.iter().map(|spec| spec.receivers).max().unwrap_or(1);
        let mut network = match first.hosts {
            Hosts::Namespaces => self.test_bed(receivers, room_needed(&specs))?,
            Hosts::Loopback => self.loopback(receivers, room_needed(&specs)),
            Hosts::Named => self.named(receivers),
        };
        // A sender that cannot be reached fails every block by itself.
        if let Some(sender) = network.stations.first()
            && self.hosts.lost(sender.host).is_none()
        {
            let (host, root) = (sender.host, network.root.clone());
            let is_fetched = specs.iter().any(|spec| spec.fetch_where != FetchWhere::Local);
            // Test hosts are connected to nothing else: what lies elsewhere is fetched here, once, into files that they see.
            let (maker, urls) = if network.bed.is_some() { (HERE, self.urls()) } else { (host, Vec::new()) };
            let lies_here =
                !urls.is_empty() || self.plan.source.as_ref().is_none_or(|source| !source.paths.is_empty());
            match self.stock(maker, root.clone(), &specs, urls, is_fetched) {
                Ok(stock) => network.stock = stock,
                // Somebody else's server that does not answer is no reason to measure nothing else.
                Err(error) if !self.urls().is_empty() => network.nothing = Some(error.to_string()),
                Err(error) => return Err(error),
            }
            if is_fetched && lies_here && network.nothing.is_none() {
                network.web = Some(self.web(host, stock::files_in(&root))?);
            }
        }
        self.network = Some(network);
        Ok(())
    }

    /// Network namespaces on a bridge.
    fn test_bed(&mut self, receivers: u32, needed_bytes: u64) -> io::Result<Network> {
        let bed = TestBed::raise_in(&Program::myself(), receivers, self.plan.subnet())?;
        let reach = |host: &BedHost| Reach {
            name: host.name.clone(),
            prefix: host.prefix.clone(),
            ..Reach::default()
        };
        let reaches: Vec<Reach> = bed.hosts().iter().map(reach).collect();
        let numbers = self.hosts.join(&reaches, false);
        let shared = self.scratch(needed_bytes);
        let stations = bed.hosts().iter().zip(numbers).map(|(host, number)| Station {
            host: number,
            name: host.name.clone(),
            address: host.address,
            folder: shared.join(&host.name),
            unreachable: None,
        });
        let stations = stations.collect();
        let broadcast = Some(bed.broadcast());
        Ok(Network {
            stations,
            bed: Some(bed),
            broadcast,
            root: shared,
            stock: Vec::new(),
            nothing: None,
            web: None,
        })
    }

    /// Addresses of the loopback interface: every host is this one.
    fn loopback(&self, receivers: u32, needed_bytes: u64) -> Network {
        let shared = self.scratch(needed_bytes);
        let station = |number: u32| {
            let name = if number == 0 { "client".to_owned() } else { format!("server{number}") };
            let address = Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + number);
            Station { host: HERE, folder: shared.join(&name), name, address, unreachable: None }
        };
        Network {
            stations: (0..=receivers).map(station).collect(),
            bed: None,
            broadcast: Some(Ipv4Addr::new(127, 255, 255, 255)),
            root: shared,
            stock: Vec::new(),
            nothing: None,
            web: None,
        }
    }

    /// The hosts that the plan names; the first sends.
    fn named(&mut self, receivers: u32) -> Network {
        let numbers = self.named_hosts();
        let names: Vec<String> = self.plan.host.iter().map(|host| host.name.clone()).collect();
        let mut stations = Vec::new();
        for (name, host) in names.into_iter().zip(numbers).take(receivers as usize + 1) {
            // One that is lost needs neither address nor folder: its blocks fail before they are used.
            let folder =
                self.hosts.folder(host).map_or_else(|_| PathBuf::new(), |folder| folder.join("fanout"));
            let address = match self.hosts.lost(host) {
                Some(_) => Ok(Ipv4Addr::UNSPECIFIED),
                None => self.address_of(&name).and_then(|address| match address {
                    IpAddr::V4(address) => Ok(address),
                    IpAddr::V6(address) => {
                        Err(format!("host {name}: files are sent over IPv4, and {address} is IPv6"))
                    }
                }),
            };
            let unreachable = address.as_ref().err().cloned();
            let address = address.unwrap_or(Ipv4Addr::UNSPECIFIED);
            stations.push(Station { host, name, address, folder, unreachable });
        }
        let participants = self.hosts.participants();
        let subnet = participants.first().and_then(|sender| sender.interfaces.first());
        let broadcast = subnet.and_then(|interface| broadcast_of(&interface.address));
        let root = stations.first().map_or_else(PathBuf::new, |sender| sender.folder.clone());
        Network { stations, bed: None, broadcast, root, stock: Vec::new(), nothing: None, web: None }
    }

    /// Where files of hosts that share this machine's file systems lie: in memory where there is room.
    fn scratch(&self, needed_bytes: u64) -> PathBuf {
        if self.catalogue.fileserver.room.holds_in_memory(needed_bytes) {
            PathBuf::from(TMPFS).join(format!("{}-{}", unique_name(), clock::now()))
        } else {
            self.folder.join("fanout")
        }
    }

    /// Addresses of files that the plan sends.
    fn urls(&self) -> Vec<String> {
        self.plan.source.as_ref().map_or_else(Vec::new, |source| source.urls.clone())
    }

    /// Most bytes that a fetched file may have.
    fn fetch_limit_bytes(&self) -> u64 {
        self.plan.source.as_ref().map_or(0, Sources::fetch_limit_bytes)
    }

    /// Makes what is sent, and fetches what is at `urls`; `copied` says that files of the plan's own are to be served too.
    fn stock(
        &mut self,
        host: usize,
        folder: PathBuf,
        specs: &[&Spec],
        urls: Vec<String>,
        copied: bool,
    ) -> io::Result<Vec<(Wanted, Vec<Stocked>)>> {
        let paths = self.plan.source.as_ref().map_or(Vec::new(), |source| source.paths.clone());
        let own = Wanted::Own { urls, paths };
        let wanted: BTreeSet<Wanted> = specs.iter().map(|spec| wanted(spec, specs, &own)).collect();
        let wanted = wanted.into_iter().collect();
        let fetch_limit_bytes = self.fetch_limit_bytes();
        let job = stock::Job { folder, wanted, seed: self.plan.seed, copied, fetch_limit_bytes };
        let job = serde_json::to_value(job)?;
        let id = self.hosts.start_worker_on(host, Stock::NAME, job, LONGEST_RUN)?;
        let mut fetched = Vec::new();
        let stock = self.await_made(id, Stock::NAME, |line| match serde_json::from_value(line).ok()? {
            stock::Reply::Declare(_) => None,
            stock::Reply::Fetched(file) => {
                fetched.push(file);
                None
            }
            stock::Reply::Ready(stock) => Some(Ok(stock)),
            stock::Reply::Failed(why) => Some(Err(why)),
        });
        self.fetched = fetched;
        stock.map(Option::unwrap_or_default)
    }

    /// Serves what is sent, so that a fetch is a real one.
    fn web(&mut self, host: usize, root: PathBuf) -> io::Result<SocketAddr> {
        let setup = Setup {
            protocol: "http".into(),
            root,
            spares: None,
            received: Received::Written,
            read_bytes: ReadBytes::Auto,
            limits: Limits::default(),
            records: false,
            logs: false,
        };
        let job = serve::Job {
            setup,
            model: "thread-pool".into(),
            workers: WEB_WORKERS,
            accept: Accept::Shared,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        };
        let job = serde_json::to_value(job)?;
        let id = self.hosts.start_worker_on(host, Serve::NAME, job, LONGEST_RUN)?;
        let address =
            self.await_made(id, Serve::NAME, |line| match serde_json::from_value(line).ok()? {
                serve::Reply::Ready(address) => Some(Ok(address)),
                serve::Reply::Told(_) => None,
            })?;
        Ok(address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
    }

    /// Waits until a worker that stays says that it is ready; `None` where the run is being stopped.
    fn await_made<T>(
        &mut self,
        worker: Worker,
        role: &str,
        mut take: impl FnMut(Value) -> Option<Result<T, String>>,
    ) -> io::Result<Option<T>> {
        let mut give_up = clock::now() + PREPARING.as_nanos() as u64;
        loop {
            if self.interrupted.load(Ordering::SeqCst) {
                self.hosts.stop(worker);
                return Ok(None);
            }
            match self.hear(worker, LOOK_UP) {
                Ok(Heard::Said(line)) => {
                    if let Some(made) = take(line) {
                        return made.map(Some).map_err(io::Error::other);
                    }
                    // It gets on: a file was fetched.
                    give_up = clock::now() + PREPARING.as_nanos() as u64;
                }
                Ok(Heard::Ended(how, words)) => return Err(io::Error::other(last_of(role, &how, &words))),
                Ok(Heard::Lost(why)) => return Err(io::Error::other(why)),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && clock::now() < give_up => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.hosts.stop(worker);
                    let why = format!("the {role} worker was not ready within {PREPARING:?}");
                    return Err(io::Error::new(error.kind(), why));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs one block.
    pub(super) fn fanout(&mut self, spec: &Spec, seed: u64) -> io::Result<Attempt> {
        let Some(mut network) = self.network.take() else { return Ok(Attempt::Interrupted) };
        let attempt = self.block_on(&mut network, spec, seed);
        self.network = Some(network);
        attempt
    }
}

/// What a picture takes at most, and files whose length only the plan's source knows.
const PICTURE_BYTES: u64 = 300_000;
const OWN_FILES_BYTES: u64 = 2 << 30;

/// What the files of all trials take: the sources, and a copy of each at every receiver that gets it. Those of one length
/// are shared by all trials, and stay until the run ends.
fn room_needed(specs: &[&Spec]) -> u64 {
    let mut of_length = BTreeMap::new();
    for spec in specs {
        let bytes = match (spec.content, spec.file_bytes) {
            (Content::Own, _) => OWN_FILES_BYTES / u64::from(spec.files + spec.files_asked()).max(1),
            (_, 0) => PICTURE_BYTES,
            (_, bytes) => bytes,
        };
        let most = of_length.entry((spec.content == Content::Own, spec.file_bytes)).or_insert(0);
        *most = u64::from(spec.files + spec.files_asked()).saturating_mul(bytes).max(*most);
    }
    of_length.into_values().fold(0, u64::saturating_add)
}

/// What a trial sends: as many of each kind as the trial that wants most, so that they share them.
fn wanted(spec: &Spec, all: &[&Spec], own: &Wanted) -> Wanted {
    let most = |like: &dyn Fn(&Spec) -> bool| {
        all.iter().filter(|other| like(other)).map(|other| other.files).max().unwrap_or(1)
    };
    match (spec.content, spec.file_bytes) {
        (Content::Own, _) => own.clone(),
        (_, 0) => Wanted::Pictures(most(&|other| other.content != Content::Own && other.file_bytes == 0)),
        (_, bytes) => Wanted::Made { bytes, files: most(&|other| other.file_bytes == bytes) },
    }
}

/// The broadcast address of `10.77.0.1/24`.
fn broadcast_of(interface: &str) -> Option<Ipv4Addr> {
    let (address, length) = interface.split_once('/')?;
    let (address, length) = (address.parse::<Ipv4Addr>().ok()?, length.parse::<u32>().ok()?);
    let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
    Some(Ipv4Addr::from(u32::from(address) | hosts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_address_has_ones_where_hosts_differ() {
        assert_eq!(broadcast_of("10.77.0.1/24"), Some(Ipv4Addr::new(10, 77, 0, 255)));
        assert_eq!(broadcast_of("192.168.7.130/25"), Some(Ipv4Addr::new(192, 168, 7, 255)));
        assert_eq!(broadcast_of("10.0.0.1/32"), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(broadcast_of("10.0.0.1"), None);
    }
}
