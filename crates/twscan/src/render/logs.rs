use std::collections::HashMap;
use std::io::{self, Write};

use twscan_core::log::LogTime;
use twscan_core::report::{LogsDestination, LogsOther, LogsReport};
use twscan_core::text::{shown as printable, shown_within};

use super::histogram::Histogram;
use super::provenance;
use super::table::{Column, Columns};
use super::verdict::{self, Severity};

/// What logs tell, for people: the verdict first, what was read last.
pub(crate) fn write(report: &LogsReport, top: usize, out: &mut impl Write) -> io::Result<()> {
    if let Some(reason) = &report.header.partial {
        verdict::write(Severity::Warning, &format!("partial: {}", printable(reason)), out)?;
    }
    verdict::write_verdict(&report.verdict, out)?;
    writeln!(out)?;
    let times = Times::of(report);
    write_destinations(report, times, top, out)?;
    write_programs(report, times, out)?;
    write_histogram(report, out)?;
    write_others(&report.other, out)?;
    write_provenance(report, out)?;
    super::finish(out)
}

/// A line for each destination and each other class with more failures than before.
pub(crate) fn write_changes(before: &LogsReport, now: &LogsReport, out: &mut impl Write) -> io::Result<()> {
    let known = Counts::of(before);
    for row in changed(before, now) {
        let more = row.events - known.to(&row);
        let seen = row.last.map_or(String::new(), |last| format!("{}  ", Times::OfDay.show(Some(last))));
        let left = row.now.map_or(String::new(), |now| format!("; {now}"));
        writeln!(out, "{seen}+{more}  {} to {}{left}", failures(row.events), place(&row))?;
    }
    for row in &now.other {
        let known = before.other.iter().find(|other| other.class == row.class).map_or(0, |other| other.events);
        if row.events > known {
            writeln!(out, "+{}  {} of the kind {}", row.events - known, failures(row.events), row.class)?;
        }
    }
    super::finish(out)
}

/// The destinations with more failures than before.
pub(crate) fn changed(before: &LogsReport, now: &LogsReport) -> Vec<LogsDestination> {
    let known = Counts::of(before);
    now.by_destination.iter().filter(|row| row.events > known.to(row)).cloned().collect()
}

struct Counts<'a>(HashMap<(Option<&'a str>, Option<u16>), u64>);

impl<'a> Counts<'a> {
    fn of(report: &'a LogsReport) -> Self {
        let rows = report.by_destination.iter();
        Self(rows.map(|row| ((row.destination.as_deref(), row.port), row.events)).collect())
    }

    fn to(&self, row: &LogsDestination) -> u64 {
        self.0.get(&(row.destination.as_deref(), row.port)).copied().unwrap_or(0)
    }
}

