use twscan_core::Error;
use twscan_core::filter::Filter;
use twscan_core::host::Host;
use twscan_core::procfs::owner::Owners;
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::{DestinationKey, LiveSockets, Role, Roles, Share, Tally};

use crate::failure::Failure;

/// Whose the sockets are. This takes a walk of its own, over the live sockets alone, and a look at the open files of
/// processes.
pub(crate) struct Whose {
    roles: Roles,
    live: LiveSockets,
    owners: Owners,
}

impl Whose {
    pub(crate) fn find(
        host: &Host,
        roles: &Roles,
        asked: StateSet,
        filter: &Filter,
        wanted: impl Fn(&SocketRecord<'_>, Role) -> bool,
    ) -> Result<Self, Failure> {
        let states = (StateSet::ALL.bits() | asked.bits()) & !StateSet::TIME_WAIT.bits();
        let mut live = LiveSockets::new(roles.clone());
        let mut keep = |record: &SocketRecord<'_>| {
            if filter.matches(record) && wanted(record, roles.of(record)) {
                live.observe(record);
            }
        };
        let outcome = host.sockets_matching(StateSet::from_bits(states), filter)?.observe(&mut keep);
        whole_or_recorded(outcome)?;
        let owners = host.owners(live.wanted())?;
        Ok(Self { roles: roles.clone(), live, owners })
    }

    pub(crate) fn live(&self) -> &LiveSockets {
        &self.live
    }

    pub(crate) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// The owners of one socket, or its likely ones.
    pub(crate) fn of(&self, record: &SocketRecord<'_>) -> Vec<Share<'_>> {
        match record.owner_key() {
            None => {
                let key = DestinationKey::of(record, self.roles.of(record));
                self.live.shares(&key, StateSet::EMPTY, 1, &self.owners)
            }
            Some(inode) => self.owners.of(inode).map(Share::sure).collect(),
        }
    }
}

/// What a recording lacks was said of its sample already.
pub(super) fn whole_or_recorded(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(Error::RecordedFault { .. }) => Ok(()),
        outcome => outcome,
    }
}
