use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::{DestinationKey, Roles, Tally};
use crate::procfs::owner::{Owners, Process, Wanted};
use crate::socket::{SocketRecord, TcpState};

/// The inodes of the live sockets of each destination, for the question whose they are.
///
/// Memory grows with the number of sockets that have an inode, so this is a tally for who asks. TIME_WAITs, FIN_WAIT2
/// mini-sockets and orphans have none: the kernel has forgotten their owner. See [`shares`](Self::shares).
#[derive(Debug, Clone)]
pub struct LiveSockets {
    roles: Roles,
    groups: HashMap<DestinationKey, Vec<u32>, RandomState>,
    wanted: Wanted,
}

impl LiveSockets {
    /// Starts with nothing collected; the roles are those that [`Destinations`](super::Destinations) groups by.
    #[must_use]
    pub fn new(roles: Roles) -> Self {
        Self { roles, groups: HashMap::default(), wanted: Wanted::new() }
    }

    /// All the sockets whose owners are to be found.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The inodes of a group's live sockets.
    #[must_use]
    pub fn inodes(&self, key: &DestinationKey) -> &[u32] {
        self.groups.get(key).map_or(&[], Vec::as_slice)
    }

    /// Who has the sockets of a group, `sockets` of them in all: the owners of the live ones, and, for those that have
    /// no owner any more, the same processes as the likely ones. The owners come first, then those with most sockets.
    ///
    /// A likely owner is given all the group's ownerless sockets: which of them were whose cannot be told.
    #[must_use]
    pub fn shares<'o>(&self, key: &DestinationKey, sockets: u64, owners: &'o Owners) -> Vec<Share<'o>> {
        let inodes = self.inodes(key);
        let mut held = BTreeMap::<usize, u64>::new();
        for place in inodes.iter().flat_map(|inode| owners.places(*inode)) {
            *held.entry(place).or_default() += 1;
        }
        let ownerless = sockets.saturating_sub(inodes.len() as u64);
        let share = |place: usize, sockets, likely| {
            owners.processes().get(place).map(|process| Share { process, sockets, likely })
        };
        let sure = held.iter().filter_map(|(place, sockets)| share(*place, *sockets, false));
        let likely = held.keys().filter(|_| ownerless > 0).filter_map(|place| share(*place, ownerless, true));
        let mut shares: Vec<_> = sure.chain(likely).collect();
        shares.sort_by_key(|share| (share.likely, std::cmp::Reverse(share.sockets), share.process.pid));
        shares
    }

    /// Adds what another tally has collected by the same roles; a socket that both have seen counts once.
    pub fn merge(&mut self, other: &Self) {
        for (key, inodes) in &other.groups {
            let group = self.groups.entry(*key).or_default();
            group.extend(inodes);
            group.sort_unstable();
            group.dedup();
        }
        self.wanted.merge(&other.wanted);
    }
}

impl Tally for LiveSockets {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        let inode = record.inode();
        // A socket that is bound and no more has no destination.
        if inode == 0 || record.state() == TcpState::Close {
            return;
        }
        let key = DestinationKey::of(record, self.roles.of(record));
        self.groups.entry(key).or_default().push(inode);
        self.wanted.observe(record);
    }
}

/// Every socket that has an inode is wanted.
impl Tally for Wanted {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self.insert(record.inode(), record.cgroup_id());
    }
}

