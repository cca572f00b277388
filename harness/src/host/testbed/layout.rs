//! What the tools are told, as text: who has which address, and what a link does to what passes. Pure.
//!
//! Each host has one interface, `eth0`. Its other end is a port of a bridge in the switch's namespace: `port0` leads to
//! the client, `port1` to the first server.

use super::{Link, Subnet};
use std::fmt::Write;

/// The interface of every host.
pub(super) const INTERFACE: &str = "eth0";
/// The bridge in the switch's namespace.
const BRIDGE: &str = "switch";
/// The firewall's table.
const TABLE: &str = "netdev ferrybench";
/// The first three bytes of every datagram with our header, magic and version; the fourth is 0 for data. A test
/// holds it against `fanout::frame`. The firewall hits control datagrams as well, and counts them apart.
pub const HEADER_MARK: u32 = 0x00FE_7701;
/// How long a packet may wait for a rate limit.
const QUEUE_MS: u64 = 50;
/// What `gso_max_segs` is without a limit.
const MOST_SEGMENTS: u32 = 65_535;

/// The hardware address of a host's interface.
fn hardware(number: usize) -> String {
    format!("02:fb:77:00:00:{:02x}", number + 1)
}

fn port(number: usize) -> String {
    format!("port{number}")
}

/// `ip -batch` in the switch: the bridge, and a cable to the namespace of each thread. `quiet` where the kernel has
/// IPv6: interfaces that have no IPv6 address send nothing by themselves, and nothing is counted that nobody sent.
pub(super) fn cables(threads: &[i32], mtu: u32, quiet: bool) -> String {
    let mut batch =
        format!("link set lo up\nlink add {BRIDGE} mtu {mtu} type bridge mcast_snooping 0 forward_delay 0\n");
    let silence = |batch: &mut String, device: &str| {
        if quiet {
            let _ = writeln!(batch, "link set {device} addrgenmode none");
        }
    };
    silence(&mut batch, BRIDGE);
    let _ = writeln!(batch, "link set {BRIDGE} up");
    for (number, thread) in threads.iter().enumerate() {
        let (port, hardware) = (port(number), hardware(number));
        let _ = writeln!(
            batch,
            "link add {port} mtu {mtu} type veth peer name {INTERFACE} address {hardware} mtu {mtu} netns {thread}"
        );
        silence(&mut batch, &port);
        let _ = writeln!(batch, "link set {port} master {BRIDGE} up");
    }
    batch
}

/// `bridge -batch` in the switch: which port leads to whom. A switch that learns would flood until it has.
pub(super) fn forwarding(hosts: usize) -> String {
    (0..hosts).fold(String::new(), |mut batch, number| {
        let _ = writeln!(batch, "fdb add {} dev {} master static", hardware(number), port(number));
        batch
    })
}

/// `ip -batch` in a host's namespace: its address, a route for everything, and the neighbours that it sends to. The
/// client knows every server and each server the client, so that no first datagram waits for an address to be resolved.
pub(super) fn addresses(number: usize, hosts: usize, subnet: Subnet, quiet: bool) -> String {
    let mut batch = String::from("link set lo up\n");
    if quiet {
        let _ = writeln!(batch, "link set {INTERFACE} addrgenmode none");
    }
    let _ = writeln!(
        batch,
        "addr add {}/24 broadcast {} dev {INTERFACE}\nlink set {INTERFACE} up\nroute add default dev {INTERFACE}",
        subnet.host(number),
        subnet.broadcast()
    );
    let neighbours = if number == 0 { 1..hosts } else { 0..1 };
    for neighbour in neighbours {
        let _ = writeln!(
            batch,
            "neigh add {} lladdr {} dev {INTERFACE} nud permanent",
            subnet.host(neighbour),
            hardware(neighbour)
        );
    }
    batch
}

/// `ip -batch` in the switch: the largest packet of every port.
pub(super) fn port_mtus(hosts: usize, mtu: u32) -> String {
    let ports = (0..hosts).map(|number| format!("link set {} mtu {mtu}\n", port(number)));
    ports.chain([format!("link set {BRIDGE} mtu {mtu}\n")]).collect()
}

