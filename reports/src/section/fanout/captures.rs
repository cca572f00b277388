//! Each program's source, and what it put out on every host.

use super::view::{Trial, cases, program, shown, title};
use crate::{
    element::Element,
    format,
    section::{ranking::capital, view::View},
};
use ferrybench_data::fanout::Spec;
use std::collections::{HashMap, HashSet};

/// The captures of this part: `program-<sender model>.rs.txt`, and `<trial id>.<host>.txt` with `_` for each `/`.
#[derive(Default)]
struct Captures<'v> {
    /// Sources by the name of their sender model.
    sources: HashMap<&'v str, &'v str>,
    /// What trials put out: host and text, by the trial's place.
    outputs: HashMap<usize, Vec<(&'v str, &'v str)>>,
    /// Their files' names.
    files: HashSet<&'v str>,
}

impl<'v> Captures<'v> {
    fn of(view: &'v View<'_>) -> Self {
        let stem = |trial: &Trial<'_>| trial.id().replace('/', "_");
        let stems: HashMap<String, usize> = view.fanouts.iter().map(stem).zip(0..).collect();
        let mut all = Self::default();
        for (file, text) in &view.data.captures {
            let Some(name) = file.strip_suffix(".txt").map(unnumbered) else { continue };
            if let Some(model) = name.strip_prefix("program-").and_then(|rest| rest.strip_suffix(".rs")) {
                if view.fanouts.iter().any(|trial| trial.spec.sender_model == model) {
                    all.sources.insert(model, text);
                    all.files.insert(file);
                }
                continue;
            }
            // Names of hosts, and of models, may hold dots: the id is what must fit.
            let found = name.match_indices('.').find_map(|(at, _)| Some((stems.get(&name[..at])?, at)));
            if let Some((trial, at)) = found {
                all.outputs.entry(*trial).or_default().push((&name[at + 1..], text));
                all.files.insert(file);
            }
        }
        for hosts in all.outputs.values_mut() {
            hosts.sort_by_key(|(host, _)| place(view, host));
        }
        all
    }
}

/// Runs that are reported together have their number before the names of their captures.
fn unnumbered(name: &str) -> &str {
    match name.split_once('-') {
        Some((number, rest)) if number.parse::<u32>().is_ok() => rest,
        _ => name,
    }
}

/// The place of a host among those that took part; others come last, by their names.
fn place<'h>(view: &View<'_>, host: &'h str) -> (usize, &'h str) {
    let mut known = view.data.infos().flat_map(|info| &info.participants);
    (known.position(|of| of.name == host).unwrap_or(usize::MAX), host)
}

/// Names of the captures that this part shows.
pub(super) fn files<'v>(view: &'v View<'_>) -> HashSet<&'v str> {
    Captures::of(view).files
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let captures = Captures::of(view);
    // A plan of many cases would bury the assignment's under what they all put out.
    let cases = cases(view);
    let shown_cases = shown(&cases).plainly;
    let ids: Vec<String> = shown_cases.iter().flat_map(|case| &case.trials).map(|trial| trial.id()).collect();
    let are_shown: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let mut left_out = 0;
    let mut elements: Vec<Element> = Vec::new();
    let mut models: Vec<&str> = Vec::new();
    for trial in &view.fanouts {
        let model = trial.spec.sender_model.as_str();
        if !models.contains(&model) {
            models.push(model);
        }
    }
    for model in models {
        let of_model =
            || view.fanouts.iter().enumerate().filter(|(_, trial)| trial.spec.sender_model == model);
        let mut shown: Vec<Element> =
            captures.sources.get(model).map(|text| source(model, text)).into_iter().collect();
        let with_output = of_model().filter_map(|(at, trial)| Some((trial, captures.outputs.get(&at)?)));
        for (trial, hosts) in with_output {
            if are_shown.contains(trial.id().as_str()) {
                shown.push(output(trial, hosts));
            } else {
                left_out += 1;
            }
        }
        if let (false, Some((_, trial))) = (shown.is_empty(), of_model().next()) {
            let name = program(view, &Spec { pool_size: 0, ..trial.spec.clone() });
            let own = if name == model { String::new() } else { format!(" (`{model}`)") };
            elements.push(Element::heading(3, format!("{}{own}", capital(&name))));
            elements.append(&mut shown);
        }
    }
    if elements.is_empty() {
        return elements;
    }
    let mut all = vec![
        Element::heading(2, "UDP fan-out: each program, and what it put out"),
        Element::prose(
            "The source is the sender model's own file, as it was built. The output is that of the first block: of the program on the \
             client, and of the receiver on each server.",
        ),
    ];
    all.append(&mut elements);
    if left_out > 0 {
        let trials = format::counted(left_out, "more trial");
        all.push(Element::prose(format!("What {trials} put out is in `captures/` beside `run.json`.")));
    }
    all
}

fn code(language: &str, text: &str) -> Element {
    Element::Code { language: language.into(), text: text.trim_end().to_owned() }
}

fn source(model: &str, text: &str) -> Element {
    let lines = text.lines().count();
    Element::fold(format!("The source of {model} ({lines} lines)"), vec![code("rust", text)])
}

/// What a trial put out, the client first, then the servers.
fn output(trial: &Trial<'_>, hosts: &[(&str, &str)]) -> Element {
    let names: Vec<&str> = hosts.iter().map(|(host, _)| *host).collect();
    let summary = format!("{}: output on {}", capital(&title(trial.spec)), names.join(", "));
    let inside = hosts
        .iter()
        .flat_map(|(host, text)| [Element::prose(format!("**{host}**")), code("text", text)])
        .collect();
    Element::fold(summary, inside)
}
