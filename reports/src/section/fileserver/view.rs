//! Trials of the file server as its sections look at them: in grids of operation, volume and pools.

use crate::{
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::{
    dataset::TrialView,
    family::Source,
    fileserver::{Accept, Evidence, FileServer, Operation, Pages, ReadBytes, Received, Spec},
    record::{Fate, Row},
    stats::quantile,
};
use std::collections::BTreeSet;

/// A trial of the file server.
pub(super) type Trial<'a> = TrialView<'a, FileServer>;

/// What one trial of a grid asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Load {
    pub(super) operation: Operation,
    pub(super) volume_bytes: u64,
    pub(super) client_pool: u32,
    pub(super) server_pool: u32,
}

impl Load {
    pub(super) fn of(spec: &Spec) -> Self {
        let Spec { operation, volume_bytes, client_pool, server_pool, .. } = *spec;
        Self { operation, volume_bytes, client_pool, server_pool }
    }

    /// What each client asks for, as in `download of 10 MiB`.
    pub(super) fn what(self) -> String {
        what(self.operation, self.volume_bytes)
    }
}

/// Trials that differ in nothing but their load (and where the files lie, which follows from it).
pub(super) struct Grid<'v, 'a> {
    /// The first trial's axes, for all that the others share with it.
    pub(super) spec: &'a Spec,
    /// In the order of the assignment's table.
    pub(super) trials: Vec<&'v Trial<'a>>,
}

/// The grids of a run, in the order of the catalogue's models and protocols, somebody else's servers last.
pub(super) fn grids<'v, 'a>(view: &'v View<'a>) -> Vec<Grid<'v, 'a>> {
    let mut grids: Vec<Grid<'v, 'a>> = Vec::new();
    for trial in &view.servers {
        match grids.iter_mut().find(|grid| setting(grid.spec) == setting(trial.spec)) {
            Some(grid) => grid.trials.push(trial),
            None => grids.push(Grid { spec: trial.spec, trials: vec![trial] }),
        }
    }
    for grid in &mut grids {
        grid.trials.sort_by_key(|trial| Load::of(trial.spec));
    }
    // Somebody else's server stands below ours.
    grids.sort_by_key(|grid| grid.spec.source == Source::Foreign);
    grids
}

/// All that the trials of a grid share. Where no content moves, nothing is received, whatever the others do with it.
pub(super) fn setting(spec: &Spec) -> Spec {
    Spec {
        operation: Operation::Download,
        volume_bytes: 0,
        client_pool: 0,
        server_pool: 0,
        storage: ferrybench_data::fileserver::Storage::Untold,
        received: if spec.operation.moves_content() { spec.received } else { Received::default() },
        ..spec.clone()
    }
}

impl<'v, 'a> Grid<'v, 'a> {
    /// Trials that move content.
    pub(super) fn content(&self) -> impl Iterator<Item = &'v Trial<'a>> + '_ {
        self.trials.iter().copied().filter(|trial| trial.spec.operation.moves_content())
    }

    /// The trial of a load.
    pub(super) fn find(&self, load: Load) -> Option<&'v Trial<'a>> {
        self.trials.iter().copied().find(|trial| Load::of(trial.spec) == load)
    }

    /// Operations that move content, with their volumes.
    pub(super) fn moves(&self) -> Vec<(Operation, u64)> {
        let all: BTreeSet<_> =
            self.content().map(|trial| (trial.spec.operation, trial.spec.volume_bytes)).collect();
        all.into_iter().collect()
    }

    /// Sizes of the client pools of trials that move content, smallest first.
    pub(super) fn client_pools(&self) -> Vec<u32> {
        sizes(self.content().map(|trial| trial.spec.client_pool))
    }

    /// The same of the server pools.
    pub(super) fn server_pools(&self) -> Vec<u32> {
        sizes(self.content().map(|trial| trial.spec.server_pool))
    }

    /// Whether it shows what a pool's size does: at least two sizes of one of the pools.
    pub(super) fn has_pools(&self) -> bool {
        self.client_pools().len() > 1 || self.server_pools().len() > 1
    }
}

