//! Files over UDP on the terminal: one table for each thing that was to be sent, the fastest senders first.

use crate::cli::say;
use comfy_table::{CellAlignment, Table, presets};
use ferrybench_data::{
    dataset::{Dataset, TrialView},
    fanout::{
        Assignment, Batching, Content, Fanout, FetchWhere, GOODPUT, LOSS, ReceiveOffload, Reliability,
        Segmented, Spec, TOTAL,
    },
    stats::Estimate,
    units::Size,
};
use ferrybench_reports::format::{Unit, counted, estimate, value};

type View<'a> = TrialView<'a, Fanout>;

/// Rows of one table that are shown; the report has them all.
const MOST_ROWS: usize = 10;

pub(super) fn print(data: &Dataset) {
    let trials = data.fanout_trials();
    let mut kinds: Vec<(String, Vec<(&View<'_>, Estimate)>)> = Vec::new();
    for trial in &trials {
        let Some(goodput) = trial.estimate(GOODPUT) else { continue };
        let kind = kind(trial.spec);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, rows)) => rows.push((trial, goodput)),
            None => kinds.push((kind, vec![(trial, goodput)])),
        }
    }
    for (kind, mut rows) in kinds {
        rows.sort_by(|a, b| b.1.value.total_cmp(&a.1.value));
        let more = match rows.len() {
            all if all > MOST_ROWS => format!(" (the first {MOST_ROWS} of {all})"),
            _ => String::new(),
        };
        say(format_args!("\n{kind}: goodput{more}"));
        rows.truncate(MOST_ROWS);
        say(table(&rows).trim_fmt());
    }
}

/// What was to be sent, to how many, over what: rows of one table differ in nothing of this.
fn kind(spec: &Spec) -> String {
    let files = counted(spec.files as usize, "file");
    let what = match (spec.content, spec.file_bytes) {
        (Content::Own, _) => format!("{files} of the plan's source"),
        (Content::BuiltIn, 0) => counted(spec.files as usize, "picture"),
        (Content::BuiltIn, bytes) => format!("{files} of {}", Size(bytes)),
    };
    let whom = match spec.assignment {
        Assignment::Each => format!("each to one of {}", counted(spec.receivers as usize, "receiver")),
        Assignment::All => format!("to {}", counted(spec.receivers as usize, "receiver")),
    };
    let datagrams = match spec.datagram_bytes {
        0 => "whole files".to_owned(),
        bytes => Size(bytes.into()).to_string(),
    };
    let mut kind = format!("{what} {whom}, datagrams of {datagrams}, {}", spec.framing);
    let mut add = |is_there: bool, words: String| {
        if is_there {
            kind += &format!(", {words}");
        }
    };
    add(spec.reliability == Reliability::Repair, "repaired".into());
    add(spec.fetch_where != FetchWhere::Local, format!("fetched {}", spec.fetch_where));
    add(spec.think_ms > 0, format!("pausing {} ms", spec.think_ms));
    add(spec.loss_percent > 0, format!("{} % lost", spec.loss_percent));
    add(spec.duplicate_percent > 0, format!("{} % twice", spec.duplicate_percent));
    let rate = |bytes: u64| value(bytes as f64, Unit::BytesPerSecond);
    add(spec.rate_bytes_per_s > 0, format!("links of {}", rate(spec.rate_bytes_per_s)));
    add(spec.pace_bytes_per_s > 0, format!("paced to {}", rate(spec.pace_bytes_per_s)));
    kind
}

fn table(rows: &[(&View<'_>, Estimate)]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "",
        "sender",
        "delivery",
        "batching",
        "median [95 % interval]",
        "lost",
        "the program's time",
    ]);
    for (rank, (trial, goodput)) in (1..).zip(rows) {
        let spec = trial.spec;
        let pool = match spec.pool_size {
            0 => String::new(),
            size => format!(" x{size}"),
        };
        let shown = |metric, unit| {
            trial.estimate(metric).map_or("n/a".to_owned(), |one| estimate(one.value, None, unit))
        };
        table.add_row([
            rank.to_string(),
            format!("{}{pool}", spec.sender_model),
            spec.delivery.to_string(),
            batching(spec),
            estimate(goodput.value, goodput.interval, Unit::BytesPerSecond),
            shown(LOSS, Unit::Percent),
            shown(TOTAL, Unit::Seconds),
        ]);
    }
    for column in [4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A batching with what belongs to it: whether somebody cuts the batch up, and how it is received.
fn batching(spec: &Spec) -> String {
    let cut = match spec.segmented {
        Segmented::Never => "",
        Segmented::Stack => ", cut by the kernel",
        Segmented::Device => ", cut by the device",
    };
    let received = match (spec.batching, spec.receive_offload) {
        (Batching::Gso, ReceiveOffload::Off) => ", no gro",
        _ => "",
    };
    format!("{}{cut}{received}", spec.batching)
}
