use super::{Around, Question};
use crate::Error;
use crate::diagnosis::{Facts, NamespaceFact};
use crate::host::{Host, Namespaces, Visit};
use crate::netns::{Namespace, NetnsName};
use crate::port::PortRange;
use crate::procfs::{CounterFile, ProcFs};
use crate::report::{NamespacesReport, RefusedNetns};
use crate::sample::Provenance;

/// Puts a question to every network namespace of a host, of the running kernel or of a recording: a document for each
/// that has a socket, the worst first.
///
/// # Errors
/// Where the namespaces cannot be found, or nothing was recorded of what is asked for. A namespace that cannot be entered
/// or read is no error: the report names it.
pub fn everywhere<Q>(question: &Q, host: &Host) -> Result<NamespacesReport<Q::Report>, Error>
where
    Q: Question + Sync,
    Q::Report: Send,
{
    let origin = Provenance::of(host);
    let found = Namespaces::of(host)?;
    let mut report = NamespacesReport::new(&origin);
    report.unreadable_processes = found.unreadable();
    report.more_unseen = found.others().at_least;
    let mut rows = Vec::new();
    let visits = found.visit(|namespace, host| question.ask_around(host, &Around::one_of_all(namespace)))?;
    for (namespace, visit) in visits {
        let refusal = match visit {
            Visit::Read(Ok(document)) => {
                rows.push((namespace.name().to_string(), document));
                continue;
            }
            // That nothing was recorded of what is asked for is so for all of them.
            Visit::Read(Err(error)) if matches!(error, Error::NotRecorded { .. }) => return Err(error),
            Visit::Read(Err(error)) => error,
            Visit::Refused(error) => error.into(),
            Visit::Idle => {
                report.idle += 1;
                continue;
            }
            // It has ended meanwhile, as containers do.
            _ => continue,
        };
        report.refused.push(RefusedNetns::new(namespace.inode(), namespace.name().to_string(), refusal));
    }
    report.add(rows);
    Ok(report)
}

/// Adds the local port ranges of the other namespaces, as far as the reader may enter them, or that were recorded together.
pub(super) fn add_ranges(host: &Host, facts: &mut Facts) {
    let Ok(found) = Namespaces::of(host) else { return };
    let others = found.iter().filter(|namespace| !namespace.is_current()).count();
    if others == 0 || others > MAX_NAMESPACES {
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

/// With more, entering each would take longer than the diagnosis.
const MAX_NAMESPACES: usize = 64;
