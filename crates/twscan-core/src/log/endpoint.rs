use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and a port in a log message; either may be missing there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LogEndpoint<'a> {
    /// The address or the name.
    pub host: LogHost<'a>,
    /// The port, in host byte order; a message may name the address alone.
    pub port: Option<u16>,
}

/// The host part of a [`LogEndpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogHost<'a> {
    /// An address; an IPv4 address in IPv6 form is given as IPv4.
    Ip(IpAddr),
    /// A name, as the message has it.
    Name(&'a str),
}

impl LogEndpoint<'_> {
    /// Whether it names this host in a way that may mean the IPv6 loopback: `localhost`, `::1` or `::`.
    #[must_use]
    pub fn is_localhost(&self) -> bool {
        match self.host {
            LogHost::Ip(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unspecified(),
            LogHost::Ip(IpAddr::V4(_)) => false,
            LogHost::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for LogHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.pad(name),
        }
    }
}

impl fmt::Display for LogEndpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host, self.port) {
            (LogHost::Ip(IpAddr::V6(ip)), Some(port)) => write!(f, "[{ip}]:{port}"),
            (host, Some(port)) => write!(f, "{host}:{port}"),
            (host, None) => host.fmt(f),
        }
    }
}

/// Reads the endpoint at the start of `text`, in any of the forms that programs print:
/// `1.2.3.4:80`, `[::1]:80`, `redis://u@h:6379/0`, `/1.2.3.4:80`, `"h" (1.2.3.4), port 80`, `h port 80`, `('h', 80)`,
/// `host='h', port=80`, `host h port 80`, and the name or address alone.
pub(super) fn endpoint(text: &[u8]) -> Option<LogEndpoint<'_>> {
    let text = text.get(..text.len().min(LONGEST))?;
    let text = text.strip_prefix(b"host ".as_slice()).unwrap_or(text);
    let quoted = matches!(text.first(), Some(b'"' | b'\''));
    let text = trim_start(text, b"\"'(/");
    let text = after_scheme(text);
    let (host, rest) = token(text)?;
    let (host, mut port, mut rest) = split_port(host, rest);
    let mut host = read_host(host)?;
    if let Some((ip, after)) = resolved(rest) {
        (host, rest) = (LogHost::Ip(ip), after);
        if let Some((found, _)) = rest.strip_prefix(b":".as_slice()).and_then(number) {
            port = Some(found);
        }
    }
    let port = port.or_else(|| port_in_words(rest));
    // A bare word ("connect to server: ..") is a host only when something marks it as one.
    let marked = quoted || port.is_some();
    match host {
        // `fastcgi://unix:/run/fpm.sock` is no TCP destination.
        LogHost::Name("unix") => None,
        LogHost::Name(name) if !marked && name != "localhost" && !name.contains('.') => None,
        host => Some(LogEndpoint { host, port }),
    }
}

/// Node.js prints `::1:8080`: the last colon is the port's, also behind an IPv6 address.
pub(super) fn endpoint_with_last_colon(text: &[u8]) -> Option<LogEndpoint<'_>> {
    let text = text.get(..text.len().min(LONGEST))?;
    let (token, _) = text.split_at(text.iter().position(|b| !is_host_byte(*b)).unwrap_or(text.len()));
    let colon = memchr::memrchr(b':', token)?;
    let (port, _) = number(token.get(colon + 1..)?)?;
    Some(LogEndpoint { host: read_host(token.get(..colon)?)?, port: Some(port) })
}

/// A decimal number that fits a port, and what follows it.
pub(super) fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

fn trim_start<'a>(text: &'a [u8], set: &[u8]) -> &'a [u8] {
    text.get(text.iter().take_while(|b| set.contains(b)).count()..).unwrap_or_default()
}

/// Past `scheme://` and `user:password@`.
fn after_scheme(text: &[u8]) -> &[u8] {
    let letters = text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+.-".contains(b)).count();
    let Some(text) = text.get(letters..).and_then(|rest| rest.strip_prefix(b"://".as_slice())) else { return text };
    let authority = text.iter().position(|b| b"/ \t\n\"')]".contains(b)).unwrap_or(text.len());
    match memchr::memrchr(b'@', text.get(..authority).unwrap_or_default()) {
        Some(at) => text.get(at + 1..).unwrap_or_default(),
        None => text,
    }
}

/// The host with the port that may hang on it, and what follows.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(inner) = text.strip_prefix(b"[".as_slice()) {
        let close = memchr::memchr(b']', inner)?;
        return Some((inner.get(..close)?, inner.get(close + 1..)?));
    }
    let end = text.iter().position(|b| !is_host_byte(*b)).unwrap_or(text.len());
    // HAProxy and Redis write `*` for any address.
    if end == 0 && text.starts_with(b"*") {
        return Some((b"0.0.0.0", text.get(1..)?));
    }
    let (mut host, rest) = text.split_at(end);
    // The end of the sentence or of the clause: `connecting to 127.0.0.1:6379.`, `listen on X:`.
    while let [before @ .., last] = host {
        let ends_clause = b".-".contains(last) || (*last == b':' && !before.ends_with(b":"));
        if !ends_clause {
            break;
        }
        host = before;
    }
    Some((host, rest))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".:-_%".contains(&byte)
}

