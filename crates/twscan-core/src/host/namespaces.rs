use std::fmt;
use std::path::PathBuf;

use super::{Found, Host, Visit, Way};
use crate::Error;
use crate::netns::{Namespace, Others, RUN_DIRECTORIES, in_a_thread};
use crate::shell::Scope;

/// Every network namespace of a host, each once: the reader's own first, then by their inodes. Those of a recording are
/// those that were recorded together.
///
/// ```no_run
/// use twscan_core::Scan;
/// use twscan_core::host::{Host, Namespaces, Visit};
///
/// for (namespace, visit) in Namespaces::of(&Host::live())?.visit(|_, host| Scan::of(host.clone()).count())? {
///     match visit {
///         Visit::Read(count) => println!("{}: {} sockets", namespace.name(), count?.sockets),
///         Visit::Idle => {}
///         Visit::Ended => println!("{}: ended meanwhile", namespace.name()),
///         Visit::Refused(error) => println!("{}: {error}", namespace.name()),
///         _ => {}
///     }
/// }
/// # Ok::<(), twscan_core::Error>(())
/// ```
pub struct Namespaces {
    host: Host,
    found: Found,
}

impl Namespaces {
    /// Finds those that a process lives in by its main thread, and those that a file in a
    /// [run directory](RUN_DIRECTORIES) or a mount stands for. One that is only held open by a process, or that only a
    /// thread lives in, is not found. Without the privilege to trace every process, one may be there twice: by its file and
    /// by its processes.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where `/proc` cannot be listed, [`Error::NotRecorded`] where the recording is of one alone.
    pub fn of(host: &Host) -> Result<Self, Error> {
        Self::with_run_directories(host, RUN_DIRECTORIES.map(PathBuf::from))
    }

    /// As [`of`](Self::of), with other run directories.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    pub fn with_run_directories(host: &Host, directories: impl IntoIterator<Item = PathBuf>) -> Result<Self, Error> {
        let found = match &host.recorded {
            None => Found::live(host, &directories.into_iter().collect::<Vec<_>>())?,
            Some(_) => {
                let recorded = host.namespaces.as_ref().and_then(|find| find());
                recorded.ok_or(Error::NotRecorded { what: OF_MANY })?
            }
        };
        Ok(Self { host: host.clone(), found })
    }

    /// The namespaces.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Namespace> {
        self.found.list.iter().map(|(namespace, _)| namespace)
    }

    /// How many there are besides the reader's own.
    #[must_use]
    pub fn others(&self) -> Others {
        self.found.others
    }

    /// Processes whose namespace could not be looked at. The kernel's own threads are not counted.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.found.unreadable
    }

    /// Runs the closure in each namespace, one after the other, and gives what came of each, in the order of
    /// [`iter`](Self::iter). The closure's host reads what is there.
    ///
    /// One thread goes from namespace to namespace and ends with the last; the caller's stays where it is. Memory grows
    /// with what the closure returns and nothing else. A namespace without a TCP socket is skipped by its `sockstat`,
    /// where it has a process without being entered at all. A panic in the closure goes on in the caller.
    ///
    /// # Errors
    /// [`Error::Netns`] where the thread cannot be started.
    pub fn visit<T: Send>(
        &self,
        mut read: impl FnMut(&Namespace, &Host) -> T + Send,
    ) -> Result<Vec<(&Namespace, Visit<T>)>, Error> {
        let visits: Vec<_> = in_a_thread(|| {
            let visit = |(namespace, way): &(Namespace, Way)| match way.go(&self.host, namespace) {
                Visit::Read(host) => {
                    let host = Host { patience: self.host.patience.clone(), ..host };
                    Visit::Read(read(namespace, &host.with_scope(self.scope_of(namespace))))
                }
                Visit::Idle => Visit::Idle,
                Visit::Ended => Visit::Ended,
                Visit::Refused(error) => Visit::Refused(error),
            };
            self.found.list.iter().map(visit).collect()
        })?;
        Ok(self.iter().zip(visits).collect())
    }

    /// A command comes to the reader's own as it came to the host.
    fn scope_of(&self, namespace: &Namespace) -> Scope {
        let scope = self.host.scope().clone();
        match namespace.reference() {
            Some(reference) if !namespace.is_current() => scope.netns(reference),
            _ => scope,
        }
    }
}

impl fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Found {
    #[cfg(all(feature = "live", target_os = "linux"))]
    fn live(host: &Host, run_directories: &[PathBuf]) -> Result<Self, Error> {
        let found = crate::netns::Discovery::new(&host.procfs, run_directories)?;
        let list = found.list.into_iter().map(|(namespace, entry)| (namespace, Way::Live(entry))).collect();
        Ok(Self { list, others: found.others, unreadable: found.unreadable })
    }

    #[cfg(not(all(feature = "live", target_os = "linux")))]
    fn live(_: &Host, _: &[PathBuf]) -> Result<Self, Error> {
        Err(Error::NotRecorded { what: OF_MANY })
    }
}

impl Way {
    /// The host inside: of a running kernel the thread moves there.
    #[cfg_attr(not(all(feature = "live", target_os = "linux")), allow(unused_variables, reason = "nothing is live"))]
    fn go(&self, host: &Host, namespace: &Namespace) -> Visit<Host> {
        match self {
            #[cfg(all(feature = "live", target_os = "linux"))]
            Self::Live(entry) => {
                use crate::netns::{Door, Entered};
                match (Door { procfs: &host.procfs, namespace, entry }).enter() {
                    Ok(Entered::Inside) => Visit::Read(host.clone()),
                    Ok(Entered::Idle) => Visit::Idle,
                    Ok(Entered::Ended) => Visit::Ended,
                    Err(error) => Visit::Refused(error),
                }
            }
            Self::Recorded(visit) => visit(),
        }
    }
}

const OF_MANY: &str = "of more than one network namespace; capture --all-netns records all";
