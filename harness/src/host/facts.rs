//! Everything that a report names about a machine.

use super::{cpu, limits};
use crate::measure::{clock, noise, place};
use ferrybench_data::{plan::catalogue::Catalogue, run_info::HostFacts};
use std::{fs, io};

/// Looks at this machine. Takes some 30 ms: the clock is measured, and how quiet the machine is.
pub fn gather(catalogue: &Catalogue) -> io::Result<HostFacts> {
    let clock = clock::facts();
    let probe = noise::probe(&catalogue.cpus, catalogue.places.split);
    Ok(HostFacts {
        cpu: cpu::model(),
        cpus_online: cpu::online(),
        cpus_allowed: place::allowed()?.len() as u32,
        threads_per_core: cpu::threads_per_core(),
        caches: cpu::caches(),
        memory_bytes: memory("MemTotal:"),
        memory_available_bytes: memory("MemAvailable:"),
        kernel: first_line("/proc/sys/kernel/osrelease").unwrap_or_default(),
        distribution: distribution(),
        governor: first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        mitigations: cpu::mitigations(),
        clock_source: first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .unwrap_or_default(),
        virtualisation: cpu::virtualisation(),
        halt_poll_ns: first_line("/sys/module/haltpoll/parameters/guest_halt_poll_ns")
            .and_then(|ns| ns.parse().ok()),
        free_page_reporting: first_line("/sys/module/page_reporting/parameters/page_reporting_order")
            .map(|_| true),
        cgroup_cpus: cgroup_cpus(),
        clock_cost_ns: clock.cost_ns,
        clock_step_ns: clock.step_ns,
        noise: Some(probe.share),
        noise_gap_s: Some(probe.gap_s),
        limits: limits::all(),
    })
}

/// A file of one line, without its line end; `None` where it is not there or empty.
pub(super) fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A figure of `/proc/meminfo`, bytes.
pub(super) fn memory(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn distribution() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    line.map_or_else(|| "Linux".to_owned(), |name| name.trim_matches('"').to_owned())
}

/// CPU quota of the process's control group (version 2), in CPUs.
fn cgroup_cpus() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let line = first_line(&format!("/sys/fs/cgroup{path}/cpu.max"))?;
    let (quota, period) = line.split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}
