//! Limits of the kernel and of this process that mechanisms run into.

use super::facts::first_line;
use ferrybench_data::run_info::Limit;
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::{SigHandler, Signal, signal},
};

const FILES: &[(&str, &str)] = &[
    ("pipe-max-size", "/proc/sys/fs/pipe-max-size"),
    ("pipe-user-pages-soft", "/proc/sys/fs/pipe-user-pages-soft"),
    ("mqueue msg_max", "/proc/sys/fs/mqueue/msg_max"),
    ("mqueue msgsize_max", "/proc/sys/fs/mqueue/msgsize_max"),
    ("mqueue queues_max", "/proc/sys/fs/mqueue/queues_max"),
    ("msgmax", "/proc/sys/kernel/msgmax"),
    ("msgmnb", "/proc/sys/kernel/msgmnb"),
    ("msgmni", "/proc/sys/kernel/msgmni"),
    ("unix max_dgram_qlen", "/proc/sys/net/unix/max_dgram_qlen"),
    ("wmem_default", "/proc/sys/net/core/wmem_default"),
    ("wmem_max", "/proc/sys/net/core/wmem_max"),
    ("rmem_default", "/proc/sys/net/core/rmem_default"),
    ("rmem_max", "/proc/sys/net/core/rmem_max"),
    ("tcp_rmem", "/proc/sys/net/ipv4/tcp_rmem"),
    ("tcp_wmem", "/proc/sys/net/ipv4/tcp_wmem"),
    ("tcp_congestion_control", "/proc/sys/net/ipv4/tcp_congestion_control"),
    ("loopback MTU", "/sys/class/net/lo/mtu"),
    ("io_uring_disabled", "/proc/sys/kernel/io_uring_disabled"),
];

/// Every limit that this machine tells.
pub(super) fn all() -> Vec<Limit> {
    let files = FILES
        .iter()
        .filter_map(|(name, path)| Some(Limit { name: (*name).to_owned(), value: first_line(path)? }));
    let resources =
        [("RLIMIT_NOFILE", Resource::RLIMIT_NOFILE), ("RLIMIT_MSGQUEUE", Resource::RLIMIT_MSGQUEUE)];
    let resources = resources.into_iter().filter_map(|(name, resource)| {
        let (soft, _) = getrlimit(resource).ok()?;
        let value = if soft == libc::RLIM_INFINITY { "unlimited".to_owned() } else { soft.to_string() };
        Some(Limit { name: name.to_owned(), value })
    });
    files.chain(resources).collect()
}

/// Descriptors that this process may have, at most.
pub fn descriptors() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(_, hard)| hard)
}

/// Takes as many descriptors as the hard limit gives: the soft one is low for the sake of programs that use select.
pub fn raise_descriptors() {
    let most = descriptors();
    let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
}

/// Makes a limit to the size of files an error of the write that passes it, instead of the end of the process.
pub fn outlive_the_file_size_limit() {
    // SAFETY: ignoring a signal installs no handler, and nothing else here decides about this one.
    let _ = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
}
