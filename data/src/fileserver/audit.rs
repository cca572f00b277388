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
