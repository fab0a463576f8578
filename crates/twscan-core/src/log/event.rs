use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

use super::class::{LogClass, LogErrno, LogOperation};
use super::cue::Form;
use super::endpoint::{LogEndpoint, LogHost, endpoint, endpoint_with_last_colon};
use super::program::LogProgram;
use super::time::LogTime;

/// A failure that a log tells of, borrowed from the log's text.
///
/// A message of several lines (a traceback, libpq's three) is one event. Nothing is copied: what the event names is
/// read out of the text when it is asked for.
#[derive(Debug, Clone)]
pub struct LogEvent<'a> {
    text: &'a [u8],
    found: Found,
    time: Option<LogTime>,
}

impl<'a> LogEvent<'a> {
    pub(super) fn new(text: &'a [u8], found: Found, time: Option<LogTime>) -> Self {
        Self { text, found, time }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn class(&self) -> LogClass {
        self.found.class
    }

    /// The errno behind it.
    #[must_use]
    pub fn errno(&self) -> LogErrno {
        self.found.errno
    }

    /// The call that failed, where the message tells.
    #[must_use]
    pub fn operation(&self) -> Option<LogOperation> {
        self.found.operation
    }

    /// Who wrote it.
    #[must_use]
    pub fn program(&self) -> LogProgram {
        self.found.program
    }

    /// When: the message's own time, or that of its neighbours where it was read out of a whole log.
    #[must_use]
    pub fn time(&self) -> Option<LogTime> {
        self.time
    }

    /// Where the connection was to go.
    #[must_use]
    pub fn destination(&self) -> Option<LogEndpoint<'a>> {
        let mut endpoint = self.found.to?.destination(self.text)?;
        endpoint.port = endpoint.port.or(self.found.port);
        Some(endpoint)
    }

    /// The local address: of a client that bound first, or the one that could not be bound.
    #[must_use]
    pub fn source(&self) -> Option<LogEndpoint<'a>> {
        self.found.from?.source(self.text)
    }

    /// The upstream, as nginx and HAProxy name it.
    #[must_use]
    pub fn upstream(&self) -> Option<Cow<'a, str>> {
        self.lossy(self.found.upstream.clone()?)
    }

    /// The request that was to be served.
    #[must_use]
    pub fn request(&self) -> Option<Cow<'a, str>> {
        self.lossy(self.found.request.clone()?)
    }

    /// The line with the error itself, without its end.
    #[must_use]
    pub fn line(&self) -> &'a [u8] {
        self.text.get(self.found.line.clone()).unwrap_or_default()
    }

    /// All lines of the message.
    #[must_use]
    pub fn record(&self) -> &'a [u8] {
        self.text
    }

    fn lossy(&self, range: Range<usize>) -> Option<Cow<'a, str>> {
        Some(String::from_utf8_lossy(self.text.get(range)?))
    }
}

/// An event apart from its text: positions in it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) class: LogClass,
    pub(super) errno: LogErrno,
    pub(super) operation: Option<LogOperation>,
    pub(super) program: LogProgram,
    pub(super) to: Option<Spot>,
    /// The destination's port, where it stands apart from the address.
    pub(super) port: Option<u16>,
    pub(super) from: Option<Spot>,
    pub(super) upstream: Option<Range<usize>>,
    pub(super) request: Option<Range<usize>>,
    pub(super) line: Range<usize>,
}

/// Where in a record an endpoint stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The start and the end of the cue beside it.
    pub(super) cue: (usize, usize),
    pub(super) form: Form,
}

impl Spot {
    pub(super) fn destination(self, record: &[u8]) -> Option<LogEndpoint<'_>> {
        let behind = record.get(self.cue.1..)?;
        match self.form {
            Form::Plain => endpoint(behind),
            Form::LastColon => endpoint_with_last_colon(behind),
            Form::Arrow => endpoint(arrow(behind).1),
            Form::Before => {
                let before = record.get(self.cue.0.saturating_sub(LONGEST_WORD)..self.cue.0)?;
                let at = memchr::memrchr2(b'@', b'\n', before)?;
                (before.get(at) == Some(&b'@')).then(|| before.get(at + 1..).and_then(endpoint))?
            }
        }
    }

    /// Names are left out: behind the same words stands a program's code as well.
    pub(super) fn source(self, record: &[u8]) -> Option<LogEndpoint<'_>> {
        let behind = record.get(self.cue.1..)?;
        let source = match self.form {
            Form::Plain => endpoint(behind),
            Form::LastColon => endpoint_with_last_colon(behind),
            Form::Arrow => endpoint(arrow(behind).0?),
            Form::Before => None,
        };
        source.filter(|source| matches!(source.host, LogHost::Ip(_))).filter(|source| !is_any_without_port(source))
    }
}

/// Splits Go's `SOURCE->DESTINATION`.
fn arrow(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let text = text.get(..text.len().min(LONGEST_WORD)).unwrap_or(text);
    let word = text.get(..text.iter().position(|b| *b == b' ').unwrap_or(text.len())).unwrap_or(text);
    match memchr::memmem::find(word, b"->") {
        Some(at) => (text.get(..at), text.get(at + 2..).unwrap_or_default()),
        None => (None, text),
    }
}

/// Two endpoints with their names fit in, in bytes.
const LONGEST_WORD: usize = 600;

fn is_any_without_port(source: &LogEndpoint<'_>) -> bool {
    source.port.is_none() && matches!(source.host, LogHost::Ip(IpAddr::V4(ip)) if ip.is_unspecified())
}