fn write_destinations(report: &LogsReport, times: Times, top: usize, out: &mut impl Write) -> io::Result<()> {
    if report.by_destination.is_empty() {
        return Ok(());
    }
    let joined = report.by_destination.iter().any(|row| row.now.is_some());
    let mut columns = Columns::new(&[
        Column::Left("DESTINATION"),
        Column::Right("FAILURES"),
        Column::Left("FIRST (UTC)"),
        Column::Left("LAST (UTC)"),
        Column::Left(if joined { "FREE NOW" } else { "" }),
    ]);
    for row in report.by_destination.iter().take(top) {
        let free = row.now.map(|now| format!("{} of {}", now.free, now.range_size));
        let free = if joined { free.unwrap_or_else(|| "-".to_owned()) } else { String::new() };
        let cells = [row.events.to_string(), times.show(row.first), times.show(row.last), free];
        let name = place(row);
        if name.chars().count() > times.room_for_names() {
            columns.row_below(shown_within(&name, WIDTH).into_owned(), [String::new()].into_iter().chain(cells));
        } else {
            columns.row([name].into_iter().chain(cells));
        }
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    let hidden = report.by_destination.len().saturating_sub(top);
    if hidden > 0 {
        writeln!(out, "{hidden} more, --top")?;
    }
    writeln!(out)
}

fn write_programs(report: &LogsReport, times: Times, out: &mut impl Write) -> io::Result<()> {
    if report.by_program.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::new(&[
        Column::Left("PROGRAM    "),
        Column::Right("FAILURES"),
        Column::Left("FIRST (UTC)"),
        Column::Left("LAST (UTC)"),
    ]);
    for row in &report.by_program {
        columns.row([row.program.to_owned(), row.events.to_string(), times.show(row.first), times.show(row.last)]);
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn write_histogram(report: &LogsReport, out: &mut impl Write) -> io::Result<()> {
    let Some(histogram) = Histogram::of(&report.by_minute) else { return Ok(()) };
    let mut columns = Columns::new(&[Column::Left(histogram.heading), Column::Right("FAILURES"), Column::Left("")]);
    for (step, events) in &histogram.steps {
        let from = Times::Full.show(Some(*step)).chars().take(MINUTES).collect();
        columns.row([from, events.to_string(), histogram.bar(*events, BAR)]);
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn write_others(others: &[LogsOther], out: &mut impl Write) -> io::Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    writeln!(out, "OTHER KINDS, not counted above")?;
    for row in others {
        writeln!(out, "{:<21} {:>8}  {}", row.class, row.events, meaning(row.class))?;
        writeln!(out, "  {}", shown_within(row.example.trim_start(), WIDTH - 2))?;
    }
    writeln!(out)
}

/// What a class says, in 46 characters.
fn meaning(class: &str) -> &'static str {
    match class {
        "address-not-local" => "bind() to an address that this host lacks",
        "address-in-use" => "bind() to a port that a listener has",
        "localhost-ipv6" => "localhost or ::1, mostly IPv6 that is off",
        "source-port-collision" => "a client's own, fixed port is taken",
        "unknown" => "the message names no call, or too little",
        _ => "",
    }
}

fn write_provenance(report: &LogsReport, out: &mut impl Write) -> io::Result<()> {
    let cut = match report.cut_lines {
        0 => String::new(),
        cut => format!("; {} too long to be searched to the end", count(cut, "line")),
    };
    let files = count_of(report.files.len(), "file");
    writeln!(out, "{}, {}, {files}{cut}", count(report.lines, "line"), size(report.bytes))?;
    // Where the host was not asked, it does not matter which one it is.
    match report.header.source {
        Some(_) => writeln!(out, "{}", provenance::line(&report.header)),
        None => Ok(()),
    }
}

/// How times of one report are shown: no longer than it takes to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// `08:03:23`
    OfDay,
    /// `2018-07-19 08:03`
    ToTheMinute,
    /// `2018-07-19 08:03:23`
    Full,
}

impl Times {
    fn of(report: &LogsReport) -> Self {
        let day = |time: LogTime| time.unix_seconds().div_euclid(86_400);
        if report.first.map(day) == report.last.map(day) { Self::OfDay } else { Self::ToTheMinute }
    }

    fn show(self, time: Option<LogTime>) -> String {
        let Some(time) = time else { return "-".to_owned() };
        let whole: Vec<char> = time.to_string().replace('T', " ").chars().take(SECONDS).collect();
        let part = match self {
            Self::OfDay => whole.get(DATE..),
            Self::ToTheMinute => whole.get(..MINUTES),
            Self::Full => whole.get(..),
        };
        part.unwrap_or_default().iter().collect()
    }

    /// What the other columns leave of the width.
    fn room_for_names(self) -> usize {
        match self {
            Self::OfDay => 30,
            Self::ToTheMinute | Self::Full => 18,
        }
    }
}

fn place(row: &LogsDestination) -> String {
    printable(&row.place()).into_owned()
}

fn failures(events: u64) -> String {
    count(events, "failure")
}

fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn count_of(number: usize, thing: &str) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), thing)
}

