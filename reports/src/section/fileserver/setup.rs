//! The architecture and the configuration of the stress test.

use super::view::between;
use crate::{
    chart::{Arrow, Block, Chart, Diagram, Group},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::{
    family::Source,
    fileserver::{Accept, ReadBytes, Spec, Storage},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut elements = vec![
        Element::heading(2, "File server: architecture and configuration of the stress test"),
        Element::prose(
            "The conductor starts the server and the pool of clients anew for each block, waits until every worker stands at the \
             barrier, and lets all go at once. Each client worker opens a connection for each transfer, asks for one file or \
             sends one, and tells what it saw. When the last is done the clock has stopped; then the server workers tell what they \
             served, and what arrived is hashed and held against its source.",
        ),
    ];
    elements.extend(picture(view));
    elements.push(configuration(view));
    elements
}

/// Each value of an axis once, in the order of the trials.
fn values<T: PartialEq>(view: &View<'_>, of: impl Fn(&Spec) -> Option<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    for value in view.servers.iter().filter_map(|trial| of(trial.spec)) {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

fn numbers(view: &View<'_>, of: impl Fn(&Spec) -> u64, show: impl Fn(u64) -> String) -> String {
    let mut all = values(view, |spec| Some(of(spec)));
    // Unbounded is the largest.
    all.sort_unstable_by_key(|size| size.wrapping_sub(1));
    all.into_iter().map(show).collect::<Vec<_>>().join(", ")
}

/// What connections go over.
fn over(view: &View<'_>) -> &'static str {
    match values(view, |spec| Some(spec.is_here())).as_slice() {
        [true] => "TCP loopback",
        [false] => "TCP between hosts",
        _ => "TCP",
    }
}

/// Which hosts the two sides are on, as a clause.
fn where_it_runs(view: &View<'_>) -> String {
    let apart = values(view, between);
    let here = values(view, |spec| spec.is_here().then_some(())).len();
    match (here, apart.as_slice()) {
        (_, []) => "Both sides run on one host".into(),
        (0, apart) => format!("Clients and server run on two hosts: {}", apart.join(", ")),
        (_, apart) => format!("Both sides run on one host, and on two: {}", apart.join(", ")),
    }
}

fn workers(size: u64) -> String {
    if size == 0 { "unbounded".into() } else { size.to_string() }
}

fn picture(view: &View<'_>) -> Option<Element> {
    let ours = |spec: &Spec| spec.source == Source::BuiltIn;
    let client_models = values(view, |spec| Some(spec.client_model.clone()));
    let mut server_models = values(view, |spec| ours(spec).then(|| spec.server_model.clone()));
    server_models
        .extend(values(view, |spec| (!ours(spec)).then(|| format!("{} (not ours)", spec.server_model))));
    let protocols = values(view, |spec| Some(spec.protocol.clone()));
    let clients = numbers(view, |spec| spec.client_pool.into(), workers);
    let servers = numbers(view, |spec| spec.server_pool.into(), workers);
    let accepts = values(view, |spec| Some(spec.accept));
    let accept = match accepts.as_slice() {
        [Accept::Shared] => vec!["one, shared by all workers".to_owned()],
        several => several.iter().map(|accept| accept.word().to_owned()).collect(),
    };
    let storage: Vec<String> = values(view, |spec| Some(spec.storage))
        .into_iter()
        .map(|storage| match storage {
            Storage::Tmpfs => "in memory (tmpfs)".to_owned(),
            Storage::Disk => "on a disk".to_owned(),
            Storage::Untold => "untold (not ours)".to_owned(),
        })
        .collect();
    let mut files = vec![volumes(view)];
    files.extend(storage);
    files.extend(values(view, |spec| Some(format!("pages {}", spec.pages))));
    let columns = vec![
        Group::new(
            "Stress clients",
            vec![
                Block::new("Conductor", ["starts both sides,", "verifies by hash"]),
                Block::new(
                    "Client worker",
                    client_models.into_iter().chain(["one connection a transfer".to_owned()]),
                )
                .times(format!("× {clients}")),
            ],
        ),
        Group::new(
            "Server",
            vec![
                Block::new("Listening socket", accept),
                Block::new(
                    "Server worker",
                    server_models.into_iter().chain(["one connection at a time".to_owned()]),
                )
                .times(format!("× {servers}")),
            ],
        ),
        Group::new("Storage", vec![Block::new("Files", files)]),
    ];
    let arrows = vec![
        Arrow::new("Conductor", "Client worker", "barrier"),
        Arrow::new("Client worker", "Listening socket", "connect"),
        Arrow::new("Listening socket", "Server worker", "accept"),
        Arrow::new(
            "Client worker",
            "Server worker",
            format!("{}, NODELAY: {}", over(view), protocols.join(", ")),
        )
        .both_ways(),
        Arrow::new("Files", "Server worker", "read"),
        Arrow::new("Server worker", "Files", "write, rename"),
    ];
    let chart = Diagram::new(columns, arrows)?;
    Some(Element::Figure(Figure {
        name: "fileserver-architecture".into(),
        chart: Chart::Diagram(chart),
        alt:
            "A conductor, a pool of clients, the server's listening socket and pool of workers, and the files"
                .into(),
        caption: format!(
            "Architecture of the stress test: who talks to whom, and what each pool is made of. {}.",
            where_it_runs(view)
        ),
    }))
}

fn configuration(view: &View<'_>) -> Element {
    let known = &view.data.info.catalogue.fileserver;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push((name.to_owned(), value));
        }
    };
    let words = |of: fn(&Spec) -> String| values(view, |spec| Some(of(spec))).join(", ");
    add("operations", words(|spec| spec.operation.to_string()));
    let moves = |spec: &Spec| spec.operation.moves_content();
    let mut volumes = values(view, |spec| moves(spec).then_some(spec.volume_bytes));
    volumes.sort_unstable();
    let volume = |bytes: &u64| {
        format!("{} ({} bytes)", format::value(*bytes as f64, Unit::Bytes), format::integer(*bytes))
    };
    add("volumes", volumes.iter().map(volume).collect::<Vec<_>>().join(", "));
    add("client worker pools", numbers(view, |spec| spec.client_pool.into(), workers));
    add("server worker pools", numbers(view, |spec| spec.server_pool.into(), workers));
    for name in values(view, |spec| Some(spec.client_model.clone())) {
        let help =
            known.client_models.iter().find(|model| model.name == name).map(|model| model.help.clone());
        add(&format!("clients `{name}`"), help.unwrap_or_default());
    }
    for name in values(view, |spec| (spec.source == Source::BuiltIn).then(|| spec.server_model.clone())) {
        let help = known.server_model(&name).map(|model| model.help.clone());
        add(&format!("server `{name}`"), help.unwrap_or_default());
    }
    for name in values(view, |spec| (spec.source == Source::Foreign).then(|| spec.server_model.clone())) {
        add(
            &format!("server `{name}`"),
            "somebody else's: its insides are not known, and it has no rank".into(),
        );
    }
    for name in values(view, |spec| Some(spec.protocol.clone())) {
        let help = known
            .protocols
            .iter()
            .find(|protocol| protocol.name == name)
            .map(|protocol| protocol.help.clone());
        add(&format!("protocol `{name}`"), help.unwrap_or_default());
    }
    let over = over(view);
    add("connections", format!("one for each transfer, over {over} with NODELAY; {}", transfers(view)));
    if !values(view, between).is_empty() {
        add("hosts", where_it_runs(view));
    }
    add("accept", words(|spec| spec.accept.to_string()));
    add(
        "most bytes of one read",
        words(|spec| match spec.read_bytes {
            ReadBytes::Auto => "whatever is best (auto)".into(),
            ReadBytes::Bytes(bytes) => format!("{} bytes", format::integer(bytes.into())),
        }),
    );
    for storage in values(view, |spec| moves(spec).then_some(spec.storage)) {
        let of = values(view, |spec| (moves(spec) && spec.storage == storage).then_some(spec.volume_bytes));
        let of: Vec<String> = of.iter().map(|bytes| format::value(*bytes as f64, Unit::Bytes)).collect();
        add(&format!("storage `{storage}`"), format!("files of {}", of.join(", ")));
    }
    add("pages of received files", words(|spec| spec.pages.to_string()));
    add("received content", words(|spec| spec.received.to_string()));
    let room = known.room;
    let tmpfs = room
        .tmpfs_free_bytes
        .map_or("no tmpfs".to_owned(), |free| format!("{} free in the tmpfs", size(free)));
    add(
        "limits",
        format!(
            "{} descriptors a process, {} of memory available, {tmpfs}, {} free on the disk",
            format::integer(room.descriptors),
            size(room.memory_available_bytes),
            size(room.disk_free_bytes)
        ),
    );
    let info = &view.data.info;
    add("order of the rows", order(&view.data.plan));
    add(
        "repetitions",
        format!(
            "{} of each combination; seed {} of order and content",
            format::counted(info.blocks as usize, "block"),
            info.seed
        ),
    );
    let rows = rows.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::text(value)]).collect();
    Element::Table(Table {
        columns: vec![Column::left("What"), Column::left("Value")],
        rows,
        caption: format!(
            "The configuration of the stress test: {}.",
            format::counted(view.servers.len(), "combination")
        ),
    })
}

