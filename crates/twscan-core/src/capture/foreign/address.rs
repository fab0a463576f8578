use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wire::{AF_INET, AF_INET6};

/// An address and port in the spelling of ss or netstat; `None` for the address is `*`.
pub(super) struct Endpoint<'a> {
    address: Option<IpAddr>,
    port: u16,
    /// The name, where there is one: its number is not known.
    interface: &'a str,
    in_brackets: bool,
}

impl<'a> Endpoint<'a> {
    /// Reads `127.0.0.1:80`, `[::1]:80`, `::1:80`, `*:80`, `0.0.0.0:*`, `127.0.0.1%lo:80`, `[fe80::1]%eth0:80`.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (address, port) = text.rsplit_once(':').ok_or("an address without a port")?;
        let port = match port {
            "*" => 0,
            port => port.parse().map_err(|_| "a port is no number; ask the tool for numbers (-n)")?,
        };
        let (address, interface) = address.split_once('%').unwrap_or((address, ""));
        let in_brackets = address.starts_with('[');
        let address = address.strip_prefix('[').map_or(address, |address| address.trim_end_matches(']'));
        let address = match address {
            "*" => None,
            address => {
                Some(address.parse().map_err(|_| "an address is not whole or no number; ask the tool for -n and -W")?)
            }
        };
        Ok(Self { address, port, interface, in_brackets })
    }

    pub(super) fn interface(&self) -> &'a str {
        self.interface
    }

    pub(super) fn is_star(&self) -> bool {
        self.address.is_none()
    }

    pub(super) fn is_v4(&self) -> bool {
        self.address.is_some_and(|address| address.is_ipv4())
    }

    /// `:::22`, where newer tools print `[::]:22`.
    pub(super) fn is_bare_v6(&self) -> bool {
        self.is_v6() && !self.in_brackets
    }

    fn is_v6(&self) -> bool {
        self.address.is_some_and(|address| address.is_ipv6())
    }

    fn socket(&self, family: u8) -> SocketAddr {
        let unspecified = match family {
            AF_INET6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let address = match self.address {
            // netstat prints `0.0.0.0:*` beside an IPv6 address.
            Some(address) if address.is_unspecified() => unspecified,
            other => other.unwrap_or(unspecified),
        };
        SocketAddr::new(address, self.port)
    }
}

/// The family of a pair and both of its ends.
pub(super) fn pair(local: &Endpoint<'_>, remote: &Endpoint<'_>, v6: bool) -> (u8, SocketAddr, SocketAddr) {
    let v6 = v6 || local.is_v6() || remote.is_v6();
    let family = if v6 { AF_INET6 } else { AF_INET };
    (family, local.socket(family), remote.socket(family))
}
