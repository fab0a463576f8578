use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Serialize, Serializer};

use super::Destination;
use crate::budget::{LocalPorts, Zone};
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

/// What a sample has left to each destination.
#[derive(Debug, Clone)]
pub struct FreePorts {
    rows: HashMap<SocketAddr, LogsNow>,
    elsewhere: Option<LogsNow>,
}

impl FreePorts {
    /// The budgets of a sample; of several sources to one destination the one with the fewest ports left.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        let ports = LocalPorts::of(sample);
        let rules = ports.as_ref().map_or(sample.destinations.rules(), LocalPorts::rules);
        let mut rows = HashMap::new();
        for row in Destination::outbound(sample) {
            let key = row.destination.map(|address| SocketAddr::new(address, row.port));
            let now = row.zone.zip(row.free).zip(row.range_size);
            if let (Some(key), Some(((zone, free), range_size))) = (key, now) {
                let seen = LogsNow { zone, free, range_size };
                let kept = rows.entry(key).or_insert(seen);
                *kept = LogsNow::fewer(*kept, seen);
            }
        }
        let free = rules.capacity();
        let zone = if free == 0 { Zone::Full } else { Zone::Fast };
        // Of a partial result a destination without a socket tells nothing.
        let range = rules.range().filter(|_| sample.provenance.complete());
        let elsewhere = range.map(|range| LogsNow { zone, free, range_size: range.size() });
        Self { rows, elsewhere }
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
