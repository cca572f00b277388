//! The audit of a file-server row: does the evidence prove what the row claims?
//!
//! Transfers that fail make a failed row by themselves; this is about rows whose every transfer is said to have
//! succeeded, and about who says so.

use super::{Evidence, Spec, Verified, is_made_of_processes};
use crate::family::Source;

pub(super) fn reasons(spec: &Spec, seen: &Evidence) -> Vec<String> {
    let checks = [transfers, bytes, content, clients, servers, both_sides, processes, times];
    checks.iter().filter_map(|check| check(spec, seen)).collect()
}

fn transfers(spec: &Spec, seen: &Evidence) -> Option<String> {
    let asked = u64::from(seen.rounds) * u64::from(spec.client_pool) * u64::from(spec.transfers);
    if asked == 0 {
        return Some("nothing was transferred".into());
    }
    if seen.transfers_asked != asked {
        return Some(format!("{asked} transfers were to be made, {} were", seen.transfers_asked));
    }
    (seen.transfers_ok != seen.transfers_asked).then(|| {
        format!(
            "{} of {} transfers did not end well",
            seen.transfers_asked - seen.transfers_ok,
            seen.transfers_asked
        )
    })
}

fn bytes(spec: &Spec, seen: &Evidence) -> Option<String> {
    if !spec.operation.moves_content() {
        return None;
    }
    let expected = seen.transfers_asked * spec.volume_bytes;
    if seen.bytes_expected != expected || seen.bytes_client != expected {
        return Some(format!("{expected} bytes were to move, the clients counted {}", seen.bytes_client));
    }
    let server = seen.bytes_server?;
    (server != expected).then(|| format!("the clients counted {expected} bytes, the server {server}"))
}

fn content(spec: &Spec, seen: &Evidence) -> Option<String> {
    if !spec.operation.moves_content() {
        return None;
    }
    match seen.verified {
        Verified::Unverified => Some("nobody could look at the content that arrived".into()),
        Verified::Nothing => Some("the content was not verified".into()),
        _ if seen.bytes_verified != seen.bytes_expected => Some(format!(
            "the content of {} bytes of {} was not the source's",
            seen.bytes_expected - seen.bytes_verified.min(seen.bytes_expected),
            seen.bytes_expected
        )),
        _ => None,
    }
}

fn clients(spec: &Spec, seen: &Evidence) -> Option<String> {
    let told = seen.clients_ok + seen.clients_failed;
    if told != spec.client_pool {
        return Some(format!("{} client workers were to work, {told} told how it went", spec.client_pool));
    }
    (seen.clients_failed > 0).then(|| format!("{} client workers failed", seen.clients_failed))
}

fn servers(spec: &Spec, seen: &Evidence) -> Option<String> {
    let (ok, failed, idle) = (seen.servers_ok?, seen.servers_failed?, seen.servers_idle?);
    let told = ok + failed + idle;
    if spec.server_pool > 0 && told != spec.server_pool {
        return Some(format!("the server has {} workers, {told} told how it went", spec.server_pool));
    }
    if failed > 0 {
        return Some(format!("{failed} server workers failed"));
    }
    // Each worker that served must have had a transfer of its own.
    (u64::from(ok) > seen.transfers_asked)
        .then(|| format!("{ok} server workers claim a transfer, and there were {}", seen.transfers_asked))
}

fn both_sides(_: &Spec, seen: &Evidence) -> Option<String> {
    let server = seen.server_transfers_ok?;
    (server != seen.transfers_ok).then(|| {
        format!("the clients finished {} transfers, the server says it finished {server}", seen.transfers_ok)
    })
}

fn processes(spec: &Spec, seen: &Evidence) -> Option<String> {
    if is_made_of_processes(&spec.client_model) && seen.client_processes != spec.client_pool {
        return Some(format!(
            "the {} worker processes of the client are {} processes",
            spec.client_pool, seen.client_processes
        ));
    }
    let server = seen.server_processes?;
    let own = spec.source == Source::BuiltIn && is_made_of_processes(&spec.server_model);
    (own && spec.server_pool > 0 && server != spec.server_pool)
        .then(|| format!("the {} worker processes of the server are {server} processes", spec.server_pool))
}

