//! Writes a made-up run, with one of everything, as a run folder: `synthetic FOLDER BLOCKS`. For looking at a report
//! without measuring, and for timing how long one takes.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: synthetic FOLDER BLOCKS";
    let mut args = std::env::args_os().skip(1);
    let folder = PathBuf::from(args.next().ok_or(usage)?);
    let blocks = args.next().and_then(|blocks| blocks.to_str()?.parse().ok()).ok_or(usage)?;
    support::Run::full(blocks).write(&folder)?;
    Ok(())
}
