//! Draws one figure of each kind, and every figure of the made-up fan-outs, as SVG and PNG into the folder named on the
//! command line.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{error::Error, fs, path::Path};

use ferrybench_reports::{
    chart::{
        self, Arrow, Axis, Block, Categories, Cell, Chart, Curve, Diagram, Dumbbell, DumbbellRow, Ecdf,
        Estimate, Group, HeatMap, Intervals, Lines, Panel, Point, Row, Scale, Scatter, ScatterPoint, Segment,
        Series, Stacked, StackedRow, Timeline, Waterfall,
    },
    format::Unit,
};

/// A mechanism with a plausible round trip (ns), bytes per second at large sizes, and CPU time per operation (µs).
struct Mechanism {
    name: &'static str,
    round_trip: f64,
    bandwidth: f64,
    cpu: f64,
    largest: f64,
}

const fn mechanism(name: &'static str, round_trip: f64, bandwidth: f64, cpu: f64, largest: f64) -> Mechanism {
    Mechanism { name, round_trip, bandwidth, cpu, largest }
}

const MIB: f64 = 1_048_576.0;

const FAMILIES: [(&str, &[Mechanism]); 4] = [
    (
        "Pipes and sockets of one host",
        &[
            mechanism("pipe", 5_210.0, 2.9e9, 6.1, MIB),
            mechanism("fifo", 5_280.0, 2.8e9, 6.2, MIB),
            mechanism("socketpair", 6_100.0, 3.4e9, 7.4, MIB),
            mechanism("unix-stream", 6_150.0, 3.5e9, 7.5, MIB),
            mechanism("unix-dgram", 6_600.0, 2.2e9, 7.9, 131_072.0),
            mechanism("unix-seqpacket", 6_400.0, 2.4e9, 7.7, 131_072.0),
        ],
    ),
    (
        "Loopback network",
        &[
            mechanism("tcp", 13_400.0, 4.6e9, 15.9, MIB),
            mechanism("udp", 11_200.0, 1.9e9, 13.1, 65_507.0),
            mechanism("io-uring", 14_900.0, 4.4e9, 17.5, MIB),
        ],
    ),
    (
        "Message queues and shared memory",
        &[
            mechanism("posix-mq", 5_900.0, 1.3e9, 6.9, 8_192.0),
            mechanism("sysv-mq", 5_500.0, 1.5e9, 6.4, 8_192.0),
            mechanism("eventfd", 4_800.0, 7.9e9, 5.5, MIB),
            mechanism("shm-spin", 212.0, 9.8e9, 0.42, MIB),
            mechanism("shm-futex", 4_300.0, 9.1e9, 4.9, MIB),
            mechanism("python-mp-queue", 61_000.0, 0.7e9, 88.0, MIB),
        ],
    ),
    (
        "Channels between threads",
        &[
            mechanism("queue", 5_050.0, 8.9e9, 5.8, MIB),
            mechanism("std-mpsc", 4_700.0, 9.2e9, 5.4, MIB),
            mechanism("crossbeam", 4_100.0, 9.4e9, 4.6, MIB),
            mechanism("tokio-mpsc", 8_900.0, 8.1e9, 10.8, MIB),
            mechanism("flume", 5_000.0, 9.0e9, 5.7, MIB),
            mechanism("rtrb", 185.0, 1.1e10, 0.37, MIB),
        ],
    ),
];

const SIZES: [f64; 6] = [1.0, 64.0, 1_024.0, 8_192.0, 65_536.0, MIB];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: gallery FOLDER")?;
    fs::create_dir_all(&folder)?;
    let charts = [
        ("lines", lines()),
        ("lines-single", lines_single()),
        ("ecdf", ecdf()),
        ("ranking", ranking()),
        ("ratios", ratios()),
        ("scatter", scatter()),
        ("dumbbell", dumbbell()),
        ("heat-map", heat_map()),
        ("waterfall", waterfall()),
        ("stacked", stacked()),
        ("diagram", diagram()),
        ("diagram-network", diagram_network()),
    ];
    for (name, chart) in charts {
        let svg = chart::svg(&chart.ok_or("a gallery figure has no data")?);
        save(&Path::new(&folder).join(name), &svg)?;
    }
    for (stem, run) in [("lab", support::Run::lab_fanout(3)), ("standard", support::Run::fanouts(6))] {
        for (name, svg) in ferrybench_reports::report(&run.dataset()).figures {
            save(&Path::new(&folder).join(format!("{stem}-{name}")), &svg)?;
        }
    }
    Ok(())
}

