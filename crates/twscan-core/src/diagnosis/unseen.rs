use std::fmt;

use super::case::Case;
use crate::forecast::MOST_FORECASTS;
use crate::host::Source;
use crate::sample::Incomplete;
use crate::socket::TcpState;

/// Something that a healthy verdict does not speak of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Unseen {
    /// Sockets that are missing, or may be.
    Sockets(Incomplete),
    /// So many other network namespaces; `None` where they were not counted.
    Namespaces(Option<usize>),
    /// NAT and firewalls beyond the host.
    Beyond,
    /// The owners of so many sockets.
    Owners(u64),
    /// Who owned a TIME_WAIT, and whether it had timestamps.
    TimeWaits,
    /// Ports that bind() holds.
    Binds,
    /// The future of all but the fullest destinations.
    Others,
    /// The ages of TIME_WAITs.
    Ages,
    /// The local port range.
    Range,
}

impl Unseen {
    pub(super) fn all(case: &Case<'_>) -> Vec<Self> {
        let (sample, facts) = (case.sample, case.facts);
        let mut forecast = case.tuples.iter().take(MOST_FORECASTS).map(|tuple| tuple.forecast.is_some());
        let all = [
            sample.provenance.incomplete.clone().map(Self::Sockets),
            (facts.unread_namespaces != Some(0)).then_some(Self::Namespaces(facts.unread_namespaces)),
            Some(Self::Beyond),
            (facts.unreadable_owners > 0).then_some(Self::Owners(facts.unreadable_owners)),
            (sample.states.of(TcpState::TimeWait).total() > 0).then_some(Self::TimeWaits),
            (sample.provenance.source == Some(Source::Procfs)).then_some(Self::Binds),
            (case.tuples.len() > MOST_FORECASTS).then_some(Self::Others),
            (!forecast.all(|known| known)).then_some(Self::Ages),
            case.ports.is_none().then_some(Self::Range),
        ];
        all.into_iter().flatten().collect()
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sockets(reason) => return write!(f, "sockets that are missing, or may be: {reason}"),
            Self::Namespaces(Some(1)) => "1 other network namespace",
            Self::Namespaces(Some(count)) => return write!(f, "{count} other network namespaces"),
            Self::Namespaces(None) => "other network namespaces, each with ports of its own",
            Self::Beyond => "NAT and firewalls beyond this host",
            Self::Owners(count) => return write!(f, "owners of {count} sockets (root would see them)"),
            Self::TimeWaits => "who owned a TIME_WAIT, and whether it had timestamps: the kernel keeps neither",
            Self::Binds => "ports held by bind(): /proc/net/tcp does not tell them",
            Self::Others => {
                return write!(f, "what is ahead of others than the {MOST_FORECASTS} fullest destinations");
            }
            Self::Ages => {
                "how old TIME_WAITs are, and so every rate: this recording does not tell (ss -o and netstat -o do)"
            }
            Self::Range => "local ports: the range could not be read",
        })
    }
}
