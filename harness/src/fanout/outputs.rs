//! What each program would print on its own terminal: the client's start, fetches, workers, end and total time, and what
//! each server got. The assignment asks for it, of every host.

use super::told::{Received, ReceivedFile, Sent, SentFile};
use ferrybench_data::fanout::{Delivery, FetchWhere, Framing, OK, Spec};

/// The output of the sending program. `began` is its start on the wall clock.
pub fn of_sender(spec: &Spec, began: &str, sent: &Sent) -> String {
    let at = |time_ns: u64| seconds(time_ns.saturating_sub(sent.passed_barrier_ns));
    let mut lines = vec![
        title(spec),
        format!("pool started in {} s, before the clock", seconds(sent.start_up_ns)),
        format!("start: {began}"),
    ];
    for file in &sent.files {
        lines.extend(fetched(file));
    }
    for (place, worker) in sent.workers.iter().enumerate() {
        lines.push(format!(
            "worker {} (process {}, thread {}): from {} s to {} s, {} datagrams, {} bytes",
            place + 1,
            worker.pid,
            worker.tid,
            at(worker.started_ns),
            at(worker.ended_ns),
            worker.datagrams,
            worker.bytes
        ));
    }
    for file in &sent.files {
        lines.push(format!(
            "{} ({} bytes): taken up at {} s, done at {} s{}",
            file.name,
            file.bytes,
            at(file.begun_ns),
            at(file.ended_ns),
            unless_ok(&file.outcome)
        ));
        for reached in file.flows.iter().flat_map(|flow| &flow.receivers) {
            let verified = reached
                .verified_ns
                .map(|time| format!(", verified there at {} s", at(time)))
                .unwrap_or_default();
            lines.push(format!("  to server {}{verified}{}", reached.receiver, unless_ok(&reached.outcome)));
        }
    }
    lines.push(format!("end: {} s after the start", at(sent.ended_ns)));
    lines.push(format!("total time: {} s", at(sent.ended_ns)));
    text(&lines)
}

/// The output of a receiving program. `since_start_s` turns a time of its clock into seconds since the sender's start.
pub fn of_receiver(spec: &Spec, received: &Received, since_start_s: impl Fn(u64) -> f64) -> String {
    let mut lines = vec![format!(
        "server {}, listening on {} with a buffer of {} bytes",
        received.receiver, received.address, received.receive_buffer_bytes
    )];
    for file in &received.files {
        lines.extend(arrived(spec, file, &since_start_s));
    }
    if received.files.is_empty() {
        lines.push("nothing arrived".into());
    }
    if received.foreign > 0 {
        lines.push(format!("{} datagrams belonged to no file", received.foreign));
    }
    if let Some(dropped @ 1..) = received.socket_dropped {
        lines.push(format!("the socket dropped {dropped}: its buffer was full"));
    }
    text(&lines)
}

fn title(spec: &Spec) -> String {
    let workers = if spec.pool_size > 0 { format!(" of {}", spec.pool_size) } else { String::new() };
    let payload = match spec.datagram_bytes {
        0 => "a whole file".to_owned(),
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    };
    let whom = match spec.delivery {
        Delivery::Unicast => "unicast",
        Delivery::Broadcast => "broadcast to the subnet",
        Delivery::LimitedBroadcast => "broadcast to 255.255.255.255",
        Delivery::Multicast => "multicast",
    };
    let fetch = match spec.fetch_where {
        FetchWhere::Local => "",
        FetchWhere::ParentSerial => ", fetched by the parent, one after another",
        FetchWhere::InWorker => ", fetched by each worker",
    };
    format!(
        "{}{workers}: {} to {} by {whom}, {payload} in each datagram ({}){fetch}",
        spec.sender_model,
        several(spec.files, "file"),
        several(spec.receivers, "server"),
        spec.framing
    )
}

fn fetched(file: &SentFile) -> Option<String> {
    let fetch = file.fetch.as_ref()?;
    let took = seconds(fetch.ended_ns.saturating_sub(fetch.start_ns));
    let kind = if fetch.content_type.is_empty() { "no type told" } else { &fetch.content_type };
    Some(format!(
        "fetched {} ({} bytes, {kind}) from {} in {took} s{}",
        file.name,
        file.bytes,
        fetch.url,
        unless_ok(&fetch.outcome)
    ))
}

fn arrived(spec: &Spec, file: &ReceivedFile, since_start_s: impl Fn(u64) -> f64) -> Vec<String> {
    let at = |time: Option<u64>| time.map_or("–".into(), |time| format!("{:.6}", since_start_s(time)));
    let mut lines = vec![format!(
        "{}: {} of {} bytes in {} datagrams, the first at {} s, the last at {} s",
        file.name,
        file.received_bytes,
        file.bytes,
        file.datagrams,
        at(file.first_ns),
        at(file.last_ns)
    )];
    if let (Framing::Ledger, Some(counts)) = (spec.framing, &file.counts) {
        let sent = file.sent.map_or("?".to_owned(), |sent| sent.to_string());
        lines.push(format!(
            "  {sent} sent, {} unique, {} duplicate, {} reordered, {} corrupt",
            counts.unique, counts.duplicate, counts.reordered, counts.corrupt
        ));
    }
    lines.push(if file.outcome == OK {
        format!("  whole, hash {} as at the source, verified at {} s", file.hash, at(file.verified_ns))
    } else {
        format!("  not kept: {}", file.outcome)
    });
    lines
}

