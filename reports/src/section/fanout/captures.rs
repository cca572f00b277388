//! Each program's source, and what it put out on every host.

use super::view::{Trial, grouped, program, title};
use crate::{
    element::Element,
    section::{ranking::capital, view::View},
};
use ferrybench_data::{fanout::Spec, run_info::Participant};

/// What a capture of this part is.
enum Kind<'t, 'a> {
    /// The source of a sender model.
    Source(&'t str),
    /// What a trial put out on a host.
    Output(&'t Trial<'a>, &'t str),
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let of_a_program = |spec: &mut Spec| {
        *spec =
            Spec { sender_model: spec.sender_model.clone(), pool_size: 0, ..view.fanouts[0].spec.clone() };
    };
    let mut elements: Vec<Element> = Vec::new();
    let mut programs = grouped(&view.fanouts, of_a_program);
    // As the catalogue has them, not by the alphabet.
    let place = |name: &str| view.fanouts.iter().position(|trial| trial.spec.sender_model == name);
    programs.sort_by_key(|group| place(&group.spec.sender_model));
    for group in &programs {
        let name = program(view, &Spec { pool_size: 0, ..group.spec.clone() });
        let mut shown: Vec<Element> = view
            .data
            .captures
            .iter()
            .filter_map(|(file, text)| source(view, &group.spec, file, text))
            .collect();
        shown.extend(group.trials.iter().filter_map(|trial| output(view, trial)));
        if !shown.is_empty() {
            let model = &group.spec.sender_model;
            let own = if name == *model { String::new() } else { format!(" (`{model}`)") };
            elements.push(Element::heading(3, format!("{}{own}", capital(&name))));
            elements.extend(shown);
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
    all
}

/// Whether a capture is shown by this part.
pub(super) fn is_shown(view: &View<'_>, file: &str) -> bool {
    kind(view, file).is_some()
}

fn kind<'t, 'a>(view: &'t View<'a>, file: &'t str) -> Option<Kind<'t, 'a>> {
    let name = file.strip_suffix(".txt")?;
    // Runs that are reported together have their number before the names of their captures.
    let bare = name.split_once('-').filter(|(number, _)| number.parse::<u32>().is_ok()).map(|(_, rest)| rest);
    [Some(name), bare].into_iter().flatten().find_map(|name| {
        if let Some(model) = name.strip_prefix("program-").and_then(|rest| rest.strip_suffix(".rs")) {
            let is_known = view.fanouts.iter().any(|trial| trial.spec.sender_model == model);
            return is_known.then_some(Kind::Source(model));
        }
        view.fanouts.iter().find_map(|trial| {
            // Several hosts may end alike, and ids may hold dots: the id is what must fit.
            let host = name.strip_prefix(stem(trial).as_str())?.strip_prefix('.')?;
            Some(Kind::Output(trial, host))
        })
    })
}

/// A trial's id as the beginning of a file's name.
fn stem(trial: &Trial<'_>) -> String {
    trial.id().replace('/', "_")
}

fn code(language: &str, text: &str) -> Element {
    Element::Code { language: language.into(), text: text.trim_end().to_owned() }
}

fn source(view: &View<'_>, spec: &Spec, file: &str, text: &str) -> Option<Element> {
    match kind(view, file)? {
        Kind::Source(model) if model == spec.sender_model => {
            let lines = text.lines().count();
            Some(Element::fold(format!("The source of {model} ({lines} lines)"), vec![code("rust", text)]))
        }
        _ => None,
    }
}

/// What a trial put out, the client first, then the servers.
fn output(view: &View<'_>, trial: &Trial<'_>) -> Option<Element> {
    let mut hosts: Vec<(&str, &str)> = view
        .data
        .captures
        .iter()
        .filter_map(|(file, text)| match kind(view, file)? {
            Kind::Output(of, host) if of.spec == trial.spec => Some((host, text.as_str())),
            _ => None,
        })
        .collect();
    hosts.sort_by_key(|(host, _)| place(view, host));
    let names: Vec<&str> = hosts.iter().map(|(host, _)| *host).collect();
    let summary = format!("{}: output on {}", capital(&title(trial.spec)), names.join(", "));
    let inside: Vec<Element> = hosts
        .iter()
        .flat_map(|(host, text)| [Element::prose(format!("**{host}**")), code("text", text)])
        .collect();
    (!inside.is_empty()).then(|| Element::fold(summary, inside))
}

/// The place of a host among those that took part; others come last, by their names.
fn place<'h>(view: &View<'_>, host: &'h str) -> (usize, &'h str) {
    let mut known = view.data.infos().flat_map(|info| &info.participants);
    (known.position(|of: &Participant| of.name == host).unwrap_or(usize::MAX), host)
}
