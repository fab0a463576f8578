use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::TcpState;
use crate::wire::{AF_INET, AF_INET6, Attribute, InetDiagMsg, NO_BACKLOG, NO_COOKIE, NO_TIMER, NO_UID};

/// One socket of a dump, read with types; it borrows the received bytes.
#[derive(Clone, Copy)]
pub struct SocketRecord<'a> {
    msg: InetDiagMsg<'a>,
}

impl<'a> SocketRecord<'a> {
    /// Reads a message of the kernel.
    #[inline]
    #[must_use]
    pub fn new(msg: InetDiagMsg<'a>) -> Self {
        Self { msg }
    }

    /// The message below, with the kernel's field names.
    #[inline]
    #[must_use]
    pub fn raw(&self) -> InetDiagMsg<'a> {
        self.msg
    }

    /// The tuple space that the socket lives in: a v4-mapped IPv6 socket competes with IPv4 sockets and is
    /// [`Family::V4`].
    #[inline]
    #[must_use]
    pub fn family(&self) -> Family {
        if self.msg.idiag_family() == AF_INET6 && !self.is_v4_mapped() { Family::V6 } else { Family::V4 }
    }

    /// Whether this is an AF_INET6 socket with an address of `::ffff:0:0/96`.
    #[inline]
    #[must_use]
    pub fn is_v4_mapped(&self) -> bool {
        self.msg.idiag_family() == AF_INET6 && (is_mapped(self.msg.idiag_src()) || is_mapped(self.msg.idiag_dst()))
    }

    /// The state as the kernel reports it; FIN_WAIT2 for a [mini-socket](Self::is_fin_wait2_mini) too.
    #[inline]
    #[must_use]
    pub fn state(&self) -> TcpState {
        TcpState::from(self.msg.idiag_state())
    }

    /// Whether this is the small stand-in for a closed socket in FIN_WAIT2 (state 5 with the TIME_WAIT timer).
    ///
    /// The kernel counts it as `tw` in sockstat and against `tcp_max_tw_buckets`; its timer is `tcp_fin_timeout`.
    #[inline]
    #[must_use]
    pub fn is_fin_wait2_mini(&self) -> bool {
        self.msg.idiag_state() == FIN_WAIT2 && self.msg.idiag_timer() == TIMER_TIME_WAIT
    }

    /// Local address and port, v4-mapped addresses folded to IPv4.
    #[inline]
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        SocketAddr::new(self.fold(self.msg.idiag_src()), self.msg.idiag_sport())
    }

    /// Remote address and port, v4-mapped addresses folded to IPv4.
    #[inline]
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.fold(self.msg.idiag_dst()), self.msg.idiag_dport())
    }

    /// The local port.
    #[inline]
    #[must_use]
    pub fn local_port(&self) -> u16 {
        self.msg.idiag_sport()
    }

    /// The remote port; 0 for a listener.
    #[inline]
    #[must_use]
    pub fn remote_port(&self) -> u16 {
        self.msg.idiag_dport()
    }

    /// The local address as sent, v4-mapped ones not folded.
    #[must_use]
    pub fn raw_local_addr(&self) -> IpAddr {
        self.unfolded(self.msg.idiag_src())
    }

    /// The remote address as sent, v4-mapped ones not folded.
    #[must_use]
    pub fn raw_remote_addr(&self) -> IpAddr {
        self.unfolded(self.msg.idiag_dst())
    }

    /// Whether the kernel's loopback test for `tcp_tw_reuse=2` holds: the socket is bound to `lo`, or one of its own
    /// addresses is in 127/8, `::1` or mapped 127/8 (net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`).
    ///
    /// Another local address is no loopback here, even though its packets go over `lo`.
    #[inline]
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.msg.idiag_if(), [self.local().ip(), self.remote().ip()])
    }

    /// Local and remote IPv4 address as numbers, for a [`Family::V4`] socket.
    #[inline]
    pub(crate) fn v4_pair(&self) -> (u32, u32) {
        (
            u32::from_be_bytes(self.v4_octets(self.msg.idiag_src())),
            u32::from_be_bytes(self.v4_octets(self.msg.idiag_dst())),
        )
    }

    /// Which timer runs; `None` where the source does not tell.
    #[inline]
    #[must_use]
    pub fn timer(&self) -> Option<Timer> {
        Some(match self.msg.idiag_timer() {
            NO_TIMER => return None,
            // The kernel's TIME_WAITs have their timer, always.
            0 if self.state() == TcpState::TimeWait => return None,
            0 => Timer::Off,
            1 => Timer::Retransmit,
            2 => Timer::KeepAlive,
            TIMER_TIME_WAIT => Timer::TimeWait,
            4 => Timer::Probe,
            other => Timer::Unknown(other),
        })
    }

    /// Time until the timer fires; 0 is normal for a TIME_WAIT in its last two seconds (timer-wheel rounding). `None` where
    /// no timer runs, or the source does not tell.
    #[inline]
    #[must_use]
    pub fn expires(&self) -> Option<Duration> {
        let runs = self.timer().is_some_and(|timer| timer != Timer::Off);
        runs.then(|| Duration::from_millis(u64::from(self.msg.idiag_expires())))
    }

    /// The least time since a TIME_WAIT began, whose timer is armed for this [length](TIME_WAIT_LENGTH): a late segment may
    /// have re-armed it. `None` for other sockets, and where the source does not tell the timer.
    #[inline]
    #[must_use]
    pub fn time_wait_age(&self, length: Duration) -> Option<Duration> {
        let known = self.state() == TcpState::TimeWait && self.msg.idiag_timer() == TIMER_TIME_WAIT;
        let left = Duration::from_millis(u64::from(self.msg.idiag_expires()));
        known.then(|| length.saturating_sub(left))
    }

    /// Retransmissions or probes so far; `None` where the source does not tell the timer.
    #[must_use]
    pub fn retransmits(&self) -> Option<u8> {
        self.timer().map(|_| self.msg.idiag_retrans())
    }

    /// Bytes received and not read; connections not yet accepted for a listener.
    #[must_use]
    pub fn recv_queue(&self) -> u32 {
        self.msg.idiag_rqueue()
    }

    /// Bytes sent and not acknowledged. For a listener the backlog; `None` where the source does not tell it, as
    /// `/proc/net/tcp`.
    #[must_use]
    pub fn send_queue(&self) -> Option<u32> {
        Some(self.msg.idiag_wqueue()).filter(|queue| *queue != NO_BACKLOG)
    }

    /// The user that made the socket; always 0 for TIME_WAIT and request sockets, which have no owner in the kernel.
    /// `None` where the source does not tell.
    #[must_use]
    pub fn uid(&self) -> Option<u32> {
        Some(self.msg.idiag_uid()).filter(|uid| *uid != NO_UID)
    }

    /// The inode that `/proc/PID/fd` shows; 0 where no file is open on the socket, always so for TIME_WAIT. `None` where
    /// the source does not tell.
    #[must_use]
    pub fn inode(&self) -> Option<u32> {
        self.uid().map(|_| self.msg.idiag_inode())
    }

    /// What [`Owners`](crate::procfs::owner::Owners) are found by: the inode, or the number that stands for it in a text
    /// that names processes and no inodes; `None` where no file is open on the socket, or the source names neither.
    #[inline]
    #[must_use]
    pub fn owner_key(&self) -> Option<u32> {
        Some(self.msg.idiag_inode()).filter(|key| *key != 0)
    }

    /// The number that names this socket and no other, where the source has one.
    #[inline]
    #[must_use]
    pub fn cookie(&self) -> Option<u64> {
        Some(self.msg.idiag_cookie()).filter(|cookie| *cookie != NO_COOKIE)
    }

    /// The index of the interface that the socket is bound to.
    #[inline]
    #[must_use]
    pub fn interface(&self) -> Option<u32> {
        Some(self.msg.idiag_if()).filter(|index| *index != 0)
    }

    /// The firewall mark, where the kernel sent it: to a reader with CAP_NET_ADMIN alone.
    #[must_use]
    pub fn mark(&self) -> Option<u32> {
        self.attribute(Attribute::MARK)?.as_u32()
    }

    /// The cgroup's inode, where the kernel sent it: for full sockets, from kernel 5.8 on.
    #[must_use]
    pub fn cgroup_id(&self) -> Option<u64> {
        self.attribute(Attribute::CGROUP_ID)?.as_u64()
    }

    /// The first whole attribute of a type.
    #[must_use]
    pub fn attribute(&self, kind: u16) -> Option<Attribute<'a>> {
        self.msg.attributes().map_while(Result::ok).find(|attribute| attribute.kind() == kind)
    }

    fn fold(&self, bytes: &[u8; 16]) -> IpAddr {
        match self.family() {
            Family::V4 => IpAddr::V4(Ipv4Addr::from(self.v4_octets(bytes))),
            Family::V6 => IpAddr::V6(Ipv6Addr::from(*bytes)),
        }
    }

    fn unfolded(&self, bytes: &[u8; 16]) -> IpAddr {
        let [a, b, c, d, ..] = *bytes;
        match self.msg.idiag_family() {
            AF_INET => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            _ => IpAddr::V6(Ipv6Addr::from(*bytes)),
        }
    }

    #[inline]
    fn v4_octets(&self, bytes: &[u8; 16]) -> [u8; 4] {
        let [a, b, c, d, .., w, x, y, z] = *bytes;
        if self.msg.idiag_family() == AF_INET6 { [w, x, y, z] } else { [a, b, c, d] }
    }
}

