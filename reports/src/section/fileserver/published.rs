//! The published run of the assignment beside this one, recomputed from its own columns.

use super::{
    line::all_clients_s,
    view::{Grid, Load, grids, median, what},
};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
    section::{ranking::capital, view::View},
};
use ferrybench_data::{
    family::Source,
    fileserver::{AGGREGATE, CLIENT_MEAN, Spec},
    published::{self, GridRow, GridStatus},
};

const THREADS: &str = "thread-pool";
const COURSE: &str = "course";
/// How far a published throughput may be from what follows from its row's own time.
const ROUNDING: f64 = 0.02;
/// What the published run calls its reads, and how many bytes they were.
const READS: &[(&str, u64)] = &[("50MB", 51_200), ("4MB", 4_096)];

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let published = published::fileserver();
    let grids = grids(view);
    let Some(grid) = counterpart(&grids, &published) else { return Vec::new() };
    let count = |status| published.iter().filter(|row| row.status == status).count();
    let seconds: f64 = published.iter().filter_map(|row| row.total_time_per_client_s).sum();
    vec![
        Element::heading(2, "File server: the published run beside this one"),
        Element::prose(format!(
            "One run of this grid has been published: a thread pool on both sides, another machine, another program. {} of its {} rows \
             finished, {} s in all; {} were killed by the operating system, and {} were called impossible on that machine. The two runs \
             share neither machine nor program, so nothing here says which is better: the published figures stand beside ours to be \
             read with what does not add up in them.",
            count(GridStatus::Ok),
            published.len(),
            format::integer(seconds.round() as u64),
            count(GridStatus::Killed),
            count(GridStatus::Impossible)
        )),
        Element::Table(table(grid, &published)),
        Element::prose("**What does not add up in the published run:**"),
        Element::List(doubts(&published)),
    ]
}

/// Our own thread pool on both sides, over the course's protocol if there is a choice, with a load of the published grid.
fn counterpart<'g, 'v, 'a>(grids: &'g [Grid<'v, 'a>], published: &[GridRow]) -> Option<&'g Grid<'v, 'a>> {
    let is_alike = |grid: &&Grid<'_, '_>| {
        let Spec { client_model, server_model, source, .. } = grid.spec;
        client_model == THREADS
            && server_model == THREADS
            && *source == Source::BuiltIn
            && grid.has_pools()
            && published.iter().any(|row| grid.find(load(row)).is_some())
    };
    let alike = || grids.iter().filter(is_alike);
    alike().find(|grid| grid.spec.protocol == COURSE).or_else(|| alike().next())
}

fn load(row: &GridRow) -> Load {
    Load {
        operation: row.operation,
        volume_bytes: row.volume_bytes(),
        client_pool: row.client_pool,
        server_pool: row.server_pool,
    }
}

/// Throughput in the unit of the published column, MiB/s whatever it calls them.
fn published_throughput(row: &GridRow) -> Option<f64> {
    Some(row.throughput_per_client_mb_per_s? * f64::from(1 << 20))
}

fn table(grid: &Grid<'_, '_>, published: &[GridRow]) -> Table {
    let columns = vec![
        Column::right("Row"),
        Column::left("Asked"),
        Column::right("Client × server pool"),
        Column::right("Published time"),
        Column::right("Published throughput"),
        Column::right("Recomputed"),
        Column::right("Off by"),
        Column::right("Published, all clients"),
        Column::right("Ours: time for all clients"),
        Column::right("Ours: time per client"),
        Column::right("Ours: aggregate throughput"),
    ];
    let shown = |value: Option<f64>, unit| value.map_or(Cell::text("–"), |value| Cell::exact(value, unit));
    let rows = published
        .iter()
        .map(|row| {
            let ours = grid.find(load(row)).filter(|trial| trial.good().next().is_some());
            let estimate = |metric| ours.and_then(|trial| trial.estimate(metric)).map(|of| of.value);
            let recomputed = row.recomputed_bytes_per_s();
            let time = row
                .total_time_per_client_s
                .map_or(Cell::text(row.status.word()), |time| Cell::exact(time, Unit::Seconds));
            vec![
                Cell::Integer(row.row.into()),
                Cell::text(what(row.operation, row.volume_bytes())),
                Cell::text(format!("{} × {}", row.client_pool, row.server_pool)),
                time,
                shown(published_throughput(row), Unit::BytesPerSecond),
                shown(recomputed, Unit::BytesPerSecond),
                row.throughput_off_by()
                    .filter(|off| is_off(*off))
                    .map_or(Cell::Empty, |off| Cell::exact(off, Unit::Ratio)),
                shown(recomputed.map(|rate| rate * f64::from(row.client_pool)), Unit::BytesPerSecond),
                shown(ours.and_then(|trial| median(trial, |seen| Some(all_clients_s(seen)))), Unit::Seconds),
                shown(estimate(CLIENT_MEAN), Unit::Seconds),
                shown(estimate(AGGREGATE), Unit::BytesPerSecond),
            ]
        })
        .collect();
    let caption = format!(
        "The published run and ours ({} clients, {} server, protocol {}), row by row. Recomputed: volume / the row's own time. Off by: \
         recomputed / published, where they differ. Published, all clients: volume × clients / its time, which is an aggregate \
         throughput if its time is that of all clients. Ours: medians.",
        grid.spec.client_model, grid.spec.server_model, grid.spec.protocol
    );
    Table { columns, rows, caption }
}

