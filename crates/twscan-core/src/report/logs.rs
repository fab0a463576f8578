use serde::Serialize;

use crate::log::{LogClass, LogProgram, LogSpan, LogTally};

/// The schema that [`LogsReport`] names.
pub const LOGS_SCHEMA: &str = "twscan.logs/1";

/// `twscan.logs/1`: what the logs tell of failures to connect. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogsReport {
    /// [`LOGS_SCHEMA`].
    pub schema: &'static str,
    /// The failures for lack of a local port.
    pub events: u64,
    /// Those by destination, most events first.
    pub by_destination: Vec<LogsDestination>,
    /// Those by program, most events first.
    pub by_program: Vec<LogsProgram>,
    /// Those by minute, in order; minutes without any are left out.
    pub by_minute: Vec<LogsMinute>,
    /// The time of the first, where any has one.
    pub first: Option<String>,
    /// The time of the last.
    pub last: Option<String>,
    /// The failures of other kinds, look-alikes among them.
    pub other: Vec<LogsOther>,
    /// The lines read.
    pub lines: u64,
    /// The bytes read, after decompression.
    pub bytes: u64,
}

/// The failures to one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogsDestination {
    /// The address or the name, as the log has it; null stands for the failures whose message names none.
    pub destination: Option<String>,
    /// The port, where the log has it.
    pub port: Option<u16>,
    /// The failures.
    pub events: u64,
    /// The time of the first.
    pub first: Option<String>,
    /// The time of the last.
    pub last: Option<String>,
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
    pub first: Option<String>,
    /// The time of the last.
    pub last: Option<String>,
}

/// The failures within one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogsMinute {
    /// The minute's start.
    pub minute: String,
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

impl From<&LogTally> for LogsReport {
    fn from(tally: &LogTally) -> Self {
        let events = tally.events();
        let (first, last) = times(events);
        Self {
            schema: LOGS_SCHEMA,
            events: events.events,
            by_destination: destinations(tally),
            by_program: tally.programs().into_iter().map(program).collect(),
            by_minute: minutes(tally),
            first,
            last,
            other: others(tally),
            lines: tally.lines(),
            bytes: tally.bytes(),
        }
    }
}

fn destinations(tally: &LogTally) -> Vec<LogsDestination> {
    let mut rows: Vec<LogsDestination> = tally
        .destinations(LogClass::is_lack_of_port)
        .into_iter()
        .map(|(endpoint, span)| {
            let (first, last) = times(span);
            let destination = Some(endpoint.host.to_string());
            LogsDestination { destination, port: endpoint.port, events: span.events, first, last }
        })
        .collect();
    let unnamed = tally.unnamed();
    if unnamed.events > 0 {
        let (first, last) = times(unnamed);
        rows.push(LogsDestination { destination: None, port: None, events: unnamed.events, first, last });
    }
    rows
}

fn program((program, span): (LogProgram, LogSpan)) -> LogsProgram {
    let (first, last) = times(span);
    LogsProgram { program: program.name(), events: span.events, first, last }
}

fn minutes(tally: &LogTally) -> Vec<LogsMinute> {
    tally.minutes().map(|(minute, events)| LogsMinute { minute: minute.to_string(), events }).collect()
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

fn times(span: LogSpan) -> (Option<String>, Option<String>) {
    (span.first.map(|time| time.to_string()), span.last.map(|time| time.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;
    use crate::log::tally_bytes;

    #[test]
    fn the_document_has_the_fields_of_its_schema() {
        let log = b"2018/07/19 08:03:23 [crit] 2872#0: *1 connect() to 127.0.0.1:8080 failed (99: Cannot assign requested address)\n\
2018/07/19 08:04:01 [crit] 2872#0: *2 connect() to 127.0.0.1:8080 failed (99: Cannot assign requested address)\n\
Connect() failed for backend app: no free ports.\n\
2018/07/19 08:05:00 [emerg] 1#1: bind() to 10.0.0.9:80 failed (99: Cannot assign requested address)";
        let at = |clock: &str| format!("2018-07-19T{clock}Z");
        assert_eq!(
            to_value(LogsReport::from(&tally_bytes(log))).unwrap(),
            json!({
                "schema": "twscan.logs/1",
                "events": 3,
                "by_destination": [
                    {"destination": "127.0.0.1", "port": 8080, "events": 2, "first": at("08:03:23"), "last": at("08:04:01")},
                    {"destination": null, "port": null, "events": 1, "first": at("08:04:01"), "last": at("08:04:01")},
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
            })
        );
    }

    #[test]
    fn an_empty_log_is_a_document_too() {
        let report = LogsReport::from(&tally_bytes(b""));
        assert_eq!((report.events, report.lines, report.bytes, report.first), (0, 0, 0, None));
    }
}
