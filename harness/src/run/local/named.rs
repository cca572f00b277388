//! The hosts that the plan names.

use super::LocalHost;
use crate::{host::names, process::reach::Reach};
use ferrybench_data::plan::NamedHost;
use std::{io, net::IpAddr};

impl LocalHost {
    /// Numbers of the plan's hosts, in its order. They are reached when they are needed first; one that cannot be
    /// reached is lost, and what needs it says so.
    pub(super) fn named_hosts(&mut self) -> Vec<usize> {
        if self.named.is_none() {
            let reaches: Vec<Reach> = self.plan.host.iter().map(reach).collect();
            self.named = Some(self.hosts.join(&reaches, self.plan.allow_same_host));
        }
        self.named.clone().unwrap_or_default()
    }

    /// The number of the host of that name; the reason why it is not there, in one sentence.
    pub(super) fn named_host(&mut self, name: &str) -> Result<usize, String> {
        let numbers = self.named_hosts();
        let place = self.plan.host.iter().position(|host| host.name == name);
        let number = place.and_then(|place| numbers.get(place).copied());
        let number = number.ok_or_else(|| format!("the plan has no [[host]] called \"{name}\""))?;
        match self.hosts.lost(number) {
            Some(why) => Err(why.to_owned()),
            None => Ok(number),
        }
    }

    /// The address by which others reach the host of that name: the plan's word, else its first that is no loopback.
    pub(super) fn address_of(&self, name: &str) -> Result<IpAddr, String> {
        let said = self.plan.host.iter().find(|host| host.name == name).and_then(|host| host.address.clone());
        if let Some(said) = said {
            return resolved(&said).map_err(|why| format!("host {name} has the address \"{said}\": {why}"));
        }
        let hosts = self.hosts.participants();
        let told = hosts.iter().find(|host| host.name == name).and_then(|host| host.interfaces.first());
        let address = told.and_then(|interface| interface.address.split('/').next()?.parse().ok());
        address.ok_or_else(|| format!("host {name} tells no address; the plan may: address = \"10.0.0.1\""))
    }
}

fn reach(host: &NamedHost) -> Reach {
    Reach {
        name: host.name.clone(),
        prefix: host.prefix.clone(),
        binary: host.binary.as_ref().map(Into::into),
        push: host.push,
    }
}

/// An address, or a name that stands for one.
fn resolved(said: &str) -> io::Result<IpAddr> {
    if let Ok(address) = said.parse() {
        return Ok(address);
    }
    let found = names::look_up(&format!("{said}:0"))?;
    let address = found.iter().find(|address| address.is_ipv4());
    Ok(address.ok_or_else(|| io::Error::other("it has no IPv4 address"))?.ip())
}
