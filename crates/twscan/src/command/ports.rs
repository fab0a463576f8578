use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use twscan_core::budget::{LocalPorts, PortBudget};
use twscan_core::host::Host;
use twscan_core::port::PortSet;
use twscan_core::procfs::owner::Wanted;
use twscan_core::report::{BlockedOwner, PortsReport, sort_fullest_first};
use twscan_core::route::source_to;
use twscan_core::sample::{Provenance, Sampler};
use twscan_core::socket::{Family, SocketRecord, StateSet};
use twscan_core::tally::{Tally, Tuple};
use twscan_core::target::Target;

use super::everywhere::{self, Note};
use super::here;
use super::whose::whole_or_recorded;
use crate::Status;
use crate::config::{Config, Format, Ports};
use crate::failure::Failure;
use crate::render::{csv, json, ports};

pub(crate) fn run(config: &Config, asked: &Ports) -> Result<Status, Failure> {
    if config.everywhere {
        return everywhere::run(config, |host, note| Ok(report(config, asked, host, note)?.0));
    }
    let note = |provenance: &mut Provenance, host: &Host| here::note(provenance, host.procfs());
    let (report, hidden) = report(config, asked, &config.host(), &note)?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => ports::write(&report, hidden, config.stdout_is_terminal, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_budgets(&report.budgets, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}

/// The document, and how many budgets it leaves out.
fn report(config: &Config, asked: &Ports, host: &Host, note: &Note<'_>) -> Result<(PortsReport, usize), Failure> {
    let (target, source) = (asked.target.as_ref(), asked.source);
    let mut sample = Sampler::new(host).ports().take()?;
    note(&mut sample.provenance, host);
    let local = LocalPorts::of(&sample).ok_or(twscan_core::Error::NoPortRange)?;
    let wanted = |tuple: &Tuple| {
        let v4 = tuple.destination.is_ipv4();
        target.is_none_or(|target| target.contains(tuple.destination))
            && source.is_none_or(|source| source == tuple.source)
            && config.families.contain_family(if v4 { Family::V4 } else { Family::V6 })
    };
    let mut budgets: Vec<PortBudget> = local.budgets().filter(|budget| wanted(&budget.tuple())).collect();
    sort_fullest_first(&mut budgets);
    let found = budgets.len();
    budgets.truncate(asked.top.unwrap_or(found));
    if let Some(tuple) =
        new_tuple(config, host, &local, target, source)?.filter(|tuple| budgets.iter().all(|one| one.tuple() != *tuple))
    {
        // A destination that no socket goes to yet; what goes there from other addresses is of no use to it.
        if wanted(&tuple) {
            budgets.push(local.budget(&tuple));
        }
    }
    let hidden = found.saturating_sub(budgets.len());
    let mut report = PortsReport::new(&sample, &local, target.map(ToString::to_string), &budgets, asked.map);
    if asked.owners {
        report.blocked.owners = Some(blocked_by(host, &report.blocked.ports)?);
    }
    Ok((report, hidden))
}

/// The processes whose sockets hold these ports, by port.
fn blocked_by(host: &Host, ports: &[u16]) -> Result<Vec<BlockedOwner>, Failure> {
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

/// What a new connection to the target would be, where it is one destination.
pub(super) fn new_tuple(
    config: &Config,
    host: &Host,
    ports: &LocalPorts<'_>,
    target: Option<&Target>,
    source: Option<IpAddr>,
) -> Result<Option<Tuple>, Failure> {
    let Some((address, port)) = target.and_then(|target| target.address().zip(target.port_number())) else {
        return Ok(None);
    };
    let destination = SocketAddr::new(address, port);
    let source = match source {
        Some(source) => source,
        None if host.recorded().is_none() => source_to(destination)?,
        None if ports.budgets().any(|budget| budget.tuple().destination == destination) => return Ok(None),
        None => match recorded_source(ports, address) {
            Some(source) => source,
            // Of the other network namespaces one may know it.
            None if config.everywhere => return Ok(None),
            None => return Err(twscan_core::Error::NotRecorded { what: LOCAL_ADDRESS }.into()),
        },
    };
    Ok(Some(Tuple::new(source, destination)))
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
