//! `list`: what exists, and what this machine lacks.

use super::{Done, Exit, request, say};
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use ferrybench::run::catalogue;
use ferrybench_data::{
    plan::{
        builtin,
        catalogue::{Fanouts, FileServers},
    },
    units::Size,
};
use serde_json::json;

#[derive(Args)]
pub(super) struct List {
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Also what is broken on purpose
    #[arg(long)]
    hidden: bool,
}

impl List {
    pub(super) fn carry_out(self) -> Done {
        let mut catalogue = catalogue::of_this_machine().map_err(request)?;
        catalogue.mechanisms.retain(|mechanism| self.hidden || !mechanism.hidden);
        catalogue.fileserver.server_models.retain(|model| self.hidden || !model.hidden);
        if self.json {
            let plans: Vec<_> =
                builtin::ALL.iter().map(|plan| json!({ "name": plan.name, "help": plan.help })).collect();
            say(json!({
                "mechanisms": catalogue.mechanisms,
                "fileserver": catalogue.fileserver,
                "fanout": catalogue.fanout,
                "plans": plans,
            }));
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
        if let Some(table) = file_servers(&catalogue.fileserver) {
            say(format_args!("\n{}", table.trim_fmt()));
        }
        if let Some(table) = senders(&catalogue.fanout) {
            say(format_args!("\n{}", table.trim_fmt()));
        }
        for why in lacking(&catalogue.fanout) {
            say(format_args!("not here: {why}"));
        }
        let mut plans = Table::new();
        plans.load_style(presets::NOTHING).set_header(["PLAN", "WHAT IT IS FOR"]);
        for plan in builtin::ALL {
            plans.add_row([plan.name, plan.help]);
        }
        say(format_args!("\n{}", plans.trim_fmt()));
        Ok(Exit::Good)
    }
}

/// What the file-server family may name: protocols, models of the client, models of the server.
fn file_servers(known: &FileServers) -> Option<Table> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["FILE SERVER", "KIND", "WHAT IT IS"]);
    for (kind, all) in [("protocol", &known.protocols), ("client model", &known.client_models)] {
        for one in all {
            table.add_row([one.name.as_str(), kind, one.help.as_str()]);
        }
    }
    for model in &known.server_models {
        let what = match &model.lacking {
            Some(why) => format!("not here: {why}"),
            None => model.help.clone(),
        };
        table.add_row([model.name.as_str(), "server model", what.as_str()]);
    }
    (table.row_count() > 0).then_some(table)
}

/// What the fan-out family may name: programs that send, with the assignment's names for them.
fn senders(known: &Fanouts) -> Option<Table> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["FAN-OUT SENDER", "IN THE ASSIGNMENT", "POOL", "WHAT IT IS"]);
    for model in &known.sender_models {
        let called = if model.assignment_name.is_empty() { "-" } else { model.assignment_name.as_str() };
        let pool = if model.sized { "sized" } else { "-" };
        table.add_row([model.name.as_str(), called, pool, model.help.as_str()]);
    }
    (table.row_count() > 0).then_some(table)
}

/// What this machine lacks for hosts of a fan-out, and why.
fn lacking(known: &Fanouts) -> impl Iterator<Item = String> {
    let all = [
        ("hosts as network namespaces", &known.namespaces_lacking),
        ("loss and duplication between them", &known.impairment_lacking),
        ("a rate limit between them", &known.rate_lacking),
    ];
    all.into_iter().filter_map(|(what, why)| Some(format!("{what}: {}", why.as_ref()?)))
}

fn words<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
