//! Test hosts for a test, where they can be made.

use super::{program, say};
use ferrybench::host::testbed::{BedHost, TestBed};
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
