use std::net::IpAddr;

use super::{BindFirstPool, Certainty, Occupancy, PortBudget, Reason};
use crate::port::{PortRange, PortSet};
use crate::sample::Sample;
use crate::tally::{HeldPorts, Hold, PortHolders, PortRules, PortUse, Reuse, ReusePolicy, Tuple};

/// The local ports of a network namespace: which of them connect() may choose, and who holds the rest.
#[derive(Debug, Clone)]
pub struct LocalPorts<'s> {
    sample: &'s Sample,
    holders: &'s PortHolders,
    range: PortRange,
    reserved: PortSet,
    blocked: PortSet,
    rules: PortRules,
    /// Usable ports that any tuple holds.
    held: u32,
}

impl<'s> LocalPorts<'s> {
    /// Judges a sample of [`Sampler::ports`](crate::sample::Sampler::ports); `None` where it is another one, or the port
    /// range is unknown.
    #[must_use]
    pub fn of(sample: &'s Sample) -> Option<Self> {
        let holders = sample.holders.as_ref()?;
        let range = sample.settings.range?;
        let mut outside = PortSet::from(range);
        let mut reserved = PortSet::from(range);
        outside.subtract(&sample.settings.reserved.clone().unwrap_or_default());
        reserved.subtract(&outside);
        let mut blocked = holders.blocked();
        blocked.subtract(&reserved);
        let rules = PortRules::new(&sample.settings, &blocked);
        let held = rules.usable().iter().filter(|port| holders.tuples_at(*port) > 0).count();
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        Some(Self { sample, holders, range, reserved, blocked, rules, held })
    }

    /// The local port range.
    #[must_use]
    pub fn range(&self) -> PortRange {
        self.range
    }

    /// The reserved ports inside the range.
    #[must_use]
    pub fn reserved(&self) -> &PortSet {
        &self.reserved
    }

    /// The ports inside the range, less the reserved ones, that bind() surely holds for every destination and both
    /// families: those of listeners, of bound-but-idle sockets, and of live sockets that chose theirs by bind(ip, port).
    #[must_use]
    pub fn blocked(&self) -> &PortSet {
        &self.blocked
    }

    /// Whether those are all: not visible are bind(ip, 0), accepted connections whose listener is gone, and TIME_WAITs of
    /// either and of explicit binds, so that any connection inside the range may hold its port for every destination.
    #[must_use]
    pub fn blocked_certainty(&self) -> Certainty {
        if self.held == 0 && self.unseen().next().is_none() { Certainty::Exact } else { Certainty::Estimate }
    }

    /// Which ports connect() may choose.
    #[must_use]
    pub fn rules(&self) -> &PortRules {
        &self.rules
    }

    /// When a TIME_WAIT's port may be taken over.
    #[must_use]
    pub fn reuse(&self) -> ReusePolicy {
        self.rules.reuse()
    }

    /// The budgets of all tuples that hold a port, in no order.
    pub fn budgets(&self) -> impl Iterator<Item = PortBudget> {
        self.holders.tuples().map(|(tuple, _)| self.budget(tuple))
    }

    /// The budget of a tuple, which need not hold a port yet.
    #[must_use]
    pub fn budget(&self, tuple: &Tuple) -> PortBudget {
        let own = self.own(tuple);
        let usable = self.rules.usable();
        let mut ports = PortUse::default();
        let (mut kept, mut unlikely, mut unsure) = (0, 0, self.held);
        for (port, hold) in own.iter().filter(|(port, _)| usable.contains(*port)) {
            ports.add_hold(hold, self.range.has_low_parity(port));
            kept += u32::from(hold.reuse() == Reuse::No);
            unlikely += u32::from(hold.reuse() == Reuse::Unlikely);
            let foreign = self.holders.tuples_at(port) > own.tuples_at(port);
            unsure -= u32::from(hold.reuse() != Reuse::Yes || !foreign);
        }
        let all = usable.len();
        let free = |port: u16| usable.contains(port) && own.get(port).is_none_or(|hold| hold.reuse() == Reuse::Yes);
        let surely_free = |port: u16| usable.contains(port) && self.holders.tuples_at(port) == 0;
        let odd = self.rules.left_out(free);
        let mut reasons = Vec::new();
        let mut note = |count: u32, reason: fn(u32) -> Reason| reasons.extend((count > 0).then(|| reason(count)));
        note(ports.reusable, Reason::Reusable);
        note(unlikely, Reason::MaybeReusable);
        note(unsure, Reason::Unsure);
        note(odd, |_| Reason::OddRange);
        reasons.extend(self.unseen());
        PortBudget {
            tuple: *tuple,
            occupancy: Occupancy::of(&self.rules, ports),
            unsure,
            free: all - ports.held() - odd,
            free_min: all - self.held - self.rules.left_out(surely_free),
            free_max: all - kept,
            reasons,
            reuse: self.rules.reuse(),
        }
    }

