//! The machine and the configuration.

use super::view::{View, size};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
};
use ferrybench_data::{record::Noise, run_info::HostFacts};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let info = &view.data.info;
    let mut elements = vec![Element::heading(2, "The machine and the configuration")];
    if let Some(host) = info.hosts.first() {
        elements.push(facts("The machine that measured.", machine(view, host)));
    }
    let mut run = vec![
        (
            "ferrybench",
            format!(
                "{}{}",
                info.version,
                info.revision.as_ref().map_or(String::new(), |at| format!(", revision `{at}`"))
            ),
        ),
        ("build", format!("{}, {}, binary `{}`", info.build_profile, info.compiler, info.binary_hash)),
        ("command", format!("`{}`", info.command_line.join(" "))),
        ("plan", format!("`{}`, {} blocks a trial, seed {}", info.plan, info.blocks, info.seed)),
    ];
    run.push((
        "started",
        format!("{}; {} of measuring", info.started, format::value(info.wall_s, Unit::Seconds)),
    ));
    elements.push(facts("The run.", run.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
    elements.push(Element::prose("The plan as it was run, every default filled in:"));
    elements.push(Element::Code { language: "toml".into(), text: view.data.plan.trim_end().to_owned() });
    elements
}

fn facts(caption: &str, rows: Vec<(String, String)>) -> Element {
    let rows = rows.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::text(value)]).collect();
    Element::Table(Table {
        columns: vec![Column::left("What"), Column::left("Value")],
        rows,
        caption: caption.to_owned(),
    })
}

fn machine(view: &View<'_>, host: &HostFacts) -> Vec<(String, String)> {
    let places = view.data.info.catalogue.places;
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
    let threads = host.threads_per_core.map_or(String::new(), |count| format!(", {count} threads a core"));
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
        (
            "mitigations",
            if host.mitigations.is_empty() { "none".into() } else { host.mitigations.join("; ") },
        ),
        ("guest halt polling", told(host.halt_poll_ns.map(|ns| format!("{ns} ns")), "not told")),
        (
            "free page reporting",
            told(host.free_page_reporting.map(|on| if on { "on" } else { "off" }.into()), "not told"),
        ),
        ("control group", told(host.cgroup_cpus.map(|cpus| format!("{cpus} CPUs")), "no quota")),
        ("noise before the run", noise),
        ("`same-cpu`", format!("both ends on CPU {}", places.same)),
        ("`split`", split),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    let mut rows: Vec<(String, String)> =
        rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let limits: Vec<String> =
        host.limits.iter().map(|limit| format!("{} {}", limit.name, limit.value)).collect();
    if !limits.is_empty() {
        rows.push(("limits".into(), limits.join(", ")));
    }
    rows
}
