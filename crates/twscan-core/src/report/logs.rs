use serde::{Serialize, Serializer};

use super::Header;
use super::logs_now::{FreePorts, LogsNow};
use crate::budget::Zone;
use crate::judgement::{Severity, Verdict};
use crate::log::{LogClass, LogProgram, LogSpan, LogTally, LogTime};
use crate::sample::Provenance;

/// `twscan.logs/1`: what the logs tell of failures to connect. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LogsReport {
    /// Where and when the logs were read; its walk is the one that told what the host has left.
    #[serde(flatten)]
    pub header: Header,
    /// What the failures and the host say.
    pub verdict: Verdict,
    /// The failures for lack of a local port.
    pub events: u64,
    /// Those by destination, most events first.
    pub by_destination: Vec<LogsDestination>,
    /// Those by program, most events first.
    pub by_program: Vec<LogsProgram>,
    /// Those by minute, in order; minutes without any are left out.
    pub by_minute: Vec<LogsMinute>,
    /// The time of the first, where any has one.
    pub first: Option<LogTime>,
    /// The time of the last.
    pub last: Option<LogTime>,
    /// The failures of other kinds, look-alikes among them.
    pub other: Vec<LogsOther>,
    /// The lines read.
    pub lines: u64,
    /// The bytes read, after decompression.
    pub bytes: u64,
    /// The lines that were too long to be searched to their end.
    pub cut_lines: u64,
    /// What was read.
    pub files: Vec<LogsFile>,
}

impl LogsReport {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.logs/1";

    /// The document of what was counted in these files, and of what the host has left, where it was asked. A file that
    /// could not be read to its end makes it partial.
    #[must_use]
    pub fn new(tally: &LogTally, files: Vec<LogsFile>, provenance: &Provenance, host: Option<&FreePorts>) -> Self {
        let events = tally.events();
        let sum = |count: fn(&LogsFile) -> u64| files.iter().map(count).fold(0, u64::saturating_add);
        let mut report = Self {
            header: Header::new(Self::SCHEMA, provenance),
            verdict: Verdict::new(Severity::Ok, "ok", String::new()),
            events: events.events,
            by_destination: destinations(tally),
            by_program: tally.programs().into_iter().map(program).collect(),
            by_minute: minutes(tally),
            first: events.first,
            last: events.last,
            other: others(tally),
            lines: sum(|file| file.lines),
            bytes: sum(|file| file.bytes),
            cut_lines: sum(|file| file.cut_lines),
            files,
        };
        let errors: Vec<_> = report.header.partial.take().into_iter().chain(report.file_errors()).collect();
        report.header.partial = (!errors.is_empty()).then(|| errors.join("; "));
        report.header.complete = report.header.partial.is_none();
        for row in &mut report.by_destination {
            let to = row.destination.as_deref().zip(row.port);
            row.now = host.zip(to).and_then(|(host, (name, port))| host.to(name, port));
        }
        report.verdict = verdict(&report, provenance, host);
        report
    }

    fn file_errors(&self) -> impl Iterator<Item = String> {
        self.files.iter().filter_map(|file| file.error.clone())
    }
}

/// The worse of what the failures say and what the host has left now.
fn verdict(report: &LogsReport, provenance: &Provenance, host: Option<&FreePorts>) -> Verdict {
    let told = of_failures(report, provenance);
    match host.map(FreePorts::verdict) {
        Some(now) if now.severity > told.severity => now.clone(),
        _ => told,
    }
}