    /// What a port of the range is to connections of a tuple.
    #[must_use]
    pub fn status(&self, tuple: &Tuple, port: u16) -> PortStatus {
        if self.reserved.contains(port) {
            PortStatus::Reserved
        } else if self.blocked.contains(port) {
            PortStatus::Blocked
        } else if let Some(hold) = self.own(tuple).get(port) {
            PortStatus::Held(hold)
        } else if self.holders.tuples_at(port) > 0 {
            PortStatus::HeldElsewhere
        } else {
            PortStatus::Free
        }
    }

    /// What is left to clients that bind(address, 0) before they connect.
    #[must_use]
    pub fn bind_first(&self, address: IpAddr) -> BindFirstPool {
        BindFirstPool::new(address, self.range, &self.reserved, &self.rules, self.holders)
    }

    fn unseen(&self) -> impl Iterator<Item = Reason> {
        let idle = (!self.holders.shows_idle()).then_some(Reason::IdleNotShown);
        let explicit = (!self.holders.shows_explicit()).then_some(Reason::ExplicitNotShown);
        let partial = (!self.sample.provenance.complete()).then_some(Reason::Partial);
        idle.into_iter().chain(explicit).chain(partial)
    }

    fn own(&self, tuple: &Tuple) -> Own<'s> {
        let unbound = (tuple.interface != 0).then(|| self.holders.of(&Tuple { interface: 0, ..*tuple }));
        Own { own: self.holders.of(tuple), unbound: unbound.flatten() }
    }
}

/// What a port of the range is to connections of a tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortStatus {
    /// Reserved: connect() leaves it out.
    Reserved,
    /// Held by bind() for every destination.
    Blocked,
    /// Held by this tuple.
    Held(Hold),
    /// Held by another tuple; free for this one, unless it was chosen by bind() there.
    HeldElsewhere,
    /// Held by nobody.
    Free,
}

/// What a tuple's new connections conflict with. A socket bound to an interface conflicts with its likes and with unbound
/// ones; an unbound one with unbound ones alone, for the kernel asks whether the *older* socket is bound elsewhere
/// (net/ipv4/inet_hashtables.c, `inet_match`).
struct Own<'h> {
    own: Option<&'h HeldPorts>,
    unbound: Option<&'h HeldPorts>,
}

impl Own<'_> {
    fn get(&self, port: u16) -> Option<Hold> {
        let own = self.own.and_then(|held| held.get(port));
        let unbound = self.unbound.and_then(|held| held.get(port));
        own.into_iter().chain(unbound).min_by_key(|hold| hold.reuse())
    }

    fn iter(&self) -> impl Iterator<Item = (u16, Hold)> {
        let own = self.own.into_iter().flat_map(HeldPorts::iter);
        let unbound = self.unbound.into_iter().flat_map(HeldPorts::iter);
        let unbound = unbound.filter(|(port, _)| self.own.is_none_or(|own| own.get(*port).is_none()));
        own.chain(unbound).filter_map(|(port, _)| Some((port, self.get(port)?)))
    }

    fn tuples_at(&self, port: u16) -> u32 {
        let holds = |held: Option<&HeldPorts>| u32::from(held.is_some_and(|held| held.get(port).is_some()));
        holds(self.own) + holds(self.unbound)
    }
}