fn sizes(all: impl Iterator<Item = u32>) -> Vec<u32> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a client asks for, in words.
pub(super) fn what(operation: Operation, volume_bytes: u64) -> String {
    if volume_bytes == 0 {
        operation.word().to_owned()
    } else {
        format!("{operation} of {}", format::value(volume_bytes as f64, Unit::Bytes))
    }
}

/// Both models, the protocol, and whatever else is not as usual.
pub(super) fn title(spec: &Spec) -> String {
    format!(
        "{} clients, {} server, protocol {}{}",
        spec.client_model,
        spec.server_model,
        spec.protocol,
        unusual(spec)
    )
}

/// Both models in short; the protocol is told beside it.
pub(super) fn pair(spec: &Spec) -> String {
    format!("{} × {}{}", spec.client_model, spec.server_model, unusual(spec))
}

/// What is not as a plan has it by default.
pub(super) fn unusual(spec: &Spec) -> String {
    let mut words = Vec::new();
    if spec.accept != Accept::Shared {
        words.push(spec.accept.word().to_owned());
    }
    if let ReadBytes::Bytes(bytes) = spec.read_bytes {
        words.push(format!("reads of {}", format::value(f64::from(bytes), Unit::Bytes)));
    }
    if spec.pages == Pages::Fresh {
        words.push("fresh pages".to_owned());
    }
    if spec.received != Received::default() {
        words.push(spec.received.word().to_owned());
    }
    if spec.transfers > 1 {
        words.push(format!("{} transfers a client", spec.transfers));
    }
    if spec.source == Source::Foreign {
        words.push("somebody else's".to_owned());
    }
    words.extend(between(spec));
    words.iter().flat_map(|word| [", ", word]).collect()
}

/// Where clients and server are, when that is not this machine: `client to server1`.
pub(super) fn between(spec: &Spec) -> Option<String> {
    spec.hosts.split_once(':').map(|(clients, server)| format!("{clients} to {server}"))
}

/// A grid as part of a file name.
pub(super) fn slug(spec: &Spec) -> String {
    let text = format!("{}-{}-{}{}", spec.client_model, spec.server_model, spec.protocol, unusual(spec));
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// Whether a server takes part in rankings and comparisons: it is ours, and not broken on purpose.
pub(super) fn is_ranked(view: &View<'_>, spec: &Spec) -> bool {
    let known = &view.data.info.catalogue.fileserver;
    spec.source == Source::BuiltIn
        && !known.server_model(&spec.server_model).is_some_and(|model| model.hidden)
}

/// A pool of the server: one that takes every connection as it comes has no size.
pub(super) fn pool(workers: u32) -> String {
    if workers == 0 { "all".into() } else { workers.to_string() }
}

/// Its workers in words.
pub(super) fn workers(size: u32) -> String {
    if size == 0 { "a worker for everyone".into() } else { format::counted(size as usize, "worker") }
}

/// The median of something over the blocks that may be compared.
pub(super) fn median(trial: &Trial<'_>, of: impl Fn(&Evidence) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = trial.good().filter_map(|(_, seen)| of(seen)).collect();
    quantile::median(&values)
}

/// A block that came to no figure: its number, what became of it in a word, why, and what was seen all the same.
pub(super) struct Mishap<'a> {
    pub(super) block: u32,
    pub(super) word: &'static str,
    pub(super) why: String,
    pub(super) seen: Option<&'a Evidence>,
}

/// Blocks of a trial that came to no figure.
pub(super) fn mishaps<'a>(trial: &Trial<'a>) -> Vec<Mishap<'a>> {
    let mishap = |row: &&'a ferrybench_data::record::Record<FileServer>| {
        let (word, why) = match row.fate() {
            Fate::Refused(reasons) => ("refused", reasons.join("; ")),
            Fate::Failed(why) => ("failed", why.to_owned()),
            Fate::Skipped(why) => ("skipped", why.to_owned()),
            Fate::Proved | Fate::SelfReported => return None,
        };
        Some(Mishap { block: row.block, word, why, seen: row.seen() })
    };
    trial.rows.iter().filter_map(mishap).collect()
}

/// Keeps a number and its unit on one line; the page may break before a bracket.
pub(super) fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}").replace("\u{a0}(", " (").replace("\u{a0}[", " [")
}
