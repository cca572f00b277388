//! What exists and what this machine lacks: data that the harness fills, so that expanding a plan is pure and a
//! report can be rendered on another machine.

use crate::roundtrip::{Pattern, Peers, Wait};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Everything that a plan may name on one machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalogue {
    /// Every mechanism of the registry, in its order.
    pub mechanisms: Vec<Mechanism>,
    /// CPUs that this process may use.
    pub cpus: Vec<u32>,
    /// What the placements came to on this machine.
    pub places: Places,
    /// Programs of the plan's foreign peers that were not found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_programs: Vec<String>,
    /// What the file-server family may name.
    #[serde(default)]
    pub fileserver: FileServers,
    /// What the fan-out family may name, and the hosts that it can have.
    #[serde(default)]
    pub fanout: Fanouts,
}

/// Sender models of the fan-out family, and what this machine can do for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fanouts {
    /// Every sender model of the registry, in its order.
    pub sender_models: Vec<SenderModel>,
    /// Why network namespaces cannot be made here, or `None`.
    pub namespaces_lacking: Option<String>,
    /// Why loss and duplication cannot be injected here, or `None`.
    pub impairment_lacking: Option<String>,
    /// Why a rate limit cannot be set here, or `None`.
    pub rate_lacking: Option<String>,
    /// Files that the plan's own source comes to; `None` where it has none, or nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_files: Option<u32>,
}

/// One sender model: who sends which file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderModel {
    /// Its name in plans, ids and tables.
    pub name: String,
    /// What the assignment calls it; blank where it has no name there.
    pub assignment_name: String,
    /// One sentence for `list`.
    pub help: String,
    /// Whether its workers are as many as the plan's axis says; else the axis collapses to 0.
    pub sized: bool,
    /// Whether its workers are processes.
    pub processes: bool,
}

/// Protocols and models of the file-server family, and the room for its files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileServers {
    /// Every protocol of the registry, in its order.
    pub protocols: Vec<Named>,
    /// Every model of a client pool, in its order.
    pub client_models: Vec<Named>,
    /// Every model of a server, in its order.
    pub server_models: Vec<ServerModel>,
    /// Room for files and descriptors.
    pub room: Room,
}

/// Something that a registry holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its name in plans, ids and tables.
    pub name: String,
    /// One sentence for `list`.
    pub help: String,
}

/// One model of a server: how it comes to serve several connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerModel {
    /// Its name in plans, ids and tables.
    pub name: String,
    /// One sentence for `list`.
    pub help: String,
    /// How many connections it serves at a time.
    pub pool: Pool,
    /// Whether its workers are processes.
    pub processes: bool,
    /// Broken on purpose, to show that the audit sees it: runs only when a plan names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Why it cannot run here, or `None`.
    pub lacking: Option<String>,
}

/// How many connections a server serves at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// As many as the plan's axis says.
    Sized,
    /// One, whatever the axis says: the axis collapses to 1.
    One,
    /// All that come: the axis collapses to 0.
    Unbounded,
}

/// Room for files and descriptors on one machine. A run that is resumed keeps the room it began with, so that its
/// files stay where they lay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Room {
    /// Memory that the kernel says is available, bytes.
    pub memory_available_bytes: u64,
    /// Free bytes of a tmpfs that this process may write to; `None` where there is none.
    pub tmpfs_free_bytes: Option<u64>,
    /// Free bytes of the file system of temporary files.
    pub disk_free_bytes: u64,
    /// Descriptors that one process may have.
    pub descriptors: u64,
}

/// The CPUs behind each placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Places {
    /// The CPU that both ends share under `same-cpu`.
    pub same: u32,
    /// The CPUs of the near and the far end under `split`; `None` on a machine with one CPU.
    pub split: Option<[u32; 2]>,
}

