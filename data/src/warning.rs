//! What a reader should know before trusting a figure: one enum, advice in its text, shown on the console and in
//! the report alike.

mod fanout;

use crate::{
    dataset::{Dataset, TrialView},
    family::Family,
    fileserver::CLIENT_MEAN,
    plan::catalogue::Group,
    record::Fate,
    roundtrip::{MEAN, Pattern, Peers, Placement, Source, Wait},
    stats::LEAST_BLOCKS,
};
use std::fmt;

/// One thing to know, with what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// The run stopped before its end.
    Unfinished {
        /// Rows that are there.
        rows: usize,
        /// Rows that the plan asked for.
        of: usize,
    },
    /// Lines of the records could not be read.
    Damaged(usize),
    /// A build that is not optimised measured.
    DebugBuild,
    /// Blocks ran while something else used the machine.
    Noisy {
        /// Such blocks.
        blocks: usize,
        /// All measured blocks.
        of: usize,
    },
    /// Too few blocks for an interval.
    FewBlocks(u32),
    /// A trial's blocks fall into two groups.
    Bimodal {
        /// The trial's id.
        trial: String,
        /// Centre of the lower group, nanoseconds.
        low_ns: f64,
        /// Centre of the upper group, nanoseconds.
        high_ns: f64,
        /// What takes that long, such as `an exchange`.
        each: &'static str,
    },
    /// A figure is outside what machines of today do.
    Implausible {
        /// The trial's id.
        trial: String,
        /// What was seen.
        seen: String,
        /// What is plausible.
        range: &'static str,
    },
    /// Rows whose audit failed.
    AuditFailed(usize),
    /// Rows that failed.
    Failed(usize),
    /// The clock is coarse.
    CoarseClock(f64),
    /// The control group or the affinity leaves less than the machine has.
    Confined(String),
    /// Files were sent between addresses of one network stack, not between hosts.
    Loopback {
        /// Such trials.
        trials: usize,
        /// Why there are no hosts.
        why: Option<String>,
    },
    /// A receiver's socket got a small buffer, bytes.
    SmallReceiveBuffer(u64),
    /// Receivers' sockets dropped datagrams.
    SocketDrops {
        /// Such rows.
        rows: usize,
        /// All rows that were measured.
        of: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished { rows, of } => write!(
                out,
                "The run stopped after {rows} of {of} rows; `ferrybench bench --resume --out DIR` continues it."
            ),
            Self::Damaged(lines) => {
                write!(
                    out,
                    "{} of the records torn or damaged and left out; the good ones were used.",
                    counted(*lines, "line")
                )
            }
            Self::DebugBuild => {
                out.write_str("A debug build measured this: the figures say nothing about a release build.")
            }
            Self::Noisy { blocks, of } => write!(
                out,
                "Other work disturbed {blocks} of {of} blocks (a probe lost over 4 % or 0.5 ms at a stretch); close other \
                 programs, or run more blocks."
            ),
            Self::FewBlocks(blocks) => write!(
                out,
                "With {} there is no interval, and nothing is compared in words; `--blocks {LEAST_BLOCKS}` \
                 gives both.",
                counted(*blocks as usize, "block")
            ),
            Self::Bimodal { trial, low_ns, high_ns, each } => write!(
                out,
                "`{trial}` has two modes, near {:.3} and {:.3} µs {each}: the machine changed its pace between blocks; \
                 read its interval, not its median.",
                low_ns / 1e3,
                high_ns / 1e3
            ),
            Self::Implausible { trial, seen, range } => {
                write!(
                    out,
                    "`{trial}` made {seen}, outside the plausible {range}: look at it before quoting it."
                )
            }
            Self::AuditFailed(rows) => {
                write!(
                    out,
                    "{} refused by the audit: listed, and left out of every ranking, ratio and chart.",
                    counted(*rows, "row")
                )
            }
            Self::Failed(rows) => {
                write!(
                    out,
                    "{} failed; the reasons are in the table of rows without a figure.",
                    counted(*rows, "row")
                )
            }
            Self::CoarseClock(step) => {
                write!(
                    out,
                    "The clock moves in steps of {step:.0} ns: single exchanges below fifty times that are batched."
                )
            }
            Self::Confined(how) => write!(out, "The run did not have the whole machine: {how}."),
            Self::Loopback { trials, why } => {
                let why = why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
                write!(
                    out,
                    "{} over UDP ran between loopback addresses of one network stack{why}: no wire, packets of 64 KiB, \
                     and nothing to hold against runs between hosts; root or user namespaces give hosts.",
                    counted(*trials, "trial")
                )
            }
            Self::SmallReceiveBuffer(bytes) => write!(
                out,
                "Receivers over UDP got a buffer of {} KiB, which a few batches fill: loss without repair says more of it \
                 than of the sender; raise `net.core.rmem_max`, or run as root.",
                bytes / 1024
            ),
            Self::SocketDrops { rows, of } => write!(
                out,
                "In {rows} of {of} rows over UDP a receiver's socket dropped datagrams because its buffer was full: the \
                 receiver was the limit, not the network; `--pace` slows the sender, `--reliability repair` sends again."
            ),
        }
    }
}

