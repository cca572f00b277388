//! `list`: what exists, and what this machine lacks.

use super::{Done, Exit, request, say};
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use ferrybench::run::catalogue;
use ferrybench_data::{plan::builtin, units::Size};
use serde_json::json;

#[derive(Args)]
pub(super) struct List {
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Also the mechanisms that are broken on purpose
    #[arg(long)]
    hidden: bool,
}

impl List {
    pub(super) fn carry_out(self) -> Done {
        let mut catalogue = catalogue::of_this_machine().map_err(request)?;
        catalogue.mechanisms.retain(|mechanism| self.hidden || !mechanism.hidden);
        if self.json {
            let plans: Vec<_> =
                builtin::ALL.iter().map(|plan| json!({ "name": plan.name, "help": plan.help })).collect();
            say(json!({ "mechanisms": catalogue.mechanisms, "plans": plans }));
            return Ok(Exit::Good);
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["MECHANISM", "KIND", "PEERS", "WAITS", "LARGEST", "WHAT IT IS"]);
        for mechanism in &catalogue.mechanisms {
            let largest = mechanism.largest_bytes.map_or("-".to_owned(), |bytes| Size(bytes).to_string());
            let what = match &mechanism.lacking {
                Some(why) => format!("not here: {why}"),
                None => mechanism.help.clone(),
            };
            table.add_row([
                mechanism.name.clone(),
                mechanism.group.title().to_owned(),
                words(&mechanism.peers),
                words(&mechanism.waits),
                largest,
                what,
            ]);
        }
        say(table.trim_fmt());
        let mut plans = Table::new();
        plans.load_style(presets::NOTHING).set_header(["PLAN", "WHAT IT IS FOR"]);
        for plan in builtin::ALL {
            plans.add_row([plan.name, plan.help]);
        }
        say(format_args!("\n{}", plans.trim_fmt()));
        Ok(Exit::Good)
    }
}

fn words<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