fn of_failures(report: &LogsReport, provenance: &Provenance) -> Verdict {
    let Some(worst) = report.by_destination.first() else {
        let others = report.other.iter().map(|other| other.events).sum::<u64>();
        let note = if others > 0 { format!("; {} of other kinds", count(others, "failure")) } else { String::new() };
        let text = format!("no failure for lack of a local port in {}{note}", count(report.lines, "line"));
        return match report.header.complete {
            true => Verdict::new(Severity::Ok, "ok", text),
            false => Verdict::new(Severity::Warning, "incomplete", format!("{text}, and not all was read")),
        };
    };
    let is_full = |row: &LogsDestination| row.now.is_some_and(|now| now.zone == Zone::Full);
    let severity = if report.by_destination.iter().any(is_full) { Severity::Critical } else { Severity::Warning };
    let place = worst.place();
    let events = count(worst.events, "failure");
    let what = match worst.destination {
        Some(_) => format!("{events} to {place}"),
        None => format!("{events} for lack of a local port, to no destination by name"),
    };
    let since = worst.first.map(|first| format!(" since {first}")).unwrap_or_default();
    let mut details = Vec::new();
    if let Some(now) = worst.now {
        details.push(format!("That destination is {now}."));
    }
    let rest = report.events - worst.events;
    if rest > 0 {
        let places = u64::try_from(report.by_destination.len() - 1).unwrap_or(u64::MAX);
        details.push(format!("{rest} more to {}.", count(places, "other destination")));
    }
    let verdict = Verdict::new(severity, "failed-connects", format!("{what}{since}"));
    let verdict = if details.is_empty() { verdict } else { verdict.because(details.join(" ")) };
    let address = worst.destination.as_deref().is_some_and(|name| name.parse::<std::net::IpAddr>().is_ok());
    match worst.now {
        Some(_) if address => {
            verdict.then(&provenance.scope.command("diagnose").word(&place), "what holds the ports, and what cures it")
        }
        _ => verdict,
    }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A file, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct LogsFile {
    /// Its name, `-` for standard input.
    pub file: String,
    /// The lines read.
    pub lines: u64,
    /// The bytes read, after decompression.
    pub bytes: u64,
    /// The lines that were too long to be searched to their end.
    pub cut_lines: u64,
    /// Why it was not read to its end; null where it was.
    pub error: Option<String>,
}

/// The failures to one destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogsDestination {
    /// The address or the name, as the log has it; null stands for the failures whose message names none.
    pub destination: Option<String>,
    /// The port, where the log has it.
    pub port: Option<u16>,
    /// The failures.
    pub events: u64,
    /// The time of the first.
    pub first: Option<LogTime>,
    /// The time of the last.
    pub last: Option<LogTime>,
    /// What the host has left to it now; null where no host was asked, or the log names no address or no port.
    pub now: Option<LogsNow>,
}

impl LogsDestination {
    /// The destination as a person writes it.
    #[must_use]
    pub fn place(&self) -> String {
        let name = self.destination.as_deref().unwrap_or("(not named)");
        match self.port {
            Some(port) if name.contains(':') => format!("[{name}]:{port}"),
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        }
    }
}

/// The failures that one program wrote of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogsProgram {
    /// The program's name.
    pub program: &'static str,
    /// The failures.
    pub events: u64,
    /// The time of the first.
    pub first: Option<LogTime>,
    /// The time of the last.
    pub last: Option<LogTime>,
}

/// The failures within one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogsMinute {
    /// The minute's start.
    pub minute: LogTime,
    /// The failures.
    pub events: u64,
}

/// The failures of another kind than a lack of ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogsOther {
    /// The class's code.
    pub class: &'static str,
    /// The failures.
    pub events: u64,
    /// The line of the first, cut at 512 bytes.
    pub example: String,
}

impl Serialize for LogTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn destinations(tally: &LogTally) -> Vec<LogsDestination> {
    let row = |destination, port, span: LogSpan| {
        let LogSpan { events, first, last, .. } = span;
        LogsDestination { destination, port, events, first, last, now: None }
    };
    let named = tally.destinations(LogClass::is_lack_of_port).into_iter();
    let mut rows: Vec<_> =
        named.map(|(endpoint, span)| row(Some(endpoint.host.to_string()), endpoint.port, span)).collect();
    let unnamed = tally.unnamed();
    if unnamed.events > 0 {
        rows.push(row(None, None, unnamed));
    }
    rows
}

fn program((program, span): (LogProgram, LogSpan)) -> LogsProgram {
    let LogSpan { events, first, last, .. } = span;
    LogsProgram { program: program.name(), events, first, last }
}

fn minutes(tally: &LogTally) -> Vec<LogsMinute> {
    tally.minutes().map(|(minute, events)| LogsMinute { minute, events }).collect()
}

