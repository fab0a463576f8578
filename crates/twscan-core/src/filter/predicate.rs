use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Filter, Prefix, Side};
use crate::socket::SocketRecord;
use crate::wire::AF_INET;

impl Filter {
    /// Whether a socket is wanted.
    #[inline]
    #[must_use]
    pub fn matches(&self, record: &SocketRecord<'_>) -> bool {
        // No filter at all is the common case, and is to cost a socket nothing.
        matches!(self, Self::And(parts) if parts.is_empty()) || self.holds(record)
    }

    fn holds(&self, record: &SocketRecord<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(inner) => !inner.matches(record),
            Self::Port(side, comparison, port) => comparison.holds(port_of(record, *side), *port),
            Self::Host(side, prefix, port) => {
                port.is_none_or(|port| port == port_of(record, *side))
                    && prefix.is_none_or(|prefix| is_within(record, *side, prefix))
            }
            Self::Device(index) => record.interface().unwrap_or(0) == *index,
            Self::Mark { mark, mask } => record.mark().unwrap_or(0) & mask == *mark,
            Self::Cgroup(id) => record.cgroup_id().unwrap_or(0) == *id,
        }
    }
}

fn port_of(record: &SocketRecord<'_>, side: Side) -> u16 {
    match side {
        Side::Local => record.local_port(),
        Side::Remote => record.remote_port(),
    }
}

/// As the kernel judges it (net/ipv4/inet_diag.c, `inet_diag_bc_run`): each address by itself, so that the `::` of a
/// listener at a v4-mapped address is no IPv4 address.
fn is_within(record: &SocketRecord<'_>, side: Side, prefix: Prefix) -> bool {
    let bytes = match side {
        Side::Local => record.raw().idiag_src(),
        Side::Remote => record.raw().idiag_dst(),
    };
    if record.raw().idiag_family() == AF_INET {
        let [a, b, c, d, ..] = *bytes;
        return prefix.contains(IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
    }
    let address = Ipv6Addr::from(*bytes);
    match prefix.address() {
        IpAddr::V4(_) => address.to_ipv4_mapped().is_some_and(|address| prefix.contains(IpAddr::V4(address))),
        IpAddr::V6(_) => prefix.contains(IpAddr::V6(address)),
    }
}
