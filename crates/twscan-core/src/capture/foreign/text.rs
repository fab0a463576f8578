use std::io::{BufRead, Read};

use super::heading::Heading;
use super::lines::{self, Row};
use super::outputs::Outputs;
use super::owners::{self, NamedProcesses};
use super::sink::Sink;
use super::ss::{self, Socket, SsTimers};
use crate::Error;
use crate::capture::faults::{Faults, not_a_recording};
use crate::host::Source;

/// Reads the text of `ss`, `netstat` or `/proc/net/tcp`, with or without headings, told row by row: files put together
/// of several outputs are read too.
pub(super) fn read(mut input: impl BufRead, sink: &mut Sink) -> Result<(Source, Option<String>), Error> {
    let mut reader = Reader {
        outputs: &mut sink.outputs,
        processes: &mut sink.processes,
        timers: SsTimers::default(),
        payload: Vec::new(),
        source: None,
        faults: Faults::default(),
        known: false,
    };
    let mut line = Vec::new();
    let mut number = 0u64;
    loop {
        line.clear();
        let read = input.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|cause| Error::ReadRecording { cause })? == 0 {
            break;
        }
        number += 1;
        // Of a file with nothing known in it, the first lines tell.
        if reader.source.is_none() && number > MOST_PREAMBLE {
            break;
        }
        reader.line(number, &String::from_utf8_lossy(&line));
    }
    reader.finish()
}

/// What has been read so far.
struct Reader<'a> {
    outputs: &'a mut Outputs,
    processes: &'a mut NamedProcesses,
    timers: SsTimers,
    payload: Vec<u8>,
    source: Option<Source>,
    faults: Faults,
    /// Whether any line was a row, though not understood.
    known: bool,
}

impl Reader<'_> {
    fn line(&mut self, number: u64, text: &str) {
        let text = lines::plain(text);
        // A name may look like anything else that stands in a row.
        let (text, owners) = owners::cut_out_of_ss(&text);
        match lines::row(&text) {
            Row::Socket(from, mut message, owners) => {
                self.enter(from);
                self.processes.note(&mut message, owners);
                let socket = Socket { message, interface: Box::default(), star: false };
                add(self.outputs, &mut self.payload, &socket);
            }
            Row::Ss(mut row) => {
                self.enter(Source::SsText);
                if !row.has_state() {
                    self.outputs.current().heading = Heading::WithoutStates;
                }
                if row.star_is_ipv4() {
                    self.outputs.star_is_ipv4();
                }
                self.processes.note(row.socket(), owners);
                self.with_timers(|timers, add| timers.take(row, add));
            }
            Row::Heading(from, heading) => self.heading(from, heading),
            Row::ProcHeading(family) => {
                self.heading(Source::Procfs, Heading::Silent);
                self.outputs.current().families.add(family);
            }
            Row::Other => {}
            Row::Unknown(what) => {
                self.known |= what != ss::NO_ROW;
                if what == ss::NO_STATE {
                    self.outputs.current().heading = Heading::WithoutStates;
                }
                self.outputs.current().unread = true;
                self.faults.add(format!("line {number}: {what}"));
            }
        }
    }

    fn heading(&mut self, source: Source, heading: Heading) {
        if self.source.is_none() {
            // What stands above the first heading is no row: a prompt, a date.
            self.faults = Faults::default();
            self.outputs.current().unread = false;
        }
        self.source.get_or_insert(source);
        self.with_timers(SsTimers::finish);
        self.outputs.heading(source, heading);
    }

    fn enter(&mut self, source: Source) {
        self.source.get_or_insert(source);
        if self.outputs.current().source != Some(source) {
            self.with_timers(SsTimers::finish);
            self.outputs.enter(source);
        }
    }

    fn with_timers(&mut self, act: impl FnOnce(&mut SsTimers, &mut dyn FnMut(Socket))) {
        let Self { outputs, payload, timers, .. } = self;
        act(timers, &mut |socket| add(outputs, payload, &socket));
    }

    fn finish(mut self) -> Result<(Source, Option<String>), Error> {
        self.with_timers(SsTimers::finish);
        match self.source {
            Some(source) => Ok((source, self.faults.text())),
            None if self.known => Err(not_a_recording(&self.faults.text().unwrap_or_default())),
            None => Err(not_a_recording(UNKNOWN)),
        }
    }
}

fn add(outputs: &mut Outputs, payload: &mut Vec<u8>, socket: &Socket) {
    payload.clear();
    socket.message.append_payload(payload);
    outputs.add(payload, &socket.interface, socket.star);
}

const UNKNOWN: &str = "its content is none that is known: a twscan capture, a dump of ss -D, or the text of ss -tan, \
                       netstat -nat or /proc/net/tcp";

/// Bytes; what is longer is read as several lines.
const MOST_LINE: u64 = 64 * 1024;
/// Lines that may come before the first one that is known.
const MOST_PREAMBLE: u64 = 1000;
