//! Finding a plan: a built-in name or a file, with what the command line says instead.

use super::{Trouble, axes::Axes, request};
use clap::Args;
use ferrybench::run::catalogue;
use ferrybench_data::plan::{
    self, Outside, Trial, builtin,
    catalogue::{Catalogue, Room},
};
use std::{fs, path::Path};

#[derive(Args, Debug, Clone)]
pub(super) struct PlanChoice {
    /// A built-in plan (smoke, quick, standard, full, lab-roundtrip, lab-fileserver, lab-fanout) or a file
    #[arg(value_name = "PLAN")]
    plan: Option<String>,
    /// The same as PLAN
    #[arg(long = "plan", value_name = "PLAN", conflicts_with = "plan")]
    named: Option<String>,
    #[command(flatten)]
    axes: Axes,
}

/// A plan with everything that follows from it on this machine.
pub(super) struct Chosen {
    pub(super) plan: plan::Plan,
    pub(super) catalogue: Catalogue,
    pub(super) trials: Vec<Trial>,
}

impl PlanChoice {
    /// What was asked for, if anything was.
    pub(super) fn name(&self) -> Option<&str> {
        self.plan.as_deref().or(self.named.as_deref())
    }

    /// Reads and expands the plan; `default` stands in where none was named.
    pub(super) fn choose(&self, default: &str) -> Result<Chosen, Trouble> {
        let (text, name) = find(self.name().unwrap_or(default))?;
        choose(&text, &name, &self.axes, None)
    }

    /// The pools that the command line names for the server.
    pub(super) fn server_pools(&self) -> Vec<u32> {
        self.axes.overrides().fileserver.server_pools
    }

    /// The same for a grid against somebody else's server: the assignment, by threads, where nothing else is said.
    pub(super) fn choose_against(&self, outside: impl FnOnce(&Room) -> Outside) -> Result<Chosen, Trouble> {
        let catalogue = catalogue::of_this_machine().map_err(request)?;
        let (text, name) = find(self.name().unwrap_or("lab-fileserver"))?;
        let plan = plan::Plan::parse(&text, &name, &catalogue).map_err(request)?;
        let mut overrides = self.axes.overrides();
        let models = &mut overrides.fileserver.client_models;
        if models.is_empty() && self.name().is_none() {
            models.push("thread-pool".into());
        }
        let plan = plan.overridden(&overrides, &catalogue).map_err(request)?;
        let outside = outside(&catalogue.fileserver.room);
        expanded(plan.against(outside, &catalogue).map_err(request)?, catalogue)
    }
}

/// Expands a plan's text on this machine. A run that is resumed keeps the room that it began with, so that its files
/// stay where they lay, and the kind of hosts, so that its trials stay what they were.
pub(super) fn choose(
    text: &str,
    name: &str,
    axes: &Axes,
    begun_with: Option<&Catalogue>,
) -> Result<Chosen, Trouble> {
    let mut catalogue = catalogue::of_this_machine().map_err(request)?;
    if let Some(before) = begun_with {
        catalogue.fileserver.room = before.fileserver.room;
        catalogue.fanout = before.fanout.clone();
    }
    let plan = plan::Plan::parse(text, name, &catalogue).map_err(request)?;
    let plan = plan.overridden(&axes.overrides(), &catalogue).map_err(request)?;
    expanded(plan, catalogue)
}

/// A plan's trials, and what of the catalogue they need.
fn expanded(plan: plan::Plan, mut catalogue: Catalogue) -> Result<Chosen, Trouble> {
    catalogue::note_missing_programs(&mut catalogue, &plan.foreign);
    if let Some(source) = &plan.source {
        catalogue::note_source_files(&mut catalogue, source).map_err(request)?;
    }
    let trials = plan.expand(&catalogue).map_err(request)?;
    let specs = || trials.iter().filter_map(|trial| trial.cell.roundtrip());
    catalogue
        .mechanisms
        .retain(|mechanism| !mechanism.hidden || specs().any(|spec| spec.mechanism == mechanism.name));
    let specs = || trials.iter().filter_map(|trial| trial.cell.fileserver());
    catalogue
        .fileserver
        .server_models
        .retain(|model| !model.hidden || specs().any(|spec| spec.server_model == model.name));
    Ok(Chosen { plan, catalogue, trials })
}

fn find(name: &str) -> Result<(String, String), Trouble> {
    if let Some(plan) = builtin::find(name) {
        return Ok((plan.text.to_owned(), format!("{name}.toml")));
    }
    if !Path::new(name).exists() && !name.contains(['/', '.']) {
        let names = || builtin::ALL.iter().map(|plan| plan.name);
        let hint = match plan::catalogue::nearest(name, names()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("built in are {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(request(format_args!("there is no plan \"{name}\", built in or as a file; {hint}")));
    }
    let text = fs::read_to_string(name)
        .map_err(|error| request(format_args!("the plan {name} cannot be read: {error}")))?;
    Ok((text, name.to_owned()))
}
