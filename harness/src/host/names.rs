//! Names of hosts, looked up.
//!
//! Numbers and what `/etc/hosts` lists need nobody's help. Only other names go to the C library, which in a binary that
//! holds it may find neither its modules nor its files: then the sentence says what to type instead.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
};

/// The addresses of `HOST:PORT`, the likeliest first; never empty. An error is one sentence.
pub fn look_up(text: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = text.parse() {
        return Ok(vec![address]);
    }
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
    let (name, port) = text.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
    let port: u16 = port.parse().map_err(|_| wrong("its port is no number up to 65535"))?;
    let listed = listed(&fs::read_to_string("/etc/hosts").unwrap_or_default(), name);
    if !listed.is_empty() {
        return Ok(listed.into_iter().map(|address| SocketAddr::new(address, port)).collect());
    }
    let found: Vec<_> = (name, port)
        .to_socket_addrs()
        .map_err(|error| {
            let why =
                format!("the host's name cannot be looked up ({error}); an address in numbers need not be");
            io::Error::new(error.kind(), why)
        })?
        .collect();
    if found.is_empty() { Err(wrong("no such host")) } else { Ok(found) }
}

/// What a list of hosts says of a name; `localhost` is known without it.
fn listed(hosts: &str, name: &str) -> Vec<IpAddr> {
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let found = lines.filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    });
    let found: Vec<IpAddr> = found.collect();
    if found.is_empty() && name.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_hosts_is_read_as_it_is_written() {
        let hosts =
            "# 10.0.0.9 client\n10.0.0.2\tserver1 Alias # server2\n\nfe80::2 server1\nnonsense server3\n";
        let said = |name| listed(hosts, name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(said("server1"), ["10.0.0.2", "fe80::2"]);
        assert_eq!(said("ALIAS"), ["10.0.0.2"]);
        for unknown in ["server2", "server3", "client", "10.0.0.2", ""] {
            assert_eq!(said(unknown), [""; 0], "{unknown}");
        }
        assert_eq!(said("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(listed("127.0.1.1 localhost", "localhost"), [IpAddr::from([127, 0, 1, 1])]);
    }

    #[test]
    fn numbers_are_not_looked_up_and_what_cannot_be_is_one_sentence() {
        let address =
            |text: &str| look_up(text).map(|found| found[0].to_string()).map_err(|why| why.to_string());
        assert_eq!(address("10.0.0.2:7000").unwrap(), "10.0.0.2:7000");
        assert_eq!(address("[fe80::2]:7000").unwrap(), "[fe80::2]:7000");
        assert_eq!(address("10.0.0.2").unwrap_err(), "it has no port");
        assert_eq!(address("a:70000").unwrap_err(), "its port is no number up to 65535");
        // No part of a name may be so long, so that nobody is asked for it.
        let impossible = "x".repeat(64) + ":1";
        assert!(address(&impossible).unwrap_err().contains("cannot be looked up"));
    }
}
