//! The network: which hosts took part, with which addresses, as their agents proved.

use super::view::{delivery, impairments, values};
use crate::{
    chart::{Arrow, Block, Chart, Diagram, Group},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::{
    fanout::{Evidence, Hosts, Reliability},
    run_info::{Interface, Participant},
};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// Servers that a picture shows one by one; of more, the rest is one box.
const MOST_DRAWN: usize = 5;
/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 12;
const LOOPBACK: &str = "lo";

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut elements = vec![Element::heading(2, "UDP fan-out: the network"), Element::prose(words(view))];
    elements.extend(hosts(view));
    elements
}

/// The same without a word of the fan-out; nothing where no host took part beside the machine that measured.
pub(super) fn alone(view: &View<'_>) -> Vec<Element> {
    let mut elements = hosts(view);
    if !elements.is_empty() {
        elements.insert(0, Element::heading(2, "The hosts that took part"));
    }
    elements
}

/// Picture and table of the hosts, once for all runs that had the same.
fn hosts(view: &View<'_>) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut seen: Vec<&[Participant]> = Vec::new();
    for info in view.data.infos().filter(|info| !info.participants.is_empty()) {
        if seen.contains(&info.participants.as_slice()) {
            continue;
        }
        seen.push(&info.participants);
        elements.extend(picture(view, &info.participants, seen.len()));
        elements.push(table(view, &info.participants));
    }
    elements
}

/// What the hosts of a run are, and how well they started together.
fn words(view: &View<'_>) -> String {
    let mut text: Vec<String> = values(view, |spec| Some(spec.hosts))
        .into_iter()
        .map(|hosts| match hosts {
            Hosts::Namespaces => {
                "The hosts are network namespaces that the run made: to the kernel each is a host of its own, with its own \
                 addresses, sockets and queues, joined by a bridge. They share the machine's CPUs and memory, and no cable lies \
                 between them."
            }
            Hosts::Loopback => {
                "**The hosts are addresses of the loopback interface**, since namespaces could not be made here: \
                 sender and receivers share one network stack, and nothing here says how a network between hosts behaves."
            }
            Hosts::Named => "The hosts are machines or containers that the plan names.",
        })
        .map(str::to_owned)
        .collect();
    let good = || view.fanouts.iter().flat_map(|trial| trial.good().map(|(_, seen)| seen));
    let most = |of: fn(&Evidence) -> Option<f64>| {
        good().filter_map(of).reduce(f64::max).map(|time| format::value(time, Unit::Seconds))
    };
    if let Some(skew) = most(|seen| seen.start_skew_s) {
        text.push(format!(
            "In every block sender and receivers passed the start barrier within {skew} of each other."
        ));
    }
    if let Some(bound) = most(|seen| Some(seen.clock_bound_s)) {
        text.push(format!("Times of different hosts are known to {bound}."));
    }
    text.join(" ")
}

/// Addresses of a host: its interfaces but loopback; where it has no other, what its receivers said.
fn interfaces(view: &View<'_>, host: &Participant) -> Vec<Interface> {
    let own: Vec<Interface> = host.interfaces.iter().filter(|of| of.name != LOOPBACK).cloned().collect();
    if !own.is_empty() {
        return own;
    }
    let received: BTreeSet<&str> = view
        .data
        .receivers
        .iter()
        .filter(|row| row.host == host.name)
        .map(|row| row.address.rsplit_once(':').map_or(row.address.as_str(), |(address, _)| address))
        .collect();
    let loopback = host.interfaces.first();
    match loopback {
        Some(lo) if !received.is_empty() => received
            .into_iter()
            .map(|address| Interface { address: address.to_owned(), ..lo.clone() })
            .collect(),
        _ => host.interfaces.clone(),
    }
}

fn block(view: &View<'_>, host: &Participant) -> Block {
    let mut lines = Vec::new();
    for of in interfaces(view, host) {
        lines.push(of.address);
        lines.push(format!("{}, MTU {}", of.name, of.mtu_bytes));
    }
    lines.push(format!("namespace {}", host.network_namespace));
    if host.host_name != host.name && values(view, |spec| Some(spec.hosts)) == [Hosts::Named] {
        lines.push(host.host_name.clone());
    }
    Block::new(&host.name, lines)
}

fn picture(view: &View<'_>, hosts: &[Participant], number: usize) -> Option<Element> {
    let (client, servers) = hosts.split_first()?;
    let (drawn, rest) =
        servers.split_at(if servers.len() > MOST_DRAWN { MOST_DRAWN - 1 } else { servers.len() });
    let mut right: Vec<Block> = drawn.iter().map(|host| block(view, host)).collect();
    if let (Some(first), Some(last)) = (rest.first(), rest.last()) {
        let address = |host| interfaces(view, host).first().map(|of| of.address.clone()).unwrap_or_default();
        let lines =
            [format!("{} to {}", first.name, last.name), format!("{} to {}", address(first), address(last))];
        right.push(Block::new("more of the kind", lines).times(format!("× {}", rest.len())));
    }
    let switch = switch(view, hosts);
    let middle = switch.title.clone();
    let titles: Vec<String> = right.iter().map(|block| block.title.clone()).collect();
    let answered =
        !view.has_fanouts() || view.fanouts.iter().any(|trial| trial.spec.reliability == Reliability::Repair);
    let both = |arrow: Arrow| if answered { arrow.both_ways() } else { arrow };
    let mut arrows = vec![both(Arrow::new(&client.name, &middle, ways(view)))];
    arrows.extend(titles.iter().map(|title| both(Arrow::new(&middle, title, ""))));
    let heading = if servers.len() == 1 { "Server host" } else { "Server hosts" };
    let columns = vec![
        Group::new("Client host", vec![block(view, client)]),
        Group::new("Network", vec![switch]),
        Group::new(heading, right),
    ];
    let chart = Diagram::new(columns, arrows)?;
    Some(Element::Figure(Figure {
        name: if number == 1 { "fanout-network".into() } else { format!("fanout-network-{number}") },
        chart: Chart::Diagram(chart),
        alt: format!("{} joined to {} with their addresses", client.name, format::counted(servers.len(), "server")),
        caption: "The network: every host with its addresses, largest packet and network namespace, as its agent reported them."
            .into(),
    }))
}

