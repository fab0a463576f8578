use super::Tally;
use crate::socket::{Family, SocketRecord, TcpState};

/// Sockets by state and family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateCounts {
    // By the state's number; all numbers without a name share slot 0.
    counts: [FamilyCounts; SLOTS],
    fin_wait2_mini: u64,
    fin_wait2_unknown: u64,
}

impl StateCounts {
    /// The counts of one state.
    #[must_use]
    pub fn of(&self, state: TcpState) -> FamilyCounts {
        self.counts.get(slot(state)).copied().unwrap_or_default()
    }

    /// FIN_WAIT2 mini-sockets; they are among the FIN_WAIT2 too. `None` where the source does not tell by which timer a
    /// socket waits, and so what it is.
    #[must_use]
    pub fn fin_wait2_mini(&self) -> Option<u64> {
        (self.fin_wait2_unknown == 0).then_some(self.fin_wait2_mini)
    }

    /// Sockets in states that this library has no name for.
    #[must_use]
    pub fn unknown(&self) -> FamilyCounts {
        self.counts[0]
    }

    /// Sockets in all states.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(FamilyCounts::total).sum()
    }

    /// Adds what another tally has counted.
    pub fn merge(&mut self, other: &Self) {
        for (counts, more) in self.counts.iter_mut().zip(&other.counts) {
            counts.ipv4 += more.ipv4;
            counts.ipv6 += more.ipv6;
            counts.mapped += more.mapped;
        }
        self.fin_wait2_mini += other.fin_wait2_mini;
        self.fin_wait2_unknown += other.fin_wait2_unknown;
    }
}

impl Tally for StateCounts {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        let Some(counts) = self.counts.get_mut(slot(record.state())) else { return };
        match record.family() {
            Family::V4 => {
                counts.ipv4 += 1;
                counts.mapped += u64::from(record.is_v4_mapped());
            }
            Family::V6 => counts.ipv6 += 1,
        }
        if record.state() == TcpState::FinWait2 {
            self.fin_wait2_mini += u64::from(record.is_fin_wait2_mini());
            self.fin_wait2_unknown += u64::from(record.timer().is_none());
        }
    }
}

/// Sockets of each family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FamilyCounts {
    /// IPv4, v4-mapped ones included.
    pub ipv4: u64,
    /// IPv6.
    pub ipv6: u64,
    /// Those of `ipv4` that are AF_INET6 sockets.
    pub mapped: u64,
}

impl FamilyCounts {
    /// Both families.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ipv4 + self.ipv6
    }
}

const SLOTS: usize = 16;

#[inline]
fn slot(state: TcpState) -> usize {
    match state {
        TcpState::Unknown(_) => 0,
        known => usize::from(known.number()),
    }
}