/// Bytes in the unit that reads best.
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return count(bytes, "byte"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

const WIDTH: usize = 80;
const BAR: u16 = 40;
/// How far into `2018-07-19 08:03:23` its parts reach.
const DATE: usize = 11;
const MINUTES: usize = 16;
const SECONDS: usize = 19;

#[cfg(test)]
mod tests {
    use twscan_core::log::tally_bytes;
    use twscan_core::report::{FreePorts, LogsFile};
    use twscan_core::sample::Provenance;

    use super::*;
    use crate::render::scene::{Scene, nowhere, printed};

    fn report(log: &str) -> LogsReport {
        report_with(log, &nowhere(), None)
    }

    fn report_with(log: &str, provenance: &Provenance, host: Option<&FreePorts>) -> LogsReport {
        let tally = tally_bytes(log.as_bytes());
        let file = LogsFile { lines: tally.lines(), bytes: tally.bytes(), ..LogsFile::default() };
        LogsReport::new(&tally, vec![file], provenance, host)
    }

    fn failure(time: &str, to: &str) -> String {
        format!("{time} connect() to {to} failed (99: Cannot assign requested address) while connecting to upstream\n")
    }

    fn shown(report: &LogsReport) -> String {
        let text = printed(|out| write(report, 2, out));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }

    #[test]
    fn failures_without_a_host() {
        let log = [
            failure("2018/07/19 08:03:23", "127.0.0.1:8080").repeat(3),
            failure("2018/07/19 08:05:01", "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"),
            failure("2018/07/19 08:05:02", "[::1]:8080"),
            "Connect() failed for backend app: no free ports.\n".to_owned(),
            "2018/07/19 08:06:00 bind() to 10.0.0.9:80 failed (99: Cannot assign requested address)\u{1b}[2J\n"
                .to_owned(),
        ];
        insta::assert_snapshot!(shown(&report(&log.concat())));
    }

    #[test]
    fn a_destination_that_is_full_now_is_critical() {
        let log = failure("2018/07/18 23:59:59", "127.0.0.1:8080") + &failure("2018/07/19 00:00:00", "127.0.0.1:8080");
        let sample = Scene::new().time_waits(28232, "127.0.0.1", "127.0.0.1:8080").sample();
        let report = report_with(&log, &sample.provenance, Some(&FreePorts::of(&sample)));
        insta::assert_snapshot!(shown(&report));
    }

    #[test]
    fn what_is_left_is_that_of_the_source_with_the_fewest_and_localhost_is_both_loopbacks() {
        let scene = Scene::new().time_waits(5, "127.0.0.1", "127.0.0.1:80").time_waits(9, "127.0.0.2", "127.0.0.1:80");
        let free = FreePorts::of(&scene.time_waits(7, "::1", "[::1]:80").sample());
        let log = ["127.0.0.1:80", "0.0.0.0:80", "127.0.0.1:81", "db:80"].map(|to| failure("2018/07/19 08:03:23", to));
        let seen = report_with(&log.concat(), &nowhere(), Some(&free));
        let seen: Vec<_> = seen.by_destination.iter().map(|row| (place(row), row.now.map(|now| now.free))).collect();
        let expected = [
            ("0.0.0.0:80", Some(28223)),
            ("127.0.0.1:80", Some(28223)),
            ("127.0.0.1:81", Some(28232)),
            ("db:80", None),
        ];
        assert_eq!(seen, expected.map(|(name, free)| (name.to_owned(), free)));
        assert!(!free.is_full("[::1]:80".parse().unwrap()));
    }

    #[test]
    fn only_what_changed_is_told_again() {
        let before = failure("2018/07/19 08:03:23", "127.0.0.1:80") + &failure("2018/07/19 08:03:23", "127.0.0.1:81");
        let now = before.clone()
            + &failure("2018/07/19 08:03:24", "127.0.0.1:81").repeat(2)
            + "2018/07/19 08:03:25 bind() to 10.0.0.9:80 failed (99: Cannot assign requested address)\n";
        let text = printed(|out| write_changes(&report(&before), &report(&now), out));
        assert_eq!(text, "08:03:24  +2  3 failures to 127.0.0.1:81\n+1  1 failure of the kind address-not-local\n");
    }

    #[test]
    fn nothing_at_all() {
        assert_eq!(
            shown(&report("all is well\n")),
            "OK        no failure for lack of a local port in 1 line\n\n1 line, 12 bytes, 1 file\n"
        );
    }
}
