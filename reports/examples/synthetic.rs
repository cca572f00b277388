//! Writes a made-up run, with one of everything, as a run folder: `synthetic FOLDER BLOCKS [full|lab|servers|both|assignment|fanouts|loopback|plan-NAME]`. For looking at a report
//! without measuring, and for timing how long one takes.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let usage =
        "usage: synthetic FOLDER BLOCKS [full|lab|servers|both|assignment|fanouts|loopback|plan-NAME]";
    let mut args = std::env::args_os().skip(1);
    let folder = PathBuf::from(args.next().ok_or(usage)?);
    let blocks = args.next().and_then(|blocks| blocks.to_str()?.parse().ok()).ok_or(usage)?;
    let which = args.next();
    let run = match which.as_ref().and_then(|which| which.to_str()) {
        None | Some("full") => support::Run::full(blocks),
        Some("lab") => support::Run::lab(blocks),
        Some("servers") => support::Run::servers(blocks),
        Some("fanouts") => support::Run::fanouts(blocks),
        Some("assignment") => support::Run::lab_fanout(blocks),
        Some("loopback") => support::Run::on_loopback(blocks),
        Some("both") => support::Run::full(blocks).with(support::Run::lab(blocks)),
        Some(plan) if plan.starts_with("plan-") => {
            support::Run::planned(plan.trim_start_matches("plan-"), blocks)
        }
        Some(_) => return Err(usage.into()),
    };
    run.write(&folder)?;
    Ok(())
}
