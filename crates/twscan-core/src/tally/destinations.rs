use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

use super::destination_key::{V6Key, pack_v4, unpack_v4};
use super::{DestinationKey, PortRules, PortUse, Role, Roles, Tally, TimeWaitCounts};
use crate::socket::{Family, SocketRecord, TcpState};

/// Sockets by destination: outbound ones by (source, destination, port, interface), inbound ones by listening port.
///
/// The hash is seeded, since remote hosts choose a part of its keys. Bound-but-idle sockets have no destination and are
/// left out. A group takes about 200 bytes; [`at_most`](Self::at_most) bounds how many there are.
#[derive(Debug, Clone)]
pub struct Destinations {
    roles: Roles,
    rules: PortRules,
    v4: HashMap<u128, DestinationCounts, RandomState>,
    v6: HashMap<V6Key, DestinationCounts, RandomState>,
    inbound: HashMap<u16, DestinationCounts, RandomState>,
    time_wait: TimeWaitCounts,
    limit: usize,
    other: DestinationCounts,
}

impl Destinations {
    /// Starts with nothing counted.
    #[must_use]
    pub fn new(roles: Roles, rules: PortRules) -> Self {
        Self {
            roles,
            rules,
            v4: HashMap::default(),
            v6: HashMap::default(),
            inbound: HashMap::default(),
            time_wait: TimeWaitCounts::default(),
            limit: usize::MAX,
            other: DestinationCounts::default(),
        }
    }

    /// Keeps the first groups that come, so many and no more: sockets of further ones are counted as
    /// [`other`](Self::other).
    #[must_use]
    pub fn at_most(mut self, groups: usize) -> Self {
        self.limit = groups;
        self
    }

    /// Sockets of the groups that did not fit, of any role; their ports are not counted.
    #[must_use]
    pub fn other(&self) -> &DestinationCounts {
        &self.other
    }

    /// How the role of a socket was told.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Which ports were counted as usable.
    #[must_use]
    pub fn rules(&self) -> &PortRules {
        &self.rules
    }

    /// TIME_WAITs by role.
    #[must_use]
    pub fn time_wait(&self) -> &TimeWaitCounts {
        &self.time_wait
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.inbound.len()
    }

    /// Whether no socket was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The groups, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (DestinationKey, &DestinationCounts)> {
        let v4 = self.v4.iter().map(|(key, counts)| (unpack_v4(*key), counts));
        let v6 = self.v6.iter().map(|(key, counts)| (key.unpack(), counts));
        let inbound = self.inbound.iter().map(|(port, counts)| (DestinationKey::inbound(*port), counts));
        v4.chain(v6).chain(inbound)
    }

    /// Adds what another tally has counted by the same roles and rules.
    pub fn merge(&mut self, other: &Self) {
        merge_maps(&mut self.v4, &other.v4);
        merge_maps(&mut self.v6, &other.v6);
        merge_maps(&mut self.inbound, &other.inbound);
        self.time_wait.merge(&other.time_wait);
        self.other.merge(&other.other);
    }

    /// Counts a socket whose role is known already.
    #[inline]
    pub(crate) fn observe_as(&mut self, record: &SocketRecord<'_>, role: Role) {
        let state = record.state();
        if state == TcpState::Close {
            return;
        }
        if state == TcpState::TimeWait {
            self.time_wait.add(role);
        }
        let counts = match (role, record.family()) {
            (Role::Inbound, _) => self.inbound.get_mut(&record.local_port()),
            (_, Family::V4) => self.v4.get_mut(&pack_v4(record, role)),
            (_, Family::V6) => self.v6.get_mut(&V6Key::of(record, role)),
        };
        match counts {
            Some(counts) => counts.add(record, state, role, &self.rules),
            None => self.observe_first(record, state, role),
        }
    }

    /// Counts a socket of a destination that was not met before. It is looked up again, so that the sockets after it
    /// cost less: most have been met.
    #[inline(never)]
    fn observe_first(&mut self, record: &SocketRecord<'_>, state: TcpState, role: Role) {
        if self.len() >= self.limit {
            // The port of another destination says nothing about this one.
            return self.other.add(record, state, Role::Ambiguous, &self.rules);
        }
        let counts = match (role, record.family()) {
            (Role::Inbound, _) => self.inbound.entry(record.local_port()).or_default(),
            (_, Family::V4) => self.v4.entry(pack_v4(record, role)).or_default(),
            (_, Family::V6) => self.v6.entry(V6Key::of(record, role)).or_default(),
        };
        counts.add(record, state, role, &self.rules);
    }
}

