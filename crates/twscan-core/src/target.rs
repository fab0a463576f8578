//! What a user points at: a port, an address, a prefix, or an address with a port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use crate::filter::{Filter, Prefix, Side};
use crate::socket::{SocketRecord, TcpState};
use crate::tally::Role;

/// A destination as a user names it. v4-mapped addresses are folded to IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    net: Option<IpNet>,
    port: Option<u16>,
}

impl Target {
    /// A port at any address.
    #[must_use]
    pub fn port(port: u16) -> Self {
        Self { net: None, port: Some(port) }
    }

    /// The address, where the target is a single one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.net.filter(|net| net.prefix_len() == net.max_prefix_len()).map(|net| net.addr())
    }

    /// Address and prefix length, where the target has an address.
    #[must_use]
    pub fn prefix(&self) -> Option<(IpAddr, u8)> {
        self.net.map(|net| (net.addr(), net.prefix_len()))
    }

    /// The port, where the target has one.
    #[must_use]
    pub fn port_number(&self) -> Option<u16> {
        self.port
    }

    /// A filter that lets through every socket that [`matches`](Self::matches), for the kernel to leave out most others.
    #[must_use]
    pub fn filter(&self) -> Filter {
        // A mapped socket with one side unspecified is folded in a way that no prefix tells.
        let holds = |address: IpAddr| self.net.is_some_and(|net| net.contains(&address));
        let unspecified = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        let net = self.net.filter(|_| !unspecified.into_iter().any(holds));
        let prefix = net.and_then(|net| Prefix::new(net.addr(), net.prefix_len()));
        let mut sides =
            vec![Filter::Host(Side::Remote, prefix, self.port), Filter::Host(Side::Local, prefix, self.port)];
        if prefix.is_some() {
            // Listeners at every address.
            let everywhere = |address| Filter::Host(Side::Local, Some(Prefix::from(address)), self.port);
            sides.extend(unspecified.map(everywhere));
        }
        Filter::Or(sides)
    }

    /// Whether this address and port is meant.
    #[must_use]
    pub fn contains(&self, endpoint: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == endpoint.port())
            && self.net.is_none_or(|net| net.contains(&endpoint.ip().to_canonical()))
    }

    /// Whether a socket of this role is meant: by its remote side, or by its local side where others connected to it.
    ///
    /// A listener at the unspecified address listens at every address of its family.
    #[must_use]
    pub fn matches(&self, record: &SocketRecord<'_>, role: Role) -> bool {
        if role != Role::Inbound {
            return self.contains(record.remote());
        }
        let local = record.local();
        let everywhere = record.state() == TcpState::Listen && local.ip().is_unspecified();
        if everywhere { self.port.is_none_or(|port| port == local.port()) } else { self.contains(local) }
    }
}

impl From<SocketAddr> for Target {
    fn from(endpoint: SocketAddr) -> Self {
        Self { net: Some(IpNet::from(endpoint.ip().to_canonical())), port: Some(endpoint.port()) }
    }
}

