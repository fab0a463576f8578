use std::time::Duration;

use crate::socket::{SocketRecord, TcpState};

/// A tuple's closed connections by the seconds they still have: what is left of their ages when the walk is over.
///
/// Slot 0 is for those whose timer has run out and that the timer wheel has not come to yet (`expires` is 0 for up to two
/// seconds, more where the kernel ticks slower or faster than 250 times a second), slot `n` for those with more than `n - 1`
/// and at most `n` seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remaining {
    time_waits: Slots,
    minis: Option<Box<Slots>>,
    unknown: u32,
}

impl Remaining {
    /// TIME_WAITs by the seconds they still have.
    #[must_use]
    pub fn time_waits(&self) -> &[u32; SECONDS] {
        &self.time_waits.0
    }

    /// Closed connections of which the source does not tell how long they still have; they are in no slot.
    #[must_use]
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    /// When ports come back, counted from now: how many in each second.
    ///
    /// The wheel adds a second to a timer on average, so that slot `n` comes back in second `n`. FIN_WAIT2 mini-sockets
    /// are among them, by their own timer (`tcp_fin_timeout`): one whose peer closes after all stays a minute longer.
    #[must_use]
    pub fn releases(&self) -> [u32; SECONDS] {
        let mut releases = self.time_waits.0;
        if let Some(minis) = &self.minis {
            for (sum, mini) in releases.iter_mut().zip(minis.0) {
                *sum += mini;
            }
        }
        releases
    }

    /// When ports come back where a connect() takes over TIME_WAITs that are older than `delay`.
    #[must_use]
    pub fn releases_by_reuse(&self, delay: Duration) -> [u32; SECONDS] {
        let mut releases = [0; SECONDS];
        for (age, closed) in self.closings().into_iter().enumerate() {
            let age = Duration::from_secs(u64::try_from(age).unwrap_or(u64::MAX));
            if let Some(wait) = delay.checked_sub(age).filter(|wait| !wait.is_zero())
                && let Some(slot) =
                    usize::try_from((wait.as_millis() - 1) / 1000).ok().and_then(|n| releases.get_mut(n))
            {
                *slot += closed;
            }
        }
        if let Some(minis) = &self.minis {
            for (sum, mini) in releases.iter_mut().zip(minis.0) {
                *sum += mini;
            }
        }
        releases
    }

    /// Connections closed in each of the last seconds, the last one first, as far as their TIME_WAITs are still there. The
    /// last number is of those whose minute is over.
    ///
    /// A late segment of the other side arms the timer anew, so that its TIME_WAIT looks younger than it is.
    #[must_use]
    pub fn closings(&self) -> [u32; SECONDS - 1] {
        let mut closings = [0; SECONDS - 1];
        for (slot, count) in self.time_waits.0.into_iter().enumerate() {
            if let Some(sum) = closings.get_mut((SECONDS - 2).saturating_sub(slot)) {
                *sum += count;
            }
        }
        closings
    }

    /// Counts a TIME_WAIT or a FIN_WAIT2 mini-socket.
    #[inline]
    pub(super) fn add(&mut self, record: &SocketRecord<'_>) {
        match record.expires() {
            None => self.unknown += 1,
            Some(expires) if record.state() == TcpState::TimeWait => self.add_time_wait(expires),
            Some(expires) => self.add_mini(expires),
        }
    }

    fn add_time_wait(&mut self, expires: Duration) {
        self.time_waits.add(expires);
    }

    fn add_mini(&mut self, expires: Duration) {
        self.minis.get_or_insert_default().add(expires);
    }
}

/// Seconds that are told apart: what is overdue, the 60 of a TIME_WAIT, and what has longer, such as a FIN_WAIT2
/// mini-socket under a long `tcp_fin_timeout`.
pub const SECONDS: usize = 62;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slots([u32; SECONDS]);

impl Slots {
    #[inline]
    fn add(&mut self, expires: Duration) {
        let slot = usize::try_from(expires.as_millis().div_ceil(1000)).unwrap_or(usize::MAX).min(SECONDS - 1);
        if let Some(count) = self.0.get_mut(slot) {
            *count += 1;
        }
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self([0; SECONDS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remaining(milliseconds: &[u64]) -> Remaining {
        let mut remaining = Remaining::default();
        for expires in milliseconds {
            remaining.add_time_wait(Duration::from_millis(*expires));
        }
        remaining
    }

    #[test]
    fn what_remains_tells_when_it_began_and_when_it_ends() {
        let remaining = remaining(&[60_000, 59_001, 59_000, 1, 0, 0]);
        let closings = remaining.closings();
        assert_eq!((closings[0], closings[1], closings[59], closings[60]), (2, 1, 1, 2));
        let releases = remaining.releases();
        assert_eq!((releases[0], releases[1], releases[59], releases[60], releases[61]), (2, 1, 1, 2, 0));
    }

    #[test]
    fn a_longer_timer_than_a_minute_counts_as_just_closed() {
        assert_eq!(remaining(&[61_500, 900_000]).closings()[0], 2);
    }

    #[test]
    fn mini_sockets_come_back_by_their_own_timer_and_were_not_closed() {
        let mut remaining = remaining(&[30_000]);
        remaining.add_mini(Duration::from_secs(7));
        assert_eq!((remaining.releases()[7], remaining.releases()[30]), (1, 1));
        assert_eq!(remaining.closings().iter().sum::<u32>(), 1);
    }

    #[test]
    fn reuse_gives_back_what_is_younger_than_the_delay() {
        let remaining = remaining(&[60_000, 59_500, 58_500, 20_000]);
        let releases = remaining.releases_by_reuse(Duration::from_secs(1));
        assert_eq!((releases[0], releases.iter().sum::<u32>()), (2, 2));
        let slow = remaining.releases_by_reuse(Duration::from_secs(3));
        assert_eq!((slow[2], slow[1], slow.iter().sum::<u32>()), (2, 1, 3));
    }
}