fn is_off(off: f64) -> bool {
    (off - 1.0).abs() > ROUNDING
}

/// What does not follow from the published run's own columns.
fn doubts(published: &[GridRow]) -> Vec<String> {
    let mut items = Vec::new();
    for run in runs(published) {
        let (Some((from, _)), Some((to, _))) = (run.first(), run.last()) else { continue };
        let offs = run.iter().map(|(_, off)| *off);
        let (least, most) =
            offs.fold((f64::MAX, 0.0_f64), |(least, most), off| (least.min(off), most.max(off)));
        let [low, high] = [least, most].map(number);
        let times = if low == high { low } else { format!("{low} to {high}") };
        let rows = if from == to { format!("Row {from}") } else { format!("Rows {from} to {to}") };
        let verb = if from == to { "its" } else { "their" };
        items.push(format!("**{rows}:** the throughput that follows from {verb} own volume and time is {times} times the published one."));
    }
    items.extend(for_all_clients(published));
    items.extend(workers(published));
    items.extend(reads(published));
    items
}

/// Consecutive rows that are off by about the same factor.
fn runs(published: &[GridRow]) -> Vec<Vec<(u32, f64)>> {
    let mut runs: Vec<Vec<(u32, f64)>> = Vec::new();
    for row in published {
        let Some(off) = row.throughput_off_by().filter(|off| is_off(*off)) else { continue };
        match runs.last_mut().filter(|run| {
            run.last().is_some_and(|(before, known)| before + 1 == row.row && (off / known - 1.0).abs() < 0.1)
        }) {
            Some(run) => run.push((row.row, off)),
            None => runs.push(vec![(row.row, off)]),
        }
    }
    runs
}

fn number(factor: f64) -> String {
    if factor < 100.0 {
        format::tick((factor * 10.0).round() / 10.0, Unit::Plain)
    } else {
        format::integer((factor / 10.0).round() as u64 * 10)
    }
}

/// Its time grows with the number of clients, so it is not the time of one.
fn for_all_clients(published: &[GridRow]) -> Option<String> {
    let most = published.iter().map(|row| row.client_pool).max()?;
    let time = |like: &GridRow, clients: u32| {
        let is = |row: &&GridRow| load(row) == Load { client_pool: clients, ..load(like) };
        published.iter().find(is)?.total_time_per_client_s
    };
    let growth: Vec<f64> = published
        .iter()
        .filter(|row| row.client_pool == 1)
        .filter_map(|row| Some(time(row, most)? / row.total_time_per_client_s?))
        .collect();
    let (least, most_grown) =
        growth.iter().fold((f64::MAX, 0.0_f64), |(least, most), of| (least.min(*of), most.max(*of)));
    (!growth.is_empty()).then(|| {
        format!(
            "**Its time looks like that of all clients.** With {most} clients it is {least:.0} to {most_grown:.0} times that with one, whatever \
             the server pool. So it stands beside our time for all clients, and its throughput is the volume of *one* file over that time: \
             neither what a client saw nor what all moved."
        )
    })
}

/// More server workers succeeded than there were transfers.
fn workers(published: &[GridRow]) -> Option<String> {
    let too_many = published.iter().filter(|row| row.servers_ok > row.clients_ok).count();
    (too_many > 0).then(|| {
        format!(
            "**Idle workers count as successful.** In {too_many} rows more server workers succeeded than there were transfers to serve: \
             the column holds the size of the pool."
        )
    })
}

/// Buffers whose labels are off by 1 024.
fn reads(published: &[GridRow]) -> Option<String> {
    let named = |label: &str| {
        published
            .iter()
            .any(|row| row.client_buffer_as_published == label || row.server_buffer_as_published == label)
    };
    let labels: Vec<String> = READS
        .iter()
        .filter(|(label, _)| named(label))
        .map(|(label, bytes)| format!("\"{label}\" a read of {} bytes", format::integer(*bytes)))
        .collect();
    (!labels.is_empty()).then(|| {
        capital(&format!(
            "**Buffers are mislabelled.** Its buffer column calls {}, {} times too much, and its explanation of the times rests on \
             that.",
            labels.join(" and "),
            format::integer(1_024)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_add_up_is_found_in_the_rows() {
        insta::assert_snapshot!(doubts(&published::fileserver()).join("\n"), @r#"
        **Rows 1 to 3:** the throughput that follows from their own volume and time is 1,750 to 1,850 times the published one.
        **Row 17:** the throughput that follows from its own volume and time is 5 times the published one.
        **Rows 19 to 26:** the throughput that follows from their own volume and time is 10 to 10.1 times the published one.
        **Its time looks like that of all clients.** With 50 clients it is 38 to 51 times that with one, whatever the server pool. So it stands beside our time for all clients, and its throughput is the volume of *one* file over that time: neither what a client saw nor what all moved.
        **Idle workers count as successful.** In 18 rows more server workers succeeded than there were transfers to serve: the column holds the size of the pool.
        **Buffers are mislabelled.** Its buffer column calls "50MB" a read of 51,200 bytes and "4MB" a read of 4,096 bytes, 1,024 times too much, and its explanation of the times rests on that.
        "#);
    }
}