impl fmt::Debug for SocketRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketRecord")
            .field("state", &self.state())
            .field("local", &self.local())
            .field("remote", &self.remote())
            .field("timer", &self.timer())
            .field("expires", &self.expires())
            .finish_non_exhaustive()
    }
}

/// The tuple space of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4, v4-mapped IPv6 sockets included.
    V4,
    /// IPv6.
    V6,
}

/// The families that are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Families {
    /// Both.
    #[default]
    Both,
    /// This one alone.
    Only(Family),
}

impl Families {
    /// Whether a socket is of them.
    #[must_use]
    pub fn contain(self, record: &SocketRecord<'_>) -> bool {
        self == Self::Both || self == Self::Only(record.family())
    }

    /// Whether an address is of them; a v4-mapped one counts as IPv6, since it is folded wherever sockets are read.
    #[must_use]
    pub fn contain_address(self, address: IpAddr) -> bool {
        self == Self::Both || self == Self::Only(if address.is_ipv4() { Family::V4 } else { Family::V6 })
    }
}

/// The timer that runs on a socket (`idiag_timer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// None.
    Off,
    /// Retransmission, reordering or loss probe.
    Retransmit,
    /// Keepalive; also a closed full socket in FIN_WAIT2.
    KeepAlive,
    /// The minute of TIME_WAIT, or the shorter wait of a FIN_WAIT2 mini-socket.
    TimeWait,
    /// Zero-window probe.
    Probe,
    /// A number that this library has no name for.
    Unknown(u8),
}

