use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use foldhash::fast::RandomState;

use super::{HeldPorts, Hold, Remaining, ReusePolicy, Tally};
use crate::port::{PortRange, PortSet};
use crate::procfs::Settings;
use crate::socket::{SocketRecord, TcpState, is_loopback};
use crate::wire::{AF_INET6, Attribute};

/// Who holds which ports of the local port range, and for how long: by tuple, and for every destination.
///
/// Nothing is judged while the walk is under way, since a socket that blocks a port may come after those that use it.
#[derive(Debug, Clone)]
pub struct PortHolders {
    range: PortRange,
    reuse: ReusePolicy,
    listening: PortSet,
    tuples: HashMap<Tuple, Held, RandomState>,
    /// By port less the range's low: how many tuples hold it. Counted when it is first asked for, since this is many
    /// times cheaper than at each socket.
    tuples_at: OnceLock<Vec<u32>>,
    binders: Vec<Binder>,
    inbound: HashSet<SocketAddr, RandomState>,
    explicit: PortSet,
    has_live: bool,
    /// Bound-but-idle sockets that were not seen: at most so many; `None` for any number.
    idle_hidden: Option<u32>,
    shows_explicit: bool,
}

impl PortHolders {
    /// Starts with nothing held; `None` where the range is unknown. Connections on `listening` ports
    /// hold none of their own.
    #[must_use]
    pub fn new(settings: &Settings, listening: PortSet) -> Option<Self> {
        let range = settings.range?;
        Some(Self {
            range,
            reuse: ReusePolicy::of(settings),
            listening,
            tuples: HashMap::default(),
            tuples_at: OnceLock::new(),
            binders: Vec::new(),
            inbound: HashSet::default(),
            explicit: PortSet::new(),
            has_live: false,
            idle_hidden: None,
            shows_explicit: false,
        })
    }

    /// The tuples with the ports they hold, in no order.
    pub fn tuples(&self) -> impl Iterator<Item = (&Tuple, &HeldPorts)> {
        self.tuples.iter().map(|(tuple, held)| (tuple, &held.ports))
    }

    /// What a tuple holds.
    #[must_use]
    pub fn of(&self, tuple: &Tuple) -> Option<&HeldPorts> {
        self.tuples.get(tuple).map(|held| &held.ports)
    }

    /// How long a tuple's closed connections still have; `None` where it has none.
    #[must_use]
    pub fn remaining(&self, tuple: &Tuple) -> Option<&Remaining> {
        self.tuples.get(tuple)?.remaining.as_deref()
    }

    /// How many tuples hold a port.
    #[must_use]
    pub fn tuples_at(&self, port: u16) -> u32 {
        let index = port.checked_sub(self.range.low()).map(usize::from);
        let counts = self.tuples_at.get_or_init(|| self.count_tuples());
        index.and_then(|index| counts.get(index)).copied().unwrap_or(0)
    }

    /// Whether a tuple has a live socket: without one there is none that chose its port by bind().
    pub(crate) fn has_live(&self) -> bool {
        self.has_live
    }

    /// Listeners and bound-but-idle sockets inside the range.
    #[must_use]
    pub fn binders(&self) -> &[Binder] {
        &self.binders
    }

    /// The local sides of connections on listening ports inside the range, in no order. They are in no tuple, though a few
    /// may be older than the listener and outbound.
    pub fn inbound(&self) -> impl Iterator<Item = SocketAddr> {
        self.inbound.iter().copied()
    }

    /// The ports of live sockets that chose their port by bind().
    #[must_use]
    pub fn explicit(&self) -> &PortSet {
        &self.explicit
    }

    /// The ports inside the range that bind() holds for every destination and both families, as far as is visible.
    #[must_use]
    pub fn blocked(&self) -> PortSet {
        let mut blocked: PortSet = self.binders.iter().map(|binder| binder.address.port()).collect();
        blocked.extend(self.explicit.iter().chain(self.listening.iter()).filter(|port| self.range.contains(*port)));
        blocked
    }

    /// Whether bound-but-idle sockets are among what was seen, were there any.
    #[must_use]
    pub fn shows_idle(&self) -> bool {
        self.idle_hidden == Some(0)
    }

    /// How many bound-but-idle sockets there can be that were not seen; `None` for any number.
    #[must_use]
    pub fn idle_hidden(&self) -> Option<u32> {
        self.idle_hidden
    }

    /// Whether live sockets that chose their port by bind() are told from others.
    #[must_use]
    pub fn shows_explicit(&self) -> bool {
        self.shows_explicit
    }

    /// Notes that the source shows bound-but-idle sockets, even if none was seen.
    pub fn assume_idle_shown(&mut self) {
        self.idle_hidden = Some(0);
    }

