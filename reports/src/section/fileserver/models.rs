//! Models, protocols and ways of taking connections against each other.

use super::{
    compare::{self, Comparison},
    view::{Grid, Trial, between, grids, is_ranked, median, pair, setting, unusual, what},
};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
    section::view::{View, cell},
};
use ferrybench_data::fileserver::{AGGREGATE, Accept, Spec, is_made_of_processes};
use std::collections::BTreeSet;

const THREADS: &str = "thread-pool";
const PROCESSES: &str = "process-pool";
/// The protocol of the assignment, which the others are held against.
const COURSE: &str = "course";

fn ranked<'v, 'a>(view: &'v View<'a>) -> Vec<Grid<'v, 'a>> {
    grids(view).into_iter().filter(|grid| is_ranked(view, grid.spec)).collect()
}

/// The thread pool against the process pool, and every other model against both.
pub(super) fn models(view: &View<'_>) -> Vec<Element> {
    let grids = ranked(view);
    let mut comparisons = Vec::new();
    for base in [THREADS, PROCESSES] {
        for under in grids.iter().filter(|grid| grid.spec.server_model == base) {
            for over in grids.iter().filter(|over| are_models_held(over.spec, under.spec)) {
                comparisons.extend(of_models(over, under));
            }
        }
    }
    let only_pools = comparisons.iter().all(|of| of.over.contains(PROCESSES) && of.under.contains(THREADS));
    let title = if only_pools {
        "File server: threads against processes"
    } else {
        "File server: the models against each other"
    };
    section(view, title, &comparisons, "fileserver-models")
}

/// The same in all but the models: either the server's alone, or both from threads to processes, as the assignment
/// has it. Each pair is held one way round.
fn are_models_held(over: &Spec, under: &Spec) -> bool {
    let Spec { client_model, server_model, .. } = setting(under);
    let alike = setting(over)
        == Spec {
            client_model: over.client_model.clone(),
            server_model: over.server_model.clone(),
            ..setting(under)
        };
    let other_server = over.server_model != server_model && over.server_model != THREADS;
    let both = (over.client_model.as_str(), over.server_model.as_str()) == (PROCESSES, PROCESSES)
        && (client_model.as_str(), server_model.as_str()) == (THREADS, THREADS);
    alike && other_server && (over.client_model == client_model || both)
}

fn of_models<'v, 'a>(over: &Grid<'v, 'a>, under: &Grid<'v, 'a>) -> Option<Comparison<'v, 'a>> {
    let (ours, theirs) = (over.spec, under.spec);
    let protocol = format!("protocol {}{}", ours.protocol, unusual(ours));
    if ours.client_model == theirs.client_model {
        let common = format!("{} clients, {protocol}", ours.client_model);
        let name = |spec: &Spec| spec.server_model.clone();
        Comparison::new((name(ours), over), (name(theirs), under), common)
    } else {
        let name = |spec: &Spec| format!("{} × {}", spec.client_model, spec.server_model);
        Comparison::new((name(ours), over), (name(theirs), under), protocol)
    }
}

/// Each protocol against the assignment's, or against the first.
pub(super) fn protocols(view: &View<'_>) -> Vec<Element> {
    let grids = ranked(view);
    let known = view.data.info.catalogue.fileserver.protocols.iter().map(|protocol| protocol.name.as_str());
    let has = |name: &str| grids.iter().any(|grid| grid.spec.protocol == name);
    let Some(base) = [COURSE].into_iter().chain(known).find(|name| has(name)) else { return Vec::new() };
    let mut comparisons = Vec::new();
    for under in grids.iter().filter(|grid| grid.spec.protocol == base) {
        for over in grids.iter().filter(|over| over.spec.protocol != base) {
            let alike = Spec { protocol: base.to_owned(), ..setting(over.spec) } == setting(under.spec);
            if alike {
                let common = pair(over.spec);
                let name = |spec: &Spec| spec.protocol.clone();
                comparisons.extend(Comparison::new(
                    (name(over.spec), over),
                    (name(under.spec), under),
                    common,
                ));
            }
        }
    }
    section(view, "File server: protocols against each other", &comparisons, "fileserver-protocols")
}

/// Clients and server on two hosts against both on one.
pub(super) fn hosts(view: &View<'_>) -> Vec<Element> {
    let grids = ranked(view);
    let mut comparisons = Vec::new();
    for over in &grids {
        let here = Spec { hosts: String::new(), ..setting(over.spec) };
        let under = grids.iter().find(|grid| setting(grid.spec) == here);
        if let (Some(name), Some(under)) = (between(over.spec), under) {
            let common = format!("{}, protocol {}", pair(under.spec), under.spec.protocol);
            comparisons.extend(Comparison::new((name, over), ("one host".into(), under), common));
        }
    }
    let mut elements = section(view, "File server: two hosts against one", &comparisons, "fileserver-hosts");
    if !elements.is_empty() {
        let pairs: BTreeSet<&str> = grids.iter().map(|grid| grid.spec.hosts.as_str()).collect();
        let mut words: Vec<&str> =
            pairs.into_iter().filter(|pair| !pair.is_empty()).map(|pair| what_differs(view, pair)).collect();
        words.dedup();
        elements.splice(1..1, words.into_iter().map(Element::prose));
    }
    elements
}

