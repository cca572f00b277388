//! The machine and the configuration.

use super::view::{View, size};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
};
use ferrybench_data::{
    dataset::Dataset,
    record::Noise,
    run_info::{HostFacts, RunInfo},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut elements = vec![Element::heading(2, "The machine and the configuration")];
    let machines = distinct(view.data);
    for (host, runs) in &machines {
        let Some(first) = runs.first() else { continue };
        let caption = if machines.len() == 1 {
            "The machine that measured.".to_owned()
        } else {
            format!(
                "The machine of {}.",
                runs.iter().map(|info| name(info)).collect::<Vec<_>>().join(" and ")
            )
        };
        elements.push(facts(&caption, machine(view, first, host)));
    }
    let several = !view.data.others.is_empty();
    for info in view.data.infos() {
        let caption = if several { format!("The run {}.", name(info)) } else { "The run.".to_owned() };
        elements.push(facts(&caption, run(info)));
    }
    let plan = Element::Code { language: "toml".into(), text: view.data.plan.trim_end().to_owned() };
    let whose = if several { format!(" (of the run {})", name(&view.data.info)) } else { String::new() };
    elements
        .push(Element::fold(format!("The plan as it was run, every default filled in{whose}"), vec![plan]));
    elements
}

/// The machines that measured, each once, with the runs that were made on it.
pub(super) fn distinct(data: &Dataset) -> Vec<(&HostFacts, Vec<&RunInfo>)> {
    let mut machines: Vec<(&HostFacts, Vec<&RunInfo>)> = Vec::new();
    for info in data.infos() {
        let Some(host) = info.hosts.first() else { continue };
        match machines.iter_mut().find(|(known, _)| lasting(known) == lasting(host)) {
            Some((_, runs)) => runs.push(info),
            None => machines.push((host, vec![info])),
        }
    }
    machines
}

/// What does not change from run to run on one machine.
fn lasting(host: &HostFacts) -> HostFacts {
    HostFacts {
        memory_available_bytes: 0,
        clock_cost_ns: 0.0,
        clock_step_ns: 0.0,
        noise: None,
        noise_gap_s: None,
        ..host.clone()
    }
}

fn name(info: &RunInfo) -> String {
    format!("`{}` of {}", info.plan, info.started)
}

fn run(info: &RunInfo) -> Vec<(String, String)> {
    let revision = info.revision.as_ref().map_or(String::new(), |at| format!(", revision `{at}`"));
    let blocks = format::counted(info.blocks as usize, "block");
    let rows = [
        ("ferrybench", format!("{}{revision}", info.version)),
        ("build", format!("{}, {}, binary `{}`", info.build_profile, info.compiler, info.binary_hash)),
        ("command", format!("`{}`", info.command_line.join(" "))),
        ("plan", format!("`{}`, {blocks} a trial, seed {}", info.plan, info.seed)),
        ("started", format!("{}; {} of measuring", info.started, format::value(info.wall_s, Unit::Seconds))),
    ];
    rows.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn facts(caption: &str, rows: Vec<(String, String)>) -> Element {
    let rows = rows.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::text(value)]).collect();
    Element::Table(Table {
        columns: vec![Column::left("What"), Column::left("Value")],
        rows,
        caption: caption.to_owned(),
    })
}

fn machine(view: &View<'_>, info: &RunInfo, host: &HostFacts) -> Vec<(String, String)> {
    let places = info.catalogue.places;
    let told = |value: Option<String>, otherwise: &str| value.unwrap_or_else(|| otherwise.to_owned());
    let noise = match (host.noise, host.noise_gap_s) {
        (Some(share), Some(gap)) => format!(
            "{} of a probe lost, longest gap {} (quiet: under {} and {})",
            format::value(share, Unit::Percent),
            format::value(gap, Unit::Seconds),
            format::tick(Noise::SHARE_LIMIT, Unit::Percent),
            format::tick(Noise::GAP_LIMIT_S, Unit::Seconds)
        ),
        _ => "not probed".into(),
    };
    let threads = host
        .threads_per_core
        .map_or(String::new(), |count| format!(", {} a core", format::counted(count as usize, "thread")));
    let split = places
        .split
        .map_or("not here".into(), |[near, far]| format!("near end on CPU {near}, far end on CPU {far}"));
    let mut rows = vec![
        ("CPU", host.cpu.clone()),
        ("CPUs", format!("{} on line, {} allowed{threads}", host.cpus_online, host.cpus_allowed)),
        ("caches", host.caches.join(", ")),
        ("memory", format!("{}, {} available", size(host.memory_bytes), size(host.memory_available_bytes))),
        ("system", format!("Linux {}, {}", host.kernel, host.distribution)),
        ("virtualisation", told(host.virtualisation.clone(), "none")),
        (
            "clock",
            format!(
                "{}, {:.0} ns a reading, steps of {:.0} ns",
                host.clock_source, host.clock_cost_ns, host.clock_step_ns
            ),
        ),
        ("frequency governor", told(host.governor.clone(), "not told")),
        ("guest halt polling", told(host.halt_poll_ns.map(|ns| format!("{ns} ns")), "not told")),
        (
            "free page reporting",
            told(host.free_page_reporting.map(|on| if on { "on" } else { "off" }.into()), "not told"),
        ),
        ("control group", told(host.cgroup_cpus.map(|cpus| format!("a quota of {cpus:.2} CPU")), "no quota")),
        ("noise before the run", noise),
    ];
    if view.has_round_trips() {
        rows.push(("`same-cpu`", format!("both ends on CPU {}", places.same)));
        rows.push(("`split`", split));
    }
    rows.retain(|(_, value)| !value.is_empty());
    let mut rows: Vec<(String, String)> =
        rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    rows.extend(mitigations(host));
    rows.extend(limits(host));
    rows
}

/// One row for each mitigation: their words are long.
fn mitigations(host: &HostFacts) -> Vec<(String, String)> {
    if host.mitigations.is_empty() {
        return vec![("mitigations".into(), "none".into())];
    }
    let row = |told: &String| match told.split_once(": ") {
        Some((name, how)) => (format!("mitigation `{name}`"), how.to_owned()),
        None => ("mitigation".to_owned(), told.clone()),
    };
    host.mitigations.iter().map(row).collect()
}

/// Whose limits begin how; the first that fits takes a limit.
const LIMITS: &[(&str, &[&str])] = &[
    ("limits of pipes", &["pipe"]),
    ("limits of POSIX queues", &["mqueue", "RLIMIT_MSGQUEUE"]),
    ("limits of System V queues", &["msg"]),
    ("limits of UNIX sockets", &["unix"]),
    ("limits of TCP", &["tcp"]),
    ("limits of all sockets", &["wmem", "rmem", "loopback"]),
    ("other limits", &[""]),
];

/// One row for the limits of each kind of mechanism.
fn limits(host: &HostFacts) -> Vec<(String, String)> {
    let whose = |name: &str| {
        LIMITS.iter().position(|(_, beginnings)| beginnings.iter().any(|with| name.starts_with(with)))
    };
    LIMITS
        .iter()
        .enumerate()
        .map(|(place, (title, _))| {
            let own = host.limits.iter().filter(|limit| whose(&limit.name) == Some(place));
            let words: Vec<String> = own.map(|limit| format!("{} {}", limit.name, limit.value)).collect();
            ((*title).to_owned(), words.join(", "))
        })
        .filter(|(_, words)| !words.is_empty())
        .collect()
}
