//! Where threads run: the CPUs behind each placement, pinning, and asking afterwards.

use ferrybench_data::{
    plan::catalogue::Places,
    roundtrip::{Placement, Spec},
};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use std::{fs, io};

/// CPUs that the calling thread may use, in ascending order.
pub fn allowed() -> io::Result<Vec<u32>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).map(|cpu| cpu as u32).collect())
}

/// Binds the calling thread to one CPU.
pub fn pin(cpu: u32) -> io::Result<()> {
    allow(&[cpu])
}

/// Binds the calling thread to some CPUs.
pub fn allow(cpus: &[u32]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu as usize)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Gives the calling thread a table of descriptors of its own. As long as threads share one, each system call counts its
/// file in and out, which a program of one thread need not do: on one CPU that was 3 % of a pipe's round trip. Where it is
/// not allowed things only are that much slower.
pub fn own_descriptors() {
    let _ = nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES);
}

/// The CPU that the calling thread is on.
pub fn current() -> u32 {
    nix::sched::sched_getcpu().map_or(u32::MAX, |cpu| cpu as u32)
}

/// Chooses the CPUs for the placements: the last allowed one to share (the first often serves interrupts), and for
/// two ends the first pair that are not threads of one core.
pub fn choose(allowed: &[u32]) -> Places {
    let same = allowed.last().copied().unwrap_or(0);
    let siblings = |cpu: u32| {
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        fs::read_to_string(path).unwrap_or_default()
    };
    let apart = allowed
        .iter()
        .skip(1)
        .find(|&&cpu| siblings(cpu) != siblings(allowed[0]) || siblings(cpu).is_empty());
    let split = apart.or(allowed.get(1)).map(|&other| [allowed[0], other]);
    Places { same, split }
}

/// The CPU of each end, near then far; `None` where the end runs where it likes.
pub fn cpus_of(spec: &Spec, places: Places) -> [Option<u32>; 2] {
    match spec.placement {
        Placement::SameCpu => [Some(places.same); 2],
        Placement::Split => places.split.map_or([None; 2], |[near, far]| [Some(near), Some(far)]),
        Placement::Unpinned => [None; 2],
    }
}