impl Tally for Destinations {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self.observe_as(record, self.roles.of(record));
    }
}

/// The counts of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DestinationCounts {
    states: [u32; 12],
    /// FIN_WAIT2 mini-sockets; they are among the FIN_WAIT2 too.
    pub fin_wait2_mini: u32,
    /// The usable ports that an outbound group holds; nothing for other roles.
    pub ports: PortUse,
}

impl DestinationCounts {
    /// Sockets in a state.
    #[must_use]
    pub fn of(&self, state: TcpState) -> u64 {
        self.states.get(usize::from(state.number())).copied().map_or(0, u64::from)
    }

    /// Sockets in all states.
    #[must_use]
    pub fn sockets(&self) -> u64 {
        self.states.iter().copied().map(u64::from).sum()
    }

    #[inline]
    fn add(&mut self, record: &SocketRecord<'_>, state: TcpState, role: Role, rules: &PortRules) {
        // States without a slot of their own are kept in slot 0, so that the sum stays right.
        let slot = usize::from(state.number());
        if let Some(count) = self.states.get_mut(if slot < 12 { slot } else { 0 }) {
            *count += 1;
        }
        self.fin_wait2_mini += u32::from(record.is_fin_wait2_mini());
        if role == Role::Outbound {
            self.ports.add(record, rules);
        }
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.states.iter_mut().zip(&other.states) {
            *count += more;
        }
        self.fin_wait2_mini += other.fin_wait2_mini;
        self.ports.merge(&other.ports);
    }
}