fn save(path: &Path, svg: &str) -> Result<(), Box<dyn Error>> {
    fs::write(path.with_extension("png"), chart::png(svg)?)?;
    fs::write(path.with_extension("svg"), svg)?;
    Ok(())
}

/// A value with an interval whose width depends on a number, so that no two look alike.
fn uncertain(value: f64, spread: f64, salt: usize) -> Estimate {
    let width = spread * (0.4 + (salt * 7 % 11) as f64 / 8.0);
    Estimate::within(value, value * (1.0 - width), value * (1.0 + width * 1.2))
}

fn time(title: &str) -> Axis {
    Axis::new(title, Scale::Log10, Unit::Nanoseconds)
}

fn size() -> Axis {
    Axis::new("Message size", Scale::Log2, Unit::Bytes)
}

fn round_trips(mechanism: &Mechanism) -> Series {
    let points =
        SIZES.iter().enumerate().filter(|(_, size)| **size <= mechanism.largest).map(|(index, &size)| {
            let nanoseconds = mechanism.round_trip + 2.0 * size / mechanism.bandwidth * 1e9;
            Point { x: size, y: uncertain(nanoseconds, 0.06, index + mechanism.name.len()) }
        });
    Series { name: mechanism.name.into(), points: points.collect() }
}

fn lines() -> Option<Chart> {
    let panels =
        FAMILIES.map(|(title, members)| Panel::new(title, members.iter().map(round_trips).collect()));
    let lines = Lines::new(size(), time("Median round trip, with its 95 % interval"), panels.into())?;
    Some(Chart::Lines(lines.with_context()))
}

fn lines_single() -> Option<Chart> {
    let throughput = |mechanism: &Mechanism| {
        let points = SIZES.iter().enumerate().filter(|(_, size)| **size <= mechanism.largest);
        let points = points.map(|(index, &size)| {
            let seconds = mechanism.round_trip / 9e9 + size / mechanism.bandwidth;
            Point { x: size, y: uncertain(size / seconds, 0.05, index) }
        });
        Series { name: mechanism.name.into(), points: points.collect() }
    };
    let series =
        FAMILIES.iter().flat_map(|(_, members)| members.iter().take(2)).take(7).map(throughput).collect();
    let y = Axis::new("Throughput", Scale::Linear, Unit::BytesPerSecond);
    Lines::new(size(), y, vec![Panel::new("", series)]).map(Chart::Lines)
}

fn ecdf() -> Option<Chart> {
    let curve = |mechanism: &Mechanism| {
        let samples: Vec<f64> = (1..2_000)
            .map(|rank| {
                let share = f64::from(rank) / 2_000.0;
                let logit = (share / (1.0 - share)).ln();
                let tail = if share > 0.97 { 1.0 + (share - 0.97) * 60.0 } else { 1.0 };
                mechanism.round_trip * (0.05 * logit).exp() * tail
            })
            .collect();
        Curve::of_samples(mechanism.name, &samples)
    };
    let panels = FAMILIES.map(|(title, members)| Panel::new(title, members.iter().map(curve).collect()));
    Ecdf::new(time("Round trip of 64 B"), panels.into()).map(Chart::Ecdf)
}

