use std::io::{self, Write};

use twscan_core::judgement::Verdict;
use twscan_core::report::{Document, NamespacesReport};

use super::table::{Column, Columns, bar};
use super::verdict::{self, Severity};
use super::wrap::INDENT;
use crate::failure::Failure;

/// A row a namespace for people.
pub(crate) fn write<R: Document>(report: &NamespacesReport<R>, out: &mut impl Write) -> Result<(), Failure> {
    let rows: Vec<_> = report.names.iter().zip(&report.namespaces).collect();
    write_verdicts(report, &rows, out)?;
    writeln!(out)?;
    let (matching, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| row.overview().sockets != Some(0));
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
pub(crate) fn write_csv<R: Document>(report: &NamespacesReport<R>, out: &mut impl Write) -> Result<(), Failure> {
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
    for (name, document) in report.names.iter().zip(&report.namespaces) {
        let overview = document.overview();
        let fullest = overview.fullest;
        writer.write_record([
            name.clone(),
            text(document.header().netns.inode.map(|inode| inode.to_string())),
            text(overview.sockets.map(|count| count.to_string())),
            text(overview.time_wait.map(|count| count.to_string())),
            text(fullest.and_then(|row| row.source).map(|address| address.to_string())),
            text(fullest.and_then(|row| row.destination).map(|address| address.to_string())),
            text(fullest.map(|row| row.port.to_string())),
            text(fullest.map(|row| row.used.to_string())),
            text(overview.range_size.map(|size| size.to_string())),
            text(fullest.map(|row| format!("{:.3}", row.percent))),
        ])?;
    }
    Ok(writer.flush()?)
}

/// What is wrong in each namespace, or the one verdict on all of them.
fn write_verdicts<R: Document>(
    report: &NamespacesReport<R>,
    rows: &[(&String, &R)],
    out: &mut impl Write,
) -> io::Result<()> {
    let wrong: Vec<_> = rows.iter().filter(|(_, row)| row.verdict().severity > Severity::Ok).collect();
    if wrong.is_empty() {
        return verdict::write_verdict(&report.verdict, out);
    }
    for (name, row) in wrong.iter().take(HEADLINES) {
        let mut verdict: Verdict = row.verdict().clone();
        verdict.headline = format!("netns {name}: {}", verdict.headline);
        verdict::write_verdict(&verdict, out)?;
    }
    match wrong.len() {
        count if count > HEADLINES => writeln!(out, "{INDENT}{} more network namespaces like these", count - HEADLINES),
        _ => Ok(()),
    }
}

fn write_rows<R: Document>(rows: &[(&String, &R)], out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::new(&[
        Column::Left("NETNS"),
        Column::Right("SOCKETS"),
        Column::Right("TIME_WAIT"),
        Column::Left("FULLEST"),
        Column::Right("USED"),
        Column::Left("OF RANGE"),
    ]);
    let shown = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    for (name, row) in rows {
        let overview = row.overview();
        let fullest = overview.fullest;
        columns.row([
            (*name).clone(),
            shown(overview.sockets),
            shown(overview.time_wait),
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

    use twscan_core::report::{RefusedNetns, SummaryReport};
    use twscan_core::sample::{Incomplete, Sample};
    use twscan_core::shell::Scope;

    use super::*;
    use crate::render::scene::{Scene, printed};

    fn report() -> NamespacesReport<SummaryReport> {
        let mut origin = Scene::new().sample().provenance;
        origin.captured_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_531_987_418);
        NamespacesReport::new(&origin)
    }

    fn row(name: &str, reference: &str, mut sample: Sample) -> (String, SummaryReport) {
        sample.provenance.scope = Scope::default().netns(reference);
        (name.to_owned(), SummaryReport::new(&sample, 5))
    }

    fn shown(report: &NamespacesReport<SummaryReport>) -> String {
        printed(|out| write(report, out).map_err(|failure| io::Error::other(failure.to_string())))
    }

    #[test]
    fn the_worst_namespace_makes_the_verdict() {
        let full = Scene::new().time_waits(28232, "10.0.0.2", "10.0.0.1:8080").sample();
        let calm =
            Scene::new().time_waits(3, "10.0.0.3", "10.0.0.1:443").socket(10, "0.0.0.0:80", "0.0.0.0:0").sample();
        let mut report = report();
        report.idle = 14;
        let denied = || Incomplete::Recorded { reason: "it takes root".to_owned() };
        report.refused.extend((0..10).map(|number| RefusedNetns::new(None, format!("job-{number}"), denied())));
        report.more_unseen = true;
        report.add(vec![row("host", "1", calm), row("0123456789ab", "4711", full)]);
        insta::assert_snapshot!(shown(&report));
    }

    #[test]
    fn nothing_but_idle_namespaces() {
        let mut report = report();
        report.idle = 2;
        report.add(Vec::new());
        insta::assert_snapshot!(shown(&report));
    }
}
