//! What a diagnosis may know besides its samples: logs, owners, other network namespaces.

use std::net::SocketAddr;
use std::path::PathBuf;

use twscan_core::diagnosis::{Facts, NamespaceFact, OwnerFact};
use twscan_core::filter::Filter;
use twscan_core::host::{Host, Namespaces, Visit};
use twscan_core::log::{LogOptions, LogTally, open};
use twscan_core::netns::{Namespace, NetnsName};
use twscan_core::port::PortRange;
use twscan_core::procfs::{CounterFile, ProcFs};
use twscan_core::sample::Sample;
use twscan_core::socket::{StateSet, TcpState};
use twscan_core::tally::{DestinationCounts, DestinationKey, Role};

use super::services;
use super::whose::Whose;
use crate::failure::Failure;

/// Reads the logs, and whatever else may be read without being asked for.
pub(super) fn collect(host: &Host, sample: &Sample, logs: &[PathBuf]) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    facts.unread_namespaces = sample.provenance.other_netns.map(|others| others.found);
    for path in logs {
        let read = open(path, LogOptions::new()).and_then(|mut reader| {
            let mut tally = LogTally::new();
            while let Some(event) = reader.next_event()? {
                tally.observe(&event);
            }
            Ok(tally)
        });
        let tally = read.map_err(|cause| Failure::Read(twscan_core::Error::ReadFile { path: path.clone(), cause }))?;
        facts.add_log(&tally);
    }
    facts.services = services::of(host, sample).map_err(Failure::Read)?;
    facts.ipv6_loopback = host.procfs().ipv6_loopback();
    add_namespaces(host, &mut facts);
    Ok(facts)
}

/// The local port ranges of the other namespaces, as far as the reader may enter them, or that were recorded together.
fn add_namespaces(host: &Host, facts: &mut Facts) {
    let Ok(found) = Namespaces::of(host) else { return };
    let others = found.iter().filter(|namespace| !namespace.is_current()).count();
    if others == 0 || others > MOST_NAMESPACES {
        return;
    }
    let Ok(visits) = found.visit(|_, host| Seen::of(host.procfs())) else { return };
    let mut unread = 0;
    for (namespace, visit) in visits.into_iter().filter(|(namespace, _)| !namespace.is_current()) {
        match visit {
            Visit::Read(seen) => facts.namespaces.push(seen.fact(namespace)),
            Visit::Refused(_) => unread += 1,
            _ => {}
        }
    }
    // Their ranges were read; their sockets were not.
    facts.unread_namespaces = Some(facts.namespaces.len() + unread);
}

/// What another namespace's files tell.
struct Seen {
    range: Option<PortRange>,
    sockets: u64,
}

impl Seen {
    fn of(procfs: &ProcFs) -> Self {
        let range = procfs.port_range().ok().flatten();
        let counters = procfs.counters_of(&[CounterFile::Sockstat, CounterFile::Sockstat6]).unwrap_or_default();
        let sockets = [counters.tcp_inuse, counters.tcp6_inuse, counters.tcp_tw].into_iter().flatten().sum();
        Self { range, sockets }
    }

    fn fact(self, namespace: &Namespace) -> NamespaceFact {
        let mut fact = NamespaceFact::new(namespace.name().to_string(), self.range);
        fact.inode = namespace.inode();
        fact.initial = *namespace.name() == NetnsName::Host;
        fact.sockets = self.sockets;
        fact
    }
}

/// Whose the sockets of the destinations are.
pub(super) fn add_owners(host: &Host, sample: &Sample, facts: &mut Facts) -> Result<(), Failure> {
    let roles = sample.destinations.roles();
    let whose = Whose::find(host, roles, StateSet::ALL, &Filter::default(), |_, _| true)?;
    facts.unreadable_owners = u64::try_from(whose.owners().unowned(whose.live().wanted())).unwrap_or(u64::MAX);
    for (key, counts) in sample.destinations.iter() {
        facts.owners.extend(owner(&whose, &key, counts, None));
        for state in [TcpState::CloseWait, TcpState::FinWait2] {
            if counts.of(state) > 0 {
                facts.owners.extend(owner(&whose, &key, counts, Some(state)));
            }
        }
    }
    Ok(())
}

/// The process that has most of a group's sockets.
fn owner(
    whose: &Whose,
    key: &DestinationKey,
    counts: &DestinationCounts,
    state: Option<TcpState>,
) -> Option<OwnerFact> {
    let asked = state.map_or(StateSet::ALL, StateSet::of);
    let closed = counts.of(TcpState::TimeWait) + u64::from(counts.fin_wait2_mini);
    let ownerless = if state.is_some() { 0 } else { closed };
    let shares = whose.live().shares(key, asked, ownerless, whose.owners());
    let share = shares.first()?;
    let inbound = key.role == Role::Inbound;
    let mut fact = OwnerFact::new(format!("{}[{}]", share.process.name, share.process.pid), share.sockets);
    fact.destination = key.destination.map(|address| SocketAddr::new(address, key.port));
    fact.local_port = inbound.then_some(key.port);
    fact.state = state;
    // Where most have no owner any more, the live ones' is the likely one.
    fact.likely = share.likely || ownerless > share.sockets;
    Some(fact)
}

/// With more, entering each would take longer than the diagnosis.
const MOST_NAMESPACES: usize = 64;
