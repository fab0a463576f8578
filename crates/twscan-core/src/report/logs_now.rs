use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Serialize, Serializer};

use crate::budget::{LocalPorts, Zone};
use crate::judgement::{Judge, Verdict, Worst};
use crate::port::PortRange;
use crate::sample::Sample;

/// What a host has left to a destination that a log names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogsNow {
    /// `fast`, `slow`, `nearly-full` or `full`.
    #[serde(serialize_with = "name")]
    pub zone: Zone,
    /// Connections that fit now, from the source address with the fewest left.
    pub free: u32,
    /// Ports in the local port range.
    pub range_size: u32,
}

impl fmt::Display for LogsNow {
    /// `full now: 0 of 28232 local ports free`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = match self.zone {
            Zone::Full => "full",
            Zone::NearlyFull => "nearly full",
            Zone::Slow => "slow",
            Zone::Fast => "not full",
        };
        write!(f, "{zone} now: {} of {} local ports free", self.free, self.range_size)
    }
}

/// What a sample has left to each destination.
#[derive(Debug, Clone)]
pub struct FreePorts {
    rows: HashMap<SocketAddr, LogsNow>,
    elsewhere: Option<LogsNow>,
    verdict: Verdict,
}

impl FreePorts {
    /// What is left by this sample; of several sources to one destination what the one with the fewest ports has.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        let judge = Judge::of(sample);
        let rules = judge.ports().map_or(sample.destinations.rules(), LocalPorts::rules);
        let range_size = rules.range().map(PortRange::size);
        let (mut rows, mut worst) = (HashMap::new(), Worst::default());
        for (key, counts) in sample.destinations.iter() {
            let Some(space) = judge.group(&key, counts) else { continue };
            worst.observe(&space);
            if let Some(range_size) = range_size.filter(|_| space.is_told()) {
                let seen = LogsNow { zone: space.zone(), free: space.free(), range_size };
                let kept = rows.entry(space.destination()).or_insert(seen);
                *kept = LogsNow::fewer(*kept, seen);
            }
        }
        let free = rules.capacity();
        let zone = if free == 0 { Zone::Full } else { Zone::Fast };
        // Of a partial result a destination without a socket tells nothing.
        let range_size = range_size.filter(|_| sample.provenance.complete());
        let elsewhere = range_size.map(|range_size| LogsNow { zone, free, range_size });
        Self { rows, elsewhere, verdict: judge.verdict_on(&worst, None) }
    }

    /// The verdict on all destinations.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Whether no connection fits.
    #[must_use]
    pub fn is_full(&self, to: SocketAddr) -> bool {
        self.address(to).is_some_and(|now| now.zone == Zone::Full)
    }

    /// What is left to an address; to `localhost`, of the address with the fewest left. `None` for any other name: which
    /// sockets are meant is then unknown.
    #[must_use]
    pub fn to(&self, name: &str, port: u16) -> Option<LogsNow> {
        let of = |address: IpAddr| self.address(SocketAddr::new(address, port));
        match name.parse::<IpAddr>() {
            Ok(address) => of(address),
            Err(_) if name.eq_ignore_ascii_case("localhost") => {
                let both = of(Ipv4Addr::LOCALHOST.into()).zip(of(Ipv6Addr::LOCALHOST.into()));
                both.map(|(v4, v6)| LogsNow::fewer(v4, v6))
            }
            Err(_) => None,
        }
    }

    /// connect() takes the unspecified address for the loopback of its family.
    fn address(&self, to: SocketAddr) -> Option<LogsNow> {
        let address = match to.ip().to_canonical() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        self.rows.get(&SocketAddr::new(address, to.port())).copied().or(self.elsewhere)
    }
}

impl LogsNow {
    fn fewer(a: Self, b: Self) -> Self {
        if b.free < a.free { b } else { a }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn name<S: Serializer>(zone: &Zone, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}
