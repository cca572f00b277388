//! What the calling thread, or its process, used: CPU time, context switches, time spent waiting for a CPU, memory.

use super::clock;
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use std::{fs, ops::AddAssign};

/// Use by one thread between two points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time in user mode, nanoseconds.
    pub user_ns: u64,
    /// CPU time in the kernel, nanoseconds.
    pub system_ns: u64,
    /// Context switches because the thread waited.
    pub voluntary: u64,
    /// Context switches because the kernel took the CPU away.
    pub involuntary: u64,
    /// Time in which it could have run and waited for a CPU, nanoseconds.
    pub run_delay_ns: u64,
}

/// A point from which to count.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    cpu_ns: u64,
    counted: Usage,
}

impl Usage {
    /// CPU time of either kind, nanoseconds.
    pub fn cpu_ns(&self) -> u64 {
        self.user_ns + self.system_ns
    }
}

impl Usage {
    /// What came on top of an earlier count.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user_ns: self.user_ns.saturating_sub(earlier.user_ns),
            system_ns: self.system_ns.saturating_sub(earlier.system_ns),
            voluntary: self.voluntary.saturating_sub(earlier.voluntary),
            involuntary: self.involuntary.saturating_sub(earlier.involuntary),
            run_delay_ns: self.run_delay_ns.saturating_sub(earlier.run_delay_ns),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.user_ns += other.user_ns;
        self.system_ns += other.system_ns;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
        self.run_delay_ns += other.run_delay_ns;
    }
}

/// Starts to count for the calling thread.
pub fn start() -> Start {
    let counted = counters();
    Start { cpu_ns: clock::thread_cpu(), counted }
}

impl Start {
    /// What the calling thread used since. Must be asked by the thread that started.
    pub fn used(&self) -> Usage {
        let cpu_ns = clock::thread_cpu() - self.cpu_ns;
        let now = counters();
        let user = now.user_ns.saturating_sub(self.counted.user_ns);
        let system = now.system_ns.saturating_sub(self.counted.system_ns);
        // The kernel brings user and system time up to date only now and then; the thread's CPU clock is exact. So the
        // sum comes from the clock, and its division from the counters.
        let user_ns = (cpu_ns as f64 * user as f64 / (user + system).max(1) as f64) as u64;
        Usage {
            user_ns,
            system_ns: cpu_ns - user_ns,
            voluntary: now.voluntary - self.counted.voluntary,
            involuntary: now.involuntary - self.counted.involuntary,
            run_delay_ns: now.run_delay_ns.saturating_sub(self.counted.run_delay_ns),
        }
    }
}

/// What a whole process used up to now, as it tells itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessUse {
    /// Its number.
    pub pid: u32,
    /// CPU time and switches of all its threads. The delay of a process is not kept: it is 0.
    pub used: Usage,
    /// Upper bound of its anonymous resident memory at any time, bytes: the kernel keeps the peak of all resident
    /// memory, and what of it is files is taken off as it is now.
    pub peak_anonymous_bytes: u64,
}

impl ProcessUse {
    /// The same, but for what had been used at an earlier time.
    #[must_use]
    pub fn since(self, earlier: &Self) -> Self {
        Self { used: self.used.since(&earlier.used), ..self }
    }

    /// Of the calling process.
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        let files = field("RssFile:") + field("RssShmem:");
        Self {
            pid: std::process::id(),
            used: counters_of(UsageWho::RUSAGE_SELF),
            peak_anonymous_bytes: field("VmHWM:").saturating_sub(files).max(field("RssAnon:")),
        }
    }
}

fn counters() -> Usage {
    Usage { run_delay_ns: run_delay_ns(), ..counters_of(UsageWho::RUSAGE_THREAD) }
}

fn counters_of(who: UsageWho) -> Usage {
    let Ok(usage) = getrusage(who) else { return Usage::default() };
    let nanos =
        |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000_000 + time.tv_usec() as u64 * 1_000;
    Usage {
        user_ns: nanos(usage.user_time()),
        system_ns: nanos(usage.system_time()),
        voluntary: usage.voluntary_context_switches() as u64,
        involuntary: usage.involuntary_context_switches() as u64,
        run_delay_ns: 0,
    }
}

/// Second field of schedstat; 0 where the kernel does not keep it.
fn run_delay_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0)
}
