//! Which processes have a socket open: `/proc/*/fd`, read only when asked for.
//!
//! The kernel tells a socket's inode, and each process's open files tell theirs; `OwnerScan` brings the two together in
//! one pass. A TIME_WAIT has no inode and no owner: the processes with live sockets to the same destination are the
//! likely ones ([`LiveSockets`](crate::tally::LiveSockets)).
//!
//! The open files of a process are those of its main thread. A thread that has unshared them is not looked at.

mod cgroup;
mod process;
#[cfg(all(feature = "live", target_os = "linux"))]
mod prune;
#[cfg(all(feature = "live", target_os = "linux"))]
mod scan;
mod users;
mod wanted;

use std::fmt;

pub use cgroup::Cgroup;
pub use process::Process;
#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) use process::Stat;
#[cfg(all(feature = "live", target_os = "linux"))]
pub use scan::OwnerScan;
pub use users::Users;
pub use wanted::Wanted;

/// Which process has which socket open.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    processes: Vec<Process>,
    /// Inodes with places in `processes`, sorted, each pair once.
    pairs: Vec<(u32, usize)>,
    pub(crate) coverage: Coverage,
}

impl Owners {
    /// Brings processes and their sockets' inodes together.
    #[must_use]
    pub fn new(found: impl IntoIterator<Item = (Process, Vec<u32>)>, coverage: Coverage) -> Self {
        let (mut processes, mut pairs) = (Vec::new(), Vec::new());
        for (process, inodes) in found {
            let place = processes.len();
            pairs.extend(inodes.into_iter().map(|inode| (inode, place)));
            processes.push(process);
        }
        pairs.sort_unstable();
        pairs.dedup();
        Self { processes, pairs, coverage }
    }

    /// The processes that have this socket open: several, where it was inherited or passed on.
    pub fn of(&self, inode: u32) -> impl Iterator<Item = &Process> + '_ {
        self.places(inode).filter_map(|place| self.processes.get(place))
    }

    /// Every process that has one of the wanted sockets open, by process id where the scan found them.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// How much was looked at.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// How many of these sockets have no owner here: an unreadable process may have them, or one of another pid
    /// namespace, or the kernel itself.
    #[must_use]
    pub fn unowned(&self, wanted: &Wanted) -> usize {
        wanted.inodes().filter(|inode| self.places(*inode).next().is_none()).count()
    }

    /// What [`new`](Self::new) was given, each process with its sockets' inodes sorted.
    #[cfg(feature = "capture")]
    pub(crate) fn into_found(self) -> Vec<(Process, Vec<u32>)> {
        let mut inodes = vec![Vec::new(); self.processes.len()];
        for (inode, place) in self.pairs {
            inodes.get_mut(place).into_iter().for_each(|inodes: &mut Vec<u32>| inodes.push(inode));
        }
        self.processes.into_iter().zip(inodes).collect()
    }

    /// Places in [`processes`](Self::processes).
    pub(crate) fn places(&self, inode: u32) -> impl Iterator<Item = usize> + '_ {
        let start = self.pairs.partition_point(|(other, _)| *other < inode);
        let pairs = self.pairs.get(start..).unwrap_or_default();
        pairs.iter().take_while(move |(other, _)| *other == inode).map(|(_, place)| *place)
    }
}

/// How much of the host's processes a scan has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// Processes whose open files were read.
    pub read: usize,
    /// Processes whose open files the reader may not see; root may. The kernel's own threads, which have none, are not
    /// counted.
    pub unreadable: usize,
    /// Whether `/proc` hides other users' processes altogether (`hidepid`), so that they are not even counted.
    pub hidden: bool,
    /// Whether the sockets' cgroups led to every socket, so that the other processes were not looked at.
    pub pruned: bool,
}

impl Coverage {
    /// Whether no process was withheld from the reader.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unreadable == 0 && !self.hidden
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "open files of {} processes read", self.read)?;
        if self.unreadable > 0 {
            write!(f, ", {} could not be read", self.unreadable)?;
        }
        if self.hidden {
            write!(f, ", others are hidden")?;
        }
        Ok(())
    }
}

/// Names come from processes, and a terminal must not obey them.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
