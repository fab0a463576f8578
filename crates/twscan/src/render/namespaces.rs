use std::cmp::Ordering;
use std::io::{self, Write};

use serde::Serialize;
use twscan_core::port::PortRange;
use twscan_core::report::{
    ByDestReport, Destination, DiagnoseReport, Header, NamespacesReport, PortsReport, SummaryReport,
};
use twscan_core::sample::Sample;
use twscan_core::tally::Role;

use super::place::Place;
use super::table::{Column, Columns, bar};
use super::verdict::{self, Fullest, Severity};
use super::wrap::INDENT;
use crate::failure::Failure;

/// What a row about a namespace shows of its document.
pub(crate) trait Overview: Serialize {
    fn header(&self) -> &Header;
    /// Sockets that the document is about; `None` where none were walked.
    fn sockets(&self) -> Option<u64>;
    fn time_wait(&self) -> Option<u64>;
    /// The outbound destination that has least left.
    fn fullest(&self) -> Option<Fullest>;
    /// Ports in the namespace's local port range.
    fn range_size(&self) -> Option<u32>;

    /// What a judging document says, and how bad it is.
    fn headline(&self) -> Option<(Severity, &str)> {
        None
    }

    /// By what is left, then by TIME_WAIT, then by sockets.
    fn worst_first(&self, other: &Self) -> Ordering {
        self.least_left_first(other)
    }

    fn least_left_first(&self, other: &Self) -> Ordering {
        let percent = |document: &Self| document.fullest().map_or(0.0, |row| row.percent);
        percent(other)
            .total_cmp(&percent(self))
            .then(other.time_wait().cmp(&self.time_wait()))
            .then(other.sockets().cmp(&self.sockets()))
    }
}

impl Overview for SummaryReport {
    fn header(&self) -> &Header {
        &self.header
    }

    fn sockets(&self) -> Option<u64> {
        let states = self.states.as_ref()?;
        Some(states.iter().filter_map(|(_, row)| row).map(|row| row.total).sum())
    }

    fn time_wait(&self) -> Option<u64> {
        self.time_wait.total.or(self.time_wait.sockstat_tw)
    }

    fn fullest(&self) -> Option<Fullest> {
        self.destinations.first().map(Fullest::from)
    }

    fn range_size(&self) -> Option<u32> {
        self.range_size
    }
}

impl Overview for ByDestReport {
    fn header(&self) -> &Header {
        &self.header
    }

    fn sockets(&self) -> Option<u64> {
        Some(self.matched)
    }

    fn time_wait(&self) -> Option<u64> {
        self.destinations.iter().map(|row| row.time_wait).sum()
    }

    fn fullest(&self) -> Option<Fullest> {
        let outbound = self.destinations.iter().filter(|row| row.role == Role::Outbound);
        outbound.min_by(|one, other| one.fullest_first(other)).map(Fullest::from)
    }

    fn range_size(&self) -> Option<u32> {
        self.destinations.iter().find_map(|row| row.range_size)
    }
}

impl Overview for PortsReport {
    fn header(&self) -> &Header {
        &self.header
    }

    fn sockets(&self) -> Option<u64> {
        Some(self.budgets.iter().map(|row| u64::from(row.used)).sum())
    }

    fn time_wait(&self) -> Option<u64> {
        self.budgets.iter().map(|row| row.time_wait.map(u64::from)).sum()
    }

    fn fullest(&self) -> Option<Fullest> {
        self.budgets.first().map(Fullest::from)
    }

    fn range_size(&self) -> Option<u32> {
        Some(self.range.size)
    }
}

/// A diagnosis, and what a row about its namespace shows beside it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Judged {
    report: DiagnoseReport,
    #[serde(skip)]
    seen: Seen,
}

#[derive(Debug)]
struct Seen {
    sockets: u64,
    time_wait: u64,
    fullest: Option<Fullest>,
    range_size: Option<u32>,
}

impl Judged {
    pub(crate) fn new(report: DiagnoseReport, sample: &Sample) -> Self {
        let outbound = Destination::outbound(sample);
        let seen = Seen {
            sockets: sample.states.total(),
            time_wait: sample.destinations.time_wait().total(),
            fullest: outbound.iter().min_by(|one, other| one.fullest_first(other)).map(Fullest::from),
            range_size: sample.settings.range.map(PortRange::size),
        };
        Self { report, seen }
    }
}

