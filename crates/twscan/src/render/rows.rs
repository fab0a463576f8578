//! A line a socket. A million of them are printed in one go, so the digits are made by hand.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use twscan_core::socket::{Family, SocketRecord, TcpState, Timer};
use twscan_core::tally::Role;

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
pub(crate) fn row(record: &SocketRecord<'_>, role: Role, line: &mut Vec<u8>) -> io::Result<()> {
    let start = line.len();
    state(record, line);
    pad_to(line, start + 13);
    number_right(record.recv_queue(), 6, line);
    line.extend_from_slice(b"  ");
    number_right(record.send_queue(), 6, line);
    line.extend_from_slice(b"  ");
    let start = line.len();
    endpoint(record.local(), line);
    pad_to(line, start + 24);
    let start = line.len();
    endpoint(record.remote(), line);
    pad_to(line, start + 24);
    let start = line.len();
    if record.timer() == Timer::Off {
        line.push(b'-');
    } else {
        line.extend_from_slice(record.timer().name().as_bytes());
        line.push(b' ');
        let tenths = record.raw().idiag_expires() / 100;
        number(tenths / 10, line);
        line.push(b'.');
        number(tenths % 10, line);
        line.push(b's');
    }
    pad_to(line, start + 18);
    line.extend_from_slice(role.name().as_bytes());
    line.push(b'\n');
    Ok(())
}

/// A socket as a JSON object: the document [`SocketRow`](twscan_core::report::SocketRow).
pub(crate) fn json_line(record: &SocketRecord<'_>, role: Role, line: &mut Vec<u8>) -> io::Result<()> {
    line.extend_from_slice(match record.family() {
        Family::V4 => br#"{"family":"ipv4","state":""#,
        Family::V6 => br#"{"family":"ipv6","state":""#,
    });
    state(record, line);
    let (local, remote) = (record.local(), record.remote());
    line.extend_from_slice(br#"","local":{"addr":""#);
    address(local.ip(), line);
    line.extend_from_slice(br#"","port":"#);
    number(local.port(), line);
    line.extend_from_slice(br#"},"remote":{"addr":""#);
    address(remote.ip(), line);
    line.extend_from_slice(br#"","port":"#);
    number(remote.port(), line);
    line.extend_from_slice(br#"},"timer":""#);
    line.extend_from_slice(record.timer().name().as_bytes());
    line.extend_from_slice(br#"","expires_ms":"#);
    optional((record.timer() != Timer::Off).then(|| record.raw().idiag_expires()), line);
    line.extend_from_slice(br#","uid":"#);
    number(record.uid(), line);
    line.extend_from_slice(br#","inode":"#);
    number(record.inode(), line);
    line.extend_from_slice(br#","recv_q":"#);
    number(record.recv_queue(), line);
    line.extend_from_slice(br#","send_q":"#);
    number(record.send_queue(), line);
    line.extend_from_slice(br#","cookie":"#);
    optional(record.cookie(), line);
    line.extend_from_slice(br#","role":""#);
    line.extend_from_slice(role.name().as_bytes());
    line.extend_from_slice(br#"","mapped":"#);
    line.extend_from_slice(if record.is_v4_mapped() { b"true" } else { b"false" });
    line.extend_from_slice(br#","device":"#);
    optional(record.interface(), line);
    line.extend_from_slice(b"}\n");
    Ok(())
}

fn state(record: &SocketRecord<'_>, line: &mut Vec<u8>) {
    match record.state() {
        unknown @ TcpState::Unknown(_) => line.extend_from_slice(unknown.to_string().as_bytes()),
        known => line.extend_from_slice(known.name().as_bytes()),
    }
}

fn endpoint(endpoint: SocketAddr, line: &mut Vec<u8>) {
    let v6 = endpoint.is_ipv6();
    line.extend_from_slice(if v6 { b"[" } else { b"" });
    address(endpoint.ip(), line);
    line.extend_from_slice(if v6 { b"]:" } else { b":" });
    number(endpoint.port(), line);
}

fn address(address: IpAddr, line: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    line.push(b'.');
                }
                number(octet, line);
            }
        }
        // Writing into a Vec cannot fail.
        IpAddr::V6(v6) => drop(write!(line, "{v6}")),
    }
}

fn number(value: impl itoa::Integer, line: &mut Vec<u8>) {
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn number_right(value: u32, width: usize, line: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value);
    line.resize(line.len() + width.saturating_sub(digits.len()), b' ');
    line.extend_from_slice(digits.as_bytes());
}

fn optional(value: Option<impl itoa::Integer>, line: &mut Vec<u8>) {
    match value {
        Some(value) => number(value, line),
        None => line.extend_from_slice(b"null"),
    }
}

/// Fills up with blanks; a column that is too long still ends with two.
fn pad_to(line: &mut Vec<u8>, end: usize) {
    let end = end.max(line.len() + 2);
    line.resize(end, b' ');
}

/// Larger pieces are no faster: the pipe takes 64 KiB at once.
const PIECE: usize = 64 * 1024;
const ROOM: usize = 1024;
