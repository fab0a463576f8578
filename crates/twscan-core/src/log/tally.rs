use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::class::LogClass;
use super::endpoint::{LogEndpoint, LogHost};
use super::event::LogEvent;
use super::options::LogOptions;
use super::program::LogProgram;
use super::reader::LogReader;
use super::time::LogTime;

/// The events of a log, counted by class, and those for lack of a port also by program and minute; all by destination.
///
/// Destinations and minutes are bounded in number (65,536 each), so that a hostile log cannot fill the memory: what does
/// not fit is in the totals and in [`unplaced`](Self::unplaced).
#[derive(Debug, Clone, Default)]
pub struct LogTally {
    events: LogSpan,
    unnamed: LogSpan,
    classes: BTreeMap<LogClass, (LogSpan, Box<[u8]>)>,
    programs: BTreeMap<LogProgram, LogSpan>,
    minutes: BTreeMap<LogTime, u64>,
    addresses: HashMap<(LogClass, IpAddr, Option<u16>), LogSpan, RandomState>,
    names: HashMap<Box<str>, Vec<NameRow>, RandomState>,
    places: usize,
    unplaced: u64,
    lines: u64,
    bytes: u64,
    cut_lines: u64,
}

/// The class, the port and the events of a destination that has a name.
type NameRow = (LogClass, Option<u16>, LogSpan);

impl LogTally {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a whole log.
    ///
    /// # Errors
    ///
    /// What the input answers.
    pub fn read(input: impl Read, options: LogOptions) -> io::Result<Self> {
        let (mut tally, mut reader) = (Self::new(), LogReader::new(input, options));
        while let Some(event) = reader.next_event()? {
            tally.observe(&event);
        }
        tally.add_read(&reader);
        Ok(tally)
    }

    /// Counts one event.
    pub fn observe(&mut self, event: &LogEvent<'_>) {
        let (class, time) = (event.class(), event.time());
        self.classes.entry(class).or_insert_with(|| (LogSpan::default(), example(event.line()))).0.observe(time);
        if class.is_lack_of_port() {
            self.events.observe(time);
            self.programs.entry(event.program()).or_default().observe(time);
            self.observe_minute(time);
        }
        let placed = event.destination().is_some_and(|destination| self.observe_destination(class, &destination, time));
        if !placed && class.is_lack_of_port() {
            self.unnamed.observe(time);
        }
    }

    /// Adds the lines and bytes that a reader has read, once it is at its end.
    pub fn add_read<R: Read>(&mut self, reader: &LogReader<R>) {
        self.lines += reader.lines();
        self.bytes += reader.bytes();
        self.cut_lines += reader.cut_lines();
    }

    /// The failures for lack of a local port: exhausted destinations and exhausted bind-first pools.
    #[must_use]
    pub fn events(&self) -> LogSpan {
        self.events
    }

    /// Those of [`events`](Self::events) that stand under no destination: the message names none, or there was no room.
    #[must_use]
    pub fn unnamed(&self) -> LogSpan {
        self.unnamed
    }

    /// The events of one class.
    #[must_use]
    pub fn class(&self, class: LogClass) -> LogSpan {
        self.classes.get(&class).map_or_else(LogSpan::default, |(span, _)| *span)
    }

    /// The classes that were seen, with the line of the first event of each, cut at 512 bytes.
    pub fn classes(&self) -> impl Iterator<Item = (LogClass, LogSpan, Cow<'_, str>)> {
        self.classes.iter().map(|(class, (span, example))| (*class, *span, String::from_utf8_lossy(example)))
    }

    /// The programs that lacked a port, most events first.
    #[must_use]
    pub fn programs(&self) -> Vec<(LogProgram, LogSpan)> {
        let mut rows: Vec<_> = self.programs.iter().map(|(program, span)| (*program, *span)).collect();
        rows.sort_by_key(|(_, span)| std::cmp::Reverse(span.events));
        rows
    }

    /// The destinations of the events of these classes, most events first. Events that name none are not
    /// among them.
    #[must_use]
    pub fn destinations(&self, wanted: impl Fn(LogClass) -> bool) -> Vec<(LogEndpoint<'_>, LogSpan)> {
        let addresses = self.addresses.iter().map(|((class, ip, port), span)| (*class, LogHost::Ip(*ip), *port, *span));
        let names = self.names.iter().flat_map(|(name, rows)| {
            rows.iter().map(|(class, port, span)| (*class, LogHost::Name(name), *port, *span))
        });
        let mut rows: Vec<_> = addresses
            .chain(names)
            .filter(|(class, ..)| wanted(*class))
            .map(|(_, host, port, span)| (LogEndpoint { host, port }, span))
            .collect();
        // The same destination may be there for two classes.
        rows.sort_by_key(|(endpoint, _)| *endpoint);
        rows.dedup_by(|(later, span), (kept, total)| {
            let same = later == kept;
            if same {
                total.add(*span);
            }
            same
        });
        rows.sort_by_key(|(_, span)| std::cmp::Reverse(span.events));
        rows
    }

    /// The failures for lack of a port in each minute that has any, in order.
    pub fn minutes(&self) -> impl Iterator<Item = (LogTime, u64)> {
        self.minutes.iter().map(|(minute, events)| (*minute, *events))
    }

    /// Entries that found no room among the destinations or the minutes.
    #[must_use]
    pub fn unplaced(&self) -> u64 {
        self.unplaced
    }

    /// The lines read.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The bytes read, after decompression.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The lines that were too long to be searched to their end.
    #[must_use]
    pub fn cut_lines(&self) -> u64 {
        self.cut_lines
    }

    fn observe_minute(&mut self, time: Option<LogTime>) {
        let Some(minute) = time.map(LogTime::minute) else { return };
        if self.minutes.len() < MOST_PLACES || self.minutes.contains_key(&minute) {
            *self.minutes.entry(minute).or_default() += 1;
        } else {
            self.unplaced += 1;
        }
    }

    fn observe_destination(&mut self, class: LogClass, destination: &LogEndpoint<'_>, time: Option<LogTime>) -> bool {
        let has_room = self.places < MOST_PLACES;
        let known = match destination.host {
            LogHost::Ip(ip) => self.addresses.get_mut(&(class, ip, destination.port)),
            LogHost::Name(name) => self.names.get_mut(name).and_then(|rows| {
                rows.iter_mut().find(|(c, port, _)| (*c, *port) == (class, destination.port)).map(|(.., span)| span)
            }),
        };
        if let Some(span) = known {
            span.observe(time);
            return true;
        }
        if !has_room {
            self.unplaced += 1;
            return false;
        }
        self.places += 1;
        let mut span = LogSpan::default();
        span.observe(time);
        match destination.host {
            LogHost::Ip(ip) => drop(self.addresses.insert((class, ip, destination.port), span)),
            LogHost::Name(name) => self.names.entry(name.into()).or_default().push((class, destination.port, span)),
        }
        true
    }
}

/// How many events there were, and the times of the first and the last that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LogSpan {
    /// The events.
    pub events: u64,
    /// The earliest time.
    pub first: Option<LogTime>,
    /// The latest time.
    pub last: Option<LogTime>,
}

impl LogSpan {
    fn observe(&mut self, time: Option<LogTime>) {
        self.events = self.events.saturating_add(1);
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
    }

    fn add(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = [self.last, other.last].into_iter().flatten().max();
    }
}

fn example(line: &[u8]) -> Box<[u8]> {
    line.get(..line.len().min(512)).unwrap_or_default().into()
}

const MOST_PLACES: usize = 65_536;
