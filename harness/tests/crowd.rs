//! A thousand clients at once against a pool of fifty: all are served, or the lack of descriptors is told beforehand.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and says why it skips")]

mod support;

use ferrybench_data::{
    fileserver::FileServer,
    record::{Outcome, Record},
    table::Table,
};
use nix::sys::resource::{Resource, getrlimit};
use support::Place;

const PLAN: &str = r#"
name = "crowd"
blocks = 1
[fileserver]
operations = ["download"]
volume_bytes = ["64KiB"]
protocols = ["course"]
client_models = ["thread-pool"]
client_pools = [1000]
server_models = ["thread-pool"]
server_pools = [50]
"#;

/// The one row that the run came to.
fn row(place: &Place) -> Record<FileServer> {
    let mut rows = Table::<FileServer>::read(place.read("out/fileserver.csv").as_bytes()).rows;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn a_thousand_clients_are_served_by_a_pool_of_fifty() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if soft.max(hard) < 8_000 {
        println!("skipped: a process may have {hard} descriptors here, 8000 are needed");
        return;
    }
    let place = Place::new();
    place.write("crowd.toml", PLAN);
    place.ferrybench(&["run", "crowd.toml", "--out", "out"]).assert().code(0);
    let row = row(&place);
    let seen = row.good().unwrap_or_else(|| panic!("{row:?}"));
    assert_eq!((seen.clients_ok, seen.clients_failed), (1000, 0));
    assert_eq!((seen.servers_ok, seen.servers_failed, seen.servers_idle), (Some(50), Some(0), Some(0)));
    assert_eq!(seen.bytes_verified, 1000 * (64 << 10));
}

#[test]
fn too_few_descriptors_for_a_thousand_clients_are_told_before_anything_starts() {
    let place = Place::new();
    place.write("crowd.toml", PLAN);
    let mut command = place.command("prlimit");
    let words = ["--nofile=1024:1024", support::BINARY, "run", "crowd.toml", "--out", "out"];
    let output = command.args(words).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{output:?}");
    let Outcome::Skipped(reason) = row(&place).outcome else { panic!("it was tried") };
    assert!(reason.starts_with("limit: "), "{reason}");
    assert!(reason.ends_with(" descriptors are needed, a process may have 1024"), "{reason}");
}