fn others(tally: &LogTally) -> Vec<LogsOther> {
    let other = tally.classes().filter(|(class, ..)| !class.is_lack_of_port());
    other
        .map(|(class, span, example)| LogsOther {
            class: class.code(),
            events: span.events,
            example: example.into_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;
    use crate::Error;
    use crate::host::Host;
    use crate::log::tally_bytes;
    use crate::procfs::ProcFs;

    fn report(log: &[u8], file: LogsFile) -> LogsReport {
        let open = || Err(Error::Open { cause: std::io::Error::from_raw_os_error(93) });
        let nowhere = Provenance::of(&Host::new(open, ProcFs::new("/no/such/proc")));
        let tally = tally_bytes(log);
        let file = LogsFile { lines: tally.lines(), bytes: tally.bytes(), ..file };
        LogsReport::new(&tally, vec![file], &nowhere, None)
    }

    #[test]
    fn the_document_has_the_fields_of_its_schema() {
        let log = b"2018/07/19 08:03:23 [crit] 2872#0: *1 connect() to 127.0.0.1:8080 failed (99: Cannot assign requested address)\n\
2018/07/19 08:04:01 [crit] 2872#0: *2 connect() to 127.0.0.1:8080 failed (99: Cannot assign requested address)\n\
Connect() failed for backend app: no free ports.\n\
2018/07/19 08:05:00 [emerg] 1#1: bind() to 10.0.0.9:80 failed (99: Cannot assign requested address)";
        let at = |clock: &str| format!("2018-07-19T{clock}Z");
        let file = LogsFile { file: "error.log".to_owned(), ..LogsFile::default() };
        let mut document = to_value(report(log, file)).unwrap();
        // What every document begins with is held elsewhere.
        for field in ["captured_at", "approximate", "replayed_from"] {
            document.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(
            document,
            json!({
                "schema": "twscan.logs/1",
                "hostname": null, "kernel": null, "netns": {"inode": null, "name": null}, "other_netns": null,
                "source": null, "complete": true, "partial": null, "dump": null,
                "verdict": {
                    "severity": "warning",
                    "code": "failed-connects",
                    "headline": "2 failures to 127.0.0.1:8080 since 2018-07-19T08:03:23Z",
                    "detail": "1 more to 1 other destination.",
                    "next": [],
                },
                "events": 3,
                "by_destination": [
                    {"destination": "127.0.0.1", "port": 8080, "events": 2, "first": at("08:03:23"), "last": at("08:04:01"), "now": null},
                    {"destination": null, "port": null, "events": 1, "first": at("08:04:01"), "last": at("08:04:01"), "now": null},
                ],
                "by_program": [
                    {"program": "nginx", "events": 2, "first": at("08:03:23"), "last": at("08:04:01")},
                    {"program": "haproxy", "events": 1, "first": at("08:04:01"), "last": at("08:04:01")},
                ],
                "by_minute": [{"minute": at("08:03:00"), "events": 1}, {"minute": at("08:04:00"), "events": 2}],
                "first": at("08:03:23"),
                "last": at("08:04:01"),
                "other": [{
                    "class": "address-not-local",
                    "events": 1,
                    "example": "2018/07/19 08:05:00 [emerg] 1#1: bind() to 10.0.0.9:80 failed (99: Cannot assign requested address)",
                }],
                "lines": 4,
                "bytes": log.len(),
                "cut_lines": 0,
                "files": [{"file": "error.log", "lines": 4, "bytes": log.len(), "cut_lines": 0, "error": null}],
            })
        );
    }

    #[test]
    fn an_empty_log_is_a_document_too() {
        let report = report(b"", LogsFile::default());
        assert_eq!((report.events, report.lines, report.bytes, report.first), (0, 0, 0, None));
    }

    #[test]
    fn a_file_that_was_not_read_makes_the_document_partial() {
        let report = report(b"", LogsFile { error: Some("cannot open x".to_owned()), ..LogsFile::default() });
        assert_eq!((report.header.complete, report.header.partial.as_deref()), (false, Some("cannot open x")));
    }
}
