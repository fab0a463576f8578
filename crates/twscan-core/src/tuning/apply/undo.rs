use std::fs;
use std::io;
use std::path::PathBuf;

use super::error::RolledBack;
use super::{Entry, Journal, JournalFile, Store, Sysctls, TuneError, write_atomically};

/// What was put back.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Undone {
    /// The parameters, in the order in which they were put back. One that had its old value already is not among them.
    pub restored: Vec<Entry>,
    /// The boot file that was put back or removed.
    pub file: Option<PathBuf>,
}

/// Puts back what the newest journal says was there, the last one written first, and removes the journal. Safe to repeat
/// after an interruption.
///
/// # Errors
/// [`TuneError::ChangedSince`] where a value or the file is neither the old nor the new one, unless `force`; then nothing
/// is undone. [`TuneError::NothingToUndo`].
pub fn undo(sysctls: &Sysctls, store: &Store, force: bool) -> Result<Undone, TuneError> {
    let nothing = || TuneError::NothingToUndo { directory: store.directory().to_owned() };
    if !store.directory().exists() {
        return Err(nothing());
    }
    let _lock = store.lock()?;
    let (path, journal) = store.newest()?.ok_or_else(nothing)?;
    let restore = to_restore(&journal, sysctls, force)?;
    let file = file_to_restore(&journal, force)?;
    for Entry { key, from, .. } in &restore {
        sysctls.write(*key, from).map_err(|cause| TuneError::Write {
            key: *key,
            value: from.clone(),
            rolled_back: RolledBack::Failed(restore.iter().map(|entry| entry.key).collect()),
            cause,
        })?;
    }
    if let Some(JournalFile { path, from, .. }) = file {
        let put_back = match from {
            Some(content) => write_atomically(path, content),
            None => fs::remove_file(path),
        };
        put_back.map_err(|cause| TuneError::State { operation: "put back", path: path.clone(), cause })?;
    }
    store.remove(&path)?;
    Ok(Undone { restored: restore, file: file.map(|file| file.path.clone()) })
}

fn to_restore(journal: &Journal, sysctls: &Sysctls, force: bool) -> Result<Vec<Entry>, TuneError> {
    let mut restore = Vec::new();
    for entry in journal.entries.iter().rev() {
        let found = sysctls.read(entry.key)?;
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

fn file_to_restore(journal: &Journal, force: bool) -> Result<Option<&JournalFile>, TuneError> {
    let Some(file) = &journal.file else { return Ok(None) };
    let found = match fs::read_to_string(&file.path) {
        Ok(text) => Some(text),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(TuneError::State { operation: "read", path: file.path.clone(), cause }),
    };
    if found == file.from {
        return Ok(None);
    }
    if found.as_ref() != Some(&file.to) && !force {
        let found = if found.is_some() { "other text" } else { "gone" }.to_owned();
        let set = format!("{} lines", file.to.lines().count());
        return Err(TuneError::ChangedSince { what: file.path.display().to_string(), set, found });
    }
    Ok(Some(file))
}
