//! Test hosts: one client and some servers, each a network namespace with its own addresses, joined by a bridge in a
//! namespace of its own, the switch.
//!
//! The namespaces have no names: the threads of one process hold them. Whoever is killed, the kernel removes interfaces,
//! addresses and rules with the last process in them, and the holder ends with its input. They are connected to nothing
//! else, so their addresses cannot clash with any. Without root they lie in a user namespace.

mod counters;
pub mod holder;
pub mod kept;
mod lacking;
mod layout;
mod shell;

pub use counters::{Counters, LinkCounters};
pub use lacking::{Lacking, lacking};
pub use layout::HEADER_MARK;

use crate::process::partner::{Partner, Program};
use ferrybench_data::{
    fanout::{ETHERNET_MTU, Segmented, Spec},
    plan::Subnet,
};
use holder::{Hold, Job, Reply};
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The most servers of a bed: its subnet holds the client as well.
pub const MOST_SERVERS: u32 = 253;
/// Longest that a holder may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Test hosts that are there as long as this value.
pub struct TestBed {
    net: Net,
    /// Its end ends them.
    _holder: Partner<Hold>,
    lost: Arc<OnceLock<String>>,
}

/// One host of a bed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BedHost {
    /// `client`, `server1`, `server2`, ...
    pub name: String,
    /// The command that starts something there.
    pub prefix: Vec<String>,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its interface.
    pub interface: String,
}

/// What the network between the hosts does to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Largest packet, bytes.
    pub mtu_bytes: u32,
    /// What the link to each server carries in a second, bytes; 0 without a limit.
    pub rate_bytes_per_s: u64,
    /// Datagrams lost at random on the way to each server, percent.
    pub loss_percent: u32,
    /// Datagrams delivered twice at random, percent.
    pub duplicate_percent: u32,
    /// Whether the client's batches are cut up before they leave it, as on a wire.
    pub segmented: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            mtu_bytes: ETHERNET_MTU,
            rate_bytes_per_s: 0,
            loss_percent: 0,
            duplicate_percent: 0,
            segmented: false,
        }
    }
}

impl Link {
    /// What a trial asks for.
    pub fn of(spec: &Spec) -> Self {
        Self {
            mtu_bytes: spec.mtu_bytes,
            rate_bytes_per_s: spec.rate_bytes_per_s,
            loss_percent: spec.loss_percent,
            duplicate_percent: spec.duplicate_percent,
            segmented: spec.segmented == Segmented::Stack,
        }
    }
}

impl TestBed {
    /// Makes a client and so many servers. An error is one sentence: what the machine lacks.
    pub fn raise(program: &Program, servers: u32) -> io::Result<Self> {
        Self::raise_in(program, servers, Subnet::default())
    }

    /// The same with addresses of another subnet.
    pub fn raise_in(program: &Program, servers: u32, subnet: Subnet) -> io::Result<Self> {
        let namespaces = namespaces_for(servers)?;
        let lost = Arc::new(OnceLock::new());
        let start = |user_namespace| {
            let note = Arc::clone(&lost);
            let on_death = Arc::new(move |why| drop(note.set(why)));
            let job = Job { namespaces, user_namespace };
            let holder: Partner<Hold> = Partner::process(program, &job, Vec::new(), on_death)?;
            match holder.reply(PATIENCE)? {
                Reply::Holding { threads, .. } => Ok((holder, threads)),
                Reply::Failed(why) => Err(io::Error::other(why)),
                Reply::Kept => Err(io::Error::other("the holder answered out of turn")),
            }
        };
        let (holder, net) = either(|user_namespace| {
            let (holder, threads) = start(user_namespace)?;
            Ok((holder, Net::lay(&threads, user_namespace, subnet)?))
        })?;
        Ok(Self { net, _holder: holder, lost })
    }

    /// The hosts: the client, then the servers.
    pub fn hosts(&self) -> &[BedHost] {
        &self.net.hosts
    }

    /// The address of all of them at once.
    pub fn broadcast(&self) -> Ipv4Addr {
        self.net.subnet.broadcast()
    }

    /// Makes the network such, changing only what differs. Its counters begin anew where loss or duplication differ.
    pub fn configure(&mut self, link: &Link) -> io::Result<()> {
        self.net.configure(link)
    }

    /// What the network counted so far.
    pub fn counters(&self) -> io::Result<Counters> {
        self.net.counters()
    }

    /// Why the hosts are not there any more, where somebody ended their holder.
    pub fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }
}

