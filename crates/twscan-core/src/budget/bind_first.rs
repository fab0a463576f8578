use std::net::IpAddr;

use crate::port::{PortRange, PortSet};
use crate::tally::{PortHolders, PortRules};

/// The ports left to clients that bind(address, 0) before they connect, without IP_BIND_ADDRESS_NO_PORT.
///
/// They are limited for each local address over all destinations together, fail in bind() with EADDRINUSE, and take their
/// ports from every connect() besides. A port held for another address is theirs to take, though no connect() may.
///
/// Not visible, and not counted: SO_REUSEADDR or SO_REUSEPORT on a client and on the holder of a port, with which they
/// share it (`ip_autobind_reuse` for the former); and a holder bound to another interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindFirstPool {
    address: IpAddr,
    capacity: u32,
    held: u32,
    left_out: u32,
    /// Sockets that were not seen, at most.
    unseen: u32,
}

impl BindFirstPool {
    pub(super) fn new(
        address: IpAddr,
        range: PortRange,
        reserved: &PortSet,
        rules: &PortRules,
        holders: &PortHolders,
    ) -> Self {
        let address = address.to_canonical();
        let conflicts = |other: IpAddr| {
            other == address
                || other.is_unspecified() && other.is_ipv4() == address.is_ipv4()
                || address.is_unspecified() && (address.is_ipv6() || other.is_ipv4())
        };
        let mut usable = PortSet::from(range);
        usable.subtract(reserved);
        if range.size() == 3 {
            usable.remove(range.high());
        }
        let mut free = usable.clone();
        for (_, held) in holders.tuples().filter(|(tuple, _)| conflicts(tuple.source)) {
            for (port, _) in held.iter() {
                free.remove(port);
            }
        }
        let binders = holders.binders().iter().map(|binder| binder.address);
        for holder in binders.chain(holders.inbound()).filter(|holder| conflicts(holder.ip())) {
            free.remove(holder.port());
        }
        let capacity = usable.len();
        Self {
            address,
            capacity,
            held: capacity - free.len(),
            left_out: rules.left_out(|port| free.contains(port)),
            unseen: 0,
        }
    }

    /// Notes that so many sockets which were not seen may hold a port each.
    pub(super) fn unseen(self, unseen: u32) -> Self {
        Self { unseen, ..self }
    }

    /// The local address; the unspecified one stands for all of its family.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The ports that bind(address, 0) chooses from.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Those that a socket at this address, or at every address, holds.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.held
    }

    /// How many bind(address, 0) would succeed now; one fewer where the range has an odd size, see
    /// [`free_min`](Self::free_min).
    #[must_use]
    pub fn free(&self) -> u32 {
        self.capacity - self.held
    }

    /// The least number that would succeed now: each search starts at a random port and leaves out one of an odd range, and
    /// what was not seen may hold a port.
    #[must_use]
    pub fn free_min(&self) -> u32 {
        (self.free() - self.left_out).saturating_sub(self.unseen)
    }
}