fn ranking() -> Option<Chart> {
    let groups = FAMILIES.map(|(heading, members)| {
        let rows = members.iter().enumerate().map(|(index, mechanism)| Row {
            label: mechanism.name.into(),
            estimate: uncertain(mechanism.round_trip, 0.05, index),
        });
        Group::new(heading, rows.collect())
    });
    Intervals::new(time("Median round trip of 64 B"), groups.into()).map(Chart::Intervals)
}

fn ratios() -> Option<Chart> {
    let rows = FAMILIES.iter().flat_map(|(_, members)| *members).enumerate().map(|(index, mechanism)| Row {
        label: mechanism.name.into(),
        estimate: uncertain(0.75 + (index * 5 % 17) as f64 / 24.0, 0.08, index),
    });
    let axis = Axis::new("Round trip on two CPUs, relative to one", Scale::Log10, Unit::Ratio);
    let chart = Intervals::new(axis, vec![Group::unnamed(rows.collect())])?;
    Some(Chart::Intervals(chart.with_reference(1.0, "no difference")))
}

fn scatter() -> Option<Chart> {
    let groups = FAMILIES.map(|(heading, members)| {
        let points = members.iter().enumerate().map(|(index, mechanism)| ScatterPoint {
            label: mechanism.name.into(),
            x: uncertain(mechanism.round_trip, 0.04, index),
            y: uncertain(mechanism.cpu, 0.05, index + 3),
        });
        Group::new(heading, points.collect())
    });
    let y = Axis::new("CPU time per round trip", Scale::Log10, Unit::CpuMicroseconds);
    Scatter::new(time("Median round trip of 64 B"), y, groups.into()).map(Chart::Scatter)
}

fn dumbbell() -> Option<Chart> {
    let groups = FAMILIES.map(|(heading, members)| {
        let rows = members.iter().enumerate().map(|(index, mechanism)| DumbbellRow {
            label: mechanism.name.into(),
            values: vec![
                Some(uncertain(mechanism.round_trip, 0.05, index)),
                (index != 4)
                    .then(|| uncertain(mechanism.round_trip * (1.1 + index as f64 * 0.3), 0.05, index)),
            ],
        });
        Group::new(heading, rows.collect())
    });
    let conditions = vec!["same CPU".into(), "two CPUs, split".into()];
    Dumbbell::new(time("Median round trip of 64 B"), conditions, groups.into()).map(Chart::Dumbbell)
}

/// Pool sizes of a file server and of its clients.
const POOLS: [usize; 3] = [1, 5, 50];

/// What clients of a server with so many workers go through, one file each; all start at once.
fn served(clients: usize, workers: usize) -> Vec<Timeline> {
    let mut free = vec![0.0; workers];
    let timeline = |client: usize| {
        let connected = 0.002 + (client * 7 % 13) as f64 * 1e-3;
        let first = (0..workers).min_by(|left, right| f64::total_cmp(&free[*left], &free[*right]));
        let worker = first.expect("a pool has a worker");
        let begun = free[worker].max(connected);
        // Four cores are shared by all who work at once.
        let slowed = (workers.min(clients) as f64 / 4.0).max(1.0);
        free[worker] = begun + 0.05 * slowed * (0.8 + (client * 11 % 17) as f64 / 40.0);
        let times = [(0.0, connected), (connected, begun), (begun, free[worker])];
        let segments = times.into_iter().enumerate().map(|(kind, (start, end))| Segment { start, end, kind });
        Timeline { segments: segments.collect(), failed: workers > 1 && client == 41 }
    };
    (0..clients).map(timeline).collect()
}