/// A count with its noun: `1 row`, `2 rows`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Everything that a reader of the run should know, the gravest first.
pub fn warnings(data: &Dataset) -> Vec<Warning> {
    let mut found = Vec::new();
    if !data.is_complete() {
        let of = data.infos().map(|info| (info.trials * info.blocks) as usize).sum();
        found.push(Warning::Unfinished { rows: data.rows().count(), of });
    }
    if data.damaged > 0 {
        found.push(Warning::Damaged(data.damaged));
    }
    if data.infos().any(|info| info.build_profile != "release") {
        found.push(Warning::DebugBuild);
    }
    let count = |is: fn(Fate<'_>) -> bool| data.rows().filter(|row| is(row.fate())).count();
    let refused = count(|fate| matches!(fate, Fate::Refused(_)));
    if refused > 0 {
        found.push(Warning::AuditFailed(refused));
    }
    let failed = count(|fate| matches!(fate, Fate::Failed(_)));
    if failed > 0 {
        found.push(Warning::Failed(failed));
    }
    if let Some(blocks) = data.infos().map(|info| info.blocks).min()
        && (blocks as usize) < LEAST_BLOCKS
    {
        found.push(Warning::FewBlocks(blocks));
    }
    let of = data.rows().filter(|row| row.fate().is_measured()).count();
    let noisy = data.rows().filter(|row| row.fate().is_measured() && row.noise().is_noisy()).count();
    if noisy > 0 {
        found.push(Warning::Noisy { blocks: noisy, of });
    }
    for host in data.infos().filter_map(|info| info.hosts.first()) {
        let mut add = |warning| {
            if !found.contains(&warning) {
                found.push(warning);
            }
        };
        if host.clock_step_ns > 100.0 {
            add(Warning::CoarseClock(host.clock_step_ns));
        }
        if let Some(quota) = host.cgroup_cpus {
            add(Warning::Confined(format!("its control group allows {quota:.2} CPUs")));
        }
        if host.cpus_allowed < host.cpus_online {
            add(Warning::Confined(format!("it may use {} of {} CPUs", host.cpus_allowed, host.cpus_online)));
        }
    }
    let trials = data.trials();
    found.extend(trials.iter().filter_map(|trial| bimodal(trial, MEAN, 1.0, "an exchange")));
    let servers = data.fileserver_trials();
    found.extend(servers.iter().filter_map(|trial| bimodal(trial, CLIENT_MEAN, 1e9, "a client")));
    found.extend(trials.iter().filter_map(|trial| implausible(data, trial)));
    found.extend(fanout::warnings(data));
    found
}

/// Two modes: the widest gap between sorted blocks is a factor of 1.5 or more, with two blocks or more on each side,
/// and each side is narrower than the gap.
fn bimodal<F: Family>(
    trial: &TrialView<'_, F>,
    metric: &str,
    nanoseconds: f64,
    each: &'static str,
) -> Option<Warning> {
    let mut values: Vec<f64> =
        trial.values(metric).into_iter().map(|(_, value)| value * nanoseconds).collect();
    values.sort_by(f64::total_cmp);
    let (place, gap) = (2..values.len().saturating_sub(1))
        .map(|place| (place, values[place] / values[place - 1]))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let (low, high) = values.split_at(place);
    let spread = |side: &[f64]| side[side.len() - 1] / side[0];
    let middle = |side: &[f64]| crate::stats::quantile::median(side);
    (gap >= 1.5 && spread(low) < gap && spread(high) < gap).then_some(())?;
    Some(Warning::Bimodal { trial: trial.id(), low_ns: middle(low)?, high_ns: middle(high)?, each })
}

/// Ranges that machines of today keep to, for small messages and large streams.
fn implausible(data: &Dataset, trial: &TrialView<'_>) -> Option<Warning> {
    let spec = trial.spec;
    if spec.source == Source::Foreign || spec.peers == Peers::None {
        return None;
    }
    let group = data.info.catalogue.find(&spec.mechanism)?.group;
    let warn = |seen: String, range| Some(Warning::Implausible { trial: trial.id(), seen, range });
    if spec.pattern == Pattern::Stream {
        let gigabytes = trial.estimate(crate::roundtrip::BANDWIDTH)?.value / 1e9;
        let (most, range) = match group {
            Group::Pipe => (10.0, "up to 10 GB/s of a pipe"),
            Group::Loopback | Group::UnixSocket => (12.0, "up to 12 GB/s of a socket"),
            _ => return None,
        };
        return if gigabytes > most { warn(format!("{gigabytes:.1} GB/s"), range) } else { None };
    }
    if spec.message_bytes > 1024 {
        return None;
    }
    let micros = trial.estimate(MEAN)?.value / 1e3;
    let (least, most, range) = match (group, spec.wait, spec.placement) {
        (Group::SharedMemory, Wait::Spin, Placement::Split) => {
            (0.05, 1.0, "0.05-1 µs of spinning on shared memory")
        }
        (_, Wait::Block, Placement::SameCpu) if matches!(group, Group::Loopback | Group::UnixSocket) => {
            (2.0, 40.0, "2-40 µs of a socket on one CPU")
        }
        (_, Wait::Block, Placement::SameCpu) => (1.0, 20.0, "1-20 µs of a blocking round trip on one CPU"),
        (_, Wait::Block, Placement::Split) => (2.0, 150.0, "2-150 µs of a blocking round trip across CPUs"),
        _ => return None,
    };
    if (least..=most).contains(&micros) { None } else { warn(format!("{micros:.2} µs"), range) }
}
