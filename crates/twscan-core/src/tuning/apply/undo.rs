use std::path::{Path, PathBuf};

use super::error::RolledBack;
use super::namespace::Bond;
use super::persist::{put_back_boot_file, read_boot_file};
use super::store::{Found, Locked};
use super::{Entry, Journal, JournalFile, Store, Sysctls, TuneError};

/// The newest journal of a namespace, found and to be undone. Nobody else can change anything until it is gone, so that
/// what is undone is what was shown.
#[derive(Debug)]
pub struct Undo<'s> {
    sysctls: &'s Sysctls,
    locked: Locked<'s>,
    found: Found,
    boot_file: PathBuf,
}

/// What was put back.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Undone {
    /// The parameters, in the order in which they were put back. One that had its old value already is not among them.
    pub restored: Vec<Entry>,
    /// The boot file that was put back or removed.
    pub file: Option<PathBuf>,
}

impl<'s> Undo<'s> {
    /// Finds the newest journal. `boot_file` is the one file that may be put back or removed, whatever a journal says;
    /// [`PERSISTED`](super::PERSISTED) on a host.
    ///
    /// # Errors
    /// [`TuneError::NothingToUndo`], [`TuneError::Busy`], [`TuneError::State`], [`TuneError::JournalForm`].
    pub fn begin(sysctls: &'s Sysctls, store: &'s Store, boot_file: impl Into<PathBuf>) -> Result<Self, TuneError> {
        let nothing = || TuneError::NothingToUndo { directory: store.directory().to_owned() };
        let locked = store.lock_if_there()?.ok_or_else(nothing)?;
        let found = locked.newest()?.ok_or_else(nothing)?;
        Ok(Self { sysctls, locked, found, boot_file: boot_file.into() })
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.found.journal
    }

    /// The journal's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.locked.path(&self.found.name)
    }

    /// Puts back what the journal says was there, the last one written first, and removes the journal. Safe to repeat after
    /// an interruption.
    ///
    /// # Errors
    /// [`TuneError::ChangedSince`] where a value or the file is neither the old nor the new one,
    /// [`TuneError::MayBeAnothers`] where the journal may be of another namespace and not everything is as it says, both
    /// unless `force`; [`TuneError::OtherFile`]. Then nothing is undone.
    pub fn run(self, force: bool) -> Result<Undone, TuneError> {
        let restore = self.to_restore(force)?;
        let file = self.file_to_restore(force)?;
        for Entry { key, from, .. } in &restore {
            self.sysctls.write(*key, from).map_err(|cause| TuneError::Write {
                key: *key,
                value: from.clone(),
                rolled_back: RolledBack::Failed(restore.iter().map(|entry| entry.key.to_string()).collect()),
                cause,
            })?;
        }
        if let Some(JournalFile { path, from, .. }) = file {
            put_back_boot_file(path, from.as_deref()).map_err(|cause| TuneError::State {
                operation: "put back",
                path: path.clone(),
                cause,
            })?;
        }
        let file = file.map(|file| file.path.clone());
        self.locked.remove(&self.found.name)?;
        Ok(Undone { restored: restore, file })
    }

    fn to_restore(&self, force: bool) -> Result<Vec<Entry>, TuneError> {
        let mut restore = Vec::new();
        for entry in self.journal().entries.iter().rev() {
            let found = self.sysctls.read(entry.key)?;
            if found != entry.to && !force {
                self.may_be_anothers(&entry.key.to_string(), &found)?;
            }
            if found == entry.from {
                continue;
            }
            if found != entry.to && !force {
                return Err(TuneError::ChangedSince { what: entry.key.to_string(), set: entry.to.clone(), found });
            }
            restore.push(entry.clone());
        }
        Ok(restore)
    }

    fn file_to_restore(&self, force: bool) -> Result<Option<&JournalFile>, TuneError> {
        let Some(file) = &self.journal().file else { return Ok(None) };
        if file.path != self.boot_file {
            return Err(TuneError::OtherFile { journal: self.path(), path: file.path.clone() });
        }
        let found = read_boot_file(&file.path).map_err(|cause| cannot_read(&file.path, cause))?;
        let shown = if found.is_some() { "other text" } else { "gone" };
        if found.as_ref() != Some(&file.to) && !force {
            self.may_be_anothers(&file.path.display().to_string(), shown)?;
        }
        if found == file.from {
            return Ok(None);
        }
        if found.as_ref() != Some(&file.to) && !force {
            let set = format!("{} lines", file.to.lines().count());
            return Err(TuneError::ChangedSince {
                what: file.path.display().to_string(),
                set,
                found: shown.to_owned(),
            });
        }
        Ok(Some(file))
    }

    /// Of a journal that is of this namespace for sure an old value says that it was put back already; of any other, that
    /// it never was set here.
    fn may_be_anothers(&self, what: &str, found: &str) -> Result<(), TuneError> {
        match self.found.bond {
            Bond::Same => Ok(()),
            Bond::Foreign | Bond::Unknown(_) => {
                let why = if let Bond::Unknown(why) = self.found.bond { why } else { "it is of another one" };
                let (what, found) = (what.to_owned(), found.to_owned());
                Err(TuneError::MayBeAnothers { journal: self.path(), why, what, found })
            }
        }
    }
}

fn cannot_read(path: &Path, cause: std::io::Error) -> TuneError {
    TuneError::State { operation: "read", path: path.to_owned(), cause }
}