fn heat_map() -> Option<Chart> {
    let pools = |title| Categories::new(title, POOLS.map(|size| size.to_string()));
    let panels = ["Download", "Upload"].into_iter().zip([1.0, 0.45]).flat_map(|(operation, share)| {
        [10.0, 50.0, 100.0].map(|volume: f64| {
            let cell = |clients: usize, workers: usize| {
                if volume > 60.0 && share < 1.0 && clients * workers > 1_000 {
                    return Cell::Absent("failed".into());
                }
                let parallel = clients.min(workers).min(4) as f64;
                Cell::Value(1.1e9 * share * parallel.powf(0.8) * (1.0 - 1.0 / volume.sqrt()))
            };
            let rows = POOLS.map(|clients| POOLS.map(|workers| cell(clients, workers)).to_vec());
            Panel::new(format!("{operation}, {volume} MiB"), rows.to_vec())
        })
    });
    let measure = Axis::new("Goodput of all clients together", Scale::Log10, Unit::BytesPerSecond);
    let (columns, rows) = (pools("Server worker pool"), pools("Client worker pool"));
    HeatMap::new(measure, columns, rows, panels.collect()).map(Chart::HeatMap)
}

const KINDS: [&str; 3] = ["connect", "queue wait", "service"];

fn waterfall() -> Option<Chart> {
    let panels = POOLS.map(|workers| {
        let ending = if workers == 1 { "" } else { "s" };
        Panel::new(format!("Server pool of {workers} worker{ending}"), served(50, workers))
    });
    let chart = Waterfall::new(
        "Time since all clients were let go",
        "Client",
        KINDS.map(Into::into).into(),
        panels.into(),
    )?;
    Some(Chart::Waterfall(chart.with_shared_time()))
}

fn stacked() -> Option<Chart> {
    let groups = POOLS.map(|clients| {
        let rows = POOLS.map(|workers| {
            let timelines = served(clients, workers);
            let mean = |kind: usize| {
                let lasted = |row: &Timeline| row.segments[kind].end - row.segments[kind].start;
                timelines.iter().map(lasted).sum::<f64>() / clients as f64
            };
            let ending = if workers == 1 { "" } else { "s" };
            StackedRow { label: format!("{workers} worker{ending}"), parts: (0..3).map(mean).collect() }
        });
        let ending = if clients == 1 { "" } else { "s" };
        Group::new(format!("{clients} client{ending} at once"), rows.into())
    });
    let title = "Mean time of a client, by what it went for";
    Stacked::new(title, Unit::Seconds, KINDS.map(Into::into).into(), groups.into()).map(Chart::Stacked)
}

fn diagram() -> Option<Chart> {
    let clients = Block::new("Client", ["one thread, one connection", "keeps what it gets in memory"]);
    let acceptor = Block::new("Acceptor", ["one thread; puts", "connections in a queue"]);
    let pool = Block::new("Worker", ["one request at a time,", "from first byte to last"]);
    let storage = Block::new("Files", ["10, 50 and 100 MiB", "tmpfs: no disk"]);
    let columns = vec![
        Group::new("Clients", vec![clients.times("× 1, 5, 50")]),
        Group::new("Server", vec![acceptor, pool.times("× 1, 5, 50")]),
        Group::new("Storage folder", vec![storage]),
    ];
    let arrows = vec![
        Arrow::new("Client", "Acceptor", "connect, TCP loopback"),
        Arrow::new("Client", "Worker", "download or upload").both_ways(),
        Arrow::new("Acceptor", "Worker", "queue"),
        Arrow::new("Files", "Worker", "read"),
        Arrow::new("Worker", "Files", "write, rename"),
    ];
    Diagram::new(columns, arrows).map(Chart::Diagram)
}

fn diagram_network() -> Option<Chart> {
    let servers = 1..=8;
    let block =
        |number: u32| Block::new(format!("Server {number}"), [format!("10.0.0.{}, port 7001", number + 1)]);
    let columns = vec![
        Group::new("Client host", vec![Block::new("Client", ["10.0.0.1", "one thread for each server"])]),
        Group::new("Network", vec![Block::new("Switch", ["1 Gbit/s, store and forward"])]),
        Group::new("Server hosts", servers.clone().map(block).collect()),
    ];
    let mut arrows = vec![Arrow::new("Client", "Switch", "UDP datagrams and their echoes").both_ways()];
    arrows.extend(servers.map(|number| Arrow::new("Switch", format!("Server {number}"), "").both_ways()));
    Diagram::new(columns, arrows).map(Chart::Diagram)
}
