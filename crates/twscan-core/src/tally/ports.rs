use std::time::Duration;

use crate::port::{PortRange, PortSet};
use crate::procfs::{Settings, TwReuse};
use crate::socket::{SocketRecord, TcpState};

/// Which ports a connect() without a port of its own may take, and when it may take over a TIME_WAIT's.
#[derive(Debug, Clone)]
pub struct PortRules {
    range: Option<PortRange>,
    usable: PortSet,
    capacity: u32,
    low_parity_capacity: u32,
    reuse: ReusePolicy,
}

impl PortRules {
    /// The range, less what is reserved, less the ports that bind() holds for every destination.
    #[must_use]
    pub fn new(settings: &Settings, blocked: &PortSet) -> Self {
        let mut usable = settings.range.map(PortSet::from).unwrap_or_default();
        if let Some(reserved) = &settings.reserved {
            usable.subtract(reserved);
        }
        usable.subtract(blocked);
        let low_parity = |range: PortRange| usable.iter().filter(|port| range.has_low_parity(*port)).count();
        // connect() tests an even number of candidates: of an odd-sized range it leaves out one, and which one depends
        // on where it starts (net/ipv4/inet_hashtables.c, `__inet_hash_connect`, `remaining &= ~1U`).
        let penalty = settings.range.is_some_and(|range| range.size() % 2 == 1 && range.size() > 1);
        Self {
            range: settings.range,
            capacity: usable.len().saturating_sub(u32::from(penalty)),
            low_parity_capacity: settings.range.map_or(0, low_parity).try_into().unwrap_or(u32::MAX),
            usable,
            reuse: ReusePolicy::of(settings),
        }
    }

    /// Connections that fit to one destination: the usable ports, one fewer where the range has an odd size.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The usable ports of the range's low parity, which connect() tries first.
    #[must_use]
    pub fn low_parity_capacity(&self) -> u32 {
        self.low_parity_capacity
    }

    /// The local port range, where it is known.
    #[must_use]
    pub fn range(&self) -> Option<PortRange> {
        self.range
    }

    /// The ports that connect() may choose.
    #[must_use]
    pub fn usable(&self) -> &PortSet {
        &self.usable
    }

    /// When a TIME_WAIT's port may be taken over.
    #[must_use]
    pub fn reuse(&self) -> ReusePolicy {
        self.reuse
    }
}

/// `tcp_tw_reuse` and its delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReusePolicy {
    /// The mode; `None` where it is unknown, which counts as off.
    pub mode: Option<TwReuse>,
    /// A TIME_WAIT must be older than this.
    pub delay: Duration,
}

impl ReusePolicy {
    /// What these settings say. Where the kernel has no `tcp_tw_reuse_delay` (before 6.14) the delay is a second.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self { mode: settings.tw_reuse, delay: settings.tw_reuse_delay.unwrap_or(DEFAULT_DELAY) }
    }

    /// Whether a connect() to the same destination may take over this socket's port now, provided that its connection had
    /// negotiated timestamps, which sock_diag does not tell (net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`).
    #[inline]
    #[must_use]
    pub fn allows(&self, record: &SocketRecord<'_>) -> bool {
        let mode_fits = match self.mode {
            Some(TwReuse::On) => true,
            Some(TwReuse::Loopback) => record.is_loopback(),
            Some(TwReuse::Off) | None => false,
        };
        mode_fits && record.time_wait_age().is_some_and(|age| age > self.delay)
    }
}

/// The usable ports that the sockets of one destination hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortUse {
    /// By live sockets.
    pub live: u32,
    /// By TIME_WAITs, reusable ones included.
    pub time_wait: u32,
    /// By FIN_WAIT2 mini-sockets.
    pub fin_wait2_mini: u32,
    /// Those of `time_wait` that a connect() may take over now.
    pub reusable: u32,
    /// Ports of the range's low parity among those that are held and not reusable: connect()'s first pass finds none when
    /// it has used them up.
    pub low_parity_held: u32,
}

impl PortUse {
    /// Ports held, reusable ones included. A port counts once: no two sockets share a four-tuple.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.live + self.time_wait + self.fin_wait2_mini
    }

    /// Ports held that no connect() may take over.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.used() - self.reusable
    }

    /// Counts a socket of the destination; its port where it is usable.
    #[inline]
    pub fn add(&mut self, record: &SocketRecord<'_>, rules: &PortRules) {
        let port = record.local_port();
        if !rules.usable.contains(port) {
            return;
        }
        let mut reusable = false;
        if record.state() == TcpState::TimeWait {
            self.time_wait += 1;
            reusable = rules.reuse.allows(record);
            self.reusable += u32::from(reusable);
        } else if record.is_fin_wait2_mini() {
            self.fin_wait2_mini += 1;
        } else {
            self.live += 1;
        }
        let low_parity = rules.range.is_some_and(|range| range.has_low_parity(port));
        self.low_parity_held += u32::from(low_parity && !reusable);
    }

    /// Adds what another tally has counted.
    pub fn merge(&mut self, other: &Self) {
        self.live += other.live;
        self.time_wait += other.time_wait;
        self.fin_wait2_mini += other.fin_wait2_mini;
        self.reusable += other.reusable;
        self.low_parity_held += other.low_parity_held;
    }
}

/// The delay of kernels that have no parameter for it, and the parameter's default.
const DEFAULT_DELAY: Duration = Duration::from_secs(1);
