//! `hosts`: test hosts that stay, each a network namespace.

use super::{Done, Exit, note, request, say};
use clap::{Args, Subcommand};
use ferrybench::{
    host::testbed::{
        Link, MOST_SERVERS,
        kept::{self, Kept},
    },
    process::partner::Program,
};
use ferrybench_data::{fanout::ETHERNET_MTU, plan::Subnet, units::Size};

#[derive(Args)]
pub(super) struct Hosts {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a client and servers, joined by a switch
    Up(Up),
    /// Remove them
    Down {
        /// What they are called together
        name: String,
    },
    /// Show which there are
    List,
}

#[derive(Args)]
struct Up {
    /// What they are called together
    name: String,
    /// Servers; there is one client
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_SERVERS)))]
    servers: u32,
    /// Their addresses: a private subnet of 24 bits
    #[arg(long, value_name = "SUBNET", default_value = "10.77.0.0/24")]
    subnet: Subnet,
    /// Largest packet, bytes
    #[arg(long, value_name = "BYTES", default_value_t = ETHERNET_MTU, value_parser = clap::value_parser!(u32).range(576..=65_535))]
    mtu: u32,
    /// What the link to each server carries in a second, such as 12MiB
    #[arg(long, value_name = "SIZE")]
    rate: Option<Size>,
    /// Datagrams lost at random on the way to each server, percent
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=90))]
    loss_percent: u32,
    /// Datagrams delivered twice at random, percent
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    duplicate_percent: u32,
}

impl Hosts {
    pub(super) fn carry_out(self) -> Done {
        match self.what {
            What::Up(up) => up.carry_out(),
            What::Down { name } => {
                if kept::down(&name).map_err(request)? {
                    say(format_args!("Test hosts {name} are removed."));
                } else {
                    say(format_args!("Test hosts {name} were gone already; the note of them is removed."));
                }
                Ok(Exit::Good)
            }
            What::List => {
                let all = kept::list().map_err(request)?;
                if all.is_empty() {
                    note("There are no test hosts; `ferrybench hosts up NAME` makes some.");
                }
                for kept in &all {
                    say(line(kept));
                }
                Ok(Exit::Good)
            }
        }
    }
}

impl Up {
    fn carry_out(self) -> Done {
        let link = Link {
            mtu_bytes: self.mtu,
            rate_bytes_per_s: self.rate.map_or(0, |rate| rate.0),
            loss_percent: self.loss_percent,
            duplicate_percent: self.duplicate_percent,
            segmented: false,
        };
        let kept =
            kept::up(&Program::myself(), &self.name, self.servers, self.subnet, &link).map_err(request)?;
        for host in &kept.hosts {
            say(format_args!("# {:<10} {:<15} {}", host.name, host.address, host.prefix.join(" ")));
        }
        say(format_args!("# {:<10} {}", "broadcast", kept.broadcast));
        // What follows is a piece of a plan, and what is above a comment in it.
        for host in &kept.hosts {
            let prefix: Vec<String> = host.prefix.iter().map(|word| format!("\"{word}\"")).collect();
            say(format_args!(
                "\n[[host]]\nname = \"{}\"\nprefix = [{}]\naddress = \"{}\"",
                host.name,
                prefix.join(", "),
                host.address
            ));
        }
        note(format_args!("`ferrybench hosts down {}` removes them.", kept.name));
        Ok(Exit::Good)
    }
}

fn line(kept: &Kept) -> String {
    let client = kept.hosts.first().map_or(String::new(), |host| host.address.to_string());
    let state = if kept.is_up() { "up" } else { "gone: somebody ended their holder" };
    let servers = kept.hosts.len().saturating_sub(1);
    format!("{:<16} client {client}, {servers} servers: {state}", kept.name)
}
