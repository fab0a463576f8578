//! Ports: the local port range and sets of ports.

use std::fmt;
use std::str::FromStr;

/// The ephemeral (local) port range, both ends included: `net.ipv4.ip_local_port_range`. One range serves IPv4, IPv6, TCP
/// and UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    low: u16,
    high: u16,
}

impl PortRange {
    /// A range from `low` to `high`; `None` where they are in the wrong order or `low` is 0.
    #[must_use]
    pub const fn new(low: u16, high: u16) -> Option<Self> {
        if low == 0 || low > high { None } else { Some(Self { low, high }) }
    }

    /// The lowest port.
    #[must_use]
    pub const fn low(self) -> u16 {
        self.low
    }

    /// The highest port.
    #[must_use]
    pub const fn high(self) -> u16 {
        self.high
    }

    /// How many ports there are in it.
    #[must_use]
    pub const fn size(self) -> u32 {
        self.high as u32 - self.low as u32 + 1
    }

    /// Whether the port lies in it.
    #[inline]
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.low <= port && port <= self.high
    }

    /// Whether connect() tries this port in its first pass: ports of `low`'s parity come first
    /// (net/ipv4/inet_hashtables.c, `__inet_hash_connect`).
    #[inline]
    #[must_use]
    pub const fn has_low_parity(self, port: u16) -> bool {
        (self.low ^ port) & 1 == 0
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.low, self.high))
    }
}

/// Reads `32768-60999`, and the kernel's own `32768\t60999`.
impl FromStr for PortRange {
    type Err = InvalidPorts;

    fn from_str(text: &str) -> Result<Self, InvalidPorts> {
        let invalid = || InvalidPorts { text: text.to_owned() };
        let (low, high) = text.trim().split_once(['-', '\t', ' ', ':']).ok_or_else(invalid)?;
        let (Ok(low), Ok(high)) = (low.trim().parse(), high.trim().parse()) else {
            return Err(invalid());
        };
        Self::new(low, high).ok_or_else(invalid)
    }
}

/// A set of ports, 8 KiB whatever is in it.
///
/// [`contains`](Self::contains) is asked for each socket of a dump, right after the kernel has had the cache to itself.
/// So the words of a kind, empty or full ones, are noted apart, in 256 bytes that stay at hand.
#[derive(Clone, PartialEq, Eq)]
pub struct PortSet(Box<Bits>);

impl PortSet {
    /// The set without a port.
    #[must_use]
    pub fn new() -> Self {
        Self(Box::new(Bits { words: [0; WORDS], some: [0; WORDS / 64], all: [0; WORDS / 64] }))
    }

    /// Adds a port; whether it was not there yet.
    #[inline]
    pub fn insert(&mut self, port: u16) -> bool {
        let (index, bit) = Self::place(port);
        self.change(index, |word| word | bit)
    }

    /// Takes a port out; whether it was there.
    #[inline]
    pub fn remove(&mut self, port: u16) -> bool {
        let (index, bit) = Self::place(port);
        self.change(index, |word| word & !bit)
    }

    /// Whether the port is in it.
    #[inline]
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        let (index, bit) = Self::place(port);
        let noted = |words: &[u64; WORDS / 64]| words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0);
        noted(&self.0.some) && (noted(&self.0.all) || self.0.words.get(index).is_some_and(|word| word & bit != 0))
    }

    /// How many ports are in it.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.0.words.iter().map(|word| word.count_ones()).sum()
    }

    /// How many of its ports are even.
    #[must_use]
    pub fn even(&self) -> u32 {
        self.0.words.iter().map(|word| (word & EVEN).count_ones()).sum()
    }

    /// Whether no port is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.words.iter().all(|word| *word == 0)
    }

    /// The ports in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        (0..=u16::MAX).step_by(64).zip(&self.0.words).flat_map(|(first, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                // Of a word that has a bit left, the lowest is one of 64.
                let bit = u16::try_from(left.trailing_zeros()).ok().filter(|_| left != 0)?;
                left &= left - 1;
                Some(first + bit)
            })
        })
    }

    /// The ports in it as runs from first to last, ascending.
    #[must_use]
    pub fn ranges(&self) -> Vec<(u16, u16)> {
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for port in self.iter() {
            match runs.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
                _ => runs.push((port, port)),
            }
        }
        runs
    }

    /// Adds every port of the other set.
    pub fn union_with(&mut self, other: &Self) {
        for (index, more) in other.0.words.iter().enumerate().filter(|(_, more)| **more != 0) {
            self.change(index, |word| word | more);
        }
    }

    /// Takes out every port of the other set.
    pub fn subtract(&mut self, other: &Self) {
        for (index, less) in other.0.words.iter().enumerate().filter(|(_, less)| **less != 0) {
            self.change(index, |word| word & !less);
        }
    }

    /// Changes a word and what is noted of it; whether it became another.
    #[inline]
    fn change(&mut self, index: usize, change: impl FnOnce(u64) -> u64) -> bool {
        let Some(word) = self.0.words.get_mut(index) else { return false };
        let before = std::mem::replace(word, change(*word));
        let (some, all) = (*word != 0, *word == u64::MAX);
        let bit = 1 << (index % 64);
        for (noted, is) in [(&mut self.0.some, some), (&mut self.0.all, all)] {
            if let Some(noted) = noted.get_mut(index / 64) {
                *noted = if is { *noted | bit } else { *noted & !bit };
            }
        }
        before != *word
    }

    #[inline]
    fn place(port: u16) -> (usize, u64) {
        (usize::from(port >> 6), 1 << (port & 63))
    }
}

