use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use super::TuneError;
use crate::procfs::sysctl;
use crate::tuning::Key;

/// The tree of parameters that is read and written: `/proc/sys`, in the network namespace of the thread.
#[derive(Debug, Clone)]
pub struct Sysctls {
    root: PathBuf,
}

impl Sysctls {
    /// A directory of the shape of `/proc/sys`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A parameter's value, in the form of [`Key::accept`].
    ///
    /// # Errors
    /// [`TuneError::Read`], also where there is no such parameter.
    pub fn read(&self, key: Key) -> Result<String, TuneError> {
        let failed = |cause| TuneError::Read { key, cause };
        let text = match sysctl::read(&self.root.join(key.path())) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(failed(io::ErrorKind::NotFound.into())),
            Err(crate::Error::ReadFile { cause, .. }) => return Err(failed(cause)),
            Err(error) => return Err(failed(io::Error::other(error))),
        };
        // What the kernel shows is always acceptable; the fallback is for a tree that is not the kernel's.
        Ok(key.accept(&text, None, 0).unwrap_or_else(|_| text.trim().to_owned()))
    }

    pub(super) fn write(&self, key: Key, value: &str) -> io::Result<()> {
        // One write: the kernel takes a value whole or not at all. An empty text would be no write.
        let mut file = OpenOptions::new().write(true).truncate(true).open(self.root.join(key.path()))?;
        file.write_all(format!("{value}\n").as_bytes())
    }
}

impl Default for Sysctls {
    fn default() -> Self {
        Self::new("/proc/sys")
    }
}
