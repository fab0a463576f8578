use std::fmt;

use super::{Occupancy, Outlook, Reason, Zone};
use crate::tally::{PortUse, Tuple};

/// The ports of one tuple: how many connections it has left, and how sure that is.
#[derive(Debug, Clone, PartialEq)]
pub struct PortBudget {
    pub(super) tuple: Tuple,
    pub(super) occupancy: Occupancy,
    pub(super) unsure: u32,
    pub(super) free: u32,
    pub(super) free_min: u32,
    pub(super) free_max: u32,
    pub(super) reasons: Vec<Reason>,
    pub(super) outlook: Outlook,
}

impl PortBudget {
    /// Between which addresses.
    #[must_use]
    pub fn tuple(&self) -> Tuple {
        self.tuple
    }

    /// Connections that fit in all: the usable ports, one fewer where the range has an odd size.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.occupancy.capacity()
    }

    /// The usable ports of the parity that connect() tries first.
    #[must_use]
    pub fn low_parity_capacity(&self) -> u32 {
        self.occupancy.low_parity_capacity()
    }

    /// The usable ports that are held, by kind of socket.
    #[must_use]
    pub fn ports(&self) -> PortUse {
        self.occupancy.ports()
    }

    /// The same by counters alone, less what bind() is seen to hold.
    pub(crate) fn occupancy(&self) -> Occupancy {
        self.occupancy
    }

    /// The usable ports that are held.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.ports().used()
    }

    /// Usable ports that sockets of other tuples hold and this one does not. One that was chosen by bind(), or belongs to
    /// an accepted connection whose listener is gone, is free for no destination, and sock_diag does not tell.
    #[must_use]
    pub fn unsure_ports(&self) -> u32 {
        self.unsure
    }

    /// The connections that would succeed now, under the assumptions of [`reasons`](Self::reasons).
    #[must_use]
    pub fn free(&self) -> u32 {
        self.free
    }

    /// The least number of connections that would succeed now.
    #[must_use]
    pub fn free_min(&self) -> u32 {
        self.free_min
    }

    /// The greatest number of connections that would succeed now.
    #[must_use]
    pub fn free_max(&self) -> u32 {
        self.free_max
    }

    /// How many ports a connect() tries on average where it steps at random: to find one of the free ports of the half that
    /// it tries first it passes as many held ones as there are for each free one.
    #[must_use]
    pub fn random_tries(&self) -> u32 {
        let half = self.low_parity_capacity();
        let free = half.saturating_sub(self.ports().low_parity_held);
        (half + 1 + free.div_ceil(2)) / (free + 1)
    }

    /// Whether there is nothing to assume.
    #[must_use]
    pub fn certainty(&self) -> Certainty {
        if self.reasons.is_empty() { Certainty::Exact } else { Certainty::Estimate }
    }

    /// What has to be assumed.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Ports held that no connect() may take over, of the capacity, 0 to 100.
    #[must_use]
    pub fn percent(&self) -> f64 {
        self.occupancy.percent()
    }

    /// What a connect() meets now. A caller with IP_LOCAL_PORT_RANGE has no slow zone.
    #[must_use]
    pub fn zone(&self) -> Zone {
        match self.occupancy.zone() {
            _ if self.free == 0 => Zone::Full,
            // The port that an odd range takes off the capacity is one of those held.
            Zone::Full => Zone::NearlyFull,
            zone => zone,
        }
    }

    /// Whether a connect() takes over the ports of TIME_WAITs here, once they are old enough.
    #[must_use]
    pub fn reuse_applies(&self) -> bool {
        self.outlook.reuse
    }

    /// What the present parameters give it.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        self.outlook
    }

    /// Connections a second that this side can open and close first for ever: [`Outlook::sustainable`], rounded down. `None`
    /// where that is more than a host can do, so that ports are no limit.
    #[must_use]
    pub fn sustainable_per_second(&self) -> Option<u32> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
        let rate = self.outlook.sustainable as u32;
        (rate <= HOST_LIMIT).then_some(rate)
    }
}

/// `127.0.0.1 > 127.0.0.1:8080: 0 of 28232 ports free, full (28232 used: 0 live, 28232 TIME_WAIT, 0 reusable)`.
impl fmt::Display for PortBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.ports();
        write!(f, "{}: {} of {} ports free, {}", self.tuple, self.free, self.capacity(), self.zone().name())?;
        if self.used() > 0 {
            let PortUse { live, time_wait, .. } = ports;
            let reusable = ports.known_reusable().map_or("unknown".to_owned(), |count| count.to_string());
            write!(f, " ({} used: {live} live, {time_wait} TIME_WAIT, {reusable} reusable)", self.used())?;
        }
        if self.certainty() == Certainty::Estimate {
            write!(f, "; at least {}, at most {}", self.free_min, self.free_max)?;
        }
        Ok(())
    }
}

/// How sure a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Certainty {
    /// The kernel would say the same.
    Exact,
    /// Something is not visible.
    Estimate,
}

impl Certainty {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimate => "estimate",
        }
    }
}

/// No host opens and closes a million connections a second to one destination.
const HOST_LIMIT: u32 = 1_000_000;
