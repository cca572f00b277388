//! `run.json`: what a run was and where it ran.

use crate::plan::catalogue::Catalogue;
use serde::{Deserialize, Serialize};

/// The schema of run folders that this version writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// What a run was and where it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Schema of the folder; newer ones are refused.
    pub schema: u32,
    /// Name of the suite: `ferrybench`.
    pub suite: String,
    /// Version of the suite.
    pub version: String,
    /// Revision of the source, where it was built in a repository.
    pub revision: Option<String>,
    /// Hash of the binary that measured.
    pub binary_hash: String,
    /// `release` or `debug`.
    pub build_profile: String,
    /// Rust compiler that built it.
    pub compiler: String,
    /// The command line, as it was typed.
    pub command_line: Vec<String>,
    /// The plan's name.
    pub plan: String,
    /// When the run began, UTC, ISO 8601.
    pub started: String,
    /// How the run ended.
    pub ended: Ended,
    /// Trials of the plan, whether or not they came to a row.
    pub trials: u32,
    /// Blocks of each trial.
    pub blocks: u32,
    /// Seed of orders and payloads.
    pub seed: u64,
    /// Wall time of the run so far, seconds, over all its sittings.
    pub wall_s: f64,
    /// The hosts that took part; the first is the one that measured.
    pub hosts: Vec<HostFacts>,
    /// What existed there.
    pub catalogue: Catalogue,
    /// The hosts that files were sent between, as their agents proved: the sender first. Empty where no trial has hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Participant>,
    /// Files that were fetched once, before anything was measured, and served to the sender from then on: for test hosts,
    /// which are connected to nothing else. Otherwise the sender fetches its files itself, in each block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetched: Vec<FetchedSource>,
}

/// A file that was fetched before anything was measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FetchedSource {
    /// From where.
    pub url: String,
    /// What it is called from then on: the last part of the address, with an extension by the server's word.
    pub name: String,
    /// Content type, by the server's word.
    pub content_type: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// From the request to its last byte, seconds.
    pub fetch_s: f64,
}

/// A host that an agent was started on, as that agent proved.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Participant {
    /// What the plan, or the test bed, calls it: `client`, `server1`.
    pub name: String,
    /// The command that reaches it, word by word; empty for this machine itself.
    pub prefix: Vec<String>,
    /// The host's own name.
    pub host_name: String,
    /// The kernel's number of its boot: the same for all namespaces of one machine.
    pub boot_id: String,
    /// Inode of its network namespace.
    pub network_namespace: u64,
    /// Its interfaces with IPv4 addresses, loopback last.
    pub interfaces: Vec<Interface>,
    /// What its clock shows when the coordinator's shows 0, seconds.
    pub clock_offset_s: f64,
    /// How far that may be wrong, seconds.
    pub clock_bound_s: f64,
}

/// An interface of a host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its IPv4 address with the length of its prefix, `10.77.0.1/24`.
    pub address: String,
    /// Its largest packet, bytes.
    pub mtu_bytes: u32,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It has not: still running, or killed.
    Running,
    /// Every row is there.
    Complete,
    /// Somebody stopped it; the report shows what there is.
    Interrupted,
}

/// What a machine is, as far as numbers depend on it. `None` where the machine does not tell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// CPU model.
    pub cpu: String,
    /// CPUs on line.
    pub cpus_online: u32,
    /// CPUs that the process may use.
    pub cpus_allowed: u32,
    /// Threads a core.
    pub threads_per_core: Option<u32>,
    /// Caches, such as `L1d 48 KiB`.
    pub caches: Vec<String>,
    /// Memory in all, bytes.
    pub memory_bytes: u64,
    /// Memory available when the run began, bytes.
    pub memory_available_bytes: u64,
    /// Kernel release.
    pub kernel: String,
    /// Distribution.
    pub distribution: String,
    /// CPU frequency governor.
    pub governor: Option<String>,
    /// Mitigations that are active.
    pub mitigations: Vec<String>,
    /// Kernel clock source.
    pub clock_source: String,
    /// Hypervisor, or `None` on bare metal.
    pub virtualisation: Option<String>,
    /// Guest halt polling, nanoseconds, where the guest has it.
    pub halt_poll_ns: Option<u64>,
    /// Whether freed pages go back to the host.
    pub free_page_reporting: Option<bool>,
    /// CPU quota of the control group, CPUs.
    pub cgroup_cpus: Option<f64>,
    /// Cost of one clock reading, nanoseconds, median.
    pub clock_cost_ns: f64,
    /// Smallest step of the clock that was seen, nanoseconds.
    pub clock_step_ns: f64,
    /// Share of a probe lost to other work, at the start of the run.
    pub noise: Option<f64>,
    /// Longest gap of that probe, seconds.
    pub noise_gap_s: Option<f64>,
    /// Kernel limits that mechanisms run into: name and value.
    pub limits: Vec<Limit>,
}

/// One limit of the kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The kernel's name for it.
    pub name: String,
    /// Its value, as the kernel prints it.
    pub value: String,
}
