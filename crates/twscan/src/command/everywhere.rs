use twscan_core::Error;
use twscan_core::host::Host;
use twscan_core::netns::{Namespace, Namespaces, Visit};
use twscan_core::report::{NamespacesReport, RefusedNetns};
use twscan_core::sample::Provenance;

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::namespaces::{Overview, Place};
use crate::render::{json, namespaces};

/// Puts the same question to every network namespace, and prints a row for each, the worst first.
pub(crate) fn run<R: Overview + Send>(
    config: &Config,
    read: impl Fn(&dyn Fn(&mut Provenance, &Host)) -> Result<R, Failure> + Sync,
) -> Result<Status, Failure> {
    let host = config.host();
    let origin = Provenance::of(&host);
    let found = Namespaces::discover(host.procfs())?;
    let mut report = NamespacesReport::new(origin.captured_at, origin.hostname, origin.kernel);
    report.unreadable_processes = found.unreadable();
    report.more_unseen = found.others().at_least;
    let visits = found.visit(|namespace| read(&|provenance, _| note(provenance, namespace)))?;
    let mut seen = Vec::new();
    for (namespace, visit) in visits {
        let mut refuse = |reason: String| {
            report.refused.push(RefusedNetns::new(namespace.inode(), namespace.name().to_string(), reason));
        };
        match visit {
            Visit::Read(Ok(document)) => seen.push((Place::of(namespace), document)),
            Visit::Read(Err(Failure::Read(error))) => refuse(error.chain()),
            Visit::Read(Err(failure)) => return Err(failure),
            Visit::Refused(error) => refuse(Error::from(error).chain()),
            Visit::Idle => report.idle += 1,
            // It has ended meanwhile, as containers do.
            _ => {}
        }
    }
    seen.sort_by(|(_, one), (_, other)| one.worst_first(other));
    report.complete = report.refused.is_empty() && seen.iter().all(|(_, document)| document.header().complete);
    let status = Status::of_result(report.complete);
    let (places, documents): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    report.namespaces = documents;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => namespaces::write(&report, &places, &mut out)?,
        Format::Csv => namespaces::write_csv(&report, &places, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
    }
    Ok(status)
}

/// The namespace's name; a container's whole id.
fn note(provenance: &mut Provenance, namespace: &Namespace) {
    let name = namespace.name();
    provenance.netns.name = Some(name.container().map_or_else(|| name.to_string(), str::to_owned));
}
