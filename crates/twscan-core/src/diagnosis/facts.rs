use std::net::SocketAddr;

use crate::port::{PortRange, PortSet};
use crate::socket::TcpState;

/// What a sample does not hold, and others can tell: logs, the owners of sockets, other namespaces. All of it is optional.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// Failures that a log tells of, by destination.
    pub log: Vec<LogFact>,
    /// Whose sockets they are.
    pub owners: Vec<OwnerFact>,
    /// Sockets whose owners the reader may not see.
    pub unreadable_owners: u64,
    /// Other network namespaces that were read.
    pub namespaces: Vec<NamespaceFact>,
    /// Other network namespaces that were not; `None` where they were not counted.
    pub unread_namespaces: Option<usize>,
    /// Ports that a wider range must not give away, besides those that TCP listens on: of UDP services, and those that a
    /// cluster uses.
    pub services: PortSet,
    /// Whether `::1` can be used here; `None` where it was not looked at.
    pub ipv6_loopback: Option<bool>,
}

/// Failures of one kind to one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogFact {
    /// Where to; `None` where the log does not say.
    pub destination: Option<SocketAddr>,
    /// Whether the client said `localhost`, `::1` or `::`, which may be the loopback of IPv6.
    pub localhost: bool,
    /// Whether it says that no local port was left at connect() (EADDRNOTAVAIL).
    pub ports_exhausted: bool,
    /// Whether it says that no local port was left at bind(address, 0) (EADDRINUSE).
    pub bind_pool: bool,
    /// How often.
    pub events: u64,
    /// From when to when, as text.
    pub span: Option<String>,
    /// Who wrote the log.
    pub program: Option<String>,
}

/// Sockets of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerFact {
    /// Where they go; `None` for those of a local port.
    pub destination: Option<SocketAddr>,
    /// The local port of inbound ones.
    pub local_port: Option<u16>,
    /// Their state, where all of them are in one.
    pub state: Option<TcpState>,
    /// How many.
    pub sockets: u64,
    /// Whether it is only likely, since the kernel has forgotten: the owner of live sockets to the same destination.
    pub likely: bool,
    /// The process: `nginx[2872]`.
    pub process: String,
}

impl OwnerFact {
    /// A process that has so many sockets; where they go is to be added.
    #[must_use]
    pub fn new(process: impl Into<String>, sockets: u64) -> Self {
        Self { destination: None, local_port: None, state: None, sockets, likely: false, process: process.into() }
    }
}

/// Another network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamespaceFact {
    /// Its name.
    pub name: String,
    /// Its inode, where it is known.
    pub inode: Option<u64>,
    /// Whether it is the one that the kernel booted with: the host's own.
    pub initial: bool,
    /// Its local port range.
    pub range: Option<PortRange>,
    /// Its TCP sockets, as sockstat counts them; 0 where they were not counted.
    pub sockets: u64,
}

impl NamespaceFact {
    /// A namespace with this range.
    #[must_use]
    pub fn new(name: impl Into<String>, range: Option<PortRange>) -> Self {
        Self { name: name.into(), inode: None, initial: false, range, sockets: 0 }
    }
}

impl Facts {
    /// Failures for want of a local port to a destination.
    pub(super) fn exhausted_to(&self, destination: SocketAddr) -> Option<&LogFact> {
        self.log.iter().find(|fact| fact.ports_exhausted && fact.destination == Some(destination))
    }

    /// Whose sockets to a destination they are, most first.
    pub(super) fn owners_to(&self, destination: SocketAddr) -> Vec<&OwnerFact> {
        // Those of one state are among the others.
        let of_it = self.owners.iter().filter(|one| one.destination == Some(destination) && one.state.is_none());
        let mut owners: Vec<_> = of_it.collect();
        owners.sort_by_key(|owner| (owner.likely, std::cmp::Reverse(owner.sockets)));
        owners
    }
}
