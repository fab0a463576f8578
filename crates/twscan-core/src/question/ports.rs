use std::collections::BTreeSet;
use std::net::IpAddr;

use super::budgets::Meant;
use super::owners::whole_or_recorded;
use super::{Around, Question, evidence};
use crate::Error;
use crate::budget::LocalPorts;
use crate::host::Host;
use crate::port::PortSet;
use crate::procfs::owner::Wanted;
use crate::report::{BlockedOwner, PortsReport};
use crate::sample::Sampler;
use crate::socket::{Families, SocketRecord, StateSet};
use crate::tally::Tally;
use crate::target::Target;

/// Which local ports connect() may choose, and what each destination has left of them.
#[derive(Debug, Clone, Default)]
pub struct Ports {
    /// The destinations that are meant; `None` for all.
    pub target: Option<Target>,
    /// The local address that is meant; `None` for all.
    pub source: Option<IpAddr>,
    /// The families that are meant.
    pub families: Families,
    /// How many budgets to show; `None` for all.
    pub top: Option<usize>,
    /// Whether each budget says which ports are taken.
    pub map: bool,
    /// Whether to look for the processes that hold ports by bind().
    pub owners: bool,
}

impl Question for Ports {
    type Report = PortsReport;

    fn ask_around(&self, host: &Host, around: &Around) -> Result<PortsReport, Error> {
        let mut sample = evidence::take(host, &Sampler::new(host).ports())?;
        around.note(&mut sample.provenance, host);
        let local = LocalPorts::of(&sample).ok_or(Error::NoPortRange)?;
        let meant = Meant { target: self.target.as_ref(), source: self.source, families: self.families };
        let budgets = meant.budgets(host, around, &local)?;
        let target = self.target.as_ref().map(ToString::to_string);
        let mut report = PortsReport::new(&sample, &local, target, &budgets, self.top, self.map);
        if self.owners {
            report.blocked.owners = Some(blocked_by(host, &report.blocked.ports)?);
        }
        Ok(report)
    }
}

/// The processes whose sockets hold these ports, by port.
fn blocked_by(host: &Host, ports: &[u16]) -> Result<Vec<BlockedOwner>, Error> {
    let ports: PortSet = ports.iter().copied().collect();
    let (mut wanted, mut holders) = (Wanted::default(), BTreeSet::new());
    // A TIME_WAIT has no owner.
    let live = StateSet::from_bits(StateSet::PORT_HOLDERS.bits() & !StateSet::TIME_WAIT.bits());
    let outcome = host.sockets(live, &[])?.observe(&mut |record: &SocketRecord<'_>| {
        if ports.contains(record.local_port())
            && let Some(key) = record.owner_key()
        {
            wanted.observe(record);
            holders.insert((record.local_port(), key));
        }
    });
    whole_or_recorded(outcome)?;
    let owners = host.owners(&wanted)?;
    let mut rows: Vec<_> = holders
        .iter()
        .flat_map(|(port, key)| owners.of(*key).map(|process| BlockedOwner::new(*port, process)))
        .collect();
    // A listener and what it accepted are one process on one port.
    rows.dedup_by_key(|row| (row.port, row.owner.pid));
    Ok(rows)
}
