use std::io;
use std::path::PathBuf;

use super::error::RolledBack;
use super::persist::{is_persisted_text, persisted_text, put_back_boot_file, read_boot_file, write_boot_file};
use super::{Entry, Journal, JournalFile, Store, Sysctls, TuneError};
use crate::tuning::{Key, Plan};

/// Applies plans.
#[derive(Debug)]
pub struct Applier<'s> {
    sysctls: &'s Sysctls,
    store: &'s Store,
    persist: Option<PathBuf>,
    replace_foreign: bool,
}

/// What was done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Applied {
    /// The parameters that were written.
    pub written: Vec<Entry>,
    /// The boot file that was written.
    pub persisted: Option<PathBuf>,
    /// Where the old values are; `None` where nothing was written.
    pub journal: Option<PathBuf>,
}

impl<'s> Applier<'s> {
    /// Writes to these parameters, and keeps journals in this store.
    #[must_use]
    pub fn new(sysctls: &'s Sysctls, store: &'s Store) -> Self {
        Self { sysctls, store, persist: None, replace_foreign: false }
    }

    /// Writes a boot file as well, [`PERSISTED`](super::PERSISTED) on a host.
    #[must_use]
    pub fn persist(self, path: impl Into<PathBuf>) -> Self {
        Self { persist: Some(path.into()), ..self }
    }

    /// Replaces a boot file also where somebody else wrote it. The journal keeps its text.
    #[must_use]
    pub fn replace_foreign(self) -> Self {
        Self { replace_foreign: true, ..self }
    }

    /// Writes what the plan changes, one parameter after the other, reading each back. `before_write` hears of each.
    ///
    /// # Errors
    /// [`TuneError`]. At the first failure what was written before is put back.
    pub fn apply(&self, plan: &Plan, mut before_write: impl FnMut(&Entry)) -> Result<Applied, TuneError> {
        let locked = self.store.lock()?;
        let mut entries = Vec::new();
        for change in &plan.changes {
            let found = self.sysctls.read(change.key)?;
            if found == change.to {
                continue;
            }
            if let Some(expected) = change.from.as_ref().filter(|from| **from != found) {
                return Err(TuneError::Stale { key: change.key, expected: expected.clone(), found });
            }
            entries.push(Entry::new(change.key, found, change.to.clone()));
        }
        entries.sort_by_key(|entry| entry.key);
        let file = self.file(plan)?;
        let mut journal = Journal { origin: None, entries, file };
        if journal == Journal::default() {
            return Ok(Applied { written: Vec::new(), persisted: None, journal: None });
        }
        let name = locked.write(&mut journal)?;
        match self.write_all(&journal, &mut before_write) {
            Ok(()) => Ok(Applied {
                written: journal.entries,
                persisted: journal.file.map(|file| file.path),
                journal: Some(locked.path(&name)),
            }),
            Err(failure) => {
                let rolled_back = self.roll_back(&journal, failure.written);
                if rolled_back == RolledBack::Whole {
                    locked.remove(&name)?;
                }
                Err(failure.into_error(rolled_back))
            }
        }
    }

    /// The boot file as it is and as it will be, where that differs.
    fn file(&self, plan: &Plan) -> Result<Option<JournalFile>, TuneError> {
        let Some(path) = &self.persist else { return Ok(None) };
        let failed = |cause| TuneError::Persist { path: path.clone(), rolled_back: RolledBack::Whole, cause };
        let before = read_boot_file(path).map_err(failed)?;
        if before.as_deref().is_some_and(|text| !is_persisted_text(text)) && !self.replace_foreign {
            return Err(TuneError::ForeignBootFile { path: path.clone() });
        }
        let after = persisted_text(&plan.values(), before.as_deref());
        let same = before.as_deref() == Some(after.as_str());
        Ok((!same).then(|| JournalFile::new(path.clone(), before, after)))
    }

    fn write_all(&self, journal: &Journal, before_write: &mut impl FnMut(&Entry)) -> Result<(), Failure> {
        for (index, entry) in journal.entries.iter().enumerate() {
            before_write(entry);
            let failed = |why| Failure { written: index + 1, why };
            let Entry { key, to: value, .. } = entry;
            let (key, value) = (*key, value.clone());
            self.sysctls.write(key, &value).map_err(|cause| failed(Why::Write { key, value: value.clone(), cause }))?;
            let found = self.sysctls.read(key).map_err(|error| failed(Why::Read(error)))?;
            if found != value {
                return Err(failed(Why::ReadBack { key, value, found }));
            }
        }
        if let Some(JournalFile { path, to, .. }) = &journal.file {
            let failed =
                |cause| Failure { written: journal.entries.len(), why: Why::Persist { path: path.clone(), cause } };
            write_boot_file(path, to).map_err(failed)?;
        }
        Ok(())
    }

    /// Puts the first `count` parameters back, the last one first, and the boot file, whose name may stand although the disk
    /// would not say so. What is as it was is left alone.
    fn roll_back(&self, journal: &Journal, count: usize) -> RolledBack {
        let mut failed = Vec::new();
        for Entry { key, from, .. } in journal.entries.iter().take(count).rev() {
            let is_back = || self.sysctls.read(*key).is_ok_and(|found| found == *from);
            if !(is_back() || (self.sysctls.write(*key, from).is_ok() && is_back())) {
                failed.push(key.to_string());
            }
        }
        if let Some(JournalFile { path, from, .. }) = &journal.file {
            let is_back = || read_boot_file(path).is_ok_and(|found| found == *from);
            if !(is_back() || (put_back_boot_file(path, from.as_deref()).is_ok() && is_back())) {
                failed.push(path.display().to_string());
            }
        }
        if failed.is_empty() { RolledBack::Whole } else { RolledBack::Failed(failed) }
    }
}

struct Failure {
    /// How many parameters have been written, the failing one included.
    written: usize,
    why: Why,
}

enum Why {
    Read(TuneError),
    Write { key: Key, value: String, cause: io::Error },
    ReadBack { key: Key, value: String, found: String },
    Persist { path: PathBuf, cause: io::Error },
}

impl Failure {
    fn into_error(self, rolled_back: RolledBack) -> TuneError {
        match self.why {
            Why::Read(error) => error,
            Why::Write { key, value, cause } => TuneError::Write { key, value, rolled_back, cause },
            Why::ReadBack { key, value, found } => TuneError::ReadBack { key, value, found, rolled_back },
            Why::Persist { path, cause } => TuneError::Persist { path, rolled_back, cause },
        }
    }
}
