use std::ops::Range;

use memchr::{memchr, memrchr};

use super::class::{Evidence, LogErrno, LogOperation};
use super::cue::{Cue, Cues, Form, Hit};
use super::event::{Found, LogEvent, Spot};
use super::nginx::Nginx;
use super::options::LogOptions;
use super::program::LogProgram;
use super::time::{Clock, LogTime, find_stamp};

/// Reads one message at a time.
///
/// It holds the compiled table of wordings, so make one and keep it: making it takes about a millisecond, reading a
/// line less than one microsecond.
#[derive(Debug, Clone)]
pub struct LogParser {
    nginx: Nginx,
    cues: Cues,
    clock: Clock,
    hits: Vec<Hit>,
}

impl Default for LogParser {
    fn default() -> Self {
        Self::new(&LogOptions::default())
    }
}

impl LogParser {
    /// A parser that reads timestamps by these options; their filters are for a whole log and not looked at here.
    #[must_use]
    pub fn new(options: &LogOptions) -> Self {
        Self { nginx: Nginx::new(), cues: Cues::new(), clock: options.clock(), hits: Vec::new() }
    }

    /// The failure that a message tells of, or `None` for any other text.
    ///
    /// The message may have several lines. Its bytes may be anything: what is not understood is left out.
    #[must_use]
    pub fn parse<'a>(&mut self, message: &'a [u8]) -> Option<LogEvent<'a>> {
        let found = self.find(message)?;
        let time = self.time_of(message, &found);
        Some(LogEvent::new(message, found, time))
    }

    /// The event's own time: its line's, or the message's first line's.
    pub(super) fn time_of(&mut self, record: &[u8], found: &Found) -> Option<LogTime> {
        let line = record.get(found.line.clone())?;
        let first = record.get(..memchr(b'\n', record).unwrap_or(record.len()))?;
        self.line_time(line).or_else(|| if found.line.start == 0 { None } else { self.line_time(first) })
    }

    pub(super) fn line_time(&mut self, line: &[u8]) -> Option<LogTime> {
        let (stamp, _) = find_stamp(line)?;
        self.clock.moment(stamp)
    }

    pub(super) fn find(&mut self, record: &[u8]) -> Option<Found> {
        self.nginx.connect_failure(record).or_else(|| self.find_by_cues(record))
    }

    fn find_by_cues(&mut self, record: &[u8]) -> Option<Found> {
        let (record, hits) = (record.get(..record.len().min(LONGEST))?, &mut self.hits);
        self.cues.find(record, hits);
        leave_foreign_text(hits);
        let (error, errno, call) = hits.iter().find_map(|hit| error_of(*hit))?;
        let line = line_around(record, error.start);
        let message = Message { record, hits, error, line };
        let operation = call.or_else(|| message.operation());
        let (to, port) = message.destination();
        let from = message.spot(source_cue, |spot| spot.source(record).is_some());
        let evidence = Evidence {
            errno,
            operation,
            client: message.has(Cue::Client),
            server: message.has(Cue::Server),
            localhost: message.has(Cue::LocalhostRefused)
                || to.and_then(|spot| spot.destination(record)).is_some_and(|to| to.is_localhost()),
            source_port: from.and_then(|spot| spot.source(record)).and_then(|from| from.port),
        };
        Some(Found {
            class: evidence.class(),
            errno,
            operation,
            program: message.program(),
            to,
            port,
            from,
            upstream: message.text(Cue::Upstream),
            request: message.text(Cue::Request),
            line: message.line,
        })
    }
}

/// A record with its cues, and the error in it.
#[derive(Debug)]
struct Message<'a> {
    record: &'a [u8],
    hits: &'a [Hit],
    error: Hit,
    line: Range<usize>,
}

