use std::ops::Range;

use memchr::{memrchr, memrchr_iter};

use super::event::Found;
use super::parser::LogParser;
use super::time::LogTime;

/// The time that a line without one inherits.
///
/// Each line is searched once only, so that a log without times costs no more than one with them. All positions are of
/// the reader's buffer.
#[derive(Debug, Default)]
pub(super) struct Neighbour {
    /// The time of the nearest line before that has one.
    last: Option<LogTime>,
    /// The first time in the log, found ahead of the events before it.
    first: Option<LogTime>,
    /// Lines before this were searched for the last time, or are gone.
    searched: usize,
    /// Lines before this were searched for the first time.
    ahead: usize,
}

impl Neighbour {
    /// Whether no line has had a time so far.
    pub(super) fn is_unknown(&self) -> bool {
        self.last.is_none() && self.first.is_none()
    }

    /// The buffer has lost that many bytes at its beginning.
    pub(super) fn shift(&mut self, bytes: usize) {
        self.searched = self.searched.saturating_sub(bytes);
        self.ahead = self.ahead.saturating_sub(bytes);
    }

    /// The event's own time, else that of the nearest line before it.
    pub(super) fn up_to(
        &mut self,
        parser: &mut LogParser,
        buffer: &[u8],
        record: &Range<usize>,
        found: &Found,
    ) -> Option<LogTime> {
        let own = parser.time_of(buffer.get(record.clone()).unwrap_or_default(), found);
        let time = own.or_else(|| self.before(parser, buffer, record.start));
        self.searched = record.end;
        self.last = time.or(self.last);
        self.last
    }

    /// The first time of the log, if the lines in `range`, behind the event, have one.
    pub(super) fn behind(&mut self, parser: &mut LogParser, buffer: &[u8], range: Range<usize>) -> Option<LogTime> {
        if self.first.is_none() {
            let from = self.ahead.max(range.start);
            let text = buffer.get(from..range.end)?;
            let whole = memrchr(b'\n', text).map_or(0, |newline| newline + 1);
            self.ahead = from + whole;
            let mut lines = text.get(..whole)?.split(|b| *b == b'\n');
            self.first = lines.find_map(|line| parser.line_time(line));
        }
        self.first
    }

    fn before(&self, parser: &mut LogParser, buffer: &[u8], start: usize) -> Option<LogTime> {
        let from = self.searched.max(start.saturating_sub(LOOK_BACK));
        let text = buffer.get(from..start)?;
        let mut end = text.len();
        for newline in memrchr_iter(b'\n', text) {
            if let Some(time) = parser.line_time(text.get(newline + 1..end).unwrap_or_default()) {
                return Some(time);
            }
            end = newline;
        }
        // The first of these lines may have lost its beginning.
        let whole = from == self.searched;
        parser.line_time(text.get(..end).filter(|_| whole)?)
    }
}

/// What stays before the next line, in bytes: room for a traceback and for the neighbours' times. As far reaches the
/// look ahead.
pub(super) const LOOK_BACK: usize = 32 * 1024;
