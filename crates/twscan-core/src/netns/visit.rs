use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::enter::{OpenError, in_a_thread, is_absent, move_into, open_file};
use super::survey::sockstat_inode;
use super::{Namespace, Namespaces, NetnsError};
use crate::Error;
use crate::procfs::Counters;

/// What came of a visit to a namespace.
#[derive(Debug)]
#[non_exhaustive]
pub enum Visit<T> {
    /// What the closure returned inside.
    Read(T),
    /// It has no TCP socket, by its counters, and was not read.
    Idle,
    /// It has ended since it was found.
    Gone,
    /// It could not be entered.
    Refused(NetnsError),
}

impl Namespaces {
    /// Runs the closure in each namespace, one after the other, and gives what came of each, in the order of
    /// [`iter`](Self::iter).
    ///
    /// One thread goes from namespace to namespace and ends with the last; the caller's stays where it is. Memory grows
    /// with what the closure returns and nothing else. A namespace without a TCP socket is skipped by its `sockstat`,
    /// where it has a process without being entered at all. A panic in the closure goes on in the caller.
    ///
    /// # Errors
    /// [`Error::Netns`] where the thread cannot be started.
    pub fn visit<T: Send>(
        &self,
        mut read: impl FnMut(&Namespace) -> T + Send,
    ) -> Result<Vec<(&Namespace, Visit<T>)>, Error> {
        let visits: Vec<_> = in_a_thread(|| {
            let visit = |namespace| self.visit_one(namespace, &mut read).unwrap_or_else(Visit::Refused);
            self.list.iter().map(visit).collect()
        })?;
        Ok(self.list.iter().zip(visits).collect())
    }

    fn visit_one<T>(
        &self,
        namespace: &Namespace,
        read: &mut impl FnMut(&Namespace) -> T,
    ) -> Result<Visit<T>, NetnsError> {
        let idle_from_outside = self.is_idle_from_outside(namespace);
        if idle_from_outside == Some(true) {
            return Ok(Visit::Idle);
        }
        match self.open(namespace)? {
            Some((path, file)) => move_into(&namespace.name().to_string(), &path, &file)?,
            // The thread begins in the reader's own, which comes first.
            None if namespace.is_current() => {}
            None => return Ok(Visit::Gone),
        }
        let is_idle = || self.procfs.sockstat("thread-self").is_ok_and(|counters| is_idle(&counters));
        if idle_from_outside.is_none() && is_idle() {
            return Ok(Visit::Idle);
        }
        Ok(Visit::Read(read(namespace)))
    }

    /// Whether it is idle, by the `/proc/PID/net` of a process that is still in it; `None` where there is none.
    fn is_idle_from_outside(&self, namespace: &Namespace) -> Option<bool> {
        let task = |pid: &u32| Some(pid.to_string()).filter(|task| self.is_still_in(namespace, task));
        let task = namespace.entry.pids.iter().find_map(task)?;
        self.procfs.sockstat(&task).ok().map(|counters| is_idle(&counters))
    }

    fn is_still_in(&self, namespace: &Namespace, task: &str) -> bool {
        sockstat_inode(&self.procfs, task).is_ok_and(|inode| namespace.entry.sockstat == Some(inode))
    }

    /// By the first file or process that still leads to it; `None` where none does.
    fn open(&self, namespace: &Namespace) -> Result<Option<(PathBuf, File)>, NetnsError> {
        let files = namespace.entry.files.iter().map(|file| file.path.clone());
        let processes = namespace.entry.pids.iter().map(|pid| self.procfs.path(&format!("{pid}/ns/net")));
        let own = namespace.is_current().then(|| self.procfs.path("thread-self/ns/net"));
        let mut refusal = None;
        for path in files.chain(processes).chain(own) {
            match open_file(&path) {
                Ok(file) if leads_to(namespace, &file) => return Ok(Some((path, file))),
                Ok(_) | Err(OpenError::NotANamespace) => {}
                Err(error) if is_absent(&error) => {}
                Err(OpenError::Io(cause)) => {
                    refusal.get_or_insert(NetnsError::Open { netns: namespace.name().to_string(), path, cause });
                }
            }
        }
        refusal.map_or(Ok(None), Err)
    }
}

/// Process ids and paths may have been given to others since.
fn leads_to(namespace: &Namespace, file: &File) -> bool {
    match (namespace.inode(), file.metadata()) {
        (Some(inode), Ok(metadata)) => metadata.ino() == inode,
        _ => true,
    }
}

/// No socket in the tables of connections and listeners, of either family. A socket that is bound and no more is in none.
fn is_idle(counters: &Counters) -> bool {
    let Counters { tcp_inuse, tcp_tw, tcp6_inuse, .. } = counters;
    (*tcp_inuse, *tcp_tw) == (Some(0), Some(0)) && tcp6_inuse.unwrap_or(0) == 0
}
