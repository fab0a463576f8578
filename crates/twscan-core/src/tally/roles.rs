use super::Tally;
use crate::port::{PortRange, PortSet};
use crate::socket::{SocketRecord, TcpState};

/// Who opened a connection, as far as the port tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// This host connected: the local port is an ephemeral one, and the connection holds it.
    Outbound,
    /// Others connected: a listener has the local port, so no ephemeral port is held.
    Inbound,
    /// Neither: the listener is gone, or the caller bound a port outside the range.
    Ambiguous,
}

impl Role {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// Tells the role of a socket: by the ports that listen, then by the local port range.
#[derive(Debug, Clone)]
pub struct Roles {
    listening: PortSet,
    range: Option<PortRange>,
}

impl Roles {
    /// With the ports that have a LISTEN socket at any address, and the range where it is known.
    #[must_use]
    pub fn new(listening: PortSet, range: Option<PortRange>) -> Self {
        Self { listening, range }
    }

    /// The ports that have a LISTEN socket.
    #[must_use]
    pub fn listening(&self) -> &PortSet {
        &self.listening
    }

    /// The role of a socket.
    #[inline]
    #[must_use]
    pub fn of(&self, record: &SocketRecord<'_>) -> Role {
        let port = record.local_port();
        if self.listening.contains(port) || record.state() == TcpState::Listen {
            Role::Inbound
        } else if self.range.is_some_and(|range| range.contains(port)) {
            Role::Outbound
        } else {
            Role::Ambiguous
        }
    }
}

/// TIME_WAITs by role. Only the outbound ones hold an ephemeral port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeWaitCounts {
    /// This host connected and closed first.
    pub outbound: u64,
    /// Others connected and this host closed first: harmless.
    pub inbound: u64,
    /// The port does not tell.
    pub ambiguous: u64,
}

impl TimeWaitCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.outbound + self.inbound + self.ambiguous
    }

    /// Counts one TIME_WAIT.
    #[inline]
    pub fn add(&mut self, role: Role) {
        match role {
            Role::Outbound => self.outbound += 1,
            Role::Inbound => self.inbound += 1,
            Role::Ambiguous => self.ambiguous += 1,
        }
    }

    /// Adds what another tally has counted.
    pub fn merge(&mut self, other: &Self) {
        self.outbound += other.outbound;
        self.inbound += other.inbound;
        self.ambiguous += other.ambiguous;
    }
}

/// Collects the ports of LISTEN sockets.
impl Tally for PortSet {
    fn observe(&mut self, record: &SocketRecord<'_>) {
        if record.state() == TcpState::Listen {
            self.insert(record.local_port());
        }
    }
}
