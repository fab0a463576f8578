use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Demand;
use crate::budget::PortBudget;
use crate::sample::Sample;
use crate::socket::is_loopback;
use crate::tally::PortUse;

/// Connections from a source to a destination; `None` is any.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Route {
    /// The local address.
    pub source: Option<IpAddr>,
    /// The remote address.
    pub destination: Option<IpAddr>,
    /// The remote port.
    pub port: Option<u16>,
    /// The index of the interface that the sockets are bound to; 0 for none.
    pub interface: u32,
    /// The usable ports that its sockets hold.
    pub ports: PortUse,
    /// What it has to bear.
    pub demand: Demand,
}

impl Route {
    /// Of a budget of this sample.
    #[must_use]
    pub fn of(sample: &Sample, budget: &PortBudget) -> Self {
        let tuple = budget.tuple();
        Self {
            source: Some(tuple.source),
            destination: Some(tuple.destination.ip()),
            port: Some(tuple.destination.port()),
            interface: tuple.interface,
            ports: budget.ports(),
            demand: Demand::seen(sample, budget),
        }
    }

    /// The same where so many connections a second are to be borne, whatever comes now: today's TIME_WAITs are of another
    /// rate, and end.
    #[must_use]
    pub fn asked(self, per_second: f64) -> Self {
        let ports = PortUse { time_wait: 0, reusable: 0, reuse_unknown: 0, ..self.ports };
        Self { ports, demand: Demand::of(per_second), ..self }
    }

    /// The remote address and port, where both are told.
    #[must_use]
    pub fn to(&self) -> Option<SocketAddr> {
        self.destination.zip(self.port).map(SocketAddr::from)
    }

    /// Whether `tcp_tw_reuse=2` applies, as in [`SocketRecord::is_loopback`](crate::socket::SocketRecord::is_loopback); not
    /// where the address may be any.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = |address: Option<IpAddr>| address.map_or(Ipv4Addr::UNSPECIFIED.into(), |ip| ip.to_canonical());
        is_loopback(self.interface, [address(self.source), address(self.destination)])
    }
}
