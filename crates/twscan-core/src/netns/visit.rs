use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::enter::{OpenError, enter_file, is_absent, open_file};
use super::survey::sockstat_inode;
use super::{Namespace, Namespaces, NetnsError};
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
    /// Runs the closure in each namespace, one after the other, as the iterator is asked for the next.
    ///
    /// Each is entered in a thread of its own, which ends with the visit ([`enter`](super::enter)); nothing is kept but
    /// what the caller keeps. A namespace without a TCP socket is skipped by its `sockstat`, where it has a process
    /// without being entered at all.
    pub fn visit<T: Send>(
        &self,
        mut read: impl FnMut(&Namespace) -> T + Send,
    ) -> impl Iterator<Item = (&Namespace, Visit<T>)> {
        self.list.iter().map(move |namespace| {
            let visit = self.visit_one(namespace, &mut read);
            (namespace, visit.unwrap_or_else(Visit::Refused))
        })
    }

    fn visit_one<T: Send>(
        &self,
        namespace: &Namespace,
        read: &mut (impl FnMut(&Namespace) -> T + Send),
    ) -> Result<Visit<T>, NetnsError> {
        let idle_from_outside = self.is_idle_from_outside(namespace);
        if idle_from_outside == Some(true) {
            return Ok(Visit::Idle);
        }
        let Some((path, file)) = self.open(namespace)? else { return Ok(Visit::Gone) };
        enter_file(&namespace.name().to_string(), &path, &file, || {
            let procfs = &self.procfs;
            if idle_from_outside.is_none() && procfs.sockstat("thread-self").is_ok_and(|counters| is_idle(&counters)) {
                Visit::Idle
            } else {
                Visit::Read(read(namespace))
            }
        })
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
