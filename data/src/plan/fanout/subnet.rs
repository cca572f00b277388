//! The subnet of test hosts.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, net::Ipv4Addr, str::FromStr};

/// The subnet of test hosts, by its first address: a private /24, so that there are 254 hosts at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet(Ipv4Addr);

impl Default for Subnet {
    /// 10.77.0.0/24. Its namespaces are connected to nothing else, so it may be in use elsewhere.
    fn default() -> Self {
        Self(Ipv4Addr::new(10, 77, 0, 0))
    }
}

impl FromStr for Subnet {
    type Err = String;

    /// Reads `10.77.0.0/24`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a private subnet such as 10.77.0.0/24, not \"{text}\"");
        let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let fits = bits == "24" && address.octets()[3] == 0 && address.is_private();
        if fits { Ok(Self(address)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/24", self.0)
    }
}

impl Subnet {
    /// The address of a host: the client is number 0.
    pub fn host(self, number: usize) -> Ipv4Addr {
        let [a, b, c, _] = self.0.octets();
        Ipv4Addr::new(a, b, c, number as u8 + 1)
    }

    /// The address of all of them.
    pub fn broadcast(self) -> Ipv4Addr {
        let [a, b, c, _] = self.0.octets();
        Ipv4Addr::new(a, b, c, 255)
    }
}

impl Serialize for Subnet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subnet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_private_and_hold_254_hosts() {
        let subnet: Subnet = "192.168.9.0/24".parse().unwrap();
        assert_eq!(
            (subnet.host(0).to_string(), subnet.host(253).to_string()),
            ("192.168.9.1".into(), "192.168.9.254".into())
        );
        assert_eq!(subnet.broadcast(), Ipv4Addr::new(192, 168, 9, 255));
        assert_eq!(subnet.to_string().parse(), Ok(subnet));
        for wrong in ["10.77.0.0", "10.77.0.0/16", "10.77.0.1/24", "8.8.8.0/24", "lab/24", ""] {
            assert!(wrong.parse::<Subnet>().unwrap_err().contains("10.77.0.0/24"), "{wrong}");
        }
    }
}
