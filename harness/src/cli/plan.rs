//! `plan`: what would run, and what it would cost.

use super::{Done, Exit, plans::PlanChoice, say};
use clap::Args;
use ferrybench_data::{
    plan::{Cell, Work, estimate::estimate},
    units::Size,
};
use serde_json::json;

#[derive(Args)]
pub(super) struct Plan {
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    choice: PlanChoice,
}

impl Plan {
    pub(super) fn carry_out(self) -> Done {
        let chosen = self.choice.choose("quick")?;
        let cost = estimate(&chosen.plan, &chosen.trials);
        let skipped = chosen.trials.iter().filter(|trial| trial.skip.is_some()).count();
        if self.json {
            let trials: Vec<_> = chosen
                .trials
                .iter()
                .map(|trial| json!({ "trial": trial.id(), "skip": trial.skip, "spec": trial.cell }))
                .collect();
            say(json!({
                "plan": chosen.plan.name,
                "seed": chosen.plan.seed,
                "blocks": chosen.plan.blocks,
                "estimate": {
                    "seconds": cost.seconds, "memory_bytes": cost.memory_bytes, "disk_bytes": cost.disk_bytes,
                },
                "trials": trials,
            }));
            return Ok(Exit::Good);
        }
        for trial in &chosen.trials {
            let what = match (&trial.skip, trial.work) {
                (Some(why), _) => format!("skipped: {why}"),
                (None, Work::For(leg)) => format!("{} x {leg}", chosen.plan.blocks),
                (None, Work::Exactly(count)) => format!("{} x {count} exchanges", chosen.plan.blocks),
                (None, Work::Once) => match trial.cell {
                    Cell::Fanout(_) => format!("{} x 1 run", chosen.plan.blocks),
                    _ => format!("{} x 1 round", chosen.plan.blocks),
                },
            };
            say(format_args!("{:<72} {what}", trial.id()));
        }
        say(format_args!(
            "\nPlan {}: {} trials, {skipped} of them skipped; {} blocks each.",
            chosen.plan.name,
            chosen.trials.len(),
            chosen.plan.blocks
        ));
        say(format_args!(
            "About {}, {} of memory, {} of disk.",
            spoken(cost.seconds),
            rounded(cost.memory_bytes),
            rounded(cost.disk_bytes)
        ));
        Ok(Exit::Good)
    }
}

/// A length of time as people say it.
pub(super) fn spoken(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min {:02.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// A number of bytes to the next tenth of a mebibyte, or exactly where it is below one.
pub(super) fn rounded(bytes: u64) -> String {
    if bytes < 1 << 20 {
        Size(bytes).to_string()
    } else {
        format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
    }
}