fn merge_maps<K: Hash + Eq + Clone>(
    map: &mut HashMap<K, DestinationCounts, RandomState>,
    other: &HashMap<K, DestinationCounts, RandomState>,
) {
    for (key, counts) in other {
        map.entry(key.clone()).or_default().merge(counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::PortRange;
    use crate::procfs::Settings;
    use crate::wire::{AF_INET, AF_INET6, InetDiagMsg, InetDiagMsgBuilder};

    fn destinations(listening: &[u16]) -> Destinations {
        let range = PortRange::new(40000, 40019);
        let listening: crate::port::PortSet = listening.iter().copied().collect();
        let settings = Settings { range, ..Settings::default() };
        let rules = PortRules::new(&settings, &listening);
        Destinations::new(Roles::new(listening, range), rules)
    }

    fn observe(tally: &mut impl Tally, state: u8, local: &str, remote: &str) {
        let local: std::net::SocketAddr = local.parse().unwrap();
        let mut bytes = Vec::new();
        InetDiagMsgBuilder::new(state)
            .family(if local.is_ipv4() { AF_INET } else { AF_INET6 })
            .local(local)
            .remote(remote.parse().unwrap())
            .append_payload(&mut bytes);
        tally.observe(&SocketRecord::new(InetDiagMsg::new(&bytes).unwrap()));
    }

    #[test]
    fn groups_are_per_source_destination_and_port() {
        let mut tally = destinations(&[8080]);
        observe(&mut tally, 6, "10.0.0.1:40000", "10.0.0.2:5432");
        observe(&mut tally, 1, "10.0.0.1:40001", "10.0.0.2:5432");
        observe(&mut tally, 6, "10.0.0.1:40000", "10.0.0.3:5432");
        observe(&mut tally, 6, "[fd00::1]:40002", "[fd00::2]:443");
        observe(&mut tally, 6, "10.0.0.1:8080", "10.0.0.9:50000");
        observe(&mut tally, 10, "[::]:8080", "[::]:0");
        observe(&mut tally, 6, "10.0.0.1:22", "10.0.0.9:50000");
        observe(&mut tally, 7, "10.0.0.1:40005", "0.0.0.0:0");
        let mut groups: Vec<_> = tally.iter().map(|(key, counts)| (key, counts.clone())).collect();
        groups.sort_by_key(|(key, counts)| (std::cmp::Reverse(counts.sockets()), *key));
        assert_eq!(groups.len(), 5);
        let (key, counts) = &groups[0];
        assert_eq!((key.role, key.port), (Role::Outbound, 5432));
        assert_eq!(key.destination, Some("10.0.0.2".parse().unwrap()));
        assert_eq!((counts.of(TcpState::TimeWait), counts.of(TcpState::Established)), (1, 1));
        assert_eq!((counts.ports.live, counts.ports.time_wait, counts.ports.low_parity_held), (1, 1, 1));
        let inbound = groups.iter().find(|(key, _)| key.role == Role::Inbound).unwrap();
        assert_eq!((inbound.0.port, inbound.1.sockets(), inbound.1.ports.used()), (8080, 2, 0));
        assert!(groups.iter().any(|(key, _)| key.role == Role::Ambiguous && key.port == 50000));
        assert!(groups.iter().any(|(key, _)| key.source == Some("fd00::1".parse().unwrap()) && key.port == 443));
        assert_eq!(*tally.time_wait(), TimeWaitCounts { outbound: 3, inbound: 1, ambiguous: 1 });
    }

    #[test]
    fn groups_beyond_the_most_are_folded_and_none_is_lost() {
        let mut tally = destinations(&[8080]).at_most(2);
        for last in 1..=5 {
            observe(&mut tally, 6, "10.0.0.1:40000", &format!("10.0.0.{last}:5432"));
        }
        observe(&mut tally, 1, "10.0.0.1:40001", "10.0.0.1:5432");
        observe(&mut tally, 1, "10.0.0.1:8080", "10.0.0.9:50000");
        assert_eq!(tally.len(), 2);
        assert_eq!(tally.iter().map(|(_, counts)| counts.sockets()).sum::<u64>(), 3);
        assert_eq!(
            (tally.other().sockets(), tally.other().of(TcpState::TimeWait), tally.other().ports.used()),
            (4, 3, 0)
        );
        assert_eq!(tally.time_wait().total(), 5);
    }

    #[test]
    fn a_sockets_key_is_that_of_its_group() {
        for (state, local, remote) in [
            (6, "10.0.0.1:40000", "10.0.0.2:5432"),
            (6, "10.0.0.1:22", "10.0.0.2:5432"),
            (1, "10.0.0.1:80", "10.0.0.2:5432"),
            (10, "[::]:8080", "[::]:0"),
            (1, "[fd00::1]:40002", "[fd00::2]:443"),
            (1, "[::ffff:10.0.0.1]:40002", "[::ffff:10.0.0.2]:443"),
        ] {
            let mut tally = destinations(&[80]);
            observe(&mut tally, state, local, remote);
            let group = tally.iter().next().unwrap().0;
            let mut key = None;
            let mut look = |record: &SocketRecord<'_>| {
                key = Some(DestinationKey::of(record, tally.roles().of(record)));
            };
            observe(&mut look, state, local, remote);
            assert_eq!(key, Some(group));
        }
    }

    #[test]
    fn merged_halves_equal_the_whole() {
        let (mut whole, mut half, mut other) = (destinations(&[80]), destinations(&[80]), destinations(&[80]));
        for port in 40000..40010 {
            let local = format!("10.0.0.1:{port}");
            observe(&mut whole, 6, &local, "10.0.0.2:5432");
            observe(if port % 2 == 0 { &mut half } else { &mut other }, 6, &local, "10.0.0.2:5432");
        }
        half.merge(&other);
        let groups = |tally: &Destinations| tally.iter().map(|(key, counts)| (key, counts.clone())).collect::<Vec<_>>();
        assert_eq!(groups(&half), groups(&whole));
        assert_eq!(half.time_wait(), whole.time_wait());
    }
}
