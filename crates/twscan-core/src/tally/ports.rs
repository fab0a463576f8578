use super::{Hold, Reuse, ReusePolicy};
use crate::port::{PortRange, PortSet};
use crate::procfs::Settings;
use crate::socket::SocketRecord;

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
        let mut rules = Self {
            range: settings.range,
            capacity: 0,
            low_parity_capacity: 0,
            usable,
            reuse: ReusePolicy::of(settings),
        };
        if let Some(range) = settings.range {
            if range.size() == 3 {
                // With three ports there is one offset to start at, and it leaves out the last.
                rules.usable.remove(range.high());
            }
            let even = rules.usable.even();
            rules.low_parity_capacity = if range.low() % 2 == 0 { even } else { rules.usable.len() - even };
            rules.capacity = rules.usable.len() - rules.left_out(|port| rules.usable.contains(port));
        }
        rules
    }

    /// How many of the ports that are `free` connect() may leave untried for ever: 1 or 0.
    ///
    /// It tests an even number of candidates. Of an odd-sized range it leaves out the first, or the last where it starts
    /// at the first; where it starts depends on the addresses, a secret and the connections before, and a search that
    /// failed starts there again (net/ipv4/inet_hashtables.c, `__inet_hash_connect`, `remaining &= ~1U`).
    #[must_use]
    pub fn left_out(&self, free: impl Fn(u16) -> bool) -> u32 {
        let odd = |range: &PortRange| range.size() % 2 == 1 && range.size() > 3;
        let ends_free = |range: PortRange| free(range.low()) || free(range.high());
        u32::from(self.range.filter(odd).is_some_and(ends_free))
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
    /// Those of `time_wait` that a connect() surely may take over now.
    pub reusable: u32,
    /// Those of `time_wait` of which the source does not tell that.
    pub reuse_unknown: u32,
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

    /// Those of `time_wait` that a connect() may take over now; `None` where the source does not tell of each.
    #[must_use]
    pub fn known_reusable(&self) -> Option<u32> {
        (self.reuse_unknown == 0).then_some(self.reusable)
    }

    /// Ports held that no connect() may take over, as far as is known.
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
        let low_parity = rules.range.is_some_and(|range| range.has_low_parity(port));
        self.add_hold(Hold::of(record, rules.reuse), low_parity);
    }

    /// Counts a usable port.
    #[inline]
    pub(crate) fn add_hold(&mut self, hold: Hold, low_parity: bool) {
        let reusable = hold.reuse() == Reuse::Yes;
        match hold {
            Hold::Live => self.live += 1,
            Hold::FinWait2Mini(_) => self.fin_wait2_mini += 1,
            Hold::TimeWait(_) => self.time_wait += 1,
        }
        self.reusable += u32::from(reusable);
        self.reuse_unknown += u32::from(hold == Hold::TimeWait(Reuse::Unknown));
        self.low_parity_held += u32::from(low_parity && !reusable);
    }

    /// Adds what another tally has counted.
    pub fn merge(&mut self, other: &Self) {
        self.live += other.live;
        self.time_wait += other.time_wait;
        self.fin_wait2_mini += other.fin_wait2_mini;
        self.reusable += other.reusable;
        self.reuse_unknown += other.reuse_unknown;
        self.low_parity_held += other.low_parity_held;
    }
}
