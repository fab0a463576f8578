use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::{Header, OwnerScan};
use crate::socket::{Family, SocketRecord, Timer};
use crate::tally::Role;

/// How a list of sockets went.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ListReport {
    /// `twscan.list/1` and where the rows come from.
    #[serde(flatten)]
    pub header: Header,
    /// The rows that were given.
    pub rows: u64,
    /// Whether the reader of the rows had enough of them before the end.
    pub stopped: bool,
    /// How the search for owners went; null where they were not asked for.
    pub owner_scan: Option<OwnerScan>,
}

impl ListReport {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.list/1";
}

/// One line of `twscan list --format jsonl`.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SocketRow {
    /// `ipv4` or `ipv6`; a v4-mapped socket is `ipv4`.
    pub family: &'static str,
    /// The kernel's name of the state.
    pub state: String,
    /// The local side.
    pub local: Endpoint,
    /// The remote side.
    pub remote: Endpoint,
    /// `timewait`, `on`, `keepalive`, `persist` or `off`, as in `ss -o`; null where the source does not tell.
    pub timer: Option<&'static str>,
    /// Milliseconds until the timer fires; null where none runs, or the source does not tell.
    pub expires_ms: Option<u64>,
    /// The user that made the socket; 0 for TIME_WAIT, which has no owner in the kernel. Null where the source does not
    /// tell.
    pub uid: Option<u32>,
    /// The inode that `/proc/PID/fd` shows; 0 where no file is open on the socket. Null where the source does not tell.
    pub inode: Option<u32>,
    /// Bytes received and not read.
    pub recv_q: u32,
    /// Bytes sent and not acknowledged; a listener's backlog, null where the source does not tell it.
    pub send_q: Option<u32>,
    /// The number that names this socket and no other; null where the source has none.
    pub cookie: Option<u64>,
    /// `outbound`, `inbound` or `ambiguous`.
    pub role: &'static str,
    /// Whether this is an AF_INET6 socket with v4-mapped addresses.
    pub mapped: bool,
    /// The index of the interface that the socket is bound to; null for none.
    pub device: Option<u32>,
}

/// An address with a port.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Endpoint {
    /// The address, v4-mapped ones folded to IPv4.
    pub addr: IpAddr,
    /// The port.
    pub port: u16,
}

impl From<SocketAddr> for Endpoint {
    fn from(endpoint: SocketAddr) -> Self {
        Self { addr: endpoint.ip(), port: endpoint.port() }
    }
}

impl SocketRow {
    /// The row of a socket in this role.
    #[must_use]
    pub fn new(record: &SocketRecord<'_>, role: Role) -> Self {
        Self {
            family: match record.family() {
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            },
            state: record.state().to_string(),
            local: record.local().into(),
            remote: record.remote().into(),
            timer: record.timer().map(Timer::name),
            expires_ms: record.expires().map(|_| u64::from(record.raw().idiag_expires())),
            uid: record.uid(),
            inode: record.inode(),
            recv_q: record.recv_queue(),
            send_q: record.send_queue(),
            cookie: record.cookie(),
            role: role.name(),
            mapped: record.is_v4_mapped(),
            device: record.interface(),
        }
    }
}
