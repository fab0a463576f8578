use serde::Serialize;

use super::{ByDestReport, Destination, SummaryReport};
use crate::procfs::owner::Owners;
use crate::socket::StateSet;
use crate::tally::{DestinationKey, LiveSockets, Share};

/// A process with sockets of a group.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Owner {
    /// The process id.
    pub pid: u32,
    /// The name, at most 15 bytes.
    pub name: String,
    /// The user's name, or the number where there is none; null where the source does not tell.
    pub user: Option<String>,
    /// The cgroup's path; null at the root.
    pub cgroup: Option<String>,
    /// The container's id, where the cgroup shows one.
    pub container: Option<String>,
    /// How many of the group's sockets it has open; of a likely owner, how many may have been its own at most.
    pub sockets: u64,
    /// Whether this is inferred from its live sockets to the same destination: a TIME_WAIT has no owner in the kernel.
    pub likely: bool,
}

impl From<&Share<'_>> for Owner {
    fn from(share: &Share<'_>) -> Self {
        let process = share.process;
        let cgroup = process.cgroup.as_ref();
        Self {
            pid: process.pid,
            name: process.name.clone(),
            user: process.user.clone(),
            cgroup: cgroup.map(|cgroup| cgroup.path().to_owned()),
            container: cgroup.and_then(|cgroup| cgroup.container()).map(str::to_owned),
            sockets: share.sockets,
            likely: share.likely,
        }
    }
}

/// How much of the host's processes the search for owners has seen.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct OwnerScan {
    /// Processes whose open files were read.
    pub processes: usize,
    /// Processes whose open files may not be read.
    pub unreadable: usize,
    /// Whether `/proc` hides processes, so that they are not even counted.
    pub hidden: bool,
    /// Live sockets whose owner was not found.
    pub unowned: usize,
}

impl OwnerScan {
    /// What came of a search for these sockets' owners.
    #[must_use]
    pub fn new(live: &LiveSockets, owners: &Owners) -> Self {
        let coverage = owners.coverage();
        Self {
            processes: coverage.read,
            unreadable: coverage.unreadable,
            hidden: coverage.hidden,
            unowned: owners.unowned(live.wanted()),
        }
    }
}

impl ByDestReport {
    /// Adds who has each group's sockets.
    /// The report's states are those that `asked` names.
    pub fn add_owners(&mut self, asked: StateSet, live: &LiveSockets, owners: &Owners) {
        self.owner_scan = Some(OwnerScan::new(live, owners));
        add_to_rows(&mut self.destinations, asked, live, owners);
    }
}

impl SummaryReport {
    /// Adds who has the sockets of the destinations shown.
    pub fn add_owners(&mut self, live: &LiveSockets, owners: &Owners) {
        self.owner_scan = Some(OwnerScan::new(live, owners));
        add_to_rows(&mut self.destinations, StateSet::ALL, live, owners);
    }
}

fn add_to_rows(rows: &mut [Destination], asked: StateSet, live: &LiveSockets, owners: &Owners) {
    for row in rows {
        let key = DestinationKey {
            role: row.role,
            source: row.source,
            destination: row.destination,
            port: row.port,
            interface: row.device.unwrap_or(0),
        };
        let no_owner_any_more = row.time_wait.unwrap_or(0) + row.fin_wait2_mini.unwrap_or(0);
        let shares = live.shares(&key, asked, no_owner_any_more, owners);
        row.owners = Some(shares.iter().map(Owner::from).collect());
    }
}