fn several(count: u32, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn unless_ok(outcome: &str) -> String {
    if outcome == OK || outcome.is_empty() { String::new() } else { format!("; {outcome}") }
}

fn seconds(time_ns: u64) -> String {
    format!("{:.6}", time_ns as f64 / 1e9)
}

fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::told::{Counts, Fetched, Flow, Reached, Worker};
    use ferrybench_data::fanout::Assignment;

    fn spec() -> Spec {
        Spec {
            sender_model: "thread-pool".into(),
            pool_size: 4,
            assignment: Assignment::Each,
            file_bytes: 0,
            datagram_bytes: 1,
            framing: Framing::Bare,
            fetch_where: FetchWhere::ParentSerial,
            ..Spec::default()
        }
    }

    #[test]
    fn the_client_tells_what_the_assignment_asks_for() {
        let fetch = Fetched {
            url: "http://h/a.jpg".into(),
            content_type: "image/jpeg".into(),
            start_ns: 1_000_000_000,
            ended_ns: 1_250_000_000,
            outcome: OK.into(),
        };
        let reached = Reached { receiver: 1, outcome: "it was silent for 5 s".into(), ..Reached::default() };
        let file = SentFile {
            file: 1,
            name: "a.jpg".into(),
            bytes: 1000,
            fetch: Some(fetch),
            begun_ns: 1_250_000_000,
            ended_ns: 1_500_000_000,
            flows: vec![Flow { receivers: vec![reached], ..Flow::default() }],
            outcome: OK.into(),
            ..SentFile::default()
        };
        let worker = Worker {
            pid: 7,
            tid: 8,
            started_ns: 1_250_000_000,
            ended_ns: 1_500_000_000,
            datagrams: 1000,
            bytes: 1000,
        };
        let sent = Sent {
            start_up_ns: 2_000_000,
            passed_barrier_ns: 1_000_000_000,
            ended_ns: 1_500_000_000,
            workers: vec![worker],
            files: vec![file],
            ..Sent::default()
        };
        assert_eq!(
            of_sender(&spec(), "2026-01-01 00:00:00 UTC", &sent),
            "thread-pool of 4: 1 file to 2 servers by unicast, 1 byte in each datagram (bare), fetched by the parent, \
             one after another\n\
             pool started in 0.002000 s, before the clock\n\
             start: 2026-01-01 00:00:00 UTC\n\
             fetched a.jpg (1000 bytes, image/jpeg) from http://h/a.jpg in 0.250000 s\n\
             worker 1 (process 7, thread 8): from 0.250000 s to 0.500000 s, 1000 datagrams, 1000 bytes\n\
             a.jpg (1000 bytes): taken up at 0.250000 s, done at 0.500000 s\n  \
             to server 1; it was silent for 5 s\n\
             end: 0.500000 s after the start\n\
             total time: 0.500000 s\n"
        );
    }

    #[test]
    fn a_server_tells_what_arrived_and_whether_it_is_whole() {
        let whole = ReceivedFile {
            name: "a.jpg".into(),
            bytes: 1000,
            counts: Some(Counts { received: 11, unique: 10, duplicate: 1, ..Counts::default() }),
            datagrams: 11,
            received_bytes: 1100,
            sent: Some(10),
            first_ns: Some(1),
            last_ns: Some(2),
            verified_ns: Some(3),
            hash: "abc".into(),
            outcome: OK.into(),
            ..ReceivedFile::default()
        };
        let lacking = ReceivedFile {
            name: "b.jpg".into(),
            bytes: 1000,
            outcome: "2 of 10 datagrams are missing".into(),
            ..ReceivedFile::default()
        };
        let received = Received {
            receiver: 1,
            address: "10.77.0.2:5000".parse().expect("an address"),
            receive_buffer_bytes: 4096,
            passed_barrier_ns: None,
            files: vec![whole, lacking],
            foreign: 3,
            socket_dropped: Some(2),
            interface_dropped: None,
            control_datagrams: 0,
            usage: crate::measure::usage::ProcessUse::default(),
        };
        let ledger = Spec { framing: Framing::Ledger, ..spec() };
        assert_eq!(
            of_receiver(&ledger, &received, |time| time as f64),
            "server 1, listening on 10.77.0.2:5000 with a buffer of 4096 bytes\n\
             a.jpg: 1100 of 1000 bytes in 11 datagrams, the first at 1.000000 s, the last at 2.000000 s\n  \
             10 sent, 10 unique, 1 duplicate, 0 reordered, 0 corrupt\n  \
             whole, hash abc as at the source, verified at 3.000000 s\n\
             b.jpg: 0 of 1000 bytes in 0 datagrams, the first at – s, the last at – s\n  \
             not kept: 2 of 10 datagrams are missing\n\
             3 datagrams belonged to no file\n\
             the socket dropped 2: its buffer was full\n"
        );
    }
}
