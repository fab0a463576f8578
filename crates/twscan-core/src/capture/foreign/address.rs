use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wire::{AF_INET, AF_INET6};

/// An address and port in the spelling of ss or netstat; `None` for the address is `*`.
pub(super) struct Endpoint {
    address: Option<IpAddr>,
    port: u16,
}

impl Endpoint {
    /// Reads `127.0.0.1:80`, `[::1]:80`, `::1:80`, `*:80`, `0.0.0.0:*`, `127.0.0.1%lo:80`, `[fe80::1]%eth0:80`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (address, port) = text.rsplit_once(':').ok_or("an address without a port")?;
        let port = match port {
            "*" => 0,
            port => port.parse().map_err(|_| "a port is no number; ask the tool for numbers (-n)")?,
        };
        // The name of an interface: its number is not known.
        let address = address.split_once('%').map_or(address, |(address, _)| address);
        let address = address.strip_prefix('[').map_or(address, |address| address.trim_end_matches(']'));
        let address = match address {
            "*" => None,
            address => {
                Some(address.parse().map_err(|_| "an address is not whole or no number; ask the tool for -n and -W")?)
            }
        };
        Ok(Self { address, port })
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

/// The family of a pair and both of its ends. A local `*` is an IPv6 socket that takes IPv4 too.
pub(super) fn pair(local: &Endpoint, remote: &Endpoint, v6: bool) -> (u8, SocketAddr, SocketAddr) {
    let v6 = v6 || local.is_v6() || remote.is_v6() || local.address.is_none();
    let family = if v6 { AF_INET6 } else { AF_INET };
    (family, local.socket(family), remote.socket(family))
}
