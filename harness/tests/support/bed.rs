//! Test hosts for a test, where they can be made.

use super::{program, say};
use ferrybench::host::testbed::{self, BedHost, TestBed};
use std::process::Command;

/// A bed; `None`, with the reason said, where none can be made.
pub fn bed(servers: u32) -> Option<TestBed> {
    TestBed::raise(&program(), servers).map_err(|error| say(&format!("skipped: {error}"))).ok()
}

/// What a host's own tool prints.
pub fn on(host: &BedHost, words: &[&str]) -> String {
    let mut command = Command::new(&host.prefix[0]);
    let output = command.args(&host.prefix[1..]).args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a run can make hosts of its own; says why not.
pub fn has_hosts() -> bool {
    let lacking = testbed::lacking(&program()).namespaces;
    if let Some(why) = &lacking {
        say(&format!("skipped: {why}"));
    }
    lacking.is_none()
}
