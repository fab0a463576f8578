use std::fmt;

/// What kind of failure a log message tells of.
///
/// The two errnos mean different things at different calls: EADDRNOTAVAIL at `connect()` is a lack of local ports, at
/// `bind()` an address that this host does not have. The class is what the message alone supports; where it leaves
/// two causes open, the class is `Unknown` or says so below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogClass {
    /// `connect()` found no free local port to that destination (EADDRNOTAVAIL).
    PortsExhausted,
    /// A client that binds before it connects found no free port on its source address (EADDRINUSE): there one pool
    /// serves all destinations. A pinned port that the message does not show looks the same.
    BindPoolExhausted,
    /// `bind()` or `listen()` on an address that this host does not have.
    AddressNotLocal,
    /// `bind()` or `listen()` on an address and port that a listener has already.
    AddressInUse,
    /// A connection to `localhost`, `::1` or `::`, where the usual cause is an IPv6 loopback that is off (a container)
    /// and not a lack of ports. Only the host can tell the two apart.
    LocalhostIpv6,
    /// The client asked for one given local port, and that is taken.
    SourcePortCollision,
    /// The message does not say which call failed, or at which end.
    Unknown,
}

impl LogClass {
    /// Every class.
    pub const ALL: [Self; 7] = [
        Self::PortsExhausted,
        Self::BindPoolExhausted,
        Self::AddressNotLocal,
        Self::AddressInUse,
        Self::LocalhostIpv6,
        Self::SourcePortCollision,
        Self::Unknown,
    ];

    /// The stable code in reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::PortsExhausted => "ports-exhausted",
            Self::BindPoolExhausted => "bind-pool-exhausted",
            Self::AddressNotLocal => "address-not-local",
            Self::AddressInUse => "address-in-use",
            Self::LocalhostIpv6 => "localhost-ipv6",
            Self::SourcePortCollision => "source-port-collision",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a connection failed because there was no local port left for it.
    #[must_use]
    pub const fn is_lack_of_port(self) -> bool {
        matches!(self, Self::PortsExhausted | Self::BindPoolExhausted)
    }
}

impl fmt::Display for LogClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The errno behind a message, whatever number and wording the platform gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogErrno {
    /// EADDRNOTAVAIL: 99 on Linux, 49 on macOS, 10049 on Windows.
    AddrNotAvail,
    /// EADDRINUSE: 98 on Linux, 48 on macOS, 10048 on Windows.
    AddrInUse,
}

impl LogErrno {
    /// The name in `errno.h`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddrNotAvail => "EADDRNOTAVAIL",
            Self::AddrInUse => "EADDRINUSE",
        }
    }
}

/// The call that failed, as far as the message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogOperation {
    /// `connect()`.
    Connect,
    /// `bind()`.
    Bind,
    /// `listen()`, or a bind for it.
    Listen,
    /// A datagram was sent.
    Send,
}

/// What a message says about a failure, apart from its text: all that decides the class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) errno: LogErrno,
    pub(super) operation: Option<LogOperation>,
    /// A client failed: the bind was for a connection.
    pub(super) client: bool,
    /// A server failed: the bind was for a listener.
    pub(super) server: bool,
    /// The destination is `localhost`, `::1` or `::`, or 127.0.0.1 of the same name refused.
    pub(super) localhost: bool,
    /// The local port, where the message has one; 0 asks for any.
    pub(super) source_port: Option<u16>,
}

impl Evidence {
    pub(super) fn class(self) -> LogClass {
        let pinned = self.source_port.is_some_and(|port| port != 0);
        match (self.errno, self.operation) {
            (_, Some(LogOperation::Send)) => LogClass::Unknown,
            (_, Some(LogOperation::Connect)) if pinned => LogClass::SourcePortCollision,
            (LogErrno::AddrNotAvail, Some(LogOperation::Connect)) if self.localhost => LogClass::LocalhostIpv6,
            (LogErrno::AddrNotAvail, Some(LogOperation::Connect)) => LogClass::PortsExhausted,
            (LogErrno::AddrNotAvail, Some(_)) => LogClass::AddressNotLocal,
            (LogErrno::AddrInUse, Some(LogOperation::Connect)) => LogClass::BindPoolExhausted,
            (LogErrno::AddrInUse, Some(LogOperation::Listen)) => LogClass::AddressInUse,
            (LogErrno::AddrInUse, Some(LogOperation::Bind)) => self.bind_in_use(pinned),
            (_, None) => LogClass::Unknown,
        }
    }

    fn bind_in_use(self, pinned: bool) -> LogClass {
        match (self.client, self.server) {
            _ if self.source_port == Some(0) => LogClass::BindPoolExhausted,
            (true, _) if pinned => LogClass::SourcePortCollision,
            (true, _) => LogClass::BindPoolExhausted,
            (false, true) => LogClass::AddressInUse,
            (false, false) if pinned => LogClass::AddressInUse,
            (false, false) => LogClass::Unknown,
        }
    }
}
