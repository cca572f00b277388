//! What to know of files over UDP before quoting a figure.

use super::Warning;
use crate::{
    dataset::Dataset,
    fanout::{Evidence, Hosts},
};

/// A receive buffer from which on a batch of 64 KiB is no large part of it, bytes as the kernel counts them.
const AMPLE_BUFFER_BYTES: u64 = 1 << 20;

pub(super) fn warnings(data: &Dataset) -> Vec<Warning> {
    let rows: Vec<&Evidence> = data.fanout.iter().filter_map(|row| row.seen()).collect();
    let loopback = data
        .fanout_trials()
        .iter()
        .filter(|trial| {
            trial.spec.hosts == Hosts::Loopback && trial.rows.iter().any(|row| row.seen().is_some())
        })
        .count();
    let mut found = Vec::new();
    if loopback > 0 {
        let why = data.infos().find_map(|info| info.catalogue.fanout.namespaces_lacking.clone());
        found.push(Warning::Loopback { trials: loopback, why });
    }
    // A buffer of no bytes is one that nobody told.
    let buffers = rows.iter().map(|seen| seen.receive_buffer_bytes).filter(|bytes| *bytes > 0);
    if let Some(bytes) = buffers.min().filter(|bytes| *bytes < AMPLE_BUFFER_BYTES) {
        found.push(Warning::SmallReceiveBuffer(bytes));
    }
    let dropped = rows.iter().filter(|seen| seen.socket_dropped.is_some_and(|count| count > 0)).count();
    if dropped > 0 {
        found.push(Warning::SocketDrops { rows: dropped, of: rows.len() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fanout::{Fanout, Spec},
        plan::catalogue::{Catalogue, Fanouts},
        record::{Audit, Noise, Outcome, Record},
        run_info::{Ended, RunInfo, SCHEMA},
    };

    fn row(hosts: Hosts, evidence: Evidence) -> Record<Fanout> {
        let spec = Spec {
            sender_model: "tokio".into(),
            pool_size: 4,
            files: 2,
            file_bytes: 1,
            datagram_bytes: 1,
            hosts,
            ..Spec::default()
        };
        let outcome = Outcome::Measured { evidence, audit: Audit::Pass };
        Record { block: 1, order: 1, noise: Noise::default(), spec, outcome }
    }

    fn dataset(rows: Vec<Record<Fanout>>) -> Dataset {
        let fanout = Fanouts { namespaces_lacking: Some("no user namespaces".into()), ..Fanouts::default() };
        let info = RunInfo {
            schema: SCHEMA,
            suite: String::new(),
            version: String::new(),
            revision: None,
            binary_hash: String::new(),
            build_profile: "release".into(),
            compiler: String::new(),
            command_line: Vec::new(),
            plan: String::new(),
            started: String::new(),
            ended: Ended::Complete,
            trials: 1,
            blocks: 6,
            seed: 1,
            wall_s: 1.0,
            hosts: Vec::new(),
            catalogue: Catalogue { fanout, ..Catalogue::default() },
            participants: Vec::new(),
            fetched: Vec::new(),
        };
        let mut data = Dataset::from_parts(info, String::new(), Vec::new(), Vec::new());
        data.fanout = rows;
        data
    }

    #[test]
    fn a_quiet_run_between_hosts_needs_no_warning() {
        let seen = Evidence { receive_buffer_bytes: 1 << 22, socket_dropped: Some(0), ..Evidence::default() };
        let untold = Evidence { socket_dropped: None, ..Evidence::default() };
        assert_eq!(
            warnings(&dataset(vec![row(Hosts::Namespaces, seen), row(Hosts::Namespaces, untold)])),
            []
        );
    }

    #[test]
    fn loopback_small_buffers_and_drops_are_told() {
        let small =
            Evidence { receive_buffer_bytes: 425_984, socket_dropped: Some(3), ..Evidence::default() };
        let ample = Evidence { receive_buffer_bytes: 1 << 22, ..Evidence::default() };
        let found = warnings(&dataset(vec![row(Hosts::Loopback, small), row(Hosts::Loopback, ample)]));
        assert_eq!(
            found,
            [
                Warning::Loopback { trials: 1, why: Some("no user namespaces".into()) },
                Warning::SmallReceiveBuffer(425_984),
                Warning::SocketDrops { rows: 1, of: 2 },
            ]
        );
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(told[0].contains("no user namespaces") && told[1].contains("416 KiB"), "{told:?}");
    }
}
