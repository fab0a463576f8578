use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{Around, evidence};
use crate::Error;
use crate::budget::LocalPorts;
use crate::host::Host;
use crate::report::Budgets;
use crate::sample::{Sample, Sampler};
use crate::socket::Families;
use crate::tally::Tuple;
use crate::target::Target;

/// Which budgets are meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meant<'q> {
    pub(super) target: Option<&'q Target>,
    pub(super) source: Option<IpAddr>,
    pub(super) families: Families,
}

impl Meant<'_> {
    fn contains(&self, tuple: &Tuple) -> bool {
        self.target.is_none_or(|target| target.contains(tuple.destination))
            && self.source.is_none_or(|source| source == tuple.source)
            && self.families.contain_address(tuple.destination.ip())
    }

    /// The budgets of sockets, and what a new connection would have where a single destination is meant.
    pub(super) fn budgets(&self, host: &Host, around: &Around, ports: &LocalPorts<'_>) -> Result<Budgets, Error> {
        let rows: Vec<_> = ports.budgets().filter(|budget| self.contains(&budget.tuple())).collect();
        let new = match self.new_tuple(host, around, ports) {
            // Sockets are there, whatever a new connection would meet.
            Err(Error::Route { .. }) if !rows.is_empty() => None,
            found => found?,
        };
        let new = new.filter(|tuple| self.contains(tuple) && rows.iter().all(|one| one.tuple() != *tuple));
        Ok(Budgets::new(rows, new.map(|tuple| ports.budget(&tuple))))
    }

    /// Between which addresses a new connection to the target would be, where that is one destination.
    fn new_tuple(&self, host: &Host, around: &Around, ports: &LocalPorts<'_>) -> Result<Option<Tuple>, Error> {
        let Some((address, port)) = self.target.and_then(|target| target.address().zip(target.port_number())) else {
            return Ok(None);
        };
        let destination = SocketAddr::new(address, port);
        let source = match self.source {
            Some(source) => source,
            None if host.recorded().is_none() => source_to(destination)?,
            None if ports.budgets().any(|budget| budget.tuple().destination == destination) => return Ok(None),
            None => match recorded_source(ports, address) {
                Some(source) => source,
                // Of the other network namespaces one may know it.
                None if *around != Around::Here => return Ok(None),
                None => return Err(Error::NotRecorded { what: LOCAL_ADDRESS }),
            },
        };
        Ok(Some(Tuple::new(source, destination)))
    }
}

/// A sample for ports, and the one before: of the recording, or of an interval earlier.
pub(super) fn samples(
    host: &Host,
    earlier: Option<&Host>,
    interval: Option<Duration>,
) -> Result<(Sample, Option<Sample>), Error> {
    let sampler = Sampler::new(host).ports();
    if let Some(earlier) = earlier {
        let earlier = Sampler::new(earlier).ports().take()?;
        return Ok((evidence::take(host, &sampler)?, Some(earlier)));
    }
    let first = evidence::take(host, &sampler)?;
    Ok(match interval.filter(|_| host.recorded().is_none()) {
        None => (first, None),
        Some(interval) => {
            std::thread::sleep(interval);
            (evidence::take(host, &sampler)?, Some(first))
        }
    })
}

#[cfg(all(feature = "live", target_os = "linux"))]
fn source_to(destination: SocketAddr) -> Result<IpAddr, Error> {
    crate::route::source_to(destination)
}

#[cfg(not(all(feature = "live", target_os = "linux")))]
fn source_to(_: SocketAddr) -> Result<IpAddr, Error> {
    Err(Error::NotRecorded { what: LOCAL_ADDRESS })
}

/// The source address of connections to there when the recording was made. Routes are not recorded; that of another
/// connection to the same address is the same, and so is the loopback's on every host.
fn recorded_source(ports: &LocalPorts<'_>, address: IpAddr) -> Option<IpAddr> {
    let to_there = ports.budgets().map(|budget| budget.tuple()).filter(|tuple| tuple.destination.ip() == address);
    let sources: BTreeSet<IpAddr> = to_there.map(|tuple| tuple.source).collect();
    match (address, sources.first()) {
        (_, Some(source)) if sources.len() == 1 => Some(*source),
        (IpAddr::V4(v4), _) if v4.is_loopback() => Some(Ipv4Addr::LOCALHOST.into()),
        (IpAddr::V6(Ipv6Addr::LOCALHOST), _) => Some(address),
        _ => None,
    }
}

const LOCAL_ADDRESS: &str = "the local address of connections to where no socket went; ports --source says it";
