//! Our file server held against other people's, with the same client, alternating in one run; and what the grid of the
//! assignment takes. Prints a Markdown table; METHODOLOGY.md quotes one. `just peers` runs it, in minutes.

#![expect(clippy::print_stderr, reason = "its output is its result")]

mod client;
mod grid;
#[path = "../held/mod.rs"]
mod held;
mod servers;

use client::Client;
use ferrybench::{host::limits, process::role};
use ferrybench_data::fileserver::Received;
use held::{Bar, Table, alternating};
use servers::{Iperf, Server};
use std::{path::PathBuf, process::ExitCode};

const MIB: u64 = 1 << 20;
/// Clients at once, and streams of iperf3.
const STREAMS: u32 = 5;
/// Pairs of rounds, each with a fresh order of the two.
const PAIRS: usize = 16;
/// Pairs where one side takes seconds.
const SLOW_PAIRS: usize = 8;

/// Files in memory: sources for every server, and what clients receive.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("ferrybench-peers-").tempdir_in("/dev/shm")?;
        // A web server that gives up its privileges has to read them.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn main() -> ExitCode {
    if let Some(code) = role::take_over(&[]) {
        return code;
    }
    limits::raise_descriptors();
    let Ok(place) = Place::new() else {
        eprintln!("/dev/shm cannot be written to, and disks are not what is measured here");
        return ExitCode::FAILURE;
    };
    let mut table = Table::begin();
    for sizes in [100 * MIB, 10 * MIB] {
        client::prepare(&place, sizes, STREAMS);
    }
    nginx(&mut table, &place);
    iperf(&mut table, &place);
    for (bytes, bar) in [(100 * MIB, Bar::AtLeast(10.0)), (10 * MIB, Bar::AtLeast(6.0))] {
        python(&mut table, &place, bytes, bar);
    }
    grid::rows(&mut table);
    table.end()
}

/// Downloads: our `raw` against nginx, by the same client.
fn nginx(table: &mut Table, place: &Place) {
    let what =
        "download, 100 MiB x 5 clients: raw, thread-pool of 5, against nginx (sendfile, 2 workers) over http";
    let Some(theirs) = Server::nginx(place) else {
        return table.skipped(what, "nginx is not installed", Bar::AtLeast(1.1));
    };
    let ours = Server::ours(place, "raw", "thread-pool", STREAMS);
    let (mut raw, mut http) = (
        Client::new(place, "raw", ours.address, STREAMS, 100 * MIB, Received::Dropped),
        Client::new(place, "http", theirs.address, STREAMS, 100 * MIB, Received::Dropped),
    );
    table.ratio(what, &alternating(PAIRS, &mut || raw.rate(), &mut || http.rate()), Bar::AtLeast(1.1));
    let (mut raw, mut http) = (
        Client::new(place, "raw", ours.address, STREAMS, 100 * MIB, Received::Written),
        Client::new(place, "http", theirs.address, STREAMS, 100 * MIB, Received::Written),
    );
    let what = "the same, written to files: the client is the limit (for context)";
    table.ratio(what, &alternating(PAIRS, &mut || raw.rate(), &mut || http.rate()), Bar::Context);
}

/// Downloads against iperf3, which sends from one small buffer and reads into another; ours sends files.
fn iperf(table: &mut Table, place: &Place) {
    let what = "download, 100 MiB x 5 clients that drop it unread: raw, against iperf3 with 5 streams";
    let Some(mut theirs) = Iperf::start() else {
        return table.skipped(what, "iperf3 is not installed", Bar::AtLeast(1.0));
    };
    let ours = Server::ours(place, "raw", "thread-pool", STREAMS);
    let mut raw = Client::new(place, "raw", ours.address, STREAMS, 100 * MIB, Received::Dropped);
    table.ratio(
        what,
        &alternating(PAIRS, &mut || raw.rate(), &mut || theirs.rate(STREAMS, 100 * MIB)),
        Bar::AtLeast(1.0),
    );
    let mut hashed = Client::new(place, "raw", ours.address, STREAMS, 100 * MIB, Received::Discarded);
    let what = "the same, hashed and dropped instead of written (for context)";
    table.ratio(
        what,
        &alternating(PAIRS, &mut || hashed.rate(), &mut || theirs.rate(STREAMS, 100 * MIB)),
        Bar::Context,
    );
}

/// Downloads over the course's protocol: our server against one in `CPython`, each with 5 threads.
fn python(table: &mut Table, place: &Place, bytes: u64, bar: Bar) {
    let mib = bytes / MIB;
    let what = format!(
        "download, course, {mib} MiB x 5 clients: our server against a CPython server, 5 threads each"
    );
    let Some(theirs) = Server::python(place, STREAMS) else {
        return table.skipped(&what, "python3 is not installed", bar);
    };
    let ours = Server::ours(place, "course", "thread-pool", STREAMS);
    let (mut own, mut python) = (
        Client::new(place, "course", ours.address, STREAMS, bytes, Received::Written),
        Client::new(place, "course", theirs.address, STREAMS, bytes, Received::Written),
    );
    table.ratio(&what, &alternating(SLOW_PAIRS, &mut || own.rate(), &mut || python.rate()), bar);
}
