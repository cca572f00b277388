//! Who a process is and where it runs: what an agent tells first, and what proves that two hosts are two.

use ferrybench_data::run_info::Interface;
use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    path::Path,
};

/// The running binary, whatever became of its file.
const MYSELF: &str = "/proc/self/exe";

/// What an agent tells of itself and of where it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of ferrybench.
    pub version: String,
    /// Hash of the binary, as in `run.json`.
    pub binary_hash: String,
    /// The host's own name.
    pub host_name: String,
    /// The kernel's number of its boot.
    pub boot_id: String,
    /// Inode of the network namespace.
    pub network_namespace: u64,
    /// Interfaces with IPv4 addresses, loopback last.
    pub interfaces: Vec<Interface>,
}

/// A binary whose hash is known, so that the same file on the same boot of the same machine is not read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBinary {
    boot_id: String,
    device: u64,
    inode: u64,
    changed_ns: i128,
    /// Its hash.
    pub hash: String,
}

impl Identity {
    /// Looks at this process.
    pub fn of_this_process(known: Option<&KnownBinary>) -> io::Result<Self> {
        let boot_id = boot_id()?;
        let binary_hash = match known {
            Some(known) if known.is_mine(&boot_id) => known.hash.clone(),
            _ => binary_hash()?,
        };
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            binary_hash,
            host_name: line_of("/proc/sys/kernel/hostname")?,
            boot_id,
            network_namespace: fs::metadata("/proc/thread-self/ns/net")?.ino(),
            interfaces: interfaces()?,
        })
    }

    /// Whether both are the same host to the network: one namespace of one boot.
    pub fn is_same_host(&self, other: &Self) -> bool {
        (&self.boot_id, self.network_namespace) == (&other.boot_id, other.network_namespace)
    }
}

impl KnownBinary {
    /// Reads a binary once.
    pub fn of(binary: &Path) -> io::Result<Self> {
        let file = fs::metadata(binary)?;
        Ok(Self {
            boot_id: boot_id()?,
            device: file.dev(),
            inode: file.ino(),
            changed_ns: changed_ns(&file),
            hash: hash_of(binary)?,
        })
    }

    fn is_mine(&self, boot_id: &str) -> bool {
        let same = |file: &fs::Metadata| {
            (file.dev(), file.ino(), changed_ns(file)) == (self.device, self.inode, self.changed_ns)
        };
        self.boot_id == boot_id && fs::metadata(MYSELF).is_ok_and(|file| same(&file))
    }
}

/// Hash of the running binary.
pub fn binary_hash() -> io::Result<String> {
    hash_of(Path::new(MYSELF))
}

/// Hash of a binary, read piece by piece: it is larger than all else that we hold.
fn hash_of(binary: &Path) -> io::Result<String> {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    let mut piece = vec![0; 1 << 16];
    let mut binary = File::open(binary)?;
    loop {
        match binary.read(&mut piece)? {
            0 => return Ok(format!("xxh3:{:016x}", hash.digest())),
            read => hash.update(&piece[..read]),
        }
    }
}

/// The kernel's number of this boot.
pub fn boot_id() -> io::Result<String> {
    line_of("/proc/sys/kernel/random/boot_id")
}

fn line_of(path: &str) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

fn changed_ns(file: &fs::Metadata) -> i128 {
    i128::from(file.ctime()) * 1_000_000_000 + i128::from(file.ctime_nsec())
}

/// Every IPv4 address with its interface. Asked of the kernel: /sys shows the namespace that it was mounted in.
fn interfaces() -> io::Result<Vec<Interface>> {
    let mut found = Vec::new();
    for interface in getifaddrs()? {
        let address = interface.address.as_ref().and_then(|address| Some(address.as_sockaddr_in()?.ip()));
        let mask = interface.netmask.as_ref().and_then(|mask| Some(mask.as_sockaddr_in()?.ip()));
        let (Some(address), Some(mask)) = (address, mask) else { continue };
        let mtu_bytes = mtu(&interface.interface_name)?;
        let address = format!("{address}/{}", u32::from(mask).count_ones());
        let is_loopback = interface.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        found.push((is_loopback, Interface { name: interface.interface_name, address, mtu_bytes }));
    }
    found.sort_by_key(|(is_loopback, _)| *is_loopback);
    Ok(found.into_iter().map(|(_, interface)| interface).collect())
}

/// Largest packet of an interface, bytes.
fn mtu(name: &str) -> io::Result<u32> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: an ifreq is plain numbers and bytes, for which zeros are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = request.ifr_name.len() - 1; // the last byte ends the name
    for (place, byte) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    // SAFETY: the request lives through the call, holds a name that ends in zero, and SIOCGIFMTU writes no more than it.
    let told = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU as _, &raw mut request) };
    nix::errno::Errno::result(told)?;
    // SAFETY: SIOCGIFMTU has filled in this member.
    Ok(unsafe { request.ifr_ifru.ifru_mtu } as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_knows_where_it_is() {
        let identity = Identity::of_this_process(None).unwrap();
        let last = identity.interfaces.last().unwrap();
        assert_eq!((last.name.as_str(), last.address.as_str()), ("lo", "127.0.0.1/8"));
        assert!(last.mtu_bytes >= 1500 && identity.network_namespace > 0 && !identity.host_name.is_empty());
        assert_eq!(identity.boot_id.len(), 36, "{}", identity.boot_id);
        assert!(identity.is_same_host(&identity));
        let other = Identity { network_namespace: 1, ..identity.clone() };
        assert!(!identity.is_same_host(&other));
    }

    #[test]
    fn a_known_binary_is_believed_only_where_it_is_the_same_file() {
        let known = KnownBinary { hash: "known".into(), ..KnownBinary::of(Path::new(MYSELF)).unwrap() };
        assert_eq!(Identity::of_this_process(Some(&known)).unwrap().binary_hash, "known");
        let read = binary_hash().unwrap();
        let others = [
            KnownBinary { inode: known.inode + 1, ..known.clone() },
            KnownBinary { boot_id: "another".into(), ..known.clone() },
            KnownBinary { changed_ns: known.changed_ns + 1, ..known },
        ];
        for other in others {
            assert_eq!(Identity::of_this_process(Some(&other)).unwrap().binary_hash, read);
        }
    }
}
