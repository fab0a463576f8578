use super::{Reuse, ReusePolicy};
use crate::port::PortRange;
use crate::socket::{SocketRecord, TcpState};

/// What holds a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// A live socket.
    Live,
    /// A FIN_WAIT2 mini-socket.
    FinWait2Mini(Reuse),
    /// A TIME_WAIT.
    TimeWait(Reuse),
}

impl Hold {
    /// What a connected socket is to its port.
    #[inline]
    #[must_use]
    pub fn of(record: &SocketRecord<'_>, policy: ReusePolicy) -> Self {
        if record.state() == TcpState::TimeWait {
            Self::TimeWait(policy.verdict(record))
        } else if record.is_fin_wait2_mini() {
            Self::FinWait2Mini(policy.verdict(record))
        } else {
            Self::Live
        }
    }

    /// Whether a connect() to the same destination takes the port over.
    #[inline]
    #[must_use]
    pub fn reuse(self) -> Reuse {
        match self {
            Self::Live => Reuse::No,
            Self::FinWait2Mini(reuse) | Self::TimeWait(reuse) => reuse,
        }
    }
}

/// The ports of the range that one tuple holds, each with what holds it.
///
/// A few are a sorted list, many a table of the range: at most two bytes a port of the range, and no more than a fixed
/// number of bytes for each socket.
#[derive(Debug, Clone)]
pub struct HeldPorts {
    low: u16,
    holds: Holds,
}

#[derive(Debug, Clone)]
enum Holds {
    Few(Vec<(u16, Hold)>),
    Many { count: u32, table: Box<[Option<Hold>]> },
}

impl HeldPorts {
    /// Holds nothing of the range.
    #[must_use]
    pub fn new(range: PortRange) -> Self {
        Self { low: range.low(), holds: Holds::Few(Vec::new()) }
    }

    /// Notes a port of the range; whether it was not held yet. Of two sockets on one port, the one that keeps it counts.
    pub fn insert(&mut self, range: PortRange, port: u16, hold: Hold) -> bool {
        if let Holds::Few(few) = &mut self.holds {
            match few.binary_search_by_key(&port, |(held, _)| *held) {
                Ok(place) => {
                    if let Some((_, held)) = few.get_mut(place) {
                        *held = stronger(*held, hold);
                    }
                    return false;
                }
                Err(place) if few.len() < FEW => {
                    few.insert(place, (port, hold));
                    return true;
                }
                Err(_) => self.spread(range),
            }
        }
        let Holds::Many { count, table } = &mut self.holds else { return false };
        let Some(slot) = port.checked_sub(self.low).and_then(|index| table.get_mut(usize::from(index))) else {
            return false;
        };
        let new = slot.is_none();
        *count += u32::from(new);
        *slot = Some(slot.map_or(hold, |held| stronger(held, hold)));
        new
    }

    /// What holds a port.
    #[must_use]
    pub fn get(&self, port: u16) -> Option<Hold> {
        match &self.holds {
            Holds::Few(few) => {
                let place = few.binary_search_by_key(&port, |(held, _)| *held).ok()?;
                few.get(place).map(|(_, hold)| *hold)
            }
            Holds::Many { table, .. } => *table.get(usize::from(port.checked_sub(self.low)?))?,
        }
    }

    /// How many ports are held.
    #[must_use]
    pub fn len(&self) -> u32 {
        match &self.holds {
            Holds::Few(few) => u32::try_from(few.len()).unwrap_or(u32::MAX),
            Holds::Many { count, .. } => *count,
        }
    }

    /// Whether no port is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ports with what holds them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Hold)> {
        let (few, many): (&[_], &[_]) = match &self.holds {
            Holds::Few(few) => (few, &[]),
            Holds::Many { table, .. } => (&[], table),
        };
        let many = (self.low..=u16::MAX).zip(many).filter_map(|(port, hold)| Some((port, (*hold)?)));
        few.iter().copied().chain(many)
    }

    fn spread(&mut self, range: PortRange) {
        let mut table = vec![None; usize::try_from(range.size()).unwrap_or(0)].into_boxed_slice();
        let count = self.len();
        for (port, hold) in self.iter() {
            if let Some(slot) = table.get_mut(usize::from(port - self.low)) {
                *slot = Some(hold);
            }
        }
        self.holds = Holds::Many { count, table };
    }
}

fn stronger(held: Hold, other: Hold) -> Hold {
    if other.reuse() < held.reuse() { other } else { held }
}

/// The list's greatest length: an insertion moves at most 2 KiB.
const FEW: usize = 512;
const _: () = assert!(size_of::<Option<Hold>>() == 2 && size_of::<(u16, Hold)>() == 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_has_grown_into_a_table_holds_the_same() {
        let range = PortRange::new(40_000, 41_999).unwrap();
        let mut held = HeldPorts::new(range);
        let mut expected = Vec::new();
        for step in 0..2000u16 {
            // 7 and 2000 have no common divisor, so each port comes once.
            let port = 40_000 + (step * 7) % 2000;
            if port % 3 != 0 {
                let hold = if port % 2 == 0 { Hold::Live } else { Hold::TimeWait(Reuse::Yes) };
                assert!(held.insert(range, port, hold));
                assert!(!held.insert(range, port, hold));
                expected.push((port, hold));
            }
        }
        expected.sort_by_key(|(port, _)| *port);
        assert_eq!(held.iter().collect::<Vec<_>>(), expected);
        assert_eq!(held.len() as usize, expected.len());
        assert_eq!((held.get(40_001), held.get(40_002)), (Some(Hold::TimeWait(Reuse::Yes)), None));
        assert_eq!((held.get(39_999), held.get(42_000)), (None, None));
    }

    #[test]
    fn of_two_sockets_on_a_port_the_one_that_keeps_it_counts() {
        let range = PortRange::new(40_000, 40_001).unwrap();
        let mut held = HeldPorts::new(range);
        held.insert(range, 40_000, Hold::TimeWait(Reuse::Yes));
        held.insert(range, 40_000, Hold::Live);
        held.insert(range, 40_000, Hold::TimeWait(Reuse::Unlikely));
        assert_eq!(held.iter().collect::<Vec<_>>(), [(40_000, Hold::Live)]);
    }
}
