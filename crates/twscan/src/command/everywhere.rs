use twscan_core::Error;
use twscan_core::host::{Host, Namespaces, Visit};
use twscan_core::netns::NetnsName;
use twscan_core::report::{NamespacesReport, RefusedNetns};
use twscan_core::sample::Provenance;

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::namespaces::Overview;
use crate::render::place::Place;
use crate::render::{json, namespaces};

/// Notes what a document says of where it comes from.
pub(super) type Note<'n> = dyn Fn(&mut Provenance, &Host) + 'n;

/// Puts the same question to every network namespace, of the running kernel or of a recording, and prints a row for each,
/// the worst first.
pub(crate) fn run<R: Overview + Send>(
    config: &Config,
    read: impl Fn(&Host, &Note<'_>) -> Result<R, Failure> + Sync,
) -> Result<Status, Failure> {
    let host = config.host_everywhere();
    let origin = Provenance::of(&host);
    let mut report = NamespacesReport::new(origin.captured_at, origin.hostname, origin.kernel);
    report.replayed_from = origin.replayed_from;
    let found = Namespaces::of(&host)?;
    report.unreadable_processes = found.unreadable();
    report.more_unseen = found.others().at_least;
    let mut rows = Vec::new();
    for (namespace, visit) in found.visit(|namespace, host| read(host, &note(namespace.name())))? {
        let refusal = match visit {
            Visit::Read(Ok(document)) => {
                rows.push((Place::of(namespace, report.replayed_from.as_deref()), document));
                continue;
            }
            // That nothing was recorded of what is asked for is so for all of them.
            Visit::Read(Err(Failure::Read(error))) if !matches!(error, Error::NotRecorded { .. }) => error,
            Visit::Read(Err(failure)) => return Err(failure),
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
    rows.sort_by(|(_, one), (_, other)| one.worst_first(other));
    report.complete = report.refused.is_empty() && rows.iter().all(|(_, document)| document.header().complete);
    let status = Status::of_result(report.complete);
    let (places, documents): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
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

/// Notes the namespace's name; a container's whole id.
fn note(name: &NetnsName) -> impl Fn(&mut Provenance, &Host) {
    let name = name.container().map_or_else(|| name.to_string(), str::to_owned);
    move |provenance, _| provenance.netns.name = Some(name.clone())
}