fn size(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

fn transfers(view: &View<'_>) -> String {
    let all = numbers(view, |spec| spec.transfers.into(), |count| count.to_string());
    format!("{all} for each client worker and round")
}

/// How blocks follow each other, as the plan has it.
fn order(plan: &str) -> String {
    let told = plan.lines().find_map(|line| line.strip_prefix("order = "));
    match told.map(|word| word.trim().trim_matches('"')) {
        Some("shuffled") => {
            "round by round: every combination once in each, shuffled anew by the seed".into()
        }
        Some("alternating") => "round by round, in the plan's own order".into(),
        _ => String::new(),
    }
}

/// Sizes of the files, the unit once where all have the same.
fn volumes(view: &View<'_>) -> String {
    let mut volumes = values(view, |spec| spec.operation.moves_content().then_some(spec.volume_bytes));
    volumes.sort_unstable();
    let words: Vec<String> = volumes.iter().map(|bytes| format::value(*bytes as f64, Unit::Bytes)).collect();
    let parts: Option<Vec<(&str, &str)>> = words.iter().map(|word| word.split_once(' ')).collect();
    match parts.as_deref() {
        Some([(_, unit), ..]) if parts.iter().flatten().all(|(_, other)| other == unit) => {
            let numbers: Vec<&str> = parts.iter().flatten().map(|(number, _)| *number).collect();
            format!("{} {unit}", numbers.join(", "))
        }
        _ => words.join(", "),
    }
}
