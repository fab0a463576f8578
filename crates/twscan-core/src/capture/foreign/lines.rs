use std::borrow::Cow;

use super::address::Endpoint;
use super::heading::Heading;
use super::owners::NamedProcess;
use super::{netstat, ss};
use crate::host::Source;
use crate::procfs;
use crate::socket::TcpState;
use crate::wire::{AF_INET, AF_INET6, InetDiagMsgBuilder};

/// What a line is.
pub(super) enum Row {
    Socket(Source, InetDiagMsgBuilder, Vec<NamedProcess>),
    Ss(ss::SsRow),
    Heading(Source, Heading),
    /// Of `/proc/net/tcp` or `tcp6`: the family.
    ProcHeading(u8),
    /// Nothing of TCP: a blank line, a remark, another protocol, more about the socket above.
    Other,
    Unknown(Cow<'static, str>),
}

/// The line without what an editor puts ahead of a file (the byte order mark) and without colours.
pub(super) fn plain(line: &str) -> Cow<'_, str> {
    let line = line.trim_start_matches('\u{feff}');
    if !line.contains(ESCAPE) {
        return Cow::Borrowed(line);
    }
    let mut parts = line.split(ESCAPE);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // ECMA-48, 5.4: parameters, and a final byte from @ to ~.
        let behind = part.strip_prefix('[').and_then(|part| part.split_once(|c: char| ('@'..='~').contains(&c)));
        plain.push_str(behind.map_or(part, |(_, text)| text));
    }
    Cow::Owned(plain)
}

pub(super) fn row(line: &str) -> Row {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    match fields.as_slice() {
        [] => Row::Other,
        ["sl", "local_address", "remote_address", ..] => Row::ProcHeading(AF_INET6),
        ["sl", "local_address", ..] => Row::ProcHeading(AF_INET),
        ["Active", "Internet", ..] => Row::Heading(Source::NetstatText, netstat::heading(line)),
        ["Proto", "Recv-Q", ..] => Row::Heading(Source::NetstatText, Heading::Silent),
        ["State" | "Netid", "Recv-Q" | "State", ..] => Row::Heading(Source::SsText, Heading::Silent),
        ["Recv-Q", "Send-Q", ..] => Row::Heading(Source::SsText, Heading::WithoutStates),
        [slot, rest @ ..] if slot.strip_suffix(':').is_some_and(is_number) && begins_with_hex(rest) => {
            proc_row(line, &fields)
        }
        [protocol @ ("tcp" | "tcp6"), receive, send, rest @ ..] if is_number(receive) && is_number(send) => {
            match netstat::row(*protocol == "tcp6", receive, send, rest) {
                Ok((socket, owners)) => Row::Socket(Source::NetstatText, socket, owners),
                Err(what) => Row::Unknown(what.into()),
            }
        }
        ["tcp", rest @ ..] => ss::row(line, rest).map_or_else(|what| Row::Unknown(what.into()), Row::Ss),
        ["tcp6", ..] => Row::Unknown(ss::NO_ROW.into()),
        [protocol, ..] if OTHERS.iter().any(|other| protocol.starts_with(other)) => Row::Other,
        fields => match ss::row(line, fields) {
            Ok(row) => Row::Ss(row),
            Err(ss::NO_ROW) if !is_of_a_row(fields) && !is_cut_off(line, fields) => Row::Other,
            Err(what) => Row::Unknown(what.into()),
        },
    }
}

/// Whether this is what is left of a row of ss or netstat: it has the state, the queues or an address. Remarks have
/// none of them.
fn is_of_a_row(fields: &[&str]) -> bool {
    let queues = matches!(fields, [receive, send, ..] if is_number(receive) && is_number(send));
    let state = fields.first().is_some_and(|first| TcpState::from_name(first).is_some());
    state || queues || fields.iter().any(|field| Endpoint::parse(field).is_ok())
}

/// Whether the file ends inside the first word of a row.
fn is_cut_off(line: &str, fields: &[&str]) -> bool {
    let [word] = fields else { return false };
    let begins = |whole: &str| whole.starts_with(word);
    let state = || TcpState::ALL.iter().any(|state| begins(&state.name().replace('_', "-")));
    !line.ends_with('\n') && (is_number(word) || begins("tcp6") || state())
}

fn proc_row(line: &str, fields: &[&str]) -> Row {
    let family = if fields.get(1).is_some_and(|local| local.len() > V4_ENDPOINT) { AF_INET6 } else { AF_INET };
    match procfs::parse_line(line, family) {
        Ok((_, socket)) => Row::Socket(Source::Procfs, socket, Vec::new()),
        Err(_) if fields.len() < PROC_FIELDS => Row::Unknown("it is cut short; a row goes on to the inode".into()),
        Err(what) => Row::Unknown(format!("its {what} is not understood").into()),
    }
}

/// An address of `/proc/net/tcp`, or what is left of it.
fn begins_with_hex(fields: &[&str]) -> bool {
    fields.first().is_none_or(|address| address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':'))
}

fn is_number(field: &str) -> bool {
    !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit())
}

/// Protocols beside TCP in the output of ss and netstat, and netstat's headings of other sections.
const OTHERS: [&str; 13] =
    ["udp", "raw", "icmp", "u_", "unix", "nl", "p_", "v_", "tipc", "sctp", "mptcp", "Active", "Proto"];

/// `0100007F:1F90`.
const V4_ENDPOINT: usize = 8 + 1 + 4;
/// Those of a row of `/proc/net/tcp` as far as its inode.
const PROC_FIELDS: usize = 10;
const ESCAPE: char = '\x1b';
