//! One client and some servers on a bridge, each a network namespace of its own; removed on every way out.

use signal_hook::{consts, iterator::Signals};
use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
};

/// The namespaces.
pub(super) struct Hosts {
    names: Vec<String>,
}

/// What a signal removes. Whatever is gone already needs no removing.
static MADE: Mutex<Made> = Mutex::new(Made { namespaces: Vec::new(), folders: Vec::new() });

struct Made {
    namespaces: Vec<String>,
    folders: Vec<PathBuf>,
}

/// A folder that is to go where a signal ends the benchmark.
pub(super) fn remove_on_a_signal(folder: &Path) {
    made().folders.push(folder.to_owned());
}

/// The address of a host.
pub(super) fn address(host: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, host as u8 + 1)
}

/// The client, and the place of the first server.
pub(super) const CLIENT: usize = 0;

impl Hosts {
    /// Makes them; why not, where they cannot be made.
    pub(super) fn up(servers: usize) -> Result<Self, String> {
        let own = std::process::id();
        let mut names: Vec<_> = (0..=servers).map(|host| format!("fbbench-{own}-{host}")).collect();
        names.push(format!("fbbench-{own}-switch"));
        let hosts = Self { names };
        made().namespaces.extend_from_slice(&hosts.names);
        watch_for_signals();
        for name in &hosts.names {
            ip(&["netns", "add", name])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        let switch = hosts.names.last().expect("it was just added").clone();
        ip(&["-n", &switch, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", "br0", "up"])?;
        for host in 0..=servers {
            let (name, port) = (&hosts.names[host], format!("p{host}"));
            ip(&[
                "-n", &switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", name,
            ])?;
            ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"])?;
            ip(&["-n", name, "addr", "add", &format!("{}/24", address(host)), "brd", "+", "dev", "eth0"])?;
            ip(&["-n", name, "link", "set", "eth0", "up"])?;
            ip(&["-n", name, "route", "add", "224.0.0.0/4", "dev", "eth0"])?;
        }
        Ok(hosts)
    }

    /// A program on a host.
    pub(super) fn on(&self, host: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[host], program]);
        command
    }

    /// Most datagrams that leave the client in one packet.
    pub(super) fn segments(&self, most: u32) -> Result<(), String> {
        ip(&["-n", &self.names[CLIENT], "link", "set", "eth0", "gso_max_segs", &most.to_string()])
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        remove_all(&self.names);
    }
}

fn made() -> MutexGuard<'static, Made> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ctrl-C is a way out as well.
fn watch_for_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let signals = Signals::new([consts::SIGINT, consts::SIGTERM]);
        let mut signals = signals.expect("these signals may be handled");
        thread::spawn(move || {
            if signals.forever().next().is_some() {
                let made = made();
                remove_all(&made.namespaces);
                for folder in &made.folders {
                    let _ = fs::remove_dir_all(folder);
                }
                std::process::exit(130);
            }
        });
    });
}

fn remove_all(names: &[String]) {
    for name in names {
        let _ = ip(&["netns", "del", name]);
    }
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ip cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {}: {}", words.join(" "), why.trim()))
}
