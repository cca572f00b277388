//! What the network counted: the firewall's own counters, queues and ports, read from the switch.

use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// Everything that was counted since the bed, or its link, was made. [`Counters::since`] makes a block's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Each server's link, in their order.
    pub links: Vec<LinkCounters>,
    /// Packets that the client's port did not take in.
    pub sender_dropped: u64,
}

/// What was counted on the way to one server. Packets: a batch that was not segmented is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounters {
    /// Packets that the firewall was told to drop, but for our control datagrams.
    pub drops: u64,
    /// Packets that it was told to deliver twice, but for our control datagrams.
    pub duplicates: u64,
    /// Control datagrams of ours among those dropped at random.
    pub control_drops: u64,
    /// Control datagrams of ours among those delivered twice.
    pub control_duplicates: u64,
    /// Packets that the rate limit's queue dropped.
    pub queue_dropped: u64,
    /// Packets that the port dropped: the server's side did not take them in.
    pub port_dropped: u64,
}

impl Counters {
    /// What was counted since an earlier look, the link being the same.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let none = LinkCounters::default();
        let links = self.links.iter().enumerate().map(|(place, now)| {
            let then = earlier.links.get(place).unwrap_or(&none);
            LinkCounters {
                drops: now.drops.saturating_sub(then.drops),
                duplicates: now.duplicates.saturating_sub(then.duplicates),
                control_drops: now.control_drops.saturating_sub(then.control_drops),
                control_duplicates: now.control_duplicates.saturating_sub(then.control_duplicates),
                queue_dropped: now.queue_dropped.saturating_sub(then.queue_dropped),
                port_dropped: now.port_dropped.saturating_sub(then.port_dropped),
            }
        });
        Self {
            links: links.collect(),
            sender_dropped: self.sender_dropped.saturating_sub(earlier.sender_dropped),
        }
    }

    /// Packets dropped at random on the way to any server, control datagrams not counted.
    pub fn injected_drops(&self) -> u64 {
        self.links.iter().map(|link| link.drops).sum()
    }

    /// Packets delivered twice on the way to any server, control datagrams not counted.
    pub fn injected_duplicates(&self) -> u64 {
        self.links.iter().map(|link| link.duplicates).sum()
    }

    /// Packets that interfaces and queues dropped of themselves.
    pub fn interface_dropped(&self) -> u64 {
        let links: u64 = self.links.iter().map(|link| link.queue_dropped + link.port_dropped).sum();
        links + self.sender_dropped
    }
}

/// Reads what `nft -j list counters`, `tc -s -j qdisc show` and `ip -s -j link show` print in the switch of a bed with
/// that many hosts, the client included.
pub(super) fn read(nft: &str, tc: &str, ip: &str, hosts: usize) -> serde_json::Result<Counters> {
    #[derive(Deserialize)]
    struct Queue {
        dev: String,
        #[serde(default)]
        drops: u64,
    }
    let firewall = named_counters(nft)?;
    let queues: Vec<Queue> = serde_json::from_str(tc)?;
    let ports: Vec<Value> = serde_json::from_str(ip)?;
    let of_rule = |what: &str, number: usize| firewall.get(&format!("{what}_{number}")).copied().unwrap_or(0);
    let of_port = |number: usize, way: &str| {
        let name = format!("port{number}");
        let port = ports.iter().find(|port| port["ifname"] == name);
        port.and_then(|port| port["stats64"][way]["dropped"].as_u64()).unwrap_or(0)
    };
    let links = (1..hosts).map(|number| {
        let port = format!("port{number}");
        let queue_dropped = queues.iter().filter(|queue| queue.dev == port).map(|queue| queue.drops).sum();
        LinkCounters {
            drops: of_rule("drops", number),
            duplicates: of_rule("duplicates", number),
            control_drops: of_rule("control_drops", number),
            control_duplicates: of_rule("control_duplicates", number),
            queue_dropped,
            port_dropped: of_port(number, "tx"),
        }
    });
    Ok(Counters { links: links.collect(), sender_dropped: of_port(0, "rx") })
}

fn named_counters(nft: &str) -> serde_json::Result<HashMap<String, u64>> {
    let said: Value = serde_json::from_str(nft)?;
    let objects = said["nftables"].as_array().into_iter().flatten();
    let counters = objects.filter_map(|object| {
        let counter = object.get("counter")?;
        Some((counter["name"].as_str()?.to_owned(), counter["packets"].as_u64()?))
    });
    Ok(counters.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_are_read() {
        let nft = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"counter": {"family": "netdev", "name": "drops_1", "table": "ferrybench", "packets": 7, "bytes": 90}},
            {"counter": {"family": "netdev", "name": "control_duplicates_2", "table": "ferrybench", "packets": 1, "bytes": 2}}]}"#;
        let tc = r#"[{"kind":"noqueue","dev":"port1","drops":0},{"kind":"tbf","dev":"port2","drops":5}]"#;
        let ip = r#"[{"ifname":"port0","stats64":{"rx":{"dropped":3},"tx":{"dropped":0}}},
            {"ifname":"port1","stats64":{"rx":{"dropped":9},"tx":{"dropped":2}}},{"ifname":"port2"}]"#;
        let counters = read(nft, tc, ip, 3).unwrap();
        let first = LinkCounters { drops: 7, port_dropped: 2, ..LinkCounters::default() };
        let second = LinkCounters { control_duplicates: 1, queue_dropped: 5, ..LinkCounters::default() };
        assert_eq!(counters, Counters { links: vec![first, second], sender_dropped: 3 });
        assert_eq!(
            (counters.injected_drops(), counters.injected_duplicates(), counters.interface_dropped()),
            (7, 0, 10)
        );
        assert_eq!(
            counters.since(&counters),
            Counters { links: vec![LinkCounters::default(); 2], sender_dropped: 0 }
        );
        assert!(read("no", tc, ip, 3).is_err());
    }
}