/// `tc -batch` in the switch: what the link to each server carries. `was` is whether there is a limit now.
pub(super) fn rates(hosts: usize, link: &Link, was: bool) -> String {
    let mut batch = String::new();
    for number in 1..hosts {
        let port = port(number);
        let rate = link.rate_bytes_per_s;
        if rate > 0 {
            // One millisecond's worth, and never less than the largest batch that a sender hands over.
            let burst = (rate / 1000).max(1 << 16) + u64::from(link.mtu_bytes);
            let limit = burst + rate * QUEUE_MS / 1000;
            let _ = writeln!(
                batch,
                "qdisc replace dev {port} root tbf rate {rate}bps burst {burst} limit {limit}"
            );
        } else if was {
            let _ = writeln!(batch, "qdisc del dev {port} root");
        }
    }
    batch
}

/// `ip -batch` at the client: whether batches leave it as single packets.
pub(super) fn segments(link: &Link) -> String {
    let most = if link.segmented { 1 } else { MOST_SEGMENTS };
    format!("link set {INTERFACE} gso_max_segs {most}\n")
}

/// `nft -f` in the switch: loss on the way out of each server's port, and copies of what comes from the client. Copies
/// are made before the loss, so that each may be lost by itself. Control datagrams of ours have counters of their own.
pub(super) fn rules(hosts: usize, link: &Link) -> String {
    // Adding the table first makes deleting it succeed where it was not there.
    let mut text = format!("table {TABLE} {{}}\ndelete table {TABLE}\n");
    let Link { loss_percent, duplicate_percent, .. } = *link;
    if loss_percent == 0 && duplicate_percent == 0 {
        return text;
    }
    let control = format!("@th,64,24 {HEADER_MARK:#08x} @th,88,8 != 0x00");
    let _ = writeln!(text, "table {TABLE} {{");
    for number in 1..hosts {
        for what in ["drops", "control_drops", "duplicates", "control_duplicates"] {
            let _ = writeln!(text, "counter {what}_{number} {{}}");
        }
        let _ = writeln!(
            text,
            "chain lose_{number} {{ {control} counter name control_drops_{number} drop\n\
             counter name drops_{number} drop\n}}"
        );
        let port = port(number);
        let _ = writeln!(
            text,
            "chain copy_{number} {{ {control} counter name control_duplicates_{number} dup to \"{port}\" return\n\
             counter name duplicates_{number} dup to \"{port}\"\n}}"
        );
        if loss_percent > 0 {
            let _ = writeln!(
                text,
                "chain to_{number} {{ type filter hook egress device \"{port}\" priority 0\n\
                 ip protocol udp numgen random mod 100 < {loss_percent} jump lose_{number}\n}}"
            );
        }
    }
    if duplicate_percent > 0 {
        let _ =
            writeln!(text, "chain from_client {{ type filter hook ingress device \"{}\" priority 0", port(0));
        for number in 1..hosts {
            let group = "01:00:00:00:00:00";
            for to in [hardware(number), format!("& {group} == {group}")] {
                let _ = writeln!(
                    text,
                    "ip protocol udp ether daddr {to} numgen random mod 100 < {duplicate_percent} jump copy_{number}"
                );
            }
        }
        let _ = writeln!(text, "}}");
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_knows_every_server_and_each_server_the_client() {
        let neighbours = |number| addresses(number, 4, Subnet::default(), true).matches("neigh add").count();
        assert_eq!((neighbours(0), neighbours(1), neighbours(3)), (3, 1, 1));
        assert!(
            addresses(2, 4, Subnet::default(), false).contains("addr add 10.77.0.3/24 broadcast 10.77.0.255")
        );
        assert_eq!(forwarding(4).lines().count(), 4);
    }

    #[test]
    fn a_link_without_impairment_has_no_rules_and_no_queue() {
        let link = Link::default();
        assert!(!rules(3, &link).contains("chain"));
        assert_eq!(rates(3, &link, false), "");
        assert_eq!(rates(3, &link, true).matches("qdisc del").count(), 2);
    }

    #[test]
    fn each_server_loses_and_doubles_by_itself() {
        let link = Link { loss_percent: 10, duplicate_percent: 7, ..Link::default() };
        let text = rules(3, &link);
        assert_eq!(text.matches("hook egress").count(), 2);
        assert_eq!(text.matches("numgen random mod 100 < 10 jump").count(), 2);
        assert_eq!(
            text.matches("numgen random mod 100 < 7 jump").count(),
            4,
            "unicast and group, of two servers"
        );
        assert!(!rules(3, &Link { loss_percent: 0, ..link }).contains("hook egress"));
        let limited = Link { rate_bytes_per_s: 12_500_000, ..Link::default() };
        assert!(
            rates(2, &limited, false)
                .contains("dev port1 root tbf rate 12500000bps burst 67036 limit 692036")
        );
    }
}