    /// Notes that the source does not show bound-but-idle sockets, of which there are at most so many.
    pub fn set_idle_hidden(&mut self, at_most: Option<u32>) {
        self.idle_hidden = at_most;
    }

    /// Takes the ports of live sockets that chose theirs by bind(): the answer to
    /// [`explicit_binds`](crate::filter::explicit_binds).
    pub fn set_explicit(&mut self, ports: &PortSet) {
        self.shows_explicit = true;
        self.explicit = ports.iter().filter(|port| self.range.contains(*port)).collect();
    }

    fn count_tuples(&self) -> Vec<u32> {
        let mut counts = vec![0; usize::try_from(self.range.size()).unwrap_or(0)];
        for held in self.tuples.values() {
            // By the iterator's own loop, which is twice as fast as asking it for each port.
            held.ports.iter().for_each(|(port, _)| {
                if let Some(count) = counts.get_mut(usize::from(port - self.range.low())) {
                    *count += 1;
                }
            });
        }
        counts
    }

    fn observe_binder(&mut self, record: &SocketRecord<'_>) {
        let v6only = record.attribute(Attribute::SKV6ONLY).is_some_and(|value| value.value().first() == Some(&1));
        let both = record.raw().idiag_family() == AF_INET6 && !v6only;
        let mut address = record.local();
        if address.ip().is_unspecified() && both {
            // Holds the port for both families.
            address.set_ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            self.binders.push(Binder { address, state: record.state() });
            address = record.local();
        }
        self.binders.push(Binder { address, state: record.state() });
    }
}

impl Tally for PortHolders {
    fn observe(&mut self, record: &SocketRecord<'_>) {
        let (state, port) = (record.state(), record.local_port());
        if state == TcpState::Close {
            self.idle_hidden = Some(0);
        }
        if !self.range.contains(port) {
            return;
        }
        if matches!(state, TcpState::Listen | TcpState::Close) {
            return self.observe_binder(record);
        }
        if self.listening.contains(port) {
            self.inbound.insert(record.local());
            return;
        }
        let hold = Hold::of(record, self.reuse);
        self.has_live |= hold == Hold::Live;
        self.tuples_at.take();
        let new = || Held { ports: HeldPorts::new(self.range), remaining: None };
        let held = self.tuples.entry(Tuple::of(record)).or_insert_with(new);
        held.ports.insert(self.range, port, hold);
        if hold != Hold::Live {
            held.remaining.get_or_insert_default().add(record);
        }
    }
}

/// A tuple's sockets, in a fixed number of bytes for each port and some 250 for all that are closed.
#[derive(Debug, Clone)]
struct Held {
    ports: HeldPorts,
    remaining: Option<Box<Remaining>>,
}

/// What connections compete for local ports within: source, destination, destination port and, where the sockets are
/// bound to one, the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tuple {
    /// The local address.
    pub source: IpAddr,
    /// The remote address and port.
    pub destination: SocketAddr,
    /// The index of the interface; 0 for none.
    pub interface: u32,
}

impl Tuple {
    /// Connections from one address to another; v4-mapped addresses are folded to IPv4.
    #[must_use]
    pub fn new(source: IpAddr, destination: SocketAddr) -> Self {
        let destination = SocketAddr::new(destination.ip().to_canonical(), destination.port());
        Self { source: source.to_canonical(), destination, interface: 0 }
    }

    /// The tuple of a connected socket.
    #[must_use]
    pub fn of(record: &SocketRecord<'_>) -> Self {
        let interface = record.raw().idiag_if();
        Self { source: record.local().ip(), destination: record.remote(), interface }
    }

    /// The kernel's loopback test for `tcp_tw_reuse=2`, as in [`SocketRecord::is_loopback`].
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.interface, [self.source, self.destination.ip()])
    }
}

/// In one step where all is IPv4: derived, the hash takes several for each part, and it is made for each socket.
impl Hash for Tuple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (port, interface) = (self.destination.port(), self.interface);
        match (self.source, self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let addresses = u128::from(source.to_bits()) << 96 | u128::from(destination.to_bits()) << 64;
                state.write_u128(addresses | u128::from(interface) << 16 | u128::from(port));
            }
            _ => (self.source, self.destination, interface).hash(state),
        }
    }
}

/// `10.0.3.21 > 10.0.3.17:3306`.
impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.source, self.destination)
    }
}

/// A socket that holds a port for every destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binder {
    /// What it is bound to; one that holds the port for both families is listed for each.
    pub address: SocketAddr,
    /// LISTEN, or CLOSE for a bound-but-idle socket.
    pub state: TcpState,
}