/// What a comparison of a pair of hosts with one host compares besides the way between them.
fn what_differs(view: &View<'_>, pair: &str) -> &'static str {
    let named =
        |name: &str| view.data.infos().flat_map(|info| &info.participants).find(|host| host.name == name);
    let boots: BTreeSet<Option<&str>> =
        pair.split(':').map(|name| named(name).map(|host| host.boot_id.as_str())).collect();
    if boots.len() == 1 {
        "**These hosts are network stacks of one machine**: what is compared is the way through two stacks with the way over \
         the loopback interface of one, by the same CPUs. No cable is between them."
    } else {
        "These hosts are different machines: with the network between them, their CPUs and memory differ as well, and each \
         side has those of its machine for itself."
    }
}

fn section(view: &View<'_>, title: &str, comparisons: &[Comparison<'_, '_>], stem: &str) -> Vec<Element> {
    let mut elements = compare::show(view, comparisons, stem);
    if !elements.is_empty() {
        elements.insert(0, Element::heading(2, title));
    }
    elements
}

/// How connections come to the worker processes, where a run has more than one way.
pub(super) fn accepts(view: &View<'_>) -> Vec<Element> {
    let grids = ranked(view);
    let others: Vec<&Grid<'_, '_>> = grids.iter().filter(|grid| grid.spec.accept != Accept::Shared).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let kin = |grid: &&Grid<'_, '_>| {
        is_made_of_processes(&grid.spec.server_model)
            && others.iter().any(|other| other.spec.server_model == grid.spec.server_model)
    };
    let trials = grids.iter().filter(kin).flat_map(Grid::content);
    let rows: Vec<Vec<Cell>> = trials.filter(|trial| trial.good().next().is_some()).map(row).collect();
    let mut comparisons = Vec::new();
    for over in &others {
        let shared = Spec { accept: Accept::Shared, ..setting(over.spec) };
        let under = grids.iter().find(|grid| setting(grid.spec) == shared);
        comparisons.extend(under.and_then(|under| {
            let common = format!("{}, protocol {}", pair(under.spec), over.spec.protocol);
            let name = |spec: &Spec| spec.accept.word().to_owned();
            Comparison::new((name(over.spec), over), (name(under.spec), under), common)
        }));
    }
    let columns = vec![
        Column::left("Server"),
        Column::left("Accept"),
        Column::left("Protocol"),
        Column::left("Asked"),
        Column::right("Client × server pool"),
        Column::right("Served by the busiest"),
        Column::right("Fair share"),
        Column::right("Idle workers"),
        Column::right("Aggregate throughput"),
    ];
    let caption = "Medians over blocks. Served by the busiest: transfers of one block that one worker served; fair share: \
                   transfers / workers."
        .to_owned();
    let mut elements = vec![
        Element::heading(2, "File server: how connections come to the workers"),
        Element::prose(
            "`shared`: all worker processes accept from one listening socket, and the kernel wakes the last that began to wait, so \
             that a few may do all the work. `reuseport`: each has a listening socket of its own and the kernel spreads connections \
             by their hash, so that one can wait behind a busy worker while another is idle. `handoff`: the parent accepts and hands \
             each connection to a free worker.",
        ),
        Element::Table(Table { columns, rows, caption }),
    ];
    elements.extend(compare::show(view, &comparisons, "fileserver-accept"));
    elements
}

fn row(trial: &Trial<'_>) -> Vec<Cell> {
    let spec = trial.spec;
    let count = |value: Option<f64>| {
        value.map_or(Cell::text("not told"), |count| Cell::Integer(count.round() as u64))
    };
    let fair = median(trial, |seen| Some(seen.transfers_asked as f64 / f64::from(spec.server_pool.max(1))));
    vec![
        Cell::text(&spec.server_model),
        Cell::text(spec.accept.word()),
        Cell::text(&spec.protocol),
        Cell::text(what(spec.operation, spec.volume_bytes)),
        Cell::text(format!("{} × {}", spec.client_pool, spec.server_pool)),
        count(median(trial, |seen| seen.busiest_transfers.map(|count| count as f64))),
        fair.map_or(Cell::Empty, |share| Cell::text(format::tick(share, Unit::Plain))),
        count(median(trial, |seen| seen.servers_idle.map(f64::from))),
        cell(trial.estimate(AGGREGATE), Unit::BytesPerSecond),
    ]
}