/// A process's share of a group of sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Share<'o> {
    /// The process.
    pub process: &'o Process,
    /// How many of the group's sockets it has open; of a likely owner, how many of them may have been its own at most.
    pub sockets: u64,
    /// Whether this is inferred: the kernel keeps no owner of these sockets, and the process has live ones to the same
    /// destination.
    pub likely: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::PortRange;
    use crate::procfs::owner::{Coverage, Users};
    use crate::tally::Destinations;
    use crate::tally::PortRules;
    use crate::wire::{InetDiagMsg, InetDiagMsgBuilder};

    fn roles() -> Roles {
        Roles::new([80].into_iter().collect(), PortRange::new(40000, 40019))
    }

    fn observe(tally: &mut dyn Tally, state: u8, local: &str, remote: &str, inode: u32) {
        let mut bytes = Vec::new();
        InetDiagMsgBuilder::new(state)
            .local(local.parse().unwrap())
            .remote(remote.parse().unwrap())
            .owner(0, inode)
            .append_payload(&mut bytes);
        tally.observe(&SocketRecord::new(InetDiagMsg::new(&bytes).unwrap()));
    }

    fn process(pid: u32) -> Process {
        let stat = format!("{pid} (p{pid}) S 1 7 7 0 -1 0 9 0 0 0 1 2 0 0 20 0 1 0 4711 1 2");
        Process::parse(pid, &stat, "Uid:\t0\t0\t0\t0\n", "0::/\n", &Users::default()).unwrap()
    }

    #[test]
    fn ownerless_sockets_are_given_to_the_owners_of_live_ones_as_likely() {
        let mut tally = LiveSockets::new(roles());
        let mut destinations = Destinations::new(roles(), PortRules::new(&Default::default(), &Default::default()));
        for (state, port, inode) in [(1, 40000, 11), (1, 40001, 12), (2, 40002, 13), (6, 40003, 0), (6, 40004, 0)] {
            let local = format!("10.0.0.1:{port}");
            observe(&mut tally, state, &local, "10.0.0.2:5432", inode);
            observe(&mut destinations, state, &local, "10.0.0.2:5432", inode);
        }
        observe(&mut tally, 1, "10.0.0.1:40005", "10.0.0.3:5432", 14);
        observe(&mut tally, 10, "0.0.0.0:80", "0.0.0.0:0", 15);
        assert_eq!(tally.wanted().len(), 5);

        let (key, counts) = destinations.iter().next().unwrap();
        let owners = Owners::new(
            [(process(7), vec![11, 12, 14]), (process(8), vec![12]), (process(9), vec![15])],
            Coverage::default(),
        );
        let shares: Vec<_> = tally
            .shares(&key, counts.sockets(), &owners)
            .into_iter()
            .map(|share| (share.process.pid, share.sockets, share.likely))
            .collect();
        assert_eq!(shares, [(7, 2, false), (8, 1, false), (7, 2, true), (8, 2, true)]);
        assert_eq!(owners.unowned(tally.wanted()), 1, "nobody has inode 13");
    }

    #[test]
    fn a_group_without_ownerless_sockets_has_no_likely_owner() {
        let mut tally = LiveSockets::new(roles());
        observe(&mut tally, 10, "0.0.0.0:80", "0.0.0.0:0", 15);
        observe(&mut tally, 1, "10.0.0.1:80", "10.0.0.9:50000", 16);
        let (key, inodes) = tally.groups.iter().next().unwrap();
        assert_eq!((tally.groups.len(), inodes.as_slice()), (1, [15, 16].as_slice()));
        let owners = Owners::new([(process(9), vec![15, 16])], Coverage::default());
        let shares = tally.shares(key, 2, &owners);
        assert_eq!(shares.iter().map(|share| (share.sockets, share.likely)).collect::<Vec<_>>(), [(2, false)]);
    }

    #[test]
    fn a_socket_seen_twice_counts_once() {
        let (mut first, mut second) = (LiveSockets::new(roles()), LiveSockets::new(roles()));
        observe(&mut first, 1, "10.0.0.1:40000", "10.0.0.2:5432", 11);
        observe(&mut second, 1, "10.0.0.1:40000", "10.0.0.2:5432", 11);
        observe(&mut second, 1, "10.0.0.1:40001", "10.0.0.2:5432", 12);
        first.merge(&second);
        let key = first.groups.keys().next().unwrap();
        assert_eq!((first.groups.len(), first.inodes(key)), (1, [11, 12].as_slice()));
        assert_eq!(first.wanted().len(), 2);
    }
}
