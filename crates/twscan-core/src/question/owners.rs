use crate::Error;
use crate::filter::Filter;
use crate::host::Host;
use crate::procfs::owner::Owners;
use crate::socket::{SocketRecord, StateSet};
use crate::tally::{DestinationKey, LiveSockets, Role, Roles, Share, Tally};

/// The owners of sockets. This takes a walk of its own, over the live sockets alone, and a look at the open files of
/// processes.
#[derive(Debug)]
pub struct OwnerSearch {
    roles: Roles,
    live: LiveSockets,
    owners: Owners,
}

impl OwnerSearch {
    /// Looks for the owners of the live sockets that match.
    ///
    /// # Errors
    /// What [`Host::sockets_matching`] and [`Host::owners`] give, and where the walk broke off.
    pub fn find(
        host: &Host,
        roles: &Roles,
        asked: StateSet,
        filter: &Filter,
        wanted: impl Fn(&SocketRecord<'_>, Role) -> bool,
    ) -> Result<Self, Error> {
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

    /// The live sockets.
    #[must_use]
    pub fn live(&self) -> &LiveSockets {
        &self.live
    }

    /// Their owners.
    #[must_use]
    pub fn owners(&self) -> &Owners {
        &self.owners
    }

    /// The owners of one socket, or its likely ones.
    #[must_use]
    pub fn of(&self, record: &SocketRecord<'_>) -> Vec<Share<'_>> {
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
