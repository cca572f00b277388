//! UDP sockets as senders and receivers need them.

use super::{
    receive::Group,
    send::{Destination, Job as SendJob},
};
use ferrybench_data::fanout::Delivery;
use nix::{
    ifaddrs::getifaddrs,
    sys::socket::{setsockopt, sockopt::BindToDevice},
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd},
};

/// Send buffer that is asked for, bytes: several batches, so that a sender is rarely stopped.
const SEND_BUFFER: usize = 4 << 20;
/// Receive buffer of a sender: the answers of many receivers at once.
const ANSWERS_BUFFER: usize = 1 << 20;
/// `SO_MEMINFO` tells so many numbers; the ninth is of dropped datagrams.
const MEMORY_FACTS: usize = 9;

/// A socket that receives at an address.
///
/// `shares_port`: others may listen there too, and all get what is broadcast.
pub(super) fn listening(
    address: SocketAddr,
    shares_port: bool,
    group: Option<Group>,
) -> io::Result<UdpSocket> {
    let socket = unbound(address)?;
    if shares_port {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &address).map_err(|error| {
        let why = match error {
            rustix::io::Errno::ADDRINUSE => "is in use already".to_owned(),
            rustix::io::Errno::ADDRNOTAVAIL => "is no address of this host".to_owned(),
            rustix::io::Errno::ACCESS => "is a port that only root may take".to_owned(),
            error => format!("cannot be listened on: {}", io::Error::from(error)),
        };
        io::Error::new(io::Error::from(error).kind(), format!("{address} {why}"))
    })?;
    if let Some(Group { address, interface }) = group {
        socket.join_multicast_v4(&address, &interface).map_err(|error| {
            let why =
                format!("the group {address} cannot be joined on the interface of {interface}: {error}");
            io::Error::new(error.kind(), why)
        })?;
    }
    Ok(socket)
}

/// A socket that a file is sent from. It takes a port of its own, so that without a header a file is known by it.
pub(super) fn sending(job: &SendJob) -> io::Result<UdpSocket> {
    let interface = job.destination.and_then(|destination| destination.interface);
    let targets_v6 = job.targets.first().is_some_and(|target| target.address.is_ipv6());
    let any = if targets_v6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    let from = SocketAddr::new(interface.map_or(any, IpAddr::from), 0);
    let socket = unbound(from)?;
    match (job.spec.delivery, job.destination) {
        (Delivery::Unicast, _) | (_, None) => {}
        (Delivery::Broadcast, Some(_)) => socket.set_broadcast(true)?,
        (Delivery::LimitedBroadcast, Some(Destination { interface, .. })) => {
            socket.set_broadcast(true)?;
            let interface = interface.ok_or_else(|| {
                io::Error::other("255.255.255.255 names no network: say by which interface it leaves")
            })?;
            let name = interface_of(interface)?;
            setsockopt(&socket, BindToDevice, &name.clone().into()).map_err(|error| {
                io::Error::other(format!("the socket cannot be bound to the interface {name}: {error}"))
            })?;
        }
        (Delivery::Multicast, Some(Destination { interface, .. })) => {
            if let Some(interface) = interface {
                set_multicast_interface(&socket, interface)?;
            }
        }
    }
    bind(&socket, &from).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("{} cannot be sent from: {error}", from.ip()))
    })?;
    let _ = sockopt::set_socket_send_buffer_size_force(&socket, SEND_BUFFER)
        .or_else(|_| sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER));
    want_receive_buffer(&socket, ANSWERS_BUFFER);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Asks for a receive buffer, past the limit where this process may; returns what it got, bytes.
pub(super) fn want_receive_buffer(socket: &UdpSocket, bytes: usize) -> u64 {
    let _ = sockopt::set_socket_recv_buffer_size_force(socket, bytes)
        .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, bytes));
    sockopt::socket_recv_buffer_size(socket).map_or(0, |bytes| bytes as u64)
}

/// Has the kernel hand over several datagrams of one flow as one, where it can.
pub(super) fn receive_batches(socket: &UdpSocket) -> io::Result<()> {
    set_number(socket, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// Datagrams that a socket has dropped so far; a batch counts as one.
///
/// `SO_RXQ_OVFL` tells the same beside a datagram that comes later; this tells it of the last ones too.
pub(super) fn dropped(socket: &UdpSocket) -> Option<u64> {
    let mut facts = [0_u32; MEMORY_FACTS];
    let mut length = size_of_val(&facts) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `facts`, which is that long, and both outlive the call.
    let told = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            facts.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    (told == 0 && length as usize == size_of_val(&facts)).then(|| facts[MEMORY_FACTS - 1].into())
}

fn unbound(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?.into())
}

/// The name of the interface that has an address.
pub(super) fn interface_of(address: Ipv4Addr) -> io::Result<String> {
    let has_it = |found: &nix::ifaddrs::InterfaceAddress| {
        found
            .address
            .as_ref()
            .and_then(|found| found.as_sockaddr_in())
            .is_some_and(|found| found.ip() == address)
    };
    let interface = getifaddrs()?.find(has_it);
    interface
        .map(|interface| interface.interface_name)
        .ok_or_else(|| io::Error::other(format!("no interface of this host has the address {address}")))
}

fn set_multicast_interface(socket: &UdpSocket, interface: Ipv4Addr) -> io::Result<()> {
    set_number(
        socket,
        libc::IPPROTO_IP,
        libc::IP_MULTICAST_IF,
        // The option takes the address itself, in network order.
        i32::from_ne_bytes(interface.octets()),
    )
}

fn set_number(socket: &UdpSocket, level: i32, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the kernel reads four bytes from `value`, which outlives the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
