use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr};

use super::event::LogEvent;
use super::needle::Needles;
use super::neighbour::{LOOK_BACK, Neighbour};
use super::options::LogOptions;
use super::parser::{LONGEST, LogParser};
use super::record;

/// Reads the failures out of a log of any size.
///
/// Memory stays the same whatever comes: the log goes through one buffer, a line longer than it is cut, and bytes need
/// not be text. Most lines are only searched for the wordings of the errnos; a line that has one is parsed.
///
/// ```
/// use twscan_core::log::{LogClass, LogOptions, LogReader};
///
/// let log = b"2018/07/19 08:03:23 [crit] 2872#0: *1 connect() to 127.0.0.1:8080 failed \
///             (99: Cannot assign requested address) while connecting to upstream\n";
/// let mut reader = LogReader::new(log.as_slice(), LogOptions::new());
/// while let Some(event) = reader.next_event()? {
///     assert_eq!(event.class(), LogClass::PortsExhausted);
/// }
/// assert_eq!(reader.lines(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct LogReader<R> {
    input: R,
    options: LogOptions,
    parser: LogParser,
    needles: Needles,
    buffer: Vec<u8>,
    filled: usize,
    /// The start of the first line that was not looked at.
    next: usize,
    /// The end of the last event's message: no other message reaches back over it.
    floor: usize,
    /// The last event's message ended with the data; what goes on with it is a part of it.
    open: bool,
    /// The rest of a line that was cut is being passed over.
    cutting: bool,
    ended: bool,
    neighbour: Neighbour,
    lines: u64,
    bytes: u64,
    cut_lines: u64,
}

impl<R: Read> LogReader<R> {
    /// A reader of `input`, which needs no buffering of its own.
    #[must_use]
    pub fn new(input: R, options: LogOptions) -> Self {
        Self {
            input,
            parser: LogParser::new(&options),
            options,
            needles: Needles::new(),
            buffer: vec![0; WINDOW],
            filled: 0,
            next: 0,
            floor: 0,
            open: false,
            cutting: false,
            ended: false,
            neighbour: Neighbour::default(),
            lines: 0,
            bytes: 0,
            cut_lines: 0,
        }
    }