impl Message<'_> {
    /// The call nearest before the error on its line, then behind it there, then in the lines before (a traceback ends
    /// with the deepest call), then in the lines behind (a Java stack begins with it).
    fn operation(&self) -> Option<LogOperation> {
        let calls =
            || self.hits.iter().filter(|hit| self.is_call(**hit)).filter_map(|hit| call_of(*hit).map(|c| (hit, c)));
        let on_line = |hit: &Hit| hit.start >= self.line.start && hit.end <= self.line.end;
        let before = calls().rfind(|(hit, _)| on_line(hit) && hit.start < self.error.start);
        before
            .or_else(|| calls().find(|(hit, _)| on_line(hit)))
            .or_else(|| calls().rfind(|(hit, _)| hit.end <= self.line.start))
            .or_else(|| calls().find(|(hit, _)| hit.start >= self.line.end))
            .map(|(_, call)| call)
    }

    /// Words that contain a call's name and are none: an exception's class, a server's connector, a source file.
    fn is_call(&self, hit: Hit) -> bool {
        let behind = self.record.get(hit.end..).unwrap_or_default();
        if behind.starts_with(b"Exception: ") && hit.end - hit.start == b"bind".len() {
            return false;
        }
        if behind.starts_with(b"or") {
            return false;
        }
        // A path is short; a hostile line need not be walked through for each word of it.
        let near = self.record.get(hit.start.saturating_sub(LONGEST_PATH)..hit.start).unwrap_or_default();
        let before = near.get(memrchr(b'\n', near).map_or(0, |newline| newline + 1)..).unwrap_or_default();
        let in_path =
            before.trim_ascii_start().starts_with(b"File \"") && memchr::memmem::find(before, b", in ").is_none();
        !in_path
    }

    fn destination(&self) -> (Option<Spot>, Option<u16>) {
        let usable = |spot: Spot| spot.destination(self.record).is_some();
        // A failed bind is to the upstream as well; what an upstream wrote to its stderr is not.
        let mut to = self.spot(destination_cue, usable);
        if to.is_none() && self.program() == LogProgram::Nginx {
            to = self.spot(upstream_cue, usable);
        }
        let has_port = to.and_then(|spot| spot.destination(self.record)).is_none_or(|to| to.port.is_some());
        if has_port {
            return (to, None);
        }
        let behind = self.hits.iter().filter(|hit| hit.start >= self.line.end);
        let port = behind.flat_map(|hit| hit.cues().iter().map(|cue| (*hit, *cue))).find_map(|(hit, cue)| match cue {
            Cue::Port => self.record.get(hit.end..).and_then(super::endpoint::number).map(|(port, _)| port),
            cue => destination_cue(hit, cue).and_then(|spot| spot.destination(self.record)).and_then(|to| to.port),
        });
        (to, port)
    }

    /// The first usable endpoint on the error's line, then in the lines behind, then the last in the lines before.
    fn spot(&self, cue: fn(Hit, Cue) -> Option<Spot>, usable: impl Fn(Spot) -> bool) -> Option<Spot> {
        let spots = || {
            let cues = self.hits.iter().flat_map(|hit| hit.cues().iter().map(|cue| (*hit, *cue)));
            cues.filter_map(|(hit, found)| cue(hit, found)).filter(|spot| usable(*spot))
        };
        let first = spots().find(|spot| spot.cue.1 > self.line.start);
        first.or_else(|| spots().filter(|spot| spot.cue.1 <= self.line.start).last())
    }

    fn has(&self, wanted: Cue) -> bool {
        self.hits.iter().any(|hit| hit.cues().contains(&wanted))
    }

    fn program(&self) -> LogProgram {
        let mut best = (LogProgram::Unknown, 0);
        for cue in self.hits.iter().flat_map(|hit| hit.cues()) {
            if let Cue::By(program, weight) = *cue
                && weight > best.1
            {
                best = (program, weight);
            }
        }
        best.0
    }

    /// The text behind a cue: to the quote that ends it if the cue ends with one, else the word.
    fn text(&self, wanted: Cue) -> Option<Range<usize>> {
        let hit = self.hits.iter().find(|hit| hit.cues().contains(&wanted))?;
        let behind = self.record.get(hit.end..)?;
        let quoted = self.record.get(hit.end.wrapping_sub(1)) == Some(&b'"');
        let is_end = |b: &u8| if quoted { *b == b'"' || *b == b'\n' } else { b.is_ascii_whitespace() };
        let word = behind.get(..behind.iter().position(is_end).unwrap_or(behind.len()))?;
        let kept =
            if quoted { word.len() } else { word.len() - word.iter().rev().take_while(|b| b":.,".contains(b)).count() };
        (kept > 0).then(|| hit.end..hit.end + kept)
    }
}

