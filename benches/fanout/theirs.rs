//! UFTP and iperf3 on the same hosts.

use super::hosts::{CLIENT, Hosts, address};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// Receive and send buffers, as ours.
const BUFFER: &str = "4194304";

/// Receivers of UFTP, one on each server.
pub(super) struct Uftp<'a> {
    hosts: &'a Hosts,
    daemons: Vec<Child>,
}

/// Whether a program is installed.
pub(super) fn is_there(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .is_ok_and(|it| it.status.success())
}

impl<'a> Uftp<'a> {
    pub(super) fn start(hosts: &'a Hosts, into: &[impl AsRef<Path>]) -> Self {
        let daemon = |(folder, host): (&dyn AsRef<Path>, usize)| {
            let mut command = hosts.on(host, "uftpd");
            command.args(["-d", "-I", "eth0", "-B", BUFFER, "-D"]).arg(folder.as_ref());
            quiet(&mut command).spawn().expect("it is installed")
        };
        let daemons = into.iter().map(|folder| folder as &dyn AsRef<Path>).zip(1..).map(daemon).collect();
        settle();
        Self { hosts, daemons }
    }

    /// Sends a file to all; bytes of it in a second of the time that UFTP says it took.
    pub(super) fn rate(&self, file: &Path, bytes: u64) -> f64 {
        let mut command = self.hosts.on(CLIENT, "uftp");
        command.args(["-R", "-1", "-B", BUFFER, "-I", "eth0"]).arg(file);
        let output = command.stdin(Stdio::null()).output().expect("it is installed");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let elapsed = text.lines().find_map(|line| {
            let (_, rest) = line.split_once("Total elapsed time:")?;
            rest.split_whitespace().next()?.parse::<f64>().ok()
        });
        bytes as f64 / elapsed.unwrap_or_else(|| panic!("uftp does not tell its time: {text}"))
    }
}

impl Drop for Uftp<'_> {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// Datagrams of 1400 bytes that iperf3 delivers from the client to the first server in a second.
pub(super) fn iperf(hosts: &Hosts) -> f64 {
    let mut server = hosts.on(1, "iperf3");
    let mut server = quiet(server.args(["-s", "-1"])).spawn().expect("it is installed");
    settle();
    let mut client = hosts.on(CLIENT, "iperf3");
    client.args(["-u", "-b", "0", "-l", "1400", "-t", "1", "-J", "-c"]).arg(address(1).to_string());
    let output = client.stdin(Stdio::null()).output().expect("it is installed");
    let _ = server.wait();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it was asked for JSON");
    let sum = &told["end"]["sum"];
    let number =
        |name: &str| sum[name].as_f64().unwrap_or_else(|| panic!("iperf3 does not tell {name}: {told}"));
    (number("packets") - number("lost_packets")) / number("seconds")
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// These programs do not say when they listen.
#[expect(clippy::disallowed_methods, reason = "somebody else's server gives no sign that it is ready")]
fn settle() {
    thread::sleep(Duration::from_millis(300));
}
