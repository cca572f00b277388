//! The audit of a fan-out row: does the evidence prove what the row claims?
//!
//! Sender and receivers are different programs on different hosts, and the network between them has counters of its own:
//! each figure is held against one that somebody else told. What the kernel cannot tell (`bare` datagrams carry no
//! serial) must not be told by us either. Loss is legal; a count of it that does not add up is not.

mod network;
mod programs;
#[cfg(test)]
mod tests;

use super::{Content, Delivery, Evidence, FetchWhere, Framing, HEADERS_BYTES, Reliability, Spec};

/// The reasons not to believe the evidence.
pub(super) fn reasons(spec: &Spec, seen: &Evidence) -> Vec<String> {
    let checks = [
        finite,
        ledger,
        untold,
        order,
        sending,
        copies,
        wire,
        content,
        repair,
        programs::workers,
        programs::pause,
        times,
        network::hosts,
        network::clocks,
        network::losses,
        network::duplicates,
        network::counted,
        network::pace,
    ];
    checks.iter().filter_map(|check| check(spec, seen)).collect()
}

/// Times and rates are numbers, and none is negative.
fn finite(_: &Spec, seen: &Evidence) -> Option<String> {
    let told = [
        ("start_up_s", seen.start_up_s),
        ("fetch_s", seen.fetch_s),
        ("send_s", seen.send_s),
        ("total_s", seen.total_s),
        ("complete_s", seen.complete_s.unwrap_or(0.0)),
        ("goodput_bytes_per_s", seen.goodput_bytes_per_s),
        ("delivered_per_s", seen.delivered_per_s),
        ("start_skew_s", seen.start_skew_s.unwrap_or(0.0)),
        ("clock_bound_s", seen.clock_bound_s),
        ("cpu_user_s", seen.cpu_user_s),
        ("cpu_system_s", seen.cpu_system_s),
        ("sender_cpu_s", seen.sender_cpu_s),
    ];
    let (name, value) = told.into_iter().find(|(_, value)| !value.is_finite() || *value < 0.0)?;
    Some(format!("{name} is {value}"))
}

/// The two identities: of what was sent, and of what arrived.
fn ledger(spec: &Spec, seen: &Evidence) -> Option<String> {
    if spec.framing != Framing::Ledger {
        return None;
    }
    let (Some(sent), Some(unique), Some(lost)) = (seen.sent, seen.unique, seen.lost) else {
        return Some("the ledger is not told".into());
    };
    let (Some(received), Some(duplicate), Some(corrupt)) = (seen.received, seen.duplicate, seen.corrupt)
    else {
        return Some("what was received is not told".into());
    };
    // Wrapping: counts that overflow do not add up either.
    if unique.wrapping_add(lost) != sent {
        return Some(format!("the ledger does not add up: {unique} unique and {lost} lost of {sent} sent"));
    }
    (unique.wrapping_add(duplicate).wrapping_add(corrupt) != received).then(|| {
        format!(
            "the ledger does not add up: {unique} unique, {duplicate} duplicate and {corrupt} corrupt of {received} \
             received"
        )
    })
}

/// A bare datagram does not say which one it is: whoever tells such counts has invented them.
fn untold(spec: &Spec, seen: &Evidence) -> Option<String> {
    if spec.framing != Framing::Bare {
        return None;
    }
    let told = [
        ("unique", seen.unique),
        ("lost", seen.lost),
        ("duplicate", seen.duplicate),
        ("reordered", seen.reordered),
        ("late", seen.late),
    ];
    let (name, _) = told.into_iter().find(|(_, count)| count.is_some())?;
    Some(format!("bare datagrams cannot be told apart, and {name} is told"))
}

/// Whatever came out of order or late is part of what came.
fn order(_: &Spec, seen: &Evidence) -> Option<String> {
    let (unique, reordered) = (seen.unique?, seen.reordered.unwrap_or(0));
    if reordered > unique {
        return Some(format!("{reordered} datagrams came out of order, and {unique} came"));
    }
    let extent = seen.reorder_extent.unwrap_or(0);
    if (reordered > 0) != (extent > 0) {
        return Some(format!("{reordered} datagrams came out of order, by up to {extent} places"));
    }
    let (late, came) = (seen.late.unwrap_or(0), unique.saturating_add(seen.duplicate.unwrap_or(0)));
    (late > came).then(|| format!("{late} datagrams came late, and {came} came"))
}

/// The datagrams that left are those that the files make up, and their content is the files' own.
fn sending(spec: &Spec, seen: &Evidence) -> Option<String> {
    // Somebody's own files may all be empty: those are announced, and take no datagram of data.
    if spec.content == Content::BuiltIn && (seen.wire_datagrams == 0 || seen.sent_bytes == 0) {
        return Some("nothing was sent".into());
    }
    // As long as they are: how many datagrams the files make up is not an axis.
    let each = spec.datagrams_of_a_file()?;
    let datagrams = u64::from(spec.files) * spec.copies() * each;
    let content = u64::from(spec.files_asked()) * spec.file_bytes;
    let again = spec.reliability == Reliability::Repair;
    let fits = |seen: u64, asked: u64| if again { seen >= asked } else { seen == asked };
    if !fits(seen.wire_datagrams, datagrams) {
        return Some(format!("the files make up {datagrams} datagrams, {} were sent", seen.wire_datagrams));
    }
    (!fits(seen.sent_bytes, content))
        .then(|| format!("{content} bytes were to be sent, the sender counted {}", seen.sent_bytes))
}