/// One mechanism: what it is, what it can do, and whether this machine has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mechanism {
    /// Its name in plans, ids and tables.
    pub name: String,
    /// One sentence for `list`.
    pub help: String,
    /// Its kin in tables and figures.
    pub group: Group,
    /// What it is.
    pub nature: Nature,
    /// Patterns that it has.
    pub patterns: Vec<Pattern>,
    /// Ends that it joins.
    pub peers: Vec<Peers>,
    /// Ways of waiting that make sense for it.
    pub waits: Vec<Wait>,
    /// Whether several producers may share it.
    pub many_producers: bool,
    /// The largest message, bytes, on this machine; `None` where only memory bounds it.
    pub largest_bytes: Option<u64>,
    /// Why it cannot run here, or `None`.
    pub lacking: Option<String>,
    /// Broken on purpose, to show that the audit sees it: runs only when a plan names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// Kin of mechanisms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Pipes, FIFOs and tokens of the kernel.
    Pipe,
    /// Message queues between processes.
    Queue,
    /// UNIX domain sockets.
    UnixSocket,
    /// Sockets through the loopback interface.
    Loopback,
    /// Rings in shared memory.
    SharedMemory,
    /// Channels between threads of one process.
    InProcess,
    /// Loops without a mechanism.
    Floor,
}

impl Group {
    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pipe => "pipes and tokens",
            Self::Queue => "queues",
            Self::UnixSocket => "UNIX sockets",
            Self::Loopback => "loopback sockets",
            Self::SharedMemory => "shared memory",
            Self::InProcess => "channels between threads",
            Self::Floor => "floors",
        }
    }
}

/// What a mechanism is, beyond its speed.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the table of natures")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nature {
    /// Whether one receive yields exactly one sent message.
    pub boundaries: bool,
    /// What happens when the receiver is slower.
    pub when_full: WhenFull,
    /// Whether processes that do not share an ancestor can open it.
    pub unrelated: bool,
    /// Whether the same calls reach another host.
    pub between_hosts: bool,
    /// Whether poll or epoll can wait for it.
    pub pollable: bool,
    /// What stays behind when both processes crash.
    pub after_crash: Cow<'static, str>,
    /// Where it exists.
    pub portability: Cow<'static, str>,
}

/// What a full mechanism does to its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// The sender waits.
    BackPressure,
    /// Messages are lost.
    Loss,
    /// Nothing is carried, or nothing bounds it.
    Unbounded,
}

impl Catalogue {
    /// The mechanism of that name.
    pub fn find(&self, name: &str) -> Option<&Mechanism> {
        self.mechanisms.iter().find(|mechanism| mechanism.name == name)
    }
}

impl Room {
    /// What files may take in memory: half of what is available, however large the tmpfs says that it is.
    pub fn memory_bytes(&self) -> u64 {
        self.tmpfs_free_bytes.map_or(0, |free| free.min(self.memory_available_bytes / 2))
    }

    /// Whether so many bytes of files may lie in memory.
    pub fn holds_in_memory(&self, bytes: u64) -> bool {
        self.tmpfs_free_bytes.is_some() && bytes <= self.memory_bytes()
    }
}

impl FileServers {
    /// The server model of that name.
    pub fn server_model(&self, name: &str) -> Option<&ServerModel> {
        self.server_models.iter().find(|model| model.name == name)
    }
}

/// Refuses a name that is not known, with the nearest that may be named. Each known name comes with whether it is
/// hidden: a hidden one may be named, and is not proposed.
pub(super) fn known<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = (&'a str, bool)> + Clone,
) -> Result<(), String> {
    if known.clone().any(|(word, _)| word == name) {
        return Ok(());
    }
    let hint = match nearest(name, known.filter(|(_, hidden)| !hidden).map(|(word, _)| word)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`ferrybench list` shows what exists".to_owned(),
    };
    Err(format!("unknown {what} \"{name}\"; {hint}"))
}

/// The word nearest to a mistyped one, where one is near enough to be meant.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (strsim::jaro_winkler(&typed.to_lowercase(), word), word))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}