/// Namespaces of a bed: the switch's, the client's and the servers'.
fn namespaces_for(servers: u32) -> io::Result<u32> {
    if (1..=MOST_SERVERS).contains(&servers) {
        return Ok(servers + 2);
    }
    let why = format!("expected 1 to {MOST_SERVERS} servers, not {servers}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Tries as who we are, and where that is refused in a user namespace; the reasons of both, where neither works.
fn either<T>(try_it: impl Fn(bool) -> io::Result<T>) -> io::Result<T> {
    try_it(false).or_else(|first| {
        try_it(true).map_err(|second| {
            let why = format!(
                "network namespaces cannot be made here: {first}; and in a user namespace of our own: {second}"
            );
            io::Error::new(second.kind(), why)
        })
    })
}

/// Namespaces that are held, with what lies between them.
#[derive(Debug, Clone)]
struct Net {
    /// What runs a tool in the switch.
    switch: Vec<String>,
    hosts: Vec<BedHost>,
    subnet: Subnet,
    link: Link,
}

impl Net {
    /// Lays cables between the namespaces of these threads, of which the first is the switch.
    fn lay(threads: &[i32], user_namespace: bool, subnet: Subnet) -> io::Result<Self> {
        let Some((&switch, threads)) = threads.split_first() else {
            return Err(io::Error::other("the holder holds nothing"));
        };
        let link = Link::default();
        let quiet = Path::new("/proc/sys/net/ipv6").is_dir();
        let switch = entering(switch, user_namespace);
        shell::run(&switch, &["ip", "-batch", "-"], layout::cables(threads, link.mtu_bytes, quiet))?;
        shell::run(&switch, &["bridge", "-batch", "-"], layout::forwarding(threads.len()))?;
        let mut hosts = Vec::new();
        for (number, &thread) in threads.iter().enumerate() {
            let prefix = entering(thread, user_namespace);
            let batch = layout::addresses(number, threads.len(), subnet, quiet);
            shell::run(&prefix, &["ip", "-batch", "-"], batch)?;
            let name = if number == 0 { "client".to_owned() } else { format!("server{number}") };
            let interface = layout::INTERFACE.to_owned();
            hosts.push(BedHost { name, prefix, address: subnet.host(number), interface });
        }
        Ok(Self { switch, hosts, subnet, link })
    }

    fn configure(&mut self, link: &Link) -> io::Result<()> {
        let (count, was) = (self.hosts.len(), self.link);
        // Each change is noted once it is made, so that one that fails is tried again by the next call.
        if link.mtu_bytes != was.mtu_bytes {
            self.in_switch(&["ip", "-batch", "-"], layout::port_mtus(count, link.mtu_bytes))?;
            for host in &self.hosts {
                let batch = format!("link set {} mtu {}\n", host.interface, link.mtu_bytes);
                shell::run(&host.prefix, &["ip", "-batch", "-"], batch)?;
            }
            self.link.mtu_bytes = link.mtu_bytes;
        }
        if (link.rate_bytes_per_s, link.mtu_bytes) != (was.rate_bytes_per_s, was.mtu_bytes) {
            let batch = layout::rates(count, link, was.rate_bytes_per_s > 0);
            if !batch.is_empty() {
                self.in_switch(&["tc", "-batch", "-"], batch)?;
            }
            self.link.rate_bytes_per_s = link.rate_bytes_per_s;
        }
        let impairment = (link.loss_percent, link.duplicate_percent);
        if impairment != (was.loss_percent, was.duplicate_percent) {
            self.in_switch(&["nft", "-f", "-"], layout::rules(count, link))?;
            (self.link.loss_percent, self.link.duplicate_percent) = impairment;
        }
        if link.segmented != was.segmented {
            shell::run(&self.hosts[0].prefix, &["ip", "-batch", "-"], layout::segments(link))?;
            self.link.segmented = link.segmented;
        }
        Ok(())
    }

    fn counters(&self) -> io::Result<Counters> {
        let is_impaired = self.link.loss_percent > 0 || self.link.duplicate_percent > 0;
        // Without rules the firewall need not even be installed.
        let nft = if is_impaired {
            self.in_switch(&["nft", "-j", "list", "counters"], String::new())?
        } else {
            "{}".to_owned()
        };
        let tc = self.in_switch(&["tc", "-s", "-j", "qdisc", "show"], String::new())?;
        let ip = self.in_switch(&["ip", "-s", "-j", "link", "show"], String::new())?;
        Ok(counters::read(&nft, &tc, &ip, self.hosts.len())?)
    }

    fn in_switch(&self, tool: &[&str], input: String) -> io::Result<String> {
        shell::run(&self.switch, tool, input)
    }
}

/// The command that starts something in the namespace of a thread.
fn entering(thread: i32, user_namespace: bool) -> Vec<String> {
    let thread = thread.to_string();
    let user: &[&str] = if user_namespace { &["--preserve-credentials", "-U"] } else { &[] };
    let words = ["nsenter", "-t", thread.as_str()].into_iter().chain(user.iter().copied()).chain(["-n"]);
    words.map(str::to_owned).collect()
}
