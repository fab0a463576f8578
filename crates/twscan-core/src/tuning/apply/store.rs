use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::namespace::{Bond, Namespace};
use super::{Journal, TuneError};
use crate::file::{Directory, Draft};

/// The directory of the journals, and the namespace whose journals are meant.
///
/// The directory is its user's alone, and so is every journal in it: what is not is refused, since what a journal says is
/// written to the kernel.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    namespace: Namespace,
}

impl Store {
    /// The journals of a namespace in this directory, which is made with the first of them.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, namespace: Namespace) -> Self {
        Self { directory: directory.into(), namespace }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps other processes out for as long as what it returns lives. The directory is made where it is missing.
    pub(super) fn lock(&self) -> Result<Locked<'_>, TuneError> {
        let directory = Directory::make_private(&self.directory).map_err(state("use", &self.directory))?;
        self.lock_in(directory)
    }

    /// As [`lock`](Self::lock); `None` where there is no directory.
    pub(super) fn lock_if_there(&self) -> Result<Option<Locked<'_>>, TuneError> {
        match Directory::open_private(&self.directory) {
            Ok(directory) => self.lock_in(directory).map(Some),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(state("use", &self.directory)(cause)),
        }
    }

    fn lock_in(&self, directory: Directory) -> Result<Locked<'_>, TuneError> {
        let path = self.directory.join(LOCK);
        let lock = directory.lock_file(LOCK).map_err(state("open", &path))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Locked { store: self, directory, lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(TuneError::Busy { path }),
            Err(errno) => Err(state("lock", &path)(errno.into())),
        }
    }
}

/// The journals, while nobody else may touch them. The lock is given back explicitly, since a child that this process has
/// just forked has it too, until it becomes another program.
#[derive(Debug)]
pub(super) struct Locked<'s> {
    store: &'s Store,
    directory: Directory,
    lock: OwnedFd,
}

/// A journal that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: OsString,
    pub(super) journal: Journal,
    pub(super) bond: Bond,
}

impl Locked<'_> {
    /// The newest journal of the namespace; `None` where there is none. One that was cut off while an earlier version wrote
    /// it is removed: nothing had been changed then.
    pub(super) fn newest(&self) -> Result<Option<Found>, TuneError> {
        for number in self.numbers()?.into_iter().rev() {
            let name = self.name(number);
            let path = self.path(&name);
            let Some(text) = self.directory.read_own(&name, MAX_JOURNAL).map_err(state("use", &path))? else {
                continue;
            };
            if !text.ends_with("end\n") {
                self.remove(&name)?;
                continue;
            }
            let journal = Journal::parse(&text, &path)?;
            match self.store.namespace.bond(&journal) {
                // Its namespace is gone, and this one has got its number.
                Bond::Foreign => {}
                bond => return Ok(Some(Found { name, journal, bond })),
            }
        }
        Ok(None)
    }

    /// Writes a journal of this namespace so that it is there after a power cut, whole.
    pub(super) fn write(&self, journal: &mut Journal) -> Result<OsString, TuneError> {
        journal.origin = Some(self.store.namespace.origin().clone());
        let name = self.name(self.numbers()?.last().map_or(1, |last| last + 1));
        let written = || {
            let mut draft = Draft::begin_private_in(&self.directory, &name)?;
            draft.write_all(journal.to_text().as_bytes())?;
            draft.keep()
        };
        written().map_err(state("write", &self.path(&name)))?;
        Ok(name)
    }

    pub(super) fn remove(&self, name: &OsStr) -> Result<(), TuneError> {
        self.directory.remove(name).map_err(state("remove", &self.path(name)))
    }

    pub(super) fn path(&self, name: &OsStr) -> PathBuf {
        self.store.directory.join(name)
    }

    fn numbers(&self) -> Result<Vec<u32>, TuneError> {
        let names = self.directory.names().map_err(state("read", &self.store.directory))?;
        let prefix = format!("tune-{}-", self.store.namespace.name());
        let number = |name: OsString| -> Option<u32> {
            name.to_str()?.strip_prefix(&prefix)?.strip_suffix(".journal")?.parse().ok()
        };
        let mut numbers: Vec<_> = names.into_iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn name(&self, number: u32) -> OsString {
        format!("tune-{}-{number}.journal", self.store.namespace.name()).into()
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Where that fails, closing the file does it.
        let _ = rustix::fs::flock(&self.lock, FlockOperation::Unlock);
    }
}

fn state<'p>(operation: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> TuneError + 'p {
    move |cause| TuneError::State { operation, path: path.to_owned(), cause }
}

const LOCK: &str = "tune.lock";

/// A boot file, twice, and some lines.
const MAX_JOURNAL: usize = 8 << 20;