impl Timer {
    /// The name in `ss -o`'s words: `timewait`, `on`, `keepalive`, `persist`, `off`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Retransmit => "on",
            Self::KeepAlive => "keepalive",
            Self::TimeWait => "timewait",
            Self::Probe => "persist",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// How long the kernel arms a TIME_WAIT's timer for: `TCP_TIMEWAIT_LEN`, 60 s (include/net/tcp.h). No sysctl changes it, but for
/// [`tw_timeout`](crate::procfs::Settings::tw_timeout) of some clouds' kernels.
///
/// The timer wheel rounds up, so a socket lives 60.1 to 62 s at HZ=250.
pub const TIME_WAIT_LENGTH: Duration = Duration::from_secs(60);

const FIN_WAIT2: u8 = 5;
const TIMER_TIME_WAIT: u8 = 3;

/// The kernel's loopback test for `tcp_tw_reuse=2`: the interface that a socket is bound to, 0 for none, or one of its
/// addresses, v4-mapped ones folded to IPv4 (net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`).
#[inline]
pub(crate) fn is_loopback(interface: u32, addresses: impl IntoIterator<Item = IpAddr>) -> bool {
    interface == LOOPBACK_INTERFACE || addresses.into_iter().any(|address| address.is_loopback())
}

/// `lo` has index 1 in every namespace (`LOOPBACK_IFINDEX`, include/net/flow.h).
const LOOPBACK_INTERFACE: u32 = 1;

#[inline]
fn is_mapped(bytes: &[u8; 16]) -> bool {
    bytes.first_chunk::<12>() == Some(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::InetDiagMsgBuilder;

    fn record_of(local: &str, remote: &str, family: u8, check: impl Fn(SocketRecord<'_>)) {
        let mut bytes = Vec::new();
        InetDiagMsgBuilder::new(6)
            .family(family)
            .local(local.parse().unwrap())
            .remote(remote.parse().unwrap())
            .timer(3, 59_000)
            .append_payload(&mut bytes);
        check(SocketRecord::new(InetDiagMsg::new(&bytes).unwrap()));
    }

    #[test]
    fn v4_mapped_sockets_fold_to_ipv4_and_remember_it() {
        record_of("[::ffff:127.0.0.1]:40000", "[::ffff:127.0.0.1]:80", AF_INET6, |record| {
            assert_eq!(record.family(), Family::V4);
            assert!(record.is_v4_mapped());
            assert_eq!(record.local(), "127.0.0.1:40000".parse().unwrap());
            assert_eq!(record.raw_remote_addr(), "::ffff:127.0.0.1".parse::<IpAddr>().unwrap());
            assert!(record.is_loopback());
            assert_eq!(record.v4_pair(), (0x7f00_0001, 0x7f00_0001));
        });
    }

    #[test]
    fn loopback_is_judged_by_the_sockets_own_addresses() {
        for (local, remote, family, expected) in [
            ("127.0.0.1:1", "10.9.9.9:2", AF_INET, true),
            ("10.9.9.9:1", "10.9.9.9:2", AF_INET, false),
            ("[::1]:1", "[::1]:2", AF_INET6, true),
            ("[fd00::1]:1", "[fd00::1]:2", AF_INET6, false),
            ("[7f00::1]:1", "[7f00::1]:2", AF_INET6, false),
        ] {
            record_of(local, remote, family, |record| assert_eq!(record.is_loopback(), expected, "{local} {remote}"));
        }
    }

    #[test]
    fn age_is_what_has_run_of_the_minute() {
        record_of("10.0.0.1:1", "10.0.0.2:2", AF_INET, |record| {
            assert_eq!(record.time_wait_age(TIME_WAIT_LENGTH), Some(Duration::from_secs(1)));
            assert_eq!((record.mark(), record.cgroup_id(), record.interface()), (None, None, None));
        });
    }
}
