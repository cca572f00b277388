//! Somebody else's server, seen from outside: processes, threads, memory and CPU time of a whole family.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// What was seen of a server in one block.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Watched {
    /// Most threads and processes beyond the first, at once.
    pub(super) most_workers: Option<u32>,
    /// Processes that ended.
    pub(super) died: Option<u32>,
    /// Largest sum of anonymous resident memory, bytes.
    pub(super) peak_anonymous_bytes: Option<u64>,
    /// CPU time in user mode and in the kernel, seconds.
    pub(super) cpu_s: Option<(f64, f64)>,
    /// Transfers that each worker says it finished well, and those that it says failed.
    pub(super) told: BTreeMap<u32, (u64, u64)>,
    /// What went wrong with the server itself.
    pub(super) trouble: Option<String>,
}

/// A process and everything that it started, at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Family {
    pub(super) pids: BTreeSet<u32>,
    pub(super) threads: u32,
    pub(super) anonymous_bytes: u64,
    /// User and system time in clock ticks, that of children that ended included.
    pub(super) ticks: (u64, u64),
}

impl Family {
    /// Looks at a process and its descendants. What ends while it is looked at is left out.
    pub(super) fn of(root: u32) -> Self {
        let mut family = Self::default();
        let mut open = vec![root];
        while let Some(pid) = open.pop() {
            if !family.pids.insert(pid) {
                continue;
            }
            match Member::of(pid) {
                Some(member) => {
                    family.threads += member.threads;
                    family.anonymous_bytes += member.anonymous_bytes;
                    family.ticks.0 += member.ticks.0;
                    family.ticks.1 += member.ticks.1;
                    open.extend(children(pid));
                }
                None => {
                    family.pids.remove(&pid);
                }
            }
        }
        family
    }

    /// Threads and processes beyond the first: what can work beside the one that accepts.
    pub(super) fn workers(&self) -> u32 {
        self.threads.saturating_sub(1)
    }
}

struct Member {
    threads: u32,
    anonymous_bytes: u64,
    ticks: (u64, u64),
}

impl Member {
    fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything: the fields begin after its last parenthesis, with the third.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            return None;
        }
        let tick =
            |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        Some(Self {
            threads: field("Threads:").unwrap_or(1) as u32,
            anonymous_bytes: field("RssAnon:").unwrap_or(0) * 1024,
            ticks: (tick(14) + tick(16), tick(15) + tick(17)),
        })
    }
}

/// The children of every thread of a process.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    tasks
        .flat_map(|task| {
            let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock;
    use std::process::{Command, Stdio};

    #[test]
    fn a_family_holds_the_children_of_children() {
        let mut shell = Command::new("sh")
            .args(["-c", "sh -c 'read line; true' ; true"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh is there");
        let own = Family::of(std::process::id());
        assert!(own.anonymous_bytes > 0 && own.threads >= 1);
        let mut found = Family::default();
        // The inner shell is started by the outer one, which nobody tells us of.
        let give_up = clock::now() + 60_000_000_000;
        while found.pids.len() != 2 && clock::now() < give_up {
            found = Family::of(shell.id());
            std::thread::yield_now();
        }
        assert_eq!(found.pids.len(), 2, "{found:?}");
        drop(shell.stdin.take());
        shell.wait().expect("it was started above");
        assert_eq!(Family::of(shell.id()).pids.len(), 0);
    }
}