fn times(_: &Spec, seen: &Evidence) -> Option<String> {
    let sound =
        seen.elapsed_s > 0.0 && seen.client_mean_s > 0.0 && seen.client_max_s <= seen.elapsed_s * 1.000_001;
    (!sound).then(|| {
        format!(
            "the times do not fit: {} s in all, {} s a client, the longest {} s",
            seen.elapsed_s, seen.client_mean_s, seen.client_max_s
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fileserver::Operation;

    fn spec(operation: Operation) -> Spec {
        Spec {
            operation,
            volume_bytes: if operation.moves_content() { 1000 } else { 0 },
            protocol: "course".into(),
            client_model: "process-pool".into(),
            client_pool: 5,
            server_model: "process-pool".into(),
            server_pool: 3,
            transfers: 2,
            ..Spec::default()
        }
    }

    /// Two rounds of five clients with two transfers each.
    fn sound() -> Evidence {
        Evidence {
            rounds: 2,
            transfers_asked: 20,
            transfers_ok: 20,
            clients_ok: 5,
            servers_ok: Some(2),
            servers_failed: Some(0),
            servers_idle: Some(1),
            server_transfers_ok: Some(20),
            elapsed_s: 1.0,
            client_mean_s: 0.5,
            client_max_s: 1.0,
            bytes_expected: 20_000,
            bytes_client: 20_000,
            bytes_server: Some(20_000),
            bytes_verified: 20_000,
            verified: Verified::After,
            client_processes: 5,
            server_processes: Some(3),
            ..Evidence::default()
        }
    }

    #[test]
    fn sound_evidence_passes() {
        for operation in [Operation::Download, Operation::Upload] {
            assert_eq!(reasons(&spec(operation), &sound()), [""; 0]);
        }
        // What moves no content has none to count or to verify.
        let bare = Evidence {
            bytes_expected: 0,
            bytes_client: 0,
            bytes_server: None,
            bytes_verified: 0,
            verified: Verified::Nothing,
            ..sound()
        };
        for operation in [Operation::List, Operation::Delete] {
            assert_eq!(reasons(&spec(operation), &bare), [""; 0]);
        }
    }

    #[test]
    fn each_defect_is_named_alone() {
        type Defect = (&'static str, fn(&mut Evidence));
        let defects: &[Defect] = &[
            ("nothing was transferred", |seen| *seen = Evidence { rounds: 0, ..none() }),
            ("20 transfers were to be made, 19 were", |seen| {
                (seen.transfers_asked, seen.transfers_ok, seen.server_transfers_ok) = (19, 19, Some(19));
                (seen.bytes_expected, seen.bytes_client, seen.bytes_verified) = (19_000, 19_000, 19_000);
                seen.bytes_server = Some(19_000);
            }),
            ("1 of 20 transfers did not end well", |seen| {
                (seen.transfers_ok, seen.server_transfers_ok) = (19, Some(19));
            }),
            ("20000 bytes were to move, the clients counted 19999", |seen| seen.bytes_client = 19_999),
            ("20000 bytes were to move, the clients counted 20000", |seen| {
                // The volume times the transfers is what is expected, whatever is said to be.
                (seen.bytes_expected, seen.bytes_verified) = (10_000, 10_000);
            }),
            ("the clients counted 20000 bytes, the server 40000", |seen| seen.bytes_server = Some(40_000)),
            ("nobody could look at the content that arrived", |seen| seen.verified = Verified::Unverified),
            ("the content was not verified", |seen| seen.verified = Verified::Nothing),
            ("the content of 1000 bytes of 20000 was not the source's", |seen| seen.bytes_verified = 19_000),
            ("5 client workers were to work, 4 told how it went", |seen| seen.clients_ok = 4),
            ("1 client workers failed", |seen| (seen.clients_ok, seen.clients_failed) = (4, 1)),
            ("the server has 3 workers, 2 told how it went", |seen| seen.servers_idle = Some(0)),
            ("1 server workers failed", |seen| (seen.servers_ok, seen.servers_failed) = (Some(1), Some(1))),
            ("the clients finished 20 transfers, the server says it finished 21", |seen| {
                seen.server_transfers_ok = Some(21);
            }),
            ("the 5 worker processes of the client are 1 processes", |seen| seen.client_processes = 1),
            ("the 3 worker processes of the server are 1 processes", |seen| seen.server_processes = Some(1)),
            ("the times do not fit: 0 s in all, 0.5 s a client, the longest 0 s", |seen| {
                (seen.elapsed_s, seen.client_max_s) = (0.0, 0.0);
            }),
            ("the times do not fit: 1 s in all, 0 s a client, the longest 1 s", |seen| {
                seen.client_mean_s = 0.0;
            }),
            ("the times do not fit: 1 s in all, 0.5 s a client, the longest 1.5 s", |seen| {
                seen.client_max_s = 1.5;
            }),
        ];
        for (reason, break_it) in defects {
            let mut seen = sound();
            break_it(&mut seen);
            assert_eq!(reasons(&spec(Operation::Upload), &seen), [*reason]);
        }
    }

    /// A block in which nobody did anything, and everybody says so.
    fn none() -> Evidence {
        Evidence {
            transfers_asked: 0,
            transfers_ok: 0,
            server_transfers_ok: Some(0),
            servers_ok: Some(0),
            servers_idle: Some(3),
            bytes_expected: 0,
            bytes_client: 0,
            bytes_server: Some(0),
            bytes_verified: 0,
            ..sound()
        }
    }

    #[test]
    fn more_server_workers_than_transfers_cannot_all_have_served() {
        let spec = Spec { client_pool: 1, transfers: 1, ..spec(Operation::List) };
        let seen = Evidence {
            rounds: 1,
            transfers_asked: 1,
            transfers_ok: 1,
            clients_ok: 1,
            client_processes: 1,
            server_transfers_ok: Some(1),
            ..sound()
        };
        assert_eq!(reasons(&spec, &seen), ["2 server workers claim a transfer, and there were 1"]);
    }

    #[test]
    fn somebody_else_s_server_need_not_tell() {
        let spec = Spec { source: Source::Foreign, server_pool: 0, ..spec(Operation::Download) };
        let untold = Evidence {
            servers_ok: None,
            servers_failed: None,
            servers_idle: None,
            server_transfers_ok: None,
            bytes_server: None,
            server_processes: None,
            ..sound()
        };
        assert_eq!(reasons(&spec, &untold), [""; 0]);
    }

    #[test]
    fn threads_need_not_be_processes() {
        let spec = Spec {
            client_model: "thread-pool".into(),
            server_model: "thread-pool".into(),
            ..spec(Operation::Download)
        };
        let seen = Evidence { client_processes: 1, server_processes: Some(1), ..sound() };
        assert_eq!(reasons(&spec, &seen), [""; 0]);
    }
}