impl Overview for Judged {
    fn header(&self) -> &Header {
        &self.report.header
    }

    fn sockets(&self) -> Option<u64> {
        Some(self.seen.sockets)
    }

    fn time_wait(&self) -> Option<u64> {
        Some(self.seen.time_wait)
    }

    fn fullest(&self) -> Option<Fullest> {
        self.seen.fullest
    }

    fn range_size(&self) -> Option<u32> {
        self.seen.range_size
    }

    fn headline(&self) -> Option<(Severity, &str)> {
        Some((self.report.verdict.severity, &self.report.verdict.headline))
    }

    fn worst_first(&self, other: &Self) -> Ordering {
        other.report.verdict.severity.cmp(&self.report.verdict.severity).then(self.least_left_first(other))
    }
}

/// A row a namespace for people; the places belong to the documents in turn.
pub(crate) fn write<R: Overview>(
    report: &NamespacesReport<R>,
    places: &[Place],
    out: &mut impl Write,
) -> Result<(), Failure> {
    let rows: Vec<_> = places.iter().zip(&report.namespaces).collect();
    let headlines: Vec<_> = rows.iter().filter_map(|(place, row)| Some((place, row.headline()?))).collect();
    if !headlines.is_empty() {
        write_headlines(&headlines, out)?;
        writeln!(out)?;
    } else if let Some((place, worst)) = rows.first()
        && let Some(fullest) = worst.fullest()
        && worst.range_size().is_some()
    {
        verdict::write_on(&fullest, Some(place), out)?;
        writeln!(out)?;
    }
    let (matching, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| row.sockets() != Some(0));
    if !matching.is_empty() {
        write_rows(&matching, out)?;
        writeln!(out)?;
    }
    write_refused(report, out)?;
    let mut parts = vec![match report.namespaces.len() {
        1 => "1 network namespace read".to_owned(),
        count => format!("{count} network namespaces read"),
    }];
    if !others.is_empty() {
        parts.push(format!("{} of them without a match", others.len()));
    }
    if report.idle > 0 {
        parts.push(format!("{} without a TCP socket skipped", report.idle));
    }
    if report.more_unseen {
        parts.push("others may be hidden".to_owned());
    }
    writeln!(out, "{}", parts.join(", "))?;
    let time = report.captured_at.strftime("%H:%M:%SZ").to_string();
    let kernel = report.kernel.as_ref().map(|kernel| format!("kernel {kernel}"));
    let from = report.replayed_from.as_ref().map(|name| format!("from {name}"));
    let parts: Vec<_> = from.into_iter().chain(report.hostname.clone()).chain(kernel).chain([time]).collect();
    writeln!(out, "{}", parts.join(", "))?;
    Ok(super::finish(out)?)
}

/// The same rows for spreadsheets.
pub(crate) fn write_csv<R: Overview>(
    report: &NamespacesReport<R>,
    places: &[Place],
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "netns",
        "inode",
        "sockets",
        "time_wait",
        "source",
        "destination",
        "port",
        "ports_used",
        "range_size",
        "percent",
    ])?;
    let text = |value: Option<String>| value.unwrap_or_default();
    for (place, document) in places.iter().zip(&report.namespaces) {
        let fullest = document.fullest();
        writer.write_record([
            place.name.clone(),
            text(document.header().netns.inode.map(|inode| inode.to_string())),
            text(document.sockets().map(|count| count.to_string())),
            text(document.time_wait().map(|count| count.to_string())),
            text(fullest.and_then(|row| row.source).map(|address| address.to_string())),
            text(fullest.and_then(|row| row.destination).map(|address| address.to_string())),
            text(fullest.map(|row| row.port.to_string())),
            text(fullest.map(|row| row.used.to_string())),
            text(document.range_size().map(|size| size.to_string())),
            text(fullest.map(|row| format!("{:.3}", row.percent))),
        ])?;
    }
    Ok(writer.flush()?)
}

