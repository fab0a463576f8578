//! The few routing-netlink requests a test network needs, in the calling thread's namespace.

use std::io;
use std::net::{IpAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::Error;
use crate::private::require_private;

pub(crate) fn set_up(device: &str) -> Result<(), Error> {
    let mut message = named(device);
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    let operation = format!("set {device} up");
    request(operation, RouteNetlinkMessage::SetLink(message), 0)
}

/// Makes a pair of veth devices of one name, here and in the namespace `peer` refers to.
pub(crate) fn add_veth(device: &str, peer: BorrowedFd<'_>) -> Result<(), Error> {
    let mut far = named(device);
    far.attributes.push(LinkAttribute::NetNsFd(peer.as_raw_fd()));
    let mut near = named(device);
    near.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far))),
    ]));
    let operation = format!("add the veth pair {device}");
    request(operation, RouteNetlinkMessage::NewLink(near), CREATE)
}

pub(crate) fn add_address(device: &str, address: IpAddr, prefix_len: u8) -> Result<(), Error> {
    let operation = format!("add {address}/{prefix_len} to {device}");
    let mut message = AddressMessage::default();
    message.header.family = family(address);
    message.header.prefix_len = prefix_len;
    message.header.index = index(device)?;
    message.attributes.push(AddressAttribute::Local(address));
    message.attributes.push(AddressAttribute::Address(address));
    if address.is_ipv6() {
        // Without it the address is unusable for a second while the kernel looks for duplicates.
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    request(operation, RouteNetlinkMessage::NewAddress(message), CREATE)?;
    if let IpAddr::V6(address) = address {
        await_delivery(SocketAddrV6::new(address, 0, 0, index(device)?));
    }
    Ok(())
}

/// The kernel acknowledges an IPv6 address first and gives it its local route a moment later; until then a SYN to it is
/// lost. On a device that is down it gets none, so this ends after a second.
fn await_delivery(address: SocketAddrV6) {
    let arrives = || {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(Duration::from_millis(10)))?;
        socket.send_to(&[0], socket.local_addr()?)?;
        socket.recv(&mut [0])
    };
    let start = Instant::now();
    while arrives().is_err() && start.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(1));
    }
}

pub(crate) fn add_route(device: &str, destination: IpAddr, prefix_len: u8) -> Result<(), Error> {
    let operation = format!("route {destination}/{prefix_len} to {device}");
    let mut message = RouteMessage::default();
    message.header.address_family = family(destination);
    message.header.destination_prefix_length = prefix_len;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Link;
    message.header.kind = RouteType::Unicast;
    message.attributes.push(RouteAttribute::Destination(destination.into()));
    message.attributes.push(RouteAttribute::Oif(index(device)?));
    request(operation, RouteNetlinkMessage::NewRoute(message), CREATE)
}

fn named(device: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(device.to_owned()));
    message
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn index(device: &str) -> Result<u32, Error> {
    let os = |errno| Error::os(format!("find the device {device}"), errno);
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None);
    rustix::net::netdevice::name_to_index(&socket.map_err(os)?, device).map_err(os)
}

/// Sends one request and waits for its acknowledgement.
fn request(operation: String, message: RouteNetlinkMessage, flags: u16) -> Result<(), Error> {
    require_private()?;
    exchange(message, flags).map_err(|error| Error::os(operation, error))
}

fn exchange(message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    request.header.sequence_number = 1;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);

    let socket = Socket::new(NETLINK_ROUTE)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&bytes, 0)?;
    let mut reply = Vec::with_capacity(4096);
    socket.recv(&mut reply, 0)?;
    let reply = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&reply);
    match reply.map_err(io::Error::other)?.payload {
        NetlinkPayload::Error(error) if error.code.is_none() => Ok(()),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        _ => Err(io::Error::other("the kernel's answer was no acknowledgement")),
    }
}

const CREATE: u16 = NLM_F_CREATE | NLM_F_EXCL;
