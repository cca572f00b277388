//! What the interfaces of a host drop, as the kernel counts it.

use std::fs;

/// The kernel's table of interfaces, of the network namespace that this process is in.
const TABLE: &str = "/proc/self/net/dev";
/// Columns behind an interface's name: received packets that were dropped, and that did not fit into its ring; then the
/// same of packets that were to be sent.
const DROPS: [usize; 4] = [3, 4, 11, 12];

/// Packets that the interfaces of this host have dropped so far, on their way in and out, loopback aside; `None` where the
/// kernel does not say. Everybody's packets are counted, and such as nobody wanted.
pub fn counted() -> Option<u64> {
    sum(&fs::read_to_string(TABLE).ok()?)
}

/// How many it were since then.
pub fn since(before: Option<u64>) -> Option<u64> {
    // An interface that is gone takes its count with it.
    Some(counted()?.saturating_sub(before?))
}

fn sum(table: &str) -> Option<u64> {
    // Two lines say what the columns are.
    table
        .lines()
        .skip(2)
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim() != "lo")
        .map(|(_, columns)| {
            let columns: Vec<u64> = columns.split_whitespace().map_while(|word| word.parse().ok()).collect();
            DROPS.iter().map(|&place| columns.get(place).copied()).sum::<Option<u64>>()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n \
                        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

    #[test]
    fn drops_of_all_interfaces_but_loopback_are_added() {
        let table = format!(
            "{HEAD}    lo: 100 1 0 900 0 0 0 0 100 1 0 900 0 0 0 0\n  eth0: 100 1 50 3 4 60 0 70 100 1 80 5 6 90 0 0\n\
             wlan0:100 1 0 10 0 0 0 0 100 1 0 0 0 0 0 0\n"
        );
        assert_eq!(sum(&table), Some(3 + 4 + 5 + 6 + 10));
        assert_eq!(sum(HEAD), Some(0), "a host of its own without interfaces drops nothing");
    }

    #[test]
    fn a_table_of_another_shape_says_nothing() {
        assert_eq!(sum(&format!("{HEAD}eth0: 1 2 3\n")), None);
        assert_eq!(sum(&format!("{HEAD}eth0: 1 2 3 many 5 6 7 8 9 10 11 12 13\n")), None);
    }

    #[test]
    fn this_kernel_says() {
        assert!(counted().is_some());
    }
}
