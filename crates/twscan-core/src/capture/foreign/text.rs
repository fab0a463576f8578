use std::io::{BufRead, Read};

use super::left_out::{Heading, Shown};
use super::owners::{self, NamedProcess, NamedProcesses};
use super::{Sink, netstat, ss};
use crate::Error;
use crate::capture::faults::{Faults, not_a_recording};
use crate::host::Source;
use crate::procfs;
use crate::socket::TcpState;
use crate::wire::{AF_INET, AF_INET6, InetDiagMsgBuilder};

/// Reads the text of `ss`, `netstat` or `/proc/net/tcp`, with or without headings, told row by row: files put together
/// of several outputs are read too.
pub(super) fn read(mut input: impl BufRead, sink: &mut Sink) -> Result<(Source, Option<String>), Error> {
    let mut faults = Faults::default();
    let mut source = None;
    let mut line = Vec::new();
    let mut number = 0u64;
    let mut payload = Vec::new();
    let mut known = false;
    let mut timers = ss::SsTimers::default();
    let mut processes = NamedProcesses::default();
    let mut shown = Shown::default();
    let mut add = |socket: InetDiagMsgBuilder| {
        payload.clear();
        socket.append_payload(&mut payload);
        sink.add(&payload);
    };
    loop {
        line.clear();
        let read = input.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|cause| Error::ReadRecording { cause })? == 0 {
            break;
        }
        number += 1;
        let text = String::from_utf8_lossy(&line);
        // A name may look like anything else that stands in a row.
        let (text, owners) = owners::cut_out_of_ss(&text);
        match row(&text) {
            Row::Socket(from, mut socket, owners) => {
                show(&mut shown, from, &socket);
                processes.note(&mut socket, owners);
                add(socket);
                source.get_or_insert(from);
            }
            Row::Ss(mut row) => {
                show(&mut shown, Source::SsText, row.socket());
                if !row.has_state() {
                    shown.without_state();
                }
                processes.note(row.socket(), owners);
                timers.take(row, &mut add);
                source.get_or_insert(Source::SsText);
            }
            Row::Heading(from, heading) => {
                shown.heading(from, heading);
                source.get_or_insert(from);
            }
            Row::ProcHeading(family) => {
                shown.heading(Source::Procfs, Heading::Silent);
                shown.family(family);
                source.get_or_insert(Source::Procfs);
            }
            Row::Other => {}
            Row::Unknown(what) => {
                // Of a file with nothing known in it, the first lines tell.
                if source.is_none() && number > MOST_PREAMBLE {
                    return Err(not_a_recording(UNKNOWN));
                }
                known |= what != ss::NO_ROW;
                if what == ss::NO_STATE {
                    shown.without_state();
                }
                faults.add(format!("line {number}: {what}"));
            }
        }
    }
    timers.finish(add);
    (sink.processes, sink.shown) = (processes, shown);
    match source {
        Some(source) => Ok((source, faults.text())),
        None if known => Err(not_a_recording(&faults.text().unwrap_or_default())),
        None => Err(not_a_recording(UNKNOWN)),
    }
}

fn show(shown: &mut Shown, source: Source, socket: &InetDiagMsgBuilder) {
    let (family, state) = socket.family_and_state();
    shown.socket(source, TcpState::from(state), family);
}

/// What a line is.
enum Row {
    Socket(Source, InetDiagMsgBuilder, Vec<NamedProcess>),
    Ss(ss::SsRow),
    Heading(Source, Heading),
    /// Of `/proc/net/tcp` or `tcp6`: the family.
    ProcHeading(u8),
    /// Nothing of TCP: a blank line, another protocol, more about the socket above.
    Other,
    Unknown(&'static str),
}

fn row(line: &str) -> Row {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    match fields.as_slice() {
        [] => Row::Other,
        ["sl", "local_address", "remote_address", ..] => Row::ProcHeading(AF_INET6),
        ["sl", "local_address", ..] => Row::ProcHeading(AF_INET),
        ["Active", "Internet", ..] => Row::Heading(Source::NetstatText, netstat::heading(line)),
        ["Proto", "Recv-Q", ..] => Row::Heading(Source::NetstatText, Heading::Silent),
        ["State" | "Netid", "Recv-Q" | "State", ..] => Row::Heading(Source::SsText, Heading::Silent),
        ["Recv-Q", "Send-Q", ..] => Row::Heading(Source::SsText, Heading::WithoutStates),
        [slot, local, ..] if slot.strip_suffix(':').is_some_and(is_number) && local.contains(':') => {
            proc_row(line, local)
        }
        ["tcp" | "tcp6", receive, send, rest @ ..] if is_number(receive) && is_number(send) => {
            match netstat::row(fields.first() == Some(&"tcp6"), receive, send, rest) {
                Ok((socket, owners)) => Row::Socket(Source::NetstatText, socket, owners),
                Err(what) => Row::Unknown(what),
            }
        }
        ["tcp", rest @ ..] => ss_row(rest),
        [protocol, ..] if OTHERS.iter().any(|other| protocol.starts_with(other)) => Row::Other,
        _ if line.starts_with([' ', '\t']) => Row::Other,
        rest => ss_row(rest),
    }
}

fn ss_row(fields: &[&str]) -> Row {
    ss::row(fields).map_or_else(Row::Unknown, Row::Ss)
}

fn proc_row(line: &str, local: &str) -> Row {
    let family = if local.len() > V4_ENDPOINT { AF_INET6 } else { AF_INET };
    match procfs::parse_line(line, family) {
        Ok((_, socket)) => Row::Socket(Source::Procfs, socket, Vec::new()),
        Err(what) => Row::Unknown(what),
    }
}

fn is_number(field: &str) -> bool {
    !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit())
}

const UNKNOWN: &str = "its content is none that is known: a twscan capture, a dump of ss -D, or the text of ss -tan, \
                       netstat -nat or /proc/net/tcp";

/// Protocols beside TCP in the output of ss and netstat, and netstat's headings of other sections.
const OTHERS: [&str; 13] =
    ["udp", "raw", "icmp", "u_", "unix", "nl", "p_", "v_", "tipc", "sctp", "mptcp", "Active", "Proto"];

/// `0100007F:1F90`.
const V4_ENDPOINT: usize = 8 + 1 + 4;
/// Bytes; what is longer is read as several lines.
const MOST_LINE: u64 = 64 * 1024;
/// Lines that may come before the first one that is known.
const MOST_PREAMBLE: u64 = 100;