impl From<IpAddr> for Target {
    fn from(address: IpAddr) -> Self {
        Self { net: Some(IpNet::from(address.to_canonical())), port: None }
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let invalid = |reason| InvalidTarget { text: text.to_owned(), reason };
        if let Ok(endpoint) = text.parse::<SocketAddr>() {
            return Ok(Self::from(endpoint));
        }
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).or(Some(text))
            && let Ok(address) = address.parse::<IpAddr>()
        {
            return Ok(Self::from(address));
        }
        let digits = text.strip_prefix(':').or_else(|| text.strip_prefix("*:")).unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return match digits.parse() {
                Ok(port) if port != 0 => Ok(Self::port(port)),
                _ => Err(invalid(Reason::Port)),
            };
        }
        if text.contains('/') {
            let net = text.parse::<IpNet>().map_err(|_| invalid(Reason::Prefix))?;
            return Ok(Self { net: Some(fold(net)), port: None });
        }
        if let Some((address, port)) = text.rsplit_once(':')
            && address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            && port.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(invalid(Reason::Port));
        }
        let looks_numeric = text.starts_with(|first: char| first.is_ascii_digit() || first == '[' || first == ':');
        Err(invalid(if looks_numeric { Reason::Form } else { Reason::Name }))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address(), self.net, self.port) {
            (Some(address), _, Some(port)) => write!(f, "{}", SocketAddr::new(address, port)),
            (Some(address), _, None) => write!(f, "{address}"),
            (None, Some(net), _) => write!(f, "{net}"),
            (None, None, Some(port)) => write!(f, "port {port}"),
            (None, None, None) => write!(f, "any destination"),
        }
    }
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTarget {
    text: String,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Port,
    Prefix,
    Form,
    Name,
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.reason {
            Reason::Port => write!(f, "'{text}': a port is a number from 1 to 65535"),
            Reason::Prefix => write!(f, "'{text}' is no prefix; write 10.0.0.0/8 or fd00::/8"),
            Reason::Form => write!(
                f,
                "'{text}' is no target; write a port (8080), an address, a prefix (10.0.0.0/8), addr:port or [v6]:port"
            ),
            Reason::Name if text.starts_with("localhost") => write!(
                f,
                "'{text}' is a host name, and stands for both loopbacks; write 127.0.0.1 or ::1, with a port \
                 127.0.0.1:8080 or [::1]:8080, or the port alone"
            ),
            Reason::Name => {
                write!(f, "'{text}' is a host name, and names are not looked up; write its address (getent hosts NAME)")
            }
        }
    }
}

impl std::error::Error for InvalidTarget {}

fn fold(net: IpNet) -> IpNet {
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED_PREFIX => v6
            .addr()
            .to_ipv4_mapped()
            .and_then(|v4: Ipv4Addr| Ipv4Net::new(v4, v6.prefix_len() - MAPPED_PREFIX).ok())
            .map_or(net, IpNet::from),
        net => net,
    }
}

/// `::ffff:0:0/96`.
const MAPPED_PREFIX: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for (text, shown) in [
            ("8080", "port 8080"),
            (":8080", "port 8080"),
            ("*:8080", "port 8080"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("fd00::/8", "fd00::/8"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn the_filter_lets_through_whatever_matches() {
        use crate::wire::{AF_INET, AF_INET6, InetDiagMsg, InetDiagMsgBuilder};
        let addresses =
            ["0.0.0.0", "127.0.0.1", "10.0.0.5", "::", "::1", "fd00::5", "::ffff:10.0.0.5", "::ffff:0.0.0.0"];
        let endpoints: Vec<SocketAddr> = addresses
            .iter()
            .flat_map(|address| [0, 80, 8080].map(|port| SocketAddr::new(address.parse().unwrap(), port)))
            .collect();
        let texts =
            ["80", "10.0.0.5", "10.0.0.5:80", "10.0.0.0/8", "0.0.0.0/0", "0.0.0.0", "::/0", "[::1]:80", "fd00::/8"];
        let targets: Vec<Target> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let mut matching = 0;
        for (local, remote) in endpoints.iter().flat_map(|local| endpoints.iter().map(move |remote| (local, remote))) {
            if local.is_ipv4() != remote.is_ipv4() {
                continue;
            }
            for state in [1, 10] {
                let mut bytes = Vec::new();
                let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
                InetDiagMsgBuilder::new(state).family(family).local(*local).remote(*remote).append_payload(&mut bytes);
                let record = SocketRecord::new(InetDiagMsg::new(&bytes).unwrap());
                for target in &targets {
                    for role in [Role::Outbound, Role::Inbound, Role::Ambiguous] {
                        if target.matches(&record, role) {
                            matching += 1;
                            assert!(target.filter().matches(&record), "{target} {role:?} {record:?}");
                        }
                    }
                }
            }
        }
        assert!(matching > 1000, "{matching}");
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, part) in [
            ("0", "a port is a number"),
            ("65536", "a port is a number"),
            ("127.0.0.1:99999", "a port is a number"),
            ("10.0.0.0/33", "is no prefix"),
            ("10.0.0.300", "is no target"),
            ("localhost", "both loopbacks"),
            ("localhost:80", "both loopbacks"),
            ("db.example.com", "names are not looked up"),
            ("", "names are not looked up"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
