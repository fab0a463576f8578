use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::enter::{OpenError, is_absent, move_into, open_file};
use super::survey::{Entry, sockstat_inode};
use super::{Namespace, NetnsError};
use crate::procfs::{Counters, ProcFs};

/// How a thread stands to a namespace that it was to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It is inside.
    Inside,
    /// The namespace has no TCP socket, by its counters: where it has a process, the thread did not go there at all.
    Idle,
    /// The namespace has ended since it was found.
    Ended,
}

/// A namespace that was found, for a thread to enter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'n> {
    pub(crate) procfs: &'n ProcFs,
    pub(crate) namespace: &'n Namespace,
    pub(crate) entry: &'n Entry,
}

impl Door<'_> {
    /// Moves the thread inside, for good.
    pub(crate) fn enter(self) -> Result<Entered, NetnsError> {
        let idle_from_outside = self.is_idle_from_outside();
        if idle_from_outside == Some(true) {
            return Ok(Entered::Idle);
        }
        match self.open()? {
            Some((path, file)) => move_into(&self.namespace.name.to_string(), &path, &file)?,
            // The thread begins in the reader's own, which comes first.
            None if self.namespace.is_current => {}
            None => return Ok(Entered::Ended),
        }
        let is_idle = || self.procfs.sockstat("thread-self").is_ok_and(|counters| is_idle(&counters));
        Ok(if idle_from_outside.is_none() && is_idle() { Entered::Idle } else { Entered::Inside })
    }

    /// Whether it is idle, by the `/proc/PID/net` of a process that is still in it; `None` where there is none.
    fn is_idle_from_outside(self) -> Option<bool> {
        let task = |pid: &u32| Some(pid.to_string()).filter(|task| self.is_still_in(task));
        let task = self.entry.pids.iter().find_map(task)?;
        self.procfs.sockstat(&task).ok().map(|counters| is_idle(&counters))
    }

    fn is_still_in(self, task: &str) -> bool {
        sockstat_inode(self.procfs, task).is_ok_and(|inode| self.entry.sockstat == Some(inode))
    }

    /// By the first file or process that still leads to it; `None` where none does.
    fn open(self) -> Result<Option<(PathBuf, File)>, NetnsError> {
        let files = self.entry.files.iter().map(|file| file.path.clone());
        let processes = self.entry.pids.iter().map(|pid| self.procfs.path(&format!("{pid}/ns/net")));
        let own = self.namespace.is_current.then(|| self.procfs.path("thread-self/ns/net"));
        let mut refusal = None;
        for path in files.chain(processes).chain(own) {
            match open_file(&path) {
                Ok(file) if self.leads_to(&file) => return Ok(Some((path, file))),
                Ok(_) | Err(OpenError::NotANamespace) => {}
                Err(error) if is_absent(&error) => {}
                Err(OpenError::Io(cause)) => {
                    refusal.get_or_insert(NetnsError::Open { netns: self.namespace.name.to_string(), path, cause });
                }
            }
        }
        refusal.map_or(Ok(None), Err)
    }

    /// Process ids and paths may have been given to others since.
    fn leads_to(self, file: &File) -> bool {
        match (self.namespace.inode, file.metadata()) {
            (Some(inode), Ok(metadata)) => metadata.ino() == inode,
            _ => true,
        }
    }
}

/// No socket in the tables of connections and listeners, of either family. A socket that is bound and no more is in none.
fn is_idle(counters: &Counters) -> bool {
    let Counters { tcp_inuse, tcp_tw, tcp6_inuse, .. } = counters;
    (*tcp_inuse, *tcp_tw) == (Some(0), Some(0)) && tcp6_inuse.unwrap_or(0) == 0
}
