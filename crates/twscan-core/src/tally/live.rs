use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::{DestinationKey, Roles, Tally};
use crate::procfs::owner::{Owners, Process, Wanted};
use crate::socket::{SocketRecord, StateSet, TcpState};

/// The inodes of the live sockets of each destination, for the question whose they are.
///
/// Memory grows with the number of sockets that have an inode, so this is a tally for who asks. TIME_WAITs, FIN_WAIT2
/// mini-sockets and orphans have none: the kernel has forgotten their owner. See [`shares`](Self::shares).
#[derive(Debug, Clone)]
pub struct LiveSockets {
    roles: Roles,
    groups: HashMap<DestinationKey, Vec<LiveSocket>, RandomState>,
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

    /// Who has the sockets of a group: the owners of the live ones in the states asked for, and the likely owners of the
    /// `ownerless` others, which are all the processes with live sockets there. The owners come first, then those with
    /// most sockets.
    ///
    /// A likely owner is given all the ownerless sockets: which of them were whose cannot be told.
    #[must_use]
    pub fn shares<'o>(
        &self,
        key: &DestinationKey,
        asked: StateSet,
        ownerless: u64,
        owners: &'o Owners,
    ) -> Vec<Share<'o>> {
        let mut held = BTreeMap::<usize, u64>::new();
        for socket in self.groups.get(key).into_iter().flatten() {
            for place in owners.places(socket.inode) {
                *held.entry(place).or_default() += u64::from(asked.contains(TcpState::from(socket.state)));
            }
        }
        let share = |place: usize, sockets, likely| {
            owners.processes().get(place).map(|process| Share { process, sockets, likely })
        };
        let in_asked = held.iter().filter(|(_, sockets)| **sockets > 0);
        let sure = in_asked.filter_map(|(place, sockets)| share(*place, *sockets, false));
        let likely = held.keys().filter(|_| ownerless > 0).filter_map(|place| share(*place, ownerless, true));
        let mut shares: Vec<_> = sure.chain(likely).collect();
        shares.sort_by_key(|share| (share.likely, std::cmp::Reverse(share.sockets), share.process.pid));
        shares
    }

    /// Adds what another tally has collected by the same roles; a socket that both have seen counts once.
    pub fn merge(&mut self, other: &Self) {
        for (key, sockets) in &other.groups {
            let group = self.groups.entry(*key).or_default();
            group.extend(sockets);
            group.sort_unstable();
            group.dedup_by_key(|socket| socket.inode);
        }
        self.wanted.merge(&other.wanted);
    }
}

impl Tally for LiveSockets {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self.wanted.observe(record);
        // A socket that is bound and no more has no destination.
        let Some(inode) = record.owner_key().filter(|_| record.state() != TcpState::Close) else { return };
        let key = DestinationKey::of(record, self.roles.of(record));
        let state = record.state().number();
        self.groups.entry(key).or_default().push(LiveSocket { inode, state });
    }
}

impl<'o> Share<'o> {
    /// One socket of a process.
    #[must_use]
    pub fn sure(process: &'o Process) -> Self {
        Self { process, sockets: 1, likely: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LiveSocket {
    inode: u32,
    state: u8,
}

/// Every socket that has an inode is wanted.
impl Tally for Wanted {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self.insert(record.owner_key().unwrap_or(0), record.cgroup_id());
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
        for (state, port, inode) in [(1, 40000, 11), (1, 40001, 12), (2, 40002, 13), (6, 40003, 0), (6, 40004, 0)] {
            let local = format!("10.0.0.1:{port}");
            observe(&mut tally, state, &local, "10.0.0.2:5432", inode);
        }
        observe(&mut tally, 1, "10.0.0.1:40005", "10.0.0.3:5432", 14);
        observe(&mut tally, 10, "0.0.0.0:80", "0.0.0.0:0", 15);
        assert_eq!(tally.wanted().len(), 5);

        let owners = Owners::new(
            [(process(7), vec![11, 12, 14]), (process(8), vec![12]), (process(9), vec![15])],
            Coverage::default(),
        );
        let key = *tally.groups.iter().find(|(_, sockets)| sockets.len() == 3).unwrap().0;
        let shares = |asked, ownerless| -> Vec<_> {
            let shares = tally.shares(&key, asked, ownerless, &owners);
            shares.into_iter().map(|share| (share.process.pid, share.sockets, share.likely)).collect()
        };
        assert_eq!(shares(StateSet::ALL, 2), [(7, 2, false), (8, 1, false), (7, 2, true), (8, 2, true)]);
        assert_eq!(shares(StateSet::ALL, 0), [(7, 2, false), (8, 1, false)]);
        assert_eq!(shares(StateSet::TIME_WAIT, 2), [(7, 2, true), (8, 2, true)]);
        assert_eq!(shares(StateSet::of(TcpState::SynSent), 0), []);
        assert_eq!(owners.unowned(tally.wanted()), 1, "nobody has inode 13");
    }

    #[test]
    fn a_listener_and_its_connections_are_one_group() {
        let mut tally = LiveSockets::new(roles());
        observe(&mut tally, 10, "0.0.0.0:80", "0.0.0.0:0", 15);
        observe(&mut tally, 1, "10.0.0.1:80", "10.0.0.9:50000", 16);
        assert_eq!(tally.groups.len(), 1);
        let key = tally.groups.keys().next().unwrap();
        let owners = Owners::new([(process(9), vec![15, 16])], Coverage::default());
        let shares = tally.shares(key, StateSet::ALL, 0, &owners);
        assert_eq!(shares.iter().map(|share| (share.sockets, share.likely)).collect::<Vec<_>>(), [(2, false)]);
    }

    #[test]
    fn a_socket_seen_twice_counts_once() {
        let (mut first, mut second) = (LiveSockets::new(roles()), LiveSockets::new(roles()));
        observe(&mut first, 1, "10.0.0.1:40000", "10.0.0.2:5432", 11);
        observe(&mut second, 1, "10.0.0.1:40000", "10.0.0.2:5432", 11);
        observe(&mut second, 1, "10.0.0.1:40001", "10.0.0.2:5432", 12);
        first.merge(&second);
        let inodes: Vec<_> = first.groups.values().flatten().map(|socket| socket.inode).collect();
        assert_eq!(inodes, [11, 12]);
        assert_eq!(first.wanted().len(), 2);
    }
}