impl Default for PortSet {
    fn default() -> Self {
        Self::new()
    }
}

impl From<PortRange> for PortSet {
    fn from(range: PortRange) -> Self {
        let mut set = Self::new();
        let ((first, low), (last, high)) = (Self::place(range.low), Self::place(range.high));
        for index in first..=last {
            // From the lowest port's bit up, and from the highest one's down.
            let from_low = if index == first { !(low - 1) } else { u64::MAX };
            let to_high = if index == last { high | (high - 1) } else { u64::MAX };
            set.change(index, |word| word | from_low & to_high);
        }
        set
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut set = Self::new();
        set.extend(ports);
        set
    }
}

impl Extend<u16> for PortSet {
    fn extend<I: IntoIterator<Item = u16>>(&mut self, ports: I) {
        for port in ports {
            self.insert(port);
        }
    }
}

/// Reads the form of `net.ipv4.ip_local_reserved_ports`: `8080,9000-9010`; an empty text is the empty set.
impl FromStr for PortSet {
    type Err = InvalidPorts;

    fn from_str(text: &str) -> Result<Self, InvalidPorts> {
        let mut set = Self::new();
        for part in text.trim().split(',').filter(|part| !part.trim().is_empty()) {
            let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
            match (first.parse::<u16>(), last.parse::<u16>()) {
                (Ok(first), Ok(last)) if first <= last => set.extend(first..=last),
                _ => return Err(InvalidPorts { text: part.trim().to_owned() }),
            }
        }
        Ok(set)
    }
}

/// The form of `net.ipv4.ip_local_reserved_ports`.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().into_iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortSet({self})")
    }
}

/// A bit for each port.
#[derive(Clone, PartialEq, Eq)]
struct Bits {
    words: [u64; WORDS],
    /// A bit for each word that has a port.
    some: [u64; WORDS / 64],
    /// A bit for each word that has all its ports.
    all: [u64; WORDS / 64],
}

/// A text that is no port, range or list of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no range of ports from 1 to 65535")]
pub struct InvalidPorts {
    text: String,
}

const WORDS: usize = 65536 / 64;
/// The even ones of a word's ports.
const EVEN: u64 = 0x5555_5555_5555_5555;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_both_forms() {
        let range: PortRange = "32768\t60999\n".parse().unwrap();
        assert_eq!((range.size(), range.to_string()), (28232, "32768-60999".to_owned()));
        assert_eq!("1024-65535".parse::<PortRange>().unwrap().size(), 64512);
        for wrong in ["", "1", "2-1", "0-5", "1-65536", "a-b", "1-2-3"] {
            assert!(wrong.parse::<PortRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sets_are_read_and_written_as_the_kernel_does() {
        let set: PortSet = "8080,9000-9002,65535\n".parse().unwrap();
        assert_eq!((set.len(), set.to_string()), (5, "8080,9000-9002,65535".to_owned()));
        assert!("".parse::<PortSet>().unwrap().is_empty());
        assert_eq!("5-3".parse::<PortSet>().unwrap_err().to_string(), "'5-3' is no range of ports from 1 to 65535");
    }

    #[test]
    fn a_range_is_the_set_of_its_ports() {
        for (low, high) in
            [(1, 1), (1, 65_535), (63, 64), (64, 127), (100, 110), (127, 128), (32_768, 60_999), (65_535, 65_535)]
        {
            let set = PortSet::from(PortRange::new(low, high).unwrap());
            assert_eq!(set, (low..=high).collect::<PortSet>(), "{low}-{high}");
            assert!(set.iter().eq(low..=high), "{low}-{high}");
            assert_eq!(set.even() as usize, (low..=high).filter(|port| port % 2 == 0).count(), "{low}-{high}");
            assert!((0..=u16::MAX).all(|port| set.contains(port) == (low..=high).contains(&port)), "{low}-{high}");
        }
        assert_eq!(PortSet::new().iter().count(), 0);
    }

    #[test]
    fn sets_add_and_subtract() {
        let mut set = PortSet::from(PortRange::new(10, 13).unwrap());
        set.subtract(&[11, 99].into_iter().collect());
        assert_eq!(set.iter().collect::<Vec<_>>(), [10, 12, 13]);
        set.union_with(&[0].into_iter().collect());
        assert_eq!(set.to_string(), "0,10,12-13");
        assert!(set.remove(0) && !set.remove(0) && !set.insert(10));
    }
}