    /// The next event that the options' filters let through; `None` at the end of the log.
    ///
    /// In a log that is followed, `None` means that nothing more is there yet.
    ///
    /// # Errors
    ///
    /// What the input answers; an interrupted read is repeated.
    pub fn next_event(&mut self) -> io::Result<Option<LogEvent<'_>>> {
        self.ended = false;
        loop {
            let Some(mut range) = self.next_record()? else { return Ok(None) };
            let Some(found) = self.parser.find(self.buffer.get(range.clone()).unwrap_or_default()) else { continue };
            let mut time = self.neighbour.up_to(&mut self.parser, &self.buffer, &range, &found);
            if time.is_none() {
                range = self.read_ahead(range)?;
                let ahead = self.next..self.filled.min(self.next + LOOK_BACK);
                time = self.neighbour.behind(&mut self.parser, &self.buffer, ahead);
            }
            if self.options.accepts(&found, time) {
                let text = self.buffer.get(range).unwrap_or_default();
                return Ok(Some(LogEvent::new(text.strip_suffix(b"\n").unwrap_or(text), found, time)));
            }
        }
    }

    /// Lines read so far; a last line without its end counts.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes read so far, after decompression.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lines longer than the buffer (256 KiB): of those only the beginning was searched.
    #[must_use]
    pub fn cut_lines(&self) -> u64 {
        self.cut_lines
    }

    /// Where the next message with an error's wording lies in the buffer.
    fn next_record(&mut self) -> io::Result<Option<Range<usize>>> {
        loop {
            let complete = self.complete();
            if self.open && self.next < complete {
                self.pass_continuation(complete);
            }
            let window = self.buffer.get(..complete).unwrap_or_default();
            if let Some(hit) = self.needles.find(window, self.next) {
                let line = line_around(window, hit);
                let (range, settled) = record::extent(window, line.clone(), self.floor.min(line.start));
                // The message may go on in what is not read yet.
                if settled || self.ended || self.is_full(line.start) {
                    self.count_to(range.end);
                    self.floor = range.end;
                    self.open = !settled;
                    return Ok(Some(range));
                }
                self.count_to(line.start);
            } else {
                self.count_to(complete);
            }
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// The end of the lines that are whole; of everything at the end of the log or of the buffer.
    fn complete(&self) -> usize {
        let text = self.buffer.get(self.next..self.filled).unwrap_or_default();
        if self.ended && !self.options.is_following() {
            return self.filled;
        }
        match memrchr(b'\n', text) {
            Some(newline) => self.next + newline + 1,
            None if self.is_full(self.next) => self.filled,
            None => self.next,
        }
    }

    /// Whether nothing more fits behind a message that begins at `start`.
    fn is_full(&self, start: usize) -> bool {
        self.filled - start >= WINDOW - LOOK_BACK
    }

    fn count_to(&mut self, end: usize) {
        let text = self.buffer.get(self.next..end).unwrap_or_default();
        let newlines = memchr_iter(b'\n', text).count();
        self.lines += u64::try_from(newlines).unwrap_or(u64::MAX);
        if !text.is_empty() && !text.ends_with(b"\n") {
            // The end of the log, or a line that is cut here.
            self.lines += 1;
            if !self.ended {
                self.cutting = true;
                self.cut_lines += 1;
            }
        }
        self.next = end.max(self.next);
    }

    /// Passes over what goes on with the message that the last event was given for.
    fn pass_continuation(&mut self, complete: usize) {
        self.open = false;
        while self.next < complete {
            let window = self.buffer.get(..complete).unwrap_or_default();
            let line = line_around(window, self.next);
            if !record::continues(window.get(line.clone()).unwrap_or_default()) {
                return;
            }
            self.count_to((line.end + 1).min(complete));
            self.floor = self.next;
        }
        self.open = true;
    }

    /// Reads on; what lies more than the look-back before the next line makes room.
    fn fill(&mut self) -> io::Result<()> {
        let keep = self.next.saturating_sub(LOOK_BACK);
        if keep > 0 && self.filled + WINDOW / 4 > WINDOW {
            self.buffer.copy_within(keep..self.filled, 0);
            self.filled -= keep;
            self.next -= keep;
            self.floor = self.floor.saturating_sub(keep);
            self.neighbour.shift(keep);
        }
        let read = loop {
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.bytes += u64::try_from(read).unwrap_or(u64::MAX);
        self.ended = read == 0;
        let end = (self.filled + read).min(self.buffer.len());
        if self.cutting {
            let newline = memchr(b'\n', self.buffer.get(self.filled..end).unwrap_or_default());
            // The cut line was counted; its rest and its end are passed over.
            let rest = newline.map_or(end, |newline| self.filled + newline + 1);
            self.cutting = newline.is_none() && !self.ended;
            self.buffer.copy_within(rest..end, self.filled);
            self.filled += end - rest;
        } else {
            self.filled = end;
        }
        Ok(())
    }

    /// Reads until what may give a time lies behind the event; its range moves with the buffer.
    fn read_ahead(&mut self, mut range: Range<usize>) -> io::Result<Range<usize>> {
        let fits = range.len() <= LOOK_BACK;
        while fits && self.neighbour.is_unknown() && !self.ended && self.filled - range.end < LOOK_BACK {
            self.fill()?;
            range = self.next - range.len()..self.next;
        }
        Ok(range)
    }
}

fn line_around(window: &[u8], at: usize) -> Range<usize> {
    let start = memrchr(b'\n', window.get(..at).unwrap_or_default()).map_or(0, |newline| newline + 1);
    let end = window.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(window.len(), |newline| at + newline);
    start..end
}

/// The buffer, in bytes: it fits a core's own cache, and holds any message worth reading.
const WINDOW: usize = LONGEST;