/// A datagram to many was sent to each of them. What one receiver lacks may be sent again to it alone.
fn copies(spec: &Spec, seen: &Evidence) -> Option<String> {
    let (sent, wire, audience) = (seen.sent?, seen.wire_datagrams, spec.audience());
    let alone = spec.reliability == Reliability::Repair;
    let most = wire.saturating_mul(audience);
    let fits = if alone { (wire..=most).contains(&sent) } else { sent == most };
    if fits {
        return None;
    }
    Some(match spec.delivery {
        Delivery::Unicast => format!("{wire} datagrams left the sender, and the ledger has {sent}"),
        _ => format!("{wire} datagrams left for {audience} receivers, which is not {sent}"),
    })
}

/// The bytes that left are the content and the headers around it.
fn wire(spec: &Spec, seen: &Evidence) -> Option<String> {
    let datagrams = seen.wire_datagrams;
    let least_content = seen.sent_bytes / spec.audience();
    let most_content = if spec.reliability == Reliability::Repair { seen.sent_bytes } else { least_content };
    let around = |packets: u64| {
        let headers = packets.saturating_mul(HEADERS_BYTES);
        headers.saturating_add(datagrams.saturating_mul(spec.header_bytes()))
    };
    let least = least_content.saturating_add(around(network::packets_least(spec, datagrams)));
    let packets_most = datagrams.saturating_mul(network::packets_of_a_datagram(spec));
    let most = most_content.saturating_add(around(packets_most));
    (!(least..=most).contains(&seen.wire_bytes)).then(|| {
        format!(
            "{datagrams} datagrams with {least_content} bytes of content are {least} to {most} bytes on the wire, not {}",
            seen.wire_bytes
        )
    })
}

/// A file that is intact has arrived: its bytes, and enough datagrams for them.
fn content(spec: &Spec, seen: &Evidence) -> Option<String> {
    let asked = spec.files_asked();
    if seen.files_asked != asked {
        return Some(format!("{asked} files were to arrive, {} were asked for", seen.files_asked));
    }
    if seen.files_intact > asked {
        return Some(format!("{} of {asked} files are intact", seen.files_intact));
    }
    let intact = u64::from(seen.files_intact);
    if seen.received_bytes < intact * spec.file_bytes {
        return Some(format!(
            "{intact} files of {} bytes are said to be intact, and {} bytes arrived",
            spec.file_bytes, seen.received_bytes
        ));
    }
    let needed = intact * spec.datagrams_of_a_file().unwrap_or(0);
    let unique = seen.unique.unwrap_or(needed);
    if unique < needed {
        return Some(format!("the intact files take {needed} datagrams, and {unique} arrived"));
    }
    (seen.complete_s.is_some() && seen.files_intact < asked)
        .then(|| format!("{intact} of {asked} files are intact, and yet it is said when all of them were"))
}

/// What is missing is sent again until nothing is; without that, nothing is sent twice.
fn repair(spec: &Spec, seen: &Evidence) -> Option<String> {
    match spec.reliability {
        Reliability::Repair if seen.files_intact != seen.files_asked => Some(format!(
            "{} of {} files are intact, although what is missing is sent again",
            seen.files_intact, seen.files_asked
        )),
        Reliability::Repair if seen.complete_s.is_none() => {
            Some("every file is intact, and it is not told when they were".into())
        }
        Reliability::Repair if seen.sent.is_some_and(|sent| seen.repeated > sent) => {
            Some(format!("{} datagrams were sent again, and {} were sent", seen.repeated, seen.sent?))
        }
        Reliability::Unrepaired if seen.repeated > 0 || seen.repair_rounds > 0 => Some(format!(
            "{} datagrams were sent again in {} rounds, although nothing is to be sent again",
            seen.repeated, seen.repair_rounds
        )),
        _ => None,
    }
}

/// The parts of a program's time lie within it.
fn times(spec: &Spec, seen: &Evidence) -> Option<String> {
    let Evidence { fetch_s, send_s, total_s, .. } = seen;
    if *total_s <= 0.0 || *send_s > total_s * 1.000_001 {
        return Some(format!("the times do not fit: {total_s} s in all, {send_s} s of sending"));
    }
    match spec.fetch_where {
        FetchWhere::Local if *fetch_s > 0.0 => {
            Some(format!("nothing is to be fetched, and that took {fetch_s} s"))
        }
        FetchWhere::ParentSerial | FetchWhere::InWorker if *fetch_s <= 0.0 => {
            Some("the files were to be fetched, and that took no time".into())
        }
        // One after another: the sum is part of the whole.
        FetchWhere::ParentSerial if *fetch_s > total_s * 1.000_001 => {
            Some(format!("the times do not fit: {total_s} s in all, {fetch_s} s of fetching"))
        }
        _ => None,
    }
}
