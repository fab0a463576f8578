use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::sock_diag::DumpRequest;
use crate::socket::{StateSet, TcpState};
use crate::transport::{BUFFER_LEN, Transport};
use crate::wire::{AF_INET, AF_INET6, InetDiagMsgBuilder, append_message, kind};

/// `/proc/net/tcp` and `tcp6`, answering dump requests like the kernel's sock_diag: for kernels without it and sandboxes
/// that forbid it.
///
/// Read line by line, so memory does not grow with the table. The text has no cookies, interfaces, marks or cgroups, no
/// backlog of listeners, and no bound-but-idle sockets. About ten times as slow as sock_diag.
#[derive(Debug)]
pub struct ProcNetTcp {
    files: [(PathBuf, u8); 2],
    current: usize,
    lines: Option<BufReader<File>>,
    line: String,
    line_number: usize,
    request: Option<Request>,
    done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Request {
    sequence: u32,
    reply_kind: u16,
    family: u8,
    states: StateSet,
}

impl ProcNetTcp {
    /// Reads these two files; an absent one is empty.
    #[must_use]
    pub fn new(tcp: PathBuf, tcp6: PathBuf) -> Self {
        Self {
            files: [(tcp, AF_INET), (tcp6, AF_INET6)],
            current: 0,
            lines: None,
            line: String::new(),
            line_number: 0,
            request: None,
            done: false,
        }
    }

    /// Opens the file at hand and skips its heading; false where it is absent.
    fn open(&mut self, path: &Path) -> Result<bool, Error> {
        match File::open(path) {
            Ok(file) => {
                self.lines = Some(BufReader::with_capacity(BUFFER_LEN, file));
                self.line_number = 0;
                Ok(true)
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(Error::ReadFile { path: path.to_owned(), cause }),
        }
    }

    /// The next socket of the files at hand that is asked for; `None` at their end.
    fn next_socket(&mut self, request: Request) -> Result<Option<InetDiagMsgBuilder>, Error> {
        loop {
            let Some((path, family)) = self.files.get(self.current).cloned() else { return Ok(None) };
            let wanted = request.family == 0 || request.family == family;
            if !wanted || (self.lines.is_none() && !self.open(&path)?) {
                self.current += 1;
                continue;
            }
            self.line.clear();
            let read = match &mut self.lines {
                Some(lines) => lines.read_line(&mut self.line),
                None => Ok(0),
            };
            if read.map_err(|cause| Error::ReadFile { path: path.clone(), cause })? == 0 {
                self.lines = None;
                self.current += 1;
                continue;
            }
            self.line_number += 1;
            if self.line_number == 1 {
                continue;
            }
            let line = self.line_number;
            match parse_line(&self.line, family) {
                Ok((state, socket)) if request.states.contains(TcpState::from(state)) => return Ok(Some(socket)),
                Ok(_) => {}
                Err(what) => return Err(Error::ParseFile { path, line, what }),
            }
        }
    }
}

impl Transport for ProcNetTcp {
    fn is_filtered(&self) -> bool {
        false
    }

    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        let invalid = || Error::Send { cause: io::Error::from(io::ErrorKind::InvalidInput) };
        let (request, sequence) = DumpRequest::decode(request).ok_or_else(invalid)?;
        self.request = Some(Request {
            sequence,
            reply_kind: request.reply_kind(),
            family: request.family().unwrap_or(0),
            states: request.states(),
        });
        (self.current, self.lines, self.done) = (0, None, false);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        buffer.clear();
        let Some(request) = self.request.filter(|_| !self.done) else {
            return Err(Error::Timeout { waited: std::time::Duration::ZERO });
        };
        let mut payload = Vec::with_capacity(MESSAGE_LEN);
        while buffer.len() + MESSAGE_LEN <= BUFFER_LEN {
            let Some(socket) = self.next_socket(request)? else {
                self.done = true;
                append_message(kind::DONE, 0, request.sequence, 0, &0i32.to_ne_bytes(), buffer);
                return Ok(());
            };
            payload.clear();
            socket.append_payload(&mut payload);
            append_message(request.reply_kind, 0, request.sequence, 0, &payload, buffer);
        }
        Ok(())
    }