/// How datagrams were addressed, for an arrow.
fn ways(view: &View<'_>) -> String {
    let deliveries = values(view, |spec| Some(delivery(spec.delivery)));
    // The limited broadcast is a broadcast too: one word is enough for a picture.
    let short: BTreeSet<&str> = deliveries.iter().filter_map(|word| word.split(' ').next()).collect();
    let words = short.into_iter().collect::<Vec<_>>().join(", ");
    if words.is_empty() { words } else { format!("UDP: {words}") }
}

/// What lies between the hosts.
fn switch(view: &View<'_>, hosts: &[Participant]) -> Block {
    let kinds = values(view, |spec| Some(spec.hosts));
    let (title, what) = match kinds.as_slice() {
        [Hosts::Namespaces] => ("Switch", "a bridge of this machine"),
        [Hosts::Loopback] => ("Loopback interface", "one network stack"),
        _ => ("Network", "between the hosts"),
    };
    let mut lines = vec![what.to_owned()];
    let subnets: BTreeSet<String> = hosts
        .iter()
        .flat_map(|host| &host.interfaces)
        .filter(|of| of.name != LOOPBACK)
        .filter_map(|of| subnet(&of.address))
        .collect();
    lines.extend(subnets);
    let impaired = values(view, |spec| Some(impairments(spec)));
    let all: BTreeSet<&str> = impaired.iter().flatten().map(String::as_str).collect();
    if !all.is_empty() {
        let some = if impaired.len() > 1 { "in some trials: " } else { "" };
        lines.push(format!("{some}{}", all.into_iter().collect::<Vec<_>>().join(", ")));
    }
    Block::new(title, lines)
}

/// The subnet of an address with the length of its prefix: `10.77.0.1/24` is in `10.77.0.0/24`.
fn subnet(address: &str) -> Option<String> {
    let (address, prefix) = address.split_once('/')?;
    let length: u32 = prefix.parse().ok().filter(|length| *length <= 32)?;
    let bits: u32 = address.parse::<Ipv4Addr>().ok()?.into();
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    Some(format!("{}/{length}", Ipv4Addr::from(bits & mask)))
}

fn table(view: &View<'_>, hosts: &[Participant]) -> Element {
    let rows = hosts
        .iter()
        .enumerate()
        .map(|(place, host)| {
            let interfaces = interfaces(view, host);
            let joined = |of: fn(&Interface) -> String| {
                interfaces.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
            };
            let reached = if host.prefix.is_empty() {
                "–".to_owned()
            } else {
                format!("`{}`", host.prefix.join(" "))
            };
            vec![
                Cell::text(&host.name),
                Cell::text(if place == 0 { "sends" } else { "receives" }),
                Cell::text(interfaces.iter().map(|of| of.address.clone()).collect::<Vec<_>>().join(", ")),
                Cell::text(joined(|of| of.name.clone())),
                Cell::text(joined(|of| of.mtu_bytes.to_string())),
                Cell::text(&host.host_name),
                Cell::code(host.network_namespace.to_string()),
                Cell::code(host.boot_id.chars().take(8).collect::<String>()),
                Cell::text(reached),
                Cell::text(clock(host)),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("Host"),
        Column::left("It"),
        Column::left("Address"),
        Column::left("Interface"),
        Column::right("MTU"),
        Column::left("Its own name"),
        Column::left("Network namespace"),
        Column::left("Boot"),
        Column::left("Reached by"),
        Column::right("Clock, and how sure"),
    ];
    let distinct: BTreeSet<(&str, u64)> =
        hosts.iter().map(|host| (host.boot_id.as_str(), host.network_namespace)).collect();
    let boots: BTreeSet<&str> = hosts.iter().map(|host| host.boot_id.as_str()).collect();
    let caption = format!(
        "Hosts, as their agents proved: {} with {} on {}. Network namespace: the inode of it; boot: the first letters of the \
         kernel's number of its boot, the same for all that share a machine. Clock: what it shows when the coordinator's shows 0.",
        format::counted(hosts.len(), "host"),
        format::counted(distinct.len(), "network stack"),
        format::counted(boots.len(), "machine")
    );
    let table = Element::Table(Table { columns, rows, caption });
    if hosts.len() > MOST_ROWS {
        Element::fold(format!("All {} hosts", hosts.len()), vec![table])
    } else {
        table
    }
}

fn clock(host: &Participant) -> String {
    format!(
        "{} ± {}",
        format::value(host.clock_offset_s, Unit::Seconds),
        format::value(host.clock_bound_s, Unit::Seconds)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_follow_from_addresses() {
        assert_eq!(subnet("10.77.0.129/25").as_deref(), Some("10.77.0.128/25"));
        assert_eq!(subnet("10.77.3.1/16").as_deref(), Some("10.77.0.0/16"));
        assert_eq!(subnet("10.1.2.3/0").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(subnet("10.1.2.3/32").as_deref(), Some("10.1.2.3/32"));
        for wrong in ["10.1.2.3", "10.1.2.3/33", "fe80::1/64", ""] {
            assert_eq!(subnet(wrong), None, "{wrong}");
        }
    }
}
