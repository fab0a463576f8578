use serde::Serialize;

use crate::procfs::owner::Owners;
use crate::tally::{LiveSockets, Share};

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
