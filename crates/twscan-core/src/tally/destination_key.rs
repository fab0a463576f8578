use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Role, Tuple};
use crate::socket::SocketRecord;

/// What a group of sockets has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct DestinationKey {
    /// Who connected.
    pub role: Role,
    /// The local address; `None` for an inbound group, which is of any address.
    pub source: Option<IpAddr>,
    /// The remote address; `None` for an inbound group.
    pub destination: Option<IpAddr>,
    /// The remote port; for an inbound group the local, listening one.
    pub port: u16,
    /// The interface that the sockets are bound to; 0 for none.
    pub interface: u32,
}

impl DestinationKey {
    /// The group that a socket of this role belongs to.
    #[must_use]
    pub fn of(record: &SocketRecord<'_>, role: Role) -> Self {
        match role {
            Role::Inbound => Self::inbound(record.local_port()),
            _ => Self {
                role,
                source: Some(record.local().ip()),
                destination: Some(record.remote().ip()),
                port: record.remote_port(),
                interface: record.raw().idiag_if(),
            },
        }
    }

    /// The addresses and the port between which an outbound group's connections are.
    #[must_use]
    pub fn tuple(&self) -> Option<Tuple> {
        let (source, destination) = self.source.zip(self.destination).filter(|_| self.role == Role::Outbound)?;
        let destination = SocketAddr::new(destination, self.port);
        Some(Tuple { source, destination, interface: self.interface })
    }

    pub(super) fn inbound(port: u16) -> Self {
        Self { role: Role::Inbound, source: None, destination: None, port, interface: 0 }
    }
}

/// Source (32 bits), destination (32), interface (32), port (16), role (1): an IPv4 key in one word pair.
#[inline]
pub(super) fn pack_v4(record: &SocketRecord<'_>, role: Role) -> u128 {
    let (source, destination) = record.v4_pair();
    u128::from(source) << 96
        | u128::from(destination) << 64
        | u128::from(record.raw().idiag_if()) << 32
        | u128::from(record.remote_port()) << 8
        | u128::from(role == Role::Outbound)
}

#[allow(clippy::cast_possible_truncation, reason = "each cast takes the field's own bits out of the packed key")]
pub(super) fn unpack_v4(key: u128) -> DestinationKey {
    DestinationKey {
        role: role_of(key as u8),
        source: Some(Ipv4Addr::from((key >> 96) as u32).into()),
        destination: Some(Ipv4Addr::from((key >> 64) as u32).into()),
        port: (key >> 8) as u16,
        interface: (key >> 32) as u32,
    }
}

fn role_of(outbound: u8) -> Role {
    if outbound == 0 { Role::Ambiguous } else { Role::Outbound }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct V6Key {
    source: u128,
    destination: u128,
    rest: u64,
}

impl V6Key {
    #[inline]
    pub(super) fn of(record: &SocketRecord<'_>, role: Role) -> Self {
        let rest = u64::from(record.raw().idiag_if()) << 32
            | u64::from(record.remote_port()) << 8
            | u64::from(role == Role::Outbound);
        Self {
            source: u128::from_be_bytes(*record.raw().idiag_src()),
            destination: u128::from_be_bytes(*record.raw().idiag_dst()),
            rest,
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "each cast takes the field's own bits out of the packed key")]
    pub(super) fn unpack(&self) -> DestinationKey {
        DestinationKey {
            role: role_of(self.rest as u8),
            source: Some(IpAddr::from(self.source.to_be_bytes())),
            destination: Some(IpAddr::from(self.destination.to_be_bytes())),
            port: (self.rest >> 8) as u16,
            interface: (self.rest >> 32) as u32,
        }
    }
}
