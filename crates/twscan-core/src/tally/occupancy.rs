use super::{PortRules, PortUse};

/// How full the ports of one (source, destination, destination port) are, by counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupancy {
    capacity: u32,
    low_parity_capacity: u32,
    ports: PortUse,
}

impl Occupancy {
    /// The occupancy of a group that holds these ports; `None` where the port range is unknown.
    #[must_use]
    pub fn new(rules: &PortRules, ports: PortUse) -> Option<Self> {
        rules.range().map(|_| Self::of(rules, ports))
    }

    pub(crate) fn of(rules: &PortRules, ports: PortUse) -> Self {
        Self { capacity: rules.capacity(), low_parity_capacity: rules.low_parity_capacity(), ports }
    }

    /// Connections that fit in all: the usable ports, one fewer where the range has an odd size.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The usable ports of the parity that connect() tries first.
    #[must_use]
    pub fn low_parity_capacity(&self) -> u32 {
        self.low_parity_capacity
    }

    /// The ports that are held, by kind of socket.
    #[must_use]
    pub fn ports(&self) -> PortUse {
        self.ports
    }

    /// Connections that fit now.
    #[must_use]
    pub fn free(&self) -> u32 {
        self.capacity.saturating_sub(self.ports.held())
    }

    /// Ports held that no connect() may take over, of the capacity, 0 to 100.
    #[must_use]
    pub fn percent(&self) -> f64 {
        match self.capacity {
            0 => 100.0,
            capacity => (f64::from(self.ports.held()) * 100.0 / f64::from(capacity)).min(100.0),
        }
    }

    /// What a connect() meets now.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone_less(0)
    }

    /// The same where no TIME_WAIT is taken over. Which parity the reusable ones have is not counted; the worse is taken.
    pub(crate) fn without_reuse(self) -> Self {
        let reusable = self.ports.reusable;
        let low_parity_held = self.ports.low_parity_held.saturating_add(reusable).min(self.low_parity_capacity);
        Self { ports: PortUse { reusable: 0, reuse_unknown: 0, low_parity_held, ..self.ports }, ..self }
    }

    /// Ports held that look as if bind() had chosen them: connect() takes a port of the other parity only when the low ones
    /// are used up, and bind(address, 0) takes those first.
    #[must_use]
    pub fn by_bind(&self) -> u32 {
        let is_sign = self.ports.low_parity_held < self.low_parity_capacity;
        if is_sign { self.ports.held().saturating_sub(self.ports.low_parity_held) } else { 0 }
    }

    /// The zone with so many usable ports fewer, of the low parity as far as there are.
    pub(crate) fn zone_less(&self, unseen: u32) -> Zone {
        let (capacity, held) = (self.capacity.saturating_sub(unseen), self.ports.held());
        if held >= capacity {
            Zone::Full
        } else if u64::from(held) * 10 >= u64::from(capacity) * 9 {
            Zone::NearlyFull
        } else if self.low_parity_capacity > 0
            && self.ports.low_parity_held.saturating_add(unseen) >= self.low_parity_capacity
        {
            Zone::Slow
        } else {
            Zone::Fast
        }
    }
}

/// What a connect() meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Zone {
    /// A port at once: microseconds.
    Fast,
    /// Every port of the range's low parity is held, so that each connect() scans half of the range first: on the default
    /// range 5 microseconds become 1.4 milliseconds.
    Slow,
    /// 90 % and more are held.
    NearlyFull,
    /// connect() fails with EADDRNOTAVAIL.
    Full,
}

impl Zone {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::NearlyFull => "nearly-full",
            Self::Full => "full",
        }
    }
}