/// What is wrong in each namespace, or that nothing is.
fn write_headlines(headlines: &[(&&Place, (Severity, &str))], out: &mut impl Write) -> io::Result<()> {
    let wrong = || headlines.iter().filter(|(_, (severity, _))| *severity != Severity::Ok);
    for (place, (severity, text)) in wrong().take(HEADLINES) {
        verdict::write(*severity, &format!("netns {}: {text}", place.name), out)?;
        if let Some(reference) = &place.reference {
            writeln!(out, "{INDENT}Next: twscan diagnose -N {reference}")?;
        }
    }
    match wrong().count() {
        0 => verdict::write(Severity::Ok, "nothing wrong with local ports or TIME_WAIT in any netns read", out),
        count if count > HEADLINES => writeln!(out, "{INDENT}{} more network namespaces like these", count - HEADLINES),
        _ => Ok(()),
    }
}

fn write_rows<R: Overview>(rows: &[(&Place, &R)], out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::new(&[
        Column::Left("NETNS"),
        Column::Right("SOCKETS"),
        Column::Right("TIME_WAIT"),
        Column::Left("FULLEST"),
        Column::Right("USED"),
        Column::Left("OF RANGE"),
    ]);
    let shown = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    for (place, row) in rows {
        let fullest = row.fullest();
        columns.row([
            place.name.clone(),
            shown(row.sockets()),
            shown(row.time_wait()),
            fullest.map_or("-".to_owned(), |row| row.name()),
            shown(fullest.map(|row| row.used)),
            fullest.map_or("-".to_owned(), |row| bar(row.percent)),
        ]);
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Names what was not read, and says why of the first.
fn write_refused<R>(report: &NamespacesReport<R>, out: &mut impl Write) -> io::Result<()> {
    let Some(first) = report.refused.first() else { return Ok(()) };
    let count = report.refused.len();
    let mut names: Vec<_> = report.refused.iter().take(SHOWN_NAMES).map(|refused| refused.name.clone()).collect();
    if count > SHOWN_NAMES {
        names.push(format!("{} more", count - SHOWN_NAMES));
    }
    let what =
        if count == 1 { "1 network namespace was".to_owned() } else { format!("{count} network namespaces were") };
    verdict::write(Severity::Warning, &format!("{what} not read: {}", names.join(", ")), out)?;
    writeln!(out, "{INDENT}{}\n", first.reason)
}

/// The documents have them all.
const SHOWN_NAMES: usize = 8;

/// More would push the table off the screen.
const HEADLINES: usize = 10;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use twscan_core::report::RefusedNetns;
    use twscan_core::sample::Incomplete;

    use super::*;
    use crate::render::scene::{Scene, printed};

    fn report(documents: Vec<SummaryReport>) -> NamespacesReport<SummaryReport> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_531_987_418);
        let mut report = NamespacesReport::new(at, Some("web-1".to_owned()), Some("6.18.44".to_owned()));
        report.namespaces = documents;
        report
    }

    fn place(name: &str, reference: &str) -> Place {
        Place { name: name.to_owned(), reference: Some(reference.to_owned()) }
    }

    fn shown(report: &NamespacesReport<SummaryReport>, places: &[Place]) -> String {
        printed(|out| write(report, places, out).map_err(|failure| io::Error::other(failure.to_string())))
    }

    #[test]
    fn the_worst_namespace_makes_the_verdict() {
        let full = Scene::new().time_waits(28232, "10.0.0.2", "10.0.0.1:8080").sample();
        let calm =
            Scene::new().time_waits(3, "10.0.0.3", "10.0.0.1:443").socket(10, "0.0.0.0:80", "0.0.0.0:0").sample();
        let mut documents = vec![SummaryReport::new(&calm, 5), SummaryReport::new(&full, 5)];
        documents.sort_by(Overview::worst_first);
        let mut report = report(documents);
        report.idle = 14;
        let denied = || Incomplete::Recorded { reason: "it takes root".to_owned() };
        report.refused.extend((0..10).map(|number| RefusedNetns::new(None, format!("job-{number}"), denied())));
        report.more_unseen = true;
        insta::assert_snapshot!(shown(&report, &[place("0123456789ab", "4711"), place("host", "1")]));
    }

    #[test]
    fn nothing_but_idle_namespaces() {
        let mut report = report(Vec::new());
        report.idle = 2;
        insta::assert_snapshot!(shown(&report, &[]));
    }
}
