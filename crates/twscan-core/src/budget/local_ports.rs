use std::net::IpAddr;

use super::{BindFirstPool, Certainty, Occupancy, Outlook, PortBudget, Reason};
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

    /// Those and every other port that is listened on: what bind() would hold of a wider range.
    #[must_use]
    pub fn bound(&self) -> PortSet {
        let mut bound = self.sample.destinations.roles().listening().clone();
        bound.union_with(&self.blocked);
        bound
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
        own.iter().filter(|(port, _)| usable.contains(*port)).for_each(|(port, hold)| {
            ports.add_hold(hold, self.range.has_low_parity(port));
            kept += u32::from(hold.reuse() == Reuse::No);
            unlikely += u32::from(hold.reuse() == Reuse::Unlikely);
            let foreign = || self.holders.tuples_at(port) > own.tuples_at(port);
            unsure -= u32::from(hold.reuse() != Reuse::Yes || !foreign());
        });
        let all = usable.len();
        let free = |port: u16| usable.contains(port) && own.get(port).is_none_or(|hold| hold.reuse() == Reuse::Yes);
        let surely_free = |port: u16| usable.contains(port) && self.holders.tuples_at(port) == 0;
        let odd = self.rules.left_out(free);
        let mut reasons = Vec::new();
        let mut note = |count: u32, reason: fn(u32) -> Reason| reasons.extend((count > 0).then(|| reason(count)));
        note(ports.reusable, Reason::Reusable);
        note(unlikely, Reason::MaybeReusable);
        note(ports.reuse_unknown, Reason::ReuseUnknown);
        note(unsure, Reason::Unsure);
        note(odd, |_| Reason::OddRange);
        reasons.extend(self.unseen());
        PortBudget {
            tuple: *tuple,
            occupancy: Occupancy::of(&self.rules, ports),
            unsure,
            free: all - ports.held() - odd,
            // Sockets that were not seen may hold any port.
            free_min: (all - self.held - self.rules.left_out(surely_free)).saturating_sub(self.unseen_holders()),
            free_max: all - kept,
            reasons,
            outlook: Outlook::new(&self.rules, tuple.is_loopback(), ports),
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
        BindFirstPool::new(address, self.range, &self.reserved, &self.rules, self.holders).unseen(self.unseen_holders())
    }

    fn is_incomplete(&self) -> bool {
        !self.sample.provenance.complete()
    }

    /// How many sockets, each with a port of its own, may have escaped the walk.
    fn unseen_holders(&self) -> u32 {
        // Of a text nothing says how many; its reason does.
        if self.is_incomplete() { u32::MAX } else { self.holders.idle_hidden().unwrap_or(0) }
    }

    fn unseen(&self) -> impl Iterator<Item = Reason> {
        let idle = match self.holders.idle_hidden() {
            Some(0) => None,
            Some(most) => Some(Reason::IdleHidden(most)),
            None => Some(Reason::IdleNotShown),
        };
        let explicit = (!self.holders.shows_explicit()).then_some(Reason::ExplicitNotShown);
        let incomplete = self.is_incomplete().then_some(Reason::Incomplete);
        idle.into_iter().chain(explicit).chain(incomplete)
    }

    fn own(&self, tuple: &Tuple) -> Own<'s> {
        let unbound = (tuple.interface != 0).then(|| self.holders.of(&Tuple { interface: 0, ..*tuple }));
        let no_timestamps = self.sample.timestamps.get(&tuple.destination) == Some(&false);
        Own { own: self.holders.of(tuple), unbound: unbound.flatten(), no_timestamps }
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
    /// Whether connections to there have no TCP timestamps, so that none is taken over.
    no_timestamps: bool,
}

