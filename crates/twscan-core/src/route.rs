//! Which source address the kernel gives to a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use netlink_sys::protocols::NETLINK_ROUTE;

use crate::Error;
use crate::errno::{EADDRNOTAVAIL, EINVAL, ENETUNREACH};
use crate::tally::Tuple;
use crate::transport::{BUFFER_LEN, NetlinkSocket, Transport};
use crate::wire::{AF_INET, AF_INET6, Attributes, Messages, NLM_F_REQUEST, append_attribute, append_message, kind};

/// What connections to `destination` compete within, from a socket that names no source address.
///
/// # Errors
/// As for [`source_to`].
pub fn tuple_to(destination: SocketAddr) -> Result<Tuple, Error> {
    let met = met_at(destination);
    // A socket that goes to a link-local address is bound to the interface (net/ipv6/tcp_ipv6.c, `tcp_v6_connect`).
    let interface = link_of(met).unwrap_or(0);
    Ok(Tuple { interface, ..Tuple::new(source_to(destination)?, met) })
}

/// The source address of TCP connections to `destination` from a socket of this process that names none: the kernel's
/// route lookup in the thread's network namespace (RTM_GETROUTE), which sends nothing and takes no port. A link-local
/// address is looked up on the interface of its scope id.
///
/// # Errors
/// [`Error::Route`] where there is none, with what connect() would answer: ENETUNREACH without a route, EHOSTUNREACH,
/// EACCES and EINVAL of routes and rules of type `unreachable`, `prohibit` and `blackhole`.
pub fn source_to(destination: SocketAddr) -> Result<IpAddr, Error> {
    let no_route = |cause| Error::Route { destination, cause };
    let met = met_at(destination);
    if met.ip().is_multicast() {
        return Err(no_route(io::Error::from_raw_os_error(ENETUNREACH)));
    }
    if link_of(met) == Some(0) {
        return Err(no_route(io::Error::from_raw_os_error(EINVAL)));
    }
    match NetlinkSocket::open_family(NETLINK_ROUTE) {
        Ok(socket) => look_up(socket, met)?.map_err(no_route),
        // A sandbox may forbid netlink alone.
        Err(_) => probe(met).map_err(no_route),
    }
}

/// Where connect() goes: an unspecified address is the loopback's, a v4-mapped one is IPv4.
fn met_at(destination: SocketAddr) -> SocketAddr {
    let ip = match destination.ip().to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    match (ip, destination) {
        (IpAddr::V6(ip), SocketAddr::V6(v6)) => SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into(),
        (ip, _) => SocketAddr::new(ip, destination.port()),
    }
}

/// The scope id of a link-local address.
fn link_of(destination: SocketAddr) -> Option<u32> {
    match destination {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => Some(v6.scope_id()),
        _ => None,
    }
}

fn look_up(mut socket: NetlinkSocket, destination: SocketAddr) -> Result<io::Result<IpAddr>, Error> {
    socket.send(&request(destination))?;
    let mut answer = Vec::with_capacity(BUFFER_LEN);
    socket.receive(&mut answer)?;
    let message = Messages::new(&answer).next().transpose().map_err(|cause| Error::Malformed { cause })?;
    let refusal = |errno| Ok(Err(io::Error::from_raw_os_error(errno)));
    let Some(message) = message.filter(|message| message.kind() == RTM_NEWROUTE) else {
        let errno = message.filter(|message| message.kind() == kind::ERROR).and_then(|message| message.errno());
        return refusal(errno.unwrap_or(ENETUNREACH));
    };
    // connect() refuses it, though there is a route.
    if message.payload().get(TYPE_AT) == Some(&RTN_BROADCAST) {
        return refusal(ENETUNREACH);
    }
    let attributes = Attributes::new(message.payload().get(RTMSG_LEN..).unwrap_or_default()).map_while(Result::ok);
    let source = attributes.filter(|attribute| attribute.kind() == RTA_PREFSRC).find_map(|attribute| {
        let v4 = || <[u8; 4]>::try_from(attribute.value()).ok().map(IpAddr::from);
        v4().or_else(|| <[u8; 16]>::try_from(attribute.value()).ok().map(IpAddr::from))
    });
    // A route by which no address of this host goes out.
    source.map_or_else(|| refusal(EADDRNOTAVAIL), |source| Ok(Ok(source)))
}

/// `struct rtmsg`, the destination, and what a rule may ask for besides (net/ipv4/route.c, `inet_rtm_getroute`; kernels
/// before 4.18 leave the protocol and the port aside). The user is that of the thread.
fn request(destination: SocketAddr) -> Vec<u8> {
    let (family, bits, octets) = match destination.ip() {
        IpAddr::V4(v4) => (AF_INET, 32, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AF_INET6, 128, v6.octets().to_vec()),
    };
    let mut body = vec![0; RTMSG_LEN];
    body.splice(..2, [family, bits]);
    append_attribute(RTA_DST, &octets, &mut body);
    append_attribute(RTA_IP_PROTO, &[IPPROTO_TCP], &mut body);
    append_attribute(RTA_DPORT, &destination.port().to_be_bytes(), &mut body);
    if let Some(interface) = link_of(destination) {
        append_attribute(RTA_OIF, &interface.to_ne_bytes(), &mut body);
    }
    let mut message = Vec::new();
    append_message(RTM_GETROUTE, NLM_F_REQUEST, 1, 0, &body, &mut message);
    message
}

/// The same by connect() on a UDP socket, which sends nothing either; it takes a UDP port.
fn probe(destination: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if destination.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(destination)?;
    Ok(socket.local_addr()?.ip())
}

/// include/uapi/linux/rtnetlink.h.
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_PREFSRC: u16 = 7;
const RTA_IP_PROTO: u16 = 27;
const RTA_DPORT: u16 = 29;
const RTN_BROADCAST: u8 = 3;
/// `struct rtmsg`, and its `rtm_type`.
const RTMSG_LEN: usize = 12;
const TYPE_AT: usize = 7;
const IPPROTO_TCP: u8 = 6;
