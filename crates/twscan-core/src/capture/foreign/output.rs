use std::collections::HashSet;
use std::net::IpAddr;

use super::heading::{Heading, shows};
use crate::host::Source;
use crate::socket::{SocketRecord, StateSet, TcpState};
use crate::wire::{AF_INET, AF_INET6, InetDiagMsg};

/// One tool's output.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) source: Option<Source>,
    pub(super) heading: Heading,
    /// Of the rows that were read.
    pub(super) states: StateSet,
    /// Whether there were rows that could not be read.
    pub(super) unread: bool,
    pub(super) families: Families,
    /// How many sockets it was the first to show.
    pub(super) first: Count,
    /// How many of its own connections it shows again.
    pub(super) twice: usize,
    pub(super) rows: Vec<Row>,
    /// The host's own addresses, as far as its connections tell them.
    addresses: HashSet<IpAddr>,
    /// Behind each other.
    payloads: Vec<u8>,
}

/// A socket of an output.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) key: u64,
    /// Of its payload.
    pub(super) len: u16,
    pub(super) connected: bool,
    /// Whether its local side is `*` and a port, of a family yet to be told.
    pub(super) star: bool,
    pub(super) counts: bool,
}

/// Those that have been seen.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Families {
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
}

/// Sockets by whether they have a remote side.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    bound: usize,
    connected: usize,
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && !self.unread
    }

    pub(super) fn push(&mut self, row: Row, payload: &[u8]) {
        if let Ok(msg) = InetDiagMsg::new(payload) {
            self.states |= TcpState::from(msg.idiag_state()).into();
            self.families.add(msg.idiag_family());
            let address = SocketRecord::new(msg).local().ip();
            if row.connected && !address.is_loopback() {
                self.addresses.insert(address);
            }
        }
        self.rows.push(row);
        self.payloads.extend_from_slice(payload);
    }

    /// Each socket once, and whether it is connected.
    pub(super) fn keys(&self) -> Vec<(u64, bool)> {
        let mut keys: Vec<_> = self.rows.iter().map(|row| (row.key, row.connected)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The states that its sockets would be shown in.
    pub(super) fn shows(&self) -> StateSet {
        // Rows that could not be read may be of any state, so that none is known to be empty.
        if self.unread { self.states } else { shows(self.source, self.heading, self.states) }
    }

    /// Whether it would show what the other one does, were it of the same host.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let (own, others) = (self.families, other.families);
        let families = (own.ipv4 || !others.ipv4) && (own.ipv6 || !others.ipv6);
        families && (self.shows() | TcpState::Close.into()).contains_all(other.states)
    }

    /// Whether its connections are of other addresses than the other one's: those of containers that listen alike.
    pub(super) fn is_of_another_host(&self, other: &Self) -> bool {
        let told = !self.addresses.is_empty() && !other.addresses.is_empty();
        told && self.addresses.is_disjoint(&other.addresses)
    }

    /// Whether an IPv6 wildcard stands beside a `*` with its port.
    pub(super) fn has_star_beside_ipv6(&self) -> bool {
        let stars: HashSet<u64> = self.rows.iter().filter(|row| row.star).map(|row| row.key).collect();
        !stars.is_empty() && self.rows.iter().any(|row| !row.star && stars.contains(&row.key))
    }

    /// Makes sockets of IPv4 of those with a `*`; their keys before and after.
    pub(super) fn stars_to_ipv4(&mut self, key: impl Fn(&[u8]) -> u64) -> Vec<(u64, u64)> {
        let mut changed = Vec::new();
        let mut families = Families::default();
        let mut rest = self.payloads.as_mut_slice();
        for row in &mut self.rows {
            let Some((payload, behind)) = rest.split_at_mut_checked(usize::from(row.len)) else { break };
            rest = behind;
            let Some(family) = payload.first_mut() else { continue };
            // Its addresses are all zero, in either family.
            if std::mem::take(&mut row.star) {
                *family = AF_INET;
                let after = key(payload);
                changed.push((std::mem::replace(&mut row.key, after), after));
            }
            families.add(payload.first().copied().unwrap_or_default());
        }
        if !changed.is_empty() {
            self.families = families;
        }
        changed
    }

    /// Gives each socket that counts, and keeps none.
    pub(super) fn take(&mut self, mut give: impl FnMut(&[u8])) {
        let (rows, payloads) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.payloads));
        let mut rest = payloads.as_slice();
        for row in rows {
            let Some((payload, behind)) = rest.split_at_checked(usize::from(row.len)) else { break };
            rest = behind;
            if row.counts {
                give(payload);
            }
        }
    }
}

impl Families {
    pub(super) fn has(self, family: u8) -> bool {
        if family == AF_INET6 { self.ipv6 } else { self.ipv4 }
    }

    pub(super) fn add(&mut self, family: u8) {
        *(if family == AF_INET6 { &mut self.ipv6 } else { &mut self.ipv4 }) = true;
    }
}

impl Count {
    pub(super) fn add(&mut self, connected: bool) {
        *(if connected { &mut self.connected } else { &mut self.bound }) += 1;
    }

    /// Whether these are more than half of all: of the listeners where there is any, since connections come and go.
    pub(super) fn are_most_of(self, all: Self) -> bool {
        let (these, all) = if all.bound > 0 { (self.bound, all.bound) } else { (self.connected, all.connected) };
        these * 2 > all
    }
}