impl Own<'_> {
    fn get(&self, port: u16) -> Option<Hold> {
        let own = self.own.and_then(|held| held.get(port));
        let unbound = self.unbound.and_then(|held| held.get(port));
        own.into_iter().chain(unbound).min_by_key(|hold| hold.reuse()).map(|hold| self.seen(hold))
    }

    fn seen(&self, hold: Hold) -> Hold {
        match hold {
            Hold::TimeWait(_) if self.no_timestamps => Hold::TimeWait(Reuse::No),
            hold => hold,
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u16, Hold)> {
        let own = self.own.into_iter().flat_map(HeldPorts::iter);
        let unbound = self.unbound.into_iter().flat_map(HeldPorts::iter);
        let unbound = unbound.filter(|(port, _)| self.own.is_none_or(|own| own.get(*port).is_none()));
        let alone = self.unbound.is_none();
        own.chain(unbound)
            .map(move |(port, hold)| (port, if alone { self.seen(hold) } else { self.get(port).unwrap_or(hold) }))
    }

    fn tuples_at(&self, port: u16) -> u32 {
        let holds = |held: Option<&HeldPorts>| u32::from(held.is_some_and(|held| held.get(port).is_some()));
        holds(self.own) + holds(self.unbound)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::budget::Zone;
    use crate::procfs::{Settings, TwReuse};
    use crate::sample::test_sample;
    use crate::wire::InetDiagMsgBuilder;

    const DB: &str = "10.0.0.2:5432";

    /// Ports 40000 to 40019 where reuse is on after 300 ms.
    fn settings() -> Settings {
        Settings {
            range: PortRange::new(40_000, 40_019),
            tw_reuse: Some(TwReuse::On),
            tw_reuse_delay: Some(Duration::from_millis(300)),
            ..Settings::default()
        }
    }

    fn socket(state: u8, port: u16, remote: &str) -> InetDiagMsgBuilder {
        let remote: SocketAddr = remote.parse().unwrap();
        let local: IpAddr = if remote.is_ipv4() { [10, 0, 0, 1].into() } else { "fd00::1".parse().unwrap() };
        let family = if remote.is_ipv4() { crate::wire::AF_INET } else { crate::wire::AF_INET6 };
        InetDiagMsgBuilder::new(state).family(family).local((local, port).into()).remote(remote)
    }

    fn time_wait(port: u16, remote: &str, age: u32) -> InetDiagMsgBuilder {
        socket(6, port, remote).timer(3, 60_000 - age)
    }

    fn db() -> Tuple {
        Tuple::new([10, 0, 0, 1].into(), DB.parse().unwrap())
    }

    #[test]
    fn a_destination_without_a_socket_has_everything_and_is_sure_of_it() {
        let sample = test_sample(&settings(), &[]);
        let budget = LocalPorts::of(&sample).unwrap().budget(&db());
        assert_eq!((budget.capacity(), budget.used(), budget.free()), (20, 0, 20));
        assert_eq!((budget.certainty(), budget.zone()), (Certainty::Exact, Zone::Fast));
        assert_eq!(budget.to_string(), "10.0.0.1 > 10.0.0.2:5432: 20 of 20 ports free, fast");
    }

    #[test]
    fn old_time_waits_are_free_and_young_ones_may_be() {
        let mut sockets: Vec<_> = (0..10).map(|index| time_wait(40_000 + 2 * index, DB, 5000)).collect();
        sockets.extend([time_wait(40_001, DB, 100), socket(1, 40_003, DB), socket(5, 40_005, DB).timer(3, 9000)]);
        let sample = test_sample(&settings(), &sockets);
        let budget = LocalPorts::of(&sample).unwrap().budget(&db());
        let ports = budget.ports();
        assert_eq!((ports.live, ports.time_wait, ports.fin_wait2_mini, ports.reusable), (1, 11, 1, 10));
        assert_eq!((budget.free_min(), budget.free(), budget.free_max()), (7, 17, 18));
        assert_eq!(budget.zone(), Zone::Fast, "reusable ports of the low parity are found at once");
        assert_eq!(budget.reasons(), [Reason::Reusable(10), Reason::MaybeReusable(1)]);
        // 18 ports in 300 ms: those of a live connection and of a FIN_WAIT2 without a socket do not come back.
        assert_eq!(budget.sustainable_per_second(), Some(60));
        let text = budget.to_string();
        assert!(text.ends_with("(13 used: 1 live, 11 TIME_WAIT, 10 reusable); at least 7, at most 18"), "{text}");
    }

    #[test]
    fn the_slow_zone_begins_where_the_low_parity_is_kept() {
        let off = Settings { tw_reuse: Some(TwReuse::Off), ..settings() };
        let held = |count: u16| (0..count).map(|index| time_wait(40_000 + 2 * index, DB, 5000)).collect::<Vec<_>>();
        let zone = |sockets: &[InetDiagMsgBuilder]| {
            let sample = test_sample(&off, sockets);
            LocalPorts::of(&sample).unwrap().budget(&db()).zone()
        };
        assert_eq!((zone(&held(9)), zone(&held(10))), (Zone::Fast, Zone::Slow));
        // Blocked ports are no part of the low parity's usable ones.
        let mut blocked = held(9);
        blocked.push(socket(7, 40_018, "0.0.0.0:0"));
        assert_eq!(zone(&blocked), Zone::Slow);
        let all = |count: u16| (0..count).map(|index| socket(1, 40_000 + index, DB)).collect::<Vec<_>>();
        assert_eq!((zone(&all(18)), zone(&all(20))), (Zone::NearlyFull, Zone::Full));
    }

    #[test]
    fn steps_at_random_meet_held_ports_long_before_the_half_is_full() {
        let off = Settings { tw_reuse: Some(TwReuse::Off), ..settings() };
        let tries = |count: u16| {
            let held: Vec<_> = (0..count).map(|index| time_wait(40_000 + 2 * index, DB, 5000)).collect();
            let sample = test_sample(&off, &held);
            LocalPorts::of(&sample).unwrap().budget(&db()).random_tries()
        };
        assert_eq!([0, 5, 8, 9, 10].map(tries), [1, 2, 4, 6, 11]);
    }

    #[test]
    fn what_blocks_a_port_may_come_after_those_that_use_it() {
        let sockets = [
            socket(1, 40_000, DB),
            socket(1, 40_001, "10.0.0.3:80"),
            socket(7, 40_000, "[::]:0"),
            socket(7, 40_002, "[::]:0"),
        ];
        let sample = test_sample(&settings(), &sockets);
        let ports = LocalPorts::of(&sample).unwrap();
        assert_eq!(ports.blocked().to_string(), "40000,40002");
        assert_eq!(ports.blocked_certainty(), Certainty::Estimate);
        let budget = ports.budget(&db());
        assert_eq!((budget.capacity(), budget.used(), budget.unsure_ports()), (18, 0, 1));
        assert_eq!((budget.free_min(), budget.free(), budget.free_max()), (17, 18, 18));
        assert_eq!(ports.status(&db(), 40_000), PortStatus::Blocked);
        assert_eq!(ports.status(&db(), 40_001), PortStatus::HeldElsewhere);
    }

    #[test]
    fn sockets_on_an_interface_meet_unbound_ones_and_not_the_reverse() {
        let sockets = [socket(1, 40_000, DB).interface(1), socket(1, 40_000, DB), socket(1, 40_002, DB)];
        let sample = test_sample(&settings(), &sockets);
        let ports = LocalPorts::of(&sample).unwrap();
        let on_lo = ports.budget(&Tuple { interface: 1, ..db() });
        assert_eq!((on_lo.used(), on_lo.unsure_ports(), on_lo.free()), (2, 0, 18));
        let on_another = ports.budget(&Tuple { interface: 2, ..db() });
        assert_eq!((on_another.used(), on_another.free()), (2, 18));
        assert_eq!(ports.budget(&db()).used(), 2);
        let only_on_lo = test_sample(&settings(), &sockets[..1]);
        let unbound = LocalPorts::of(&only_on_lo).unwrap().budget(&db());
        assert_eq!((unbound.used(), unbound.unsure_ports(), unbound.free()), (0, 1, 20));
    }

    #[test]
    fn an_odd_range_loses_a_port_only_while_one_of_its_ends_is_free() {
        let odd = Settings { range: PortRange::new(40_000, 40_020), ..settings() };
        let free = |sockets: &[InetDiagMsgBuilder]| {
            let sample = test_sample(&odd, sockets);
            let budget = LocalPorts::of(&sample).unwrap().budget(&db());
            (budget.capacity(), budget.free_min(), budget.free(), budget.free_max())
        };
        assert_eq!(free(&[]), (20, 20, 20, 21));
        assert_eq!(free(&[socket(1, 40_000, DB)]), (20, 19, 19, 20));
        assert_eq!(free(&[socket(1, 40_000, DB), socket(1, 40_020, DB)]), (20, 19, 19, 19));
        let all: Vec<_> = (40_000..=40_019).map(|port| socket(1, port, DB)).collect();
        assert_eq!(free(&all), (20, 0, 0, 1));
    }

    #[test]
    fn a_blocked_end_of_an_odd_range_leaves_the_others_sure() {
        let odd = Settings { range: PortRange::new(40_000, 40_020), ..settings() };
        let sample = test_sample(&odd, &[socket(7, 40_000, "0.0.0.0:0"), socket(7, 40_020, "0.0.0.0:0")]);
        let budget = LocalPorts::of(&sample).unwrap().budget(&db());
        assert_eq!((budget.capacity(), budget.free_min(), budget.free_max()), (19, 19, 19));
        assert_eq!(budget.certainty(), Certainty::Exact);
    }

    #[test]
    fn clients_that_bind_first_compete_by_address() {
        let sockets = [socket(1, 40_000, DB), socket(6, 40_001, "10.0.0.3:80"), socket(10, 40_002, "[::]:0")];
        let sample = test_sample(&settings(), &sockets);
        let ports = LocalPorts::of(&sample).unwrap();
        let pool = |address: [u8; 4]| ports.bind_first(address.into()).free();
        assert_eq!(pool([10, 0, 0, 1]), 18);
        assert_eq!(pool([10, 0, 0, 9]), 20);
        assert_eq!(pool([0, 0, 0, 0]), 18);
    }
}