    fn port_id(&self) -> u32 {
        0
    }
}

/// Reads a line of `/proc/net/tcp` (net/ipv4/tcp_ipv4.c, `get_tcp4_sock` and its siblings); the error is the part that is
/// not understood.
pub(crate) fn parse_line(line: &str, family: u8) -> Result<(u8, InetDiagMsgBuilder), &'static str> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let mut field = |what| fields.next().ok_or(what);
    let local = parse_endpoint(field("local address")?, family).ok_or("local address")?;
    let remote = parse_endpoint(field("remote address")?, family).ok_or("remote address")?;
    let state = u8::from_str_radix(field("state")?, 16).map_err(|_| "state")?;
    let (send, receive) = parse_hex_pair(field("queues")?).ok_or("queues")?;
    let (timer, ticks) = parse_hex_pair(field("timer")?).ok_or("timer")?;
    let retransmits = u32::from_str_radix(field("retransmits")?, 16).map_err(|_| "retransmits")?;
    let uid = field("uid")?.parse().map_err(|_| "uid")?;
    field("timeout")?;
    let inode = field("inode")?.parse().map_err(|_| "inode")?;
    let mut socket = InetDiagMsgBuilder::new(state)
        .family(family)
        .local(local)
        .remote(remote)
        .timer(u8::try_from(timer).map_err(|_| "timer")?, ticks.saturating_mul(MILLISECONDS_PER_TICK))
        .retransmits(u8::try_from(retransmits).unwrap_or(u8::MAX))
        .queues(receive, send)
        .owner(uid, inode);
    if TcpState::from(state) == TcpState::Listen {
        socket = socket.unknown_backlog();
    }
    Ok((state, socket))
}

fn parse_hex_pair(field: &str) -> Option<(u32, u32)> {
    let (first, second) = field.split_once(':')?;
    Some((u32::from_str_radix(first, 16).ok()?, u32::from_str_radix(second, 16).ok()?))
}

/// Addresses are printed as 32-bit words in host order, ports as numbers.
fn parse_endpoint(field: &str, family: u8) -> Option<SocketAddr> {
    let (address, port) = field.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| {
        let digits = address.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address = match family {
        AF_INET if address.len() == 8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        AF_INET6 if address.len() == 32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// A netlink header and `struct inet_diag_msg`.
const MESSAGE_LEN: usize = 16 + 72;

/// Timers are printed in units of USER_HZ, 100 a second (include/linux/jiffies.h, `jiffies_delta_to_clock_t`).
const MILLISECONDS_PER_TICK: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sock_diag::Dump;

    const HEADING: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    const TIME_WAIT: &str =
        "   0: 0100007F:9C40 0100007F:1F90 06 00000000:00000000 03:00001742 00000000     0        0 0 3 0\n";
    const LISTEN: &str =
        "   1: 00000000:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000  1000        0 4711 1 0\n";
    const MAPPED: &str = "   0: 0000000000000000FFFF00000100007F:9C41 0000000000000000FFFF00000100007F:1F90 01 00000001:00000002 02:00000010 00000003     7        0 99 1 0\n";

    fn files(tcp: &str, tcp6: Option<&str>) -> (tempfile::TempDir, ProcNetTcp) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tcp"), tcp).unwrap();
        if let Some(tcp6) = tcp6 {
            std::fs::write(dir.path().join("tcp6"), tcp6).unwrap();
        }
        let source = ProcNetTcp::new(dir.path().join("tcp"), dir.path().join("tcp6"));
        (dir, source)
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_become_records() {
        let tcp = format!("{HEADING}{TIME_WAIT}{LISTEN}");
        let (_dir, source) = files(&tcp, Some(&format!("{HEADING}{MAPPED}")));
        let mut dump = Dump::start(source, &DumpRequest::one_walk(StateSet::ALL)).unwrap();
        let mut seen = Vec::new();
        while let Some(batch) = dump.next_batch().unwrap() {
            for record in batch {
                seen.push((record.state(), record.local().to_string(), record.remote().to_string()));
                match record.state() {
                    TcpState::TimeWait => assert_eq!(record.expires().unwrap().as_millis(), 59540),
                    TcpState::Listen => {
                        assert_eq!((record.uid(), record.inode()), (Some(1000), Some(4711)));
                        assert_eq!((record.recv_queue(), record.send_queue()), (5, None));
                    }
                    _ => assert_eq!(
                        (record.send_queue(), record.recv_queue(), record.retransmits()),
                        (Some(1), 2, Some(3))
                    ),
                }
            }
        }
        let own = |state, local: &str, remote: &str| (state, local.to_owned(), remote.to_owned());
        assert_eq!(
            seen,
            [
                own(TcpState::TimeWait, "127.0.0.1:40000", "127.0.0.1:8080"),
                own(TcpState::Listen, "0.0.0.0:8080", "0.0.0.0:0"),
                own(TcpState::Established, "127.0.0.1:40001", "127.0.0.1:8080"),
            ]
        );
    }

    #[test]
    fn only_the_states_asked_for_come() {
        let (_dir, source) = files(&format!("{HEADING}{TIME_WAIT}{LISTEN}"), None);
        let mut dump = Dump::start(source, &DumpRequest::inet(StateSet::LISTEN)).unwrap();
        while dump.next_batch().unwrap().is_some() {}
        assert_eq!(dump.stats().sockets, 1);
    }

    #[test]
    fn a_strange_line_is_named() {
        let (_dir, source) = files(&format!("{HEADING}{TIME_WAIT}   1: XX\n"), None);
        let mut dump = Dump::start(source, &DumpRequest::one_walk(StateSet::ALL)).unwrap();
        let error = dump.next_batch().unwrap_err().to_string();
        assert!(error.ends_with("tcp line 3: local address is not understood"), "{error}");
    }
}
