//! What kernels do differently, and since which release: one table, asked wherever the difference matters.
//!
//! A parameter that came with a release, or later, proves it; where there is none the release tells. Distributions keep a
//! release's number and add features, so that a yes is sure and a no is likely.

use std::fmt;

/// Something that not every kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// Whether bound-and-idle sockets are in a dump that asks for them.
    ShowsIdle,
    /// Whether connect() leaves FIN_WAIT2 without a socket alone, whatever `tcp_tw_reuse` says.
    KeepsFinWait2,
    /// Whether `tcp_tw_reuse_delay` is there. Before, a TIME_WAIT is reused when the clock's second has changed.
    ReuseDelay,
    /// Whether a port is connect()'s again when the last socket that bind() chose it for has gone. Before, it stays out of
    /// reach for as long as any connection is on it.
    ReleasesPort,
    /// Whether IP_LOCAL_PORT_RANGE makes connect() look at every port in turn, not at one parity first.
    ScansOwnRange,
    /// Whether each namespace may have a table of its own, `tcp_ehash_entries`.
    OwnTable,
    /// Whether `ip_local_port_step_width` is there: connect() walks the range in steps of a random width.
    StepWidth,
}

impl Fact {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::OwnTable,
        Self::ShowsIdle,
        Self::ScansOwnRange,
        Self::KeepsFinWait2,
        Self::ReuseDelay,
        Self::ReleasesPort,
        Self::StepWidth,
    ];

    /// The first release that does it.
    #[must_use]
    pub const fn since(self) -> Release {
        match self {
            // net/ipv4/sysctl_net_ipv4.c, d1e5e6408b30
            Self::OwnTable => Release::new(6, 1),
            // net/ipv4/inet_diag.c, 91051f003948
            Self::ShowsIdle => Release::new(6, 8),
            // net/ipv4/inet_hashtables.c, 207184853dbd
            Self::ScansOwnRange => Release::new(6, 8),
            // net/ipv4/tcp_ipv4.c, 0d9e5df4a257
            Self::KeepsFinWait2 => Release::new(6, 12),
            // net/ipv4/sysctl_net_ipv4.c, ca6a6f93867a
            Self::ReuseDelay => Release::new(6, 14),
            // net/ipv4/inet_hashtables.c, d57f4b874946; also of 6.17.8
            Self::ReleasesPort => Release::new(6, 18),
            // net/ipv4/inet_hashtables.c, 7da62262ec96
            Self::StepWidth => Release::new(7, 1),
        }
    }

    /// The stable releases that brought it to older lines, by their changelogs.
    const fn backports(self) -> &'static [Release] {
        const fn stable(major: u32, minor: u32, patch: u32) -> Release {
            Release { major, minor, patch }
        }
        match self {
            Self::KeepsFinWait2 => {
                &const {
                    [
                        stable(4, 19, 323),
                        stable(5, 4, 285),
                        stable(5, 10, 227),
                        stable(5, 15, 168),
                        stable(6, 1, 113),
                        stable(6, 6, 55),
                        stable(6, 10, 14),
                        stable(6, 11, 3),
                    ]
                }
            }
            Self::ReleasesPort => &const { [stable(6, 17, 8)] },
            _ => &[],
        }
    }

    /// Whether this release does it; `None` where its line's stable releases do and it does not tell which of them it is.
    #[must_use]
    pub fn holds_in(self, release: Release) -> Option<bool> {
        if release >= self.since() {
            return Some(true);
        }
        match self.backports().iter().find(|first| (first.major, first.minor) == (release.major, release.minor)) {
            Some(_) if release.patch == 0 => None,
            first => Some(first.is_some_and(|first| release >= *first)),
        }
    }
}

/// A kernel's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Release {
    const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor, patch: 0 }
    }

    /// Reads what `uname -r` prints: `6.18.44`, `6.1.0-56-cloud-amd64`. Some distributions write no third number, or
    /// always 0.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
        Some(Self { major: numbers.next()?, minor: numbers.next()?, patch: numbers.next().unwrap_or(0) })
    }

    /// The same release with the third number that a distribution tells elsewhere: `#1 SMP Debian 6.1.192-2 (2026-11-01)`.
    #[must_use]
    pub fn with_patch_of(self, text: &str) -> Self {
        let mut words = text.split_ascii_whitespace().filter_map(Self::parse);
        let same_line = |other: &Self| (other.major, other.minor) == (self.major, self.minor);
        words.find(same_line).map_or(self, |other| self.max(other))
    }
}

/// `6.8`, or `6.17.8`.
impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn does(fact: Fact, release: &str) -> Option<bool> {
        fact.holds_in(Release::parse(release).unwrap())
    }

    #[test]
    fn a_release_is_read_as_distributions_write_it() {
        let read = |text| Release::parse(text).map(|release| release.to_string());
        assert_eq!(read("6.18.44-fc-v669").as_deref(), Some("6.18.44"));
        assert_eq!(read("6.1.0-56-cloud-amd64").as_deref(), Some("6.1"));
        assert_eq!(read("5.14.0-503.el9.x86_64\n").as_deref(), Some("5.14"));
        assert_eq!(read("7.3-rc7").as_deref(), Some("7.3"));
        assert_eq!((read(""), read("six"), read("6")), (None, None, None));
    }

    #[test]
    fn a_fact_holds_from_its_release_on() {
        let shows = ["6.7.12", "6.8.0", "10.0"].map(|text| does(Fact::ShowsIdle, text));
        assert_eq!(shows, [Some(false), Some(true), Some(true)]);
    }

    #[test]
    fn a_stable_line_may_have_it_earlier() {
        let released = ["6.17.7", "6.17.8", "6.17.13", "6.16.12", "6.18.0"].map(|text| does(Fact::ReleasesPort, text));
        assert_eq!(released, [false, true, true, false, true].map(Some));
    }

    #[test]
    fn a_distribution_hides_which_release_of_a_line_it_has_or_tells_it_elsewhere() {
        assert_eq!(does(Fact::KeepsFinWait2, "6.1.0-56-cloud-amd64"), None);
        assert_eq!(does(Fact::KeepsFinWait2, "5.14.0-503.el9"), Some(false), "a line that has no stable releases");
        let debian = |text| Release::parse("6.1.0-26-amd64").unwrap().with_patch_of(text);
        assert_eq!(debian("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-01)").to_string(), "6.1.192");
        assert_eq!(Fact::KeepsFinWait2.holds_in(debian("#1 SMP Debian 6.1.112-1 (2024-09-30)")), Some(false));
        assert_eq!(debian("#45~22.04.1 SMP 5.19 6.19.1").to_string(), "6.1", "no word of this line");
    }

    #[test]
    fn the_table_is_in_the_order_of_releases() {
        assert!(Fact::ALL.is_sorted_by_key(|fact| fact.since()));
    }
}