fn split_port<'a>(host: &'a [u8], rest: &'a [u8]) -> (&'a [u8], Option<u16>, &'a [u8]) {
    if let Some((port, rest)) = rest.strip_prefix(b":".as_slice()).and_then(number) {
        return (host, Some(port), rest);
    }
    if let (Some(colon), Some(last)) = (memchr::memchr(b':', host), memchr::memrchr(b':', host)) {
        // Go prints `:8080` for any address and `:::8080` is Node's; more colons are an IPv6 address without brackets.
        let lone = colon == last || host.starts_with(b":::");
        if let (true, Some((port, _))) = (lone, host.get(last + 1..).and_then(number)) {
            let host = host.get(..last).unwrap_or_default();
            return (if host.is_empty() { b"0.0.0.0" } else { host }, Some(port), rest);
        }
    }
    (host, None, rest)
}

fn read_host(text: &[u8]) -> Option<LogHost<'_>> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.split('%').next().unwrap_or(text);
    if let Ok(ip) = bare.parse::<Ipv4Addr>() {
        return Some(LogHost::Ip(IpAddr::V4(ip)));
    }
    if let Ok(ip) = bare.parse::<Ipv6Addr>() {
        return Some(LogHost::Ip(IpAddr::V6(ip).to_canonical()));
    }
    let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.contains([':', '%']);
    is_name.then_some(LogHost::Name(text))
}

/// The address behind a name: `"localhost" (127.0.0.1)`, `localhost/127.0.0.1`.
fn resolved(rest: &[u8]) -> Option<(IpAddr, &[u8])> {
    let rest = trim_start(rest, b"\"'");
    let inner = rest.strip_prefix(b" (".as_slice()).or_else(|| rest.strip_prefix(b"/".as_slice()))?;
    let end = inner.iter().position(|b| !(b.is_ascii_hexdigit() || b".:".contains(b))).unwrap_or(inner.len());
    let (ip, after) = inner.split_at(end);
    let (ip, after) = match memchr::memchr(b':', ip) {
        Some(colon) if memchr::memrchr(b':', ip) == Some(colon) => inner.split_at(colon),
        _ => (ip, after),
    };
    match read_host(ip)? {
        LogHost::Ip(ip) => Some((ip, after.strip_prefix(b")".as_slice()).unwrap_or(after))),
        LogHost::Name(_) => None,
    }
}

/// `, port 80`, ` port 80`, `', port=80`, `', 80)`.
fn port_in_words(rest: &[u8]) -> Option<u16> {
    let rest = trim_start(rest, b"\"'");
    let tuple = rest.strip_prefix(b", ".as_slice());
    let words = tuple.or_else(|| rest.strip_prefix(b" ".as_slice()))?;
    let (port, after) = match words.strip_prefix(b"port".as_slice()) {
        Some(after) => number(trim_start(after, b" ="))?,
        None => number(tuple?)?,
    };
    (!after.first().is_some_and(u8::is_ascii_alphanumeric)).then_some(port)
}

/// No address with its name, port and punctuation is longer: a name has at most 253 bytes (RFC 1035).
const LONGEST: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        endpoint(text.as_bytes()).map_or_else(|| "-".to_owned(), |endpoint| endpoint.to_string())
    }

    #[test]
    fn every_form_that_programs_print_is_read() {
        for (text, expected) in [
            ("127.0.0.1:8080) failed", "127.0.0.1:8080"),
            ("[::1]:8080 failed", "[::1]:8080"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
            ("/192.168.0.84:61613", "192.168.0.84:61613"),
            ("localhost/127.0.0.1:5672 failed", "127.0.0.1:5672"),
            ("localhost:8080 [localhost/127.0.0.1] failed", "localhost:8080"),
            ("tcp://127.0.0.1:2300 (Cannot", "127.0.0.1:2300"),
            ("redis://:p@ss@cache:6379/0: Error", "cache:6379"),
            ("\"http://127.0.0.1:8080/a?b=1.2.3.4:5\"", "127.0.0.1:8080"),
            ("\"fastcgi://unix:/run/fpm.sock:\"", "-"),
            ("localhost:6379. Cannot", "localhost:6379"),
            ("127.0.0.1: Cannot", "127.0.0.1"),
            ("::1: Cannot", "::1"),
            ("\"172.16.9.33\", port 5001 failed", "172.16.9.33:5001"),
            ("\"localhost\" (::1), port 5432 failed", "[::1]:5432"),
            ("\"localhost\" (127.0.0.1) and accepting", "127.0.0.1"),
            ("\"db\" and accepting", "db"),
            ("host 127.0.0.1 port 22: Cannot", "127.0.0.1:22"),
            ("localhost port 8080 after 0 ms", "localhost:8080"),
            ("'localhost' ([Errno 99]", "localhost"),
            ("'10.9.0.2', port=8080): Max", "10.9.0.2:8080"),
            ("('127.0.0.1', 8080): address", "127.0.0.1:8080"),
            (":8080: bind", "0.0.0.0:8080"),
            (":::8080", "[::]:8080"),
            ("*:6379: bind", "0.0.0.0:6379"),
            ("fe80::1%eth0 port 22", "[fe80::1]:22"),
            ("server: Cannot assign", "-"),
            ("upstream, client", "-"),
            ("db.example.com failed", "db.example.com"),
            ("127.0.0.1:99999 failed", "-"),
            ("", "-"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn the_last_colon_is_the_port_in_node_js() {
        let read = |text: &str| endpoint_with_last_colon(text.as_bytes()).map(|endpoint| endpoint.to_string());
        assert_eq!(read("::1:8080 - Local"), Some("[::1]:8080".to_owned()));
        assert_eq!(read(":::0)"), Some("[::]:0".to_owned()));
        assert_eq!(read("127.0.0.1:8080\n"), Some("127.0.0.1:8080".to_owned()));
        assert_eq!(read("nothing"), None);
    }
}
