//! A line a socket. A million of them are printed in one go, so the digits are made by hand.

mod line;

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use twscan_core::socket::{Family, SocketRecord, TcpState, Timer};
use twscan_core::tally::Role;

use self::line::{BEYOND, Line, Word, append};

/// Collects lines and writes them in large pieces.
pub(crate) struct Buffered<W> {
    out: W,
    lines: Vec<u8>,
}

impl<W: Write> Buffered<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, lines: Vec::with_capacity(PIECE + ROOM) }
    }

    pub(crate) fn write_with(&mut self, line: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        line(&mut self.lines)?;
        if self.lines.len() >= PIECE {
            self.out.write_all(&self.lines)?;
            self.lines.clear();
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&self.lines)?;
        self.out.flush()
    }
}

/// The heading of [`row`].
pub(crate) fn heading(line: &mut Vec<u8>, owners: bool) -> io::Result<()> {
    writeln!(
        line,
        "{:<11}  {:>6}  {:>6}  {:<22}  {:<22}  {:<16}  ROLE{}",
        "STATE",
        "RECV-Q",
        "SEND-Q",
        "LOCAL",
        "REMOTE",
        "TIMER",
        if owners { "       OWNERS" } else { "" }
    )
}

/// A socket for people: `TIME_WAIT  0  0  127.0.0.1:40000  127.0.0.1:8080  timewait 59.2s  outbound`.
pub(crate) fn row(record: &SocketRecord<'_>, role: Role, lines: &mut Vec<u8>) -> io::Result<()> {
    append::<ROW>(lines, |line| {
        state(record, line);
        line.blank_to(13);
        line.number_right(record.recv_queue(), 6);
        line.text(b"  ");
        match record.send_queue() {
            Some(queue) => line.number_right(queue, 6),
            None => line.text(b"     ?"),
        }
        line.text(b"  ");
        let start = line.len();
        endpoint(record.local(), line);
        line.blank_to(start + 24);
        let start = line.len();
        endpoint(record.remote(), line);
        line.blank_to(start + 24);
        let start = line.len();
        match record.timer() {
            None => line.text(b"?"),
            Some(Timer::Off) => line.text(b"-"),
            Some(runs) => {
                line.word(timer(runs));
                line.text(b" ");
                let tenths = record.raw().idiag_expires() / 100;
                line.number(tenths / 10);
                line.text(b".");
                line.number(tenths % 10);
                line.text(b"s");
            }
        }
        line.blank_to(start + 18);
        line.word(role_name(role));
        line.text(b"\n");
    });
    Ok(())
}

/// A socket as a JSON object: the document [`SocketRow`](twscan_core::report::SocketRow).
pub(crate) fn json_line(record: &SocketRecord<'_>, role: Role, lines: &mut Vec<u8>) -> io::Result<()> {
    append::<JSON_LINE>(lines, |line| {
        match record.family() {
            Family::V4 => line.text(br#"{"family":"ipv4","state":""#),
            Family::V6 => line.text(br#"{"family":"ipv6","state":""#),
        }
        state(record, line);
        let (local, remote) = (record.local(), record.remote());
        line.text(br#"","local":{"addr":""#);
        address(local.ip(), line);
        line.text(br#"","port":"#);
        line.number(local.port());
        line.text(br#"},"remote":{"addr":""#);
        address(remote.ip(), line);
        line.text(br#"","port":"#);
        line.number(remote.port());
        match record.timer() {
            Some(known) => {
                line.text(br#"},"timer":""#);
                line.word(timer(known));
                line.text(br#"","expires_ms":"#);
            }
            None => line.text(br#"},"timer":null,"expires_ms":"#),
        }
        optional(record.expires().map(|_| record.raw().idiag_expires()), line);
        line.text(br#","uid":"#);
        optional(record.uid(), line);
        line.text(br#","inode":"#);
        optional(record.inode(), line);
        line.text(br#","recv_q":"#);
        line.number(record.recv_queue());
        line.text(br#","send_q":"#);
        optional(record.send_queue(), line);
        line.text(br#","cookie":"#);
        optional(record.cookie(), line);
        line.text(br#","role":""#);
        line.word(role_name(role));
        match record.is_v4_mapped() {
            true => line.text(br#"","mapped":true,"device":"#),
            false => line.text(br#"","mapped":false,"device":"#),
        }
        optional(record.interface(), line);
        line.text(b"}\n");
    });
    Ok(())
}

fn state<const ROOM: usize>(record: &SocketRecord<'_>, line: &mut Line<'_, ROOM>) {
    match record.state() {
        unknown @ TcpState::Unknown(_) => line.shown(&unknown),
        known => match STATES.get(usize::from(known.number())) {
            Some(name) => line.word(name),
            None => line.shown(&known),
        },
    }
}

fn timer(timer: Timer) -> &'static Word {
    const NAMES: [Word; 6] = [
        Word::new(Timer::Off.name()),
        Word::new(Timer::Retransmit.name()),
        Word::new(Timer::KeepAlive.name()),
        Word::new(Timer::TimeWait.name()),
        Word::new(Timer::Probe.name()),
        Word::new(Timer::Unknown(0).name()),
    ];
    match timer {
        Timer::Off => &NAMES[0],
        Timer::Retransmit => &NAMES[1],
        Timer::KeepAlive => &NAMES[2],
        Timer::TimeWait => &NAMES[3],
        Timer::Probe => &NAMES[4],
        _ => &NAMES[5],
    }
}

fn role_name(role: Role) -> &'static Word {
    const NAMES: [Word; 3] =
        [Word::new(Role::Outbound.name()), Word::new(Role::Inbound.name()), Word::new(Role::Ambiguous.name())];
    match role {
        Role::Outbound => &NAMES[0],
        Role::Inbound => &NAMES[1],
        _ => &NAMES[2],
    }
}

fn endpoint<const ROOM: usize>(endpoint: SocketAddr, line: &mut Line<'_, ROOM>) {
    match endpoint.ip() {
        IpAddr::V4(v4) => {
            line.ipv4(v4);
            line.text(b":");
        }
        v6 @ IpAddr::V6(_) => {
            line.text(b"[");
            line.shown(&v6);
            line.text(b"]:");
        }
    }
    line.number(endpoint.port());
}

fn address<const ROOM: usize>(address: IpAddr, line: &mut Line<'_, ROOM>) {
    match address {
        IpAddr::V4(v4) => line.ipv4(v4),
        v6 @ IpAddr::V6(_) => line.shown(&v6),
    }
}

fn optional<const ROOM: usize>(value: Option<impl itoa::Integer + TryInto<u16> + Copy>, line: &mut Line<'_, ROOM>) {
    match value {
        Some(value) => line.number(value),
        None => line.text(b"null"),
    }
}

/// By the state's number; 0 is none.
const STATES: [Word; 14] = {
    let mut words = [Word::new(""); 14];
    let mut index = 0;
    while index < TcpState::ALL.len() {
        let state = TcpState::ALL[index];
        words[state.number() as usize] = Word::new(state.name());
        index += 1;
    }
    words
};
/// The longest line is 186 bytes: two IPv6 addresses, and every number at its greatest.
const ROW: usize = 192 + BEYOND;
/// The longest is 452 bytes.
const JSON_LINE: usize = 456 + BEYOND;
/// Larger pieces are no faster: the pipe takes 64 KiB at once.
const PIECE: usize = 64 * 1024;
const ROOM: usize = 1024;