/// Behind `, client: ` nginx quotes what the client sent. None of that may decide the class; the request and the
/// upstream stand there too.
fn leave_foreign_text(hits: &mut Vec<Hit>) {
    let Some(tail) = hits.iter().find(|hit| hit.cues().contains(&Cue::ForeignText)).map(|hit| hit.start) else {
        return;
    };
    hits.retain(|hit| {
        let is_named =
            hit.cues().iter().any(|cue| matches!(cue, Cue::Upstream | Cue::Request | Cue::By(LogProgram::Nginx, _)));
        hit.start < tail || is_named
    });
}

fn error_of(hit: Hit) -> Option<(Hit, LogErrno, Option<LogOperation>)> {
    hit.cues().iter().find_map(|cue| match cue {
        Cue::Errno(errno, call) => Some((hit, *errno, *call)),
        _ => None,
    })
}

fn call_of(hit: Hit) -> Option<LogOperation> {
    hit.cues().iter().find_map(|cue| match cue {
        Cue::Call(call) => Some(*call),
        _ => None,
    })
}

fn destination_cue(hit: Hit, cue: Cue) -> Option<Spot> {
    match cue {
        Cue::To(form) => Some(Spot { cue: (hit.start, hit.end), form }),
        _ => None,
    }
}

fn upstream_cue(hit: Hit, cue: Cue) -> Option<Spot> {
    (cue == Cue::Upstream).then_some(Spot { cue: (hit.start, hit.end), form: Form::Plain })
}

fn source_cue(hit: Hit, cue: Cue) -> Option<Spot> {
    match cue {
        Cue::From(form) => Some(Spot { cue: (hit.start, hit.end), form }),
        _ => None,
    }
}

fn line_around(record: &[u8], at: usize) -> Range<usize> {
    let start = memrchr(b'\n', record.get(..at).unwrap_or_default()).map_or(0, |newline| newline + 1);
    let end = record.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(record.len(), |newline| at + newline);
    start..end
}

/// A message is read up to here, in bytes: as far as [`LogReader`](super::LogReader) keeps one.
pub(super) const LONGEST: usize = 256 * 1024;

const LONGEST_PATH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_for_nginx_finds_what_the_long_way_finds() {
        let mut parser = LogParser::default();
        for (destination, tail) in [
            (
                "127.0.0.1:8080",
                ", client: 10.0.0.7, server: _, request: \"GET / HTTP/1.1\", upstream: \"http://127.0.0.1:8080/\"",
            ),
            (
                "[::1]:8080",
                ", client: 10.0.0.7, server: _, request: \"\", upstream: \"fastcgi://[::1]:8080\", host: \"h\"",
            ),
            ("10.0.0.9:80", ", client: ::1, request: \"GET /?bind(1.2.3.4:5)[emerg]connect%20PHP%20Fatal HTTP/1.1\""),
            ("10.0.0.9:80", ""),
        ] {
            let line = format!(
                "2018/07/19 08:03:23 [crit] 28#0: *9 connect() to {destination} failed (99: Cannot assign requested address) \
                 while connecting to upstream{tail}\n"
            );
            let short = parser.nginx.connect_failure(line.as_bytes()).unwrap();
            let long = parser.find_by_cues(line.as_bytes()).unwrap();
            let seen = [short, long].map(|found| {
                let event = LogEvent::new(line.as_bytes(), found, None);
                let facts = (event.class(), event.errno(), event.operation(), event.program());
                (facts, event.destination(), event.source(), event.upstream(), event.request(), event.line())
            });
            assert_eq!(seen[0], seen[1], "{line}");
        }
    }

    #[test]
    fn what_a_client_sent_does_not_decide_the_class() {
        let line = "2018/07/19 08:03:23 [error] 28#0: *9 upstream timed out (110: Connection timed out), client: 10.0.0.7, \
                    request: \"GET /?Cannot assign requested address HTTP/1.1\"";
        assert!(LogParser::default().parse(line.as_bytes()).is_none());
    }
}
