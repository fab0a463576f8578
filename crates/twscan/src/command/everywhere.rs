use twscan_core::Error;
use twscan_core::capture::{RecordedSample, RecordedVisit};
use twscan_core::host::Host;
use twscan_core::netns::{Namespaces, NetnsName, Visit};
use twscan_core::report::{NamespacesReport, RefusedNetns};
use twscan_core::sample::Provenance;

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::namespaces::{Overview, Place};
use crate::render::{json, namespaces};

/// Notes what a document says of where it comes from.
pub(super) type Note<'n> = dyn Fn(&mut Provenance, &Host) + 'n;

/// Puts the same question to every network namespace, of the running kernel or of a recording, and prints a row for each,
/// the worst first.
pub(crate) fn run<R: Overview + Send>(
    config: &Config,
    read: impl Fn(&Host, &Note<'_>) -> Result<R, Failure> + Sync,
) -> Result<Status, Failure> {
    let recorded = config.recorded_everywhere();
    let from = config.recording_name();
    let mut seen = Seen::new(&recorded.map_or_else(|| config.host(), |sample| sample.host(from)));
    match recorded {
        Some(sample) => seen.replay(from, sample, read)?,
        None => seen.visit(config, read)?,
    }
    let Seen { mut report, mut read } = seen;
    read.sort_by(|(_, one), (_, other)| one.worst_first(other));
    report.complete = report.refused.is_empty() && read.iter().all(|(_, document)| document.header().complete);
    let status = Status::of_result(report.complete);
    let (places, documents): (Vec<_>, Vec<_>) = read.into_iter().unzip();
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

/// What came of the namespaces.
struct Seen<R> {
    report: NamespacesReport<R>,
    read: Vec<(Place, R)>,
}

impl<R: Overview + Send> Seen<R> {
    fn new(host: &Host) -> Self {
        let origin = Provenance::of(host);
        let mut report = NamespacesReport::new(origin.captured_at, origin.hostname, origin.kernel);
        report.replayed_from = origin.replayed_from;
        Self { report, read: Vec::new() }
    }

    fn visit(
        &mut self,
        config: &Config,
        read: impl Fn(&Host, &Note<'_>) -> Result<R, Failure> + Sync,
    ) -> Result<(), Failure> {
        let found = Namespaces::discover(config.host().procfs())?;
        self.report.unreadable_processes = found.unreadable();
        self.report.more_unseen = found.others().at_least;
        for (namespace, visit) in found.visit(|namespace| read(&config.host(), &note(namespace.name())))? {
            match visit {
                Visit::Read(outcome) => self.add(Place::of(namespace), namespace.inode(), outcome)?,
                Visit::Refused(error) => {
                    self.refuse(namespace.name().to_string(), namespace.inode(), Error::from(error).chain());
                }
                Visit::Idle => self.report.idle += 1,
                // It has ended meanwhile, as containers do.
                _ => {}
            }
        }
        Ok(())
    }

    fn replay(
        &mut self,
        from: &str,
        sample: &RecordedSample,
        read: impl Fn(&Host, &Note<'_>) -> Result<R, Failure>,
    ) -> Result<(), Failure> {
        let Some(namespaces) = sample.namespaces() else { return Ok(()) };
        self.report.unreadable_processes = namespaces.unreadable();
        self.report.more_unseen = namespaces.others().at_least;
        for netns in namespaces.iter() {
            match netns.visit() {
                RecordedVisit::Read(sample) => {
                    let outcome = read(&sample.host(from), &note(netns.name()));
                    self.add(Place::recorded(netns, from), netns.inode(), outcome)?;
                }
                visit @ (RecordedVisit::Refused(_) | RecordedVisit::Missing) => {
                    let reason = visit.why_not().unwrap_or_default();
                    self.refuse(netns.name().to_string(), netns.inode(), reason.to_owned());
                }
                RecordedVisit::Idle => self.report.idle += 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn add(&mut self, place: Place, inode: Option<u64>, outcome: Result<R, Failure>) -> Result<(), Failure> {
        match outcome {
            Ok(document) => self.read.push((place, document)),
            // That nothing was recorded of what is asked for is so for all of them.
            Err(Failure::Read(error)) if !matches!(error, Error::NotRecorded { .. }) => {
                self.refuse(place.name, inode, error.chain());
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn refuse(&mut self, name: String, inode: Option<u64>, reason: String) {
        self.report.refused.push(RefusedNetns::new(inode, name, reason));
    }
}

/// Notes the namespace's name; a container's whole id.
fn note(name: &NetnsName) -> impl Fn(&mut Provenance, &Host) {
    let name = name.container().map_or_else(|| name.to_string(), str::to_owned);
    move |provenance, _| provenance.netns.name = Some(name.clone())
}
