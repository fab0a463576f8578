use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};

use super::{Journal, TuneError};
use crate::sample::Provenance;

/// The directory of the journals, and the namespace whose journals are meant.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    namespace: Namespace,
}

/// Which network namespace a journal belongs to.
///
/// The host's own outlives a boot; another is known by its inode, which is used again after it is gone, so it goes with the
/// boot it was seen in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// The namespace of the calling thread. `boot_id` is the text of `/proc/sys/kernel/random/boot_id`.
    #[must_use]
    pub fn new(provenance: &Provenance, boot_id: &str) -> Self {
        let boot: String = boot_id.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        let name = match provenance.netns.inode {
            _ if provenance.initial_netns => "host".to_owned(),
            Some(inode) => format!("net{inode}-{boot}"),
            None => format!("unknown-{boot}"),
        };
        Self { name }
    }
}

impl Store {
    /// The journals of a namespace in this directory, which is made with the first of them.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, namespace: Namespace) -> Self {
        Self { directory: directory.into(), namespace }
    }

    /// The newest journal; `None` where there is none. One that was cut off while it was written is removed: nothing had
    /// been changed then.
    ///
    /// # Errors
    /// [`TuneError::State`], [`TuneError::JournalForm`].
    pub fn newest(&self) -> Result<Option<(PathBuf, Journal)>, TuneError> {
        while let Some(number) = self.numbers()?.last().copied() {
            let path = self.path(number);
            let text = fs::read_to_string(&path).map_err(state("read", &path))?;
            if text.ends_with("end\n") {
                return Ok(Some((path.clone(), Journal::parse(&text, &path)?)));
            }
            self.remove(&path)?;
        }
        Ok(None)
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps other processes out for as long as what it returns lives. The directory is made where it is missing.
    pub(super) fn lock(&self) -> Result<Lock, TuneError> {
        fs::create_dir_all(&self.directory).map_err(state("make", &self.directory))?;
        let path = self.directory.join("tune.lock");
        let failed = |errno: rustix::io::Errno| state("open", &path)(errno.into());
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(lock)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(TuneError::Busy { path }),
            Err(errno) => Err(state("lock", &path)(errno.into())),
        }
    }

    /// Writes a journal so that it is there after a power cut: the file and its name.
    pub(super) fn write(&self, journal: &Journal) -> Result<PathBuf, TuneError> {
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        let path = self.path(number);
        let written = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            file.write_all(journal.to_text().as_bytes())?;
            file.sync_all()?;
            File::open(&self.directory)?.sync_all()
        };
        written().map_err(state("write", &path))?;
        Ok(path)
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), TuneError> {
        fs::remove_file(path).map_err(state("remove", path))
    }

    fn numbers(&self) -> Result<Vec<u32>, TuneError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(state("read", &self.directory)(cause)),
        };
        let prefix = format!("tune-{}-", self.namespace.name);
        let number = |name: std::ffi::OsString| -> Option<u32> {
            name.to_str()?.strip_prefix(&prefix)?.strip_suffix(".journal")?.parse().ok()
        };
        let mut numbers: Vec<_> = entries.flatten().filter_map(|entry| number(entry.file_name())).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path(&self, number: u32) -> PathBuf {
        self.directory.join(format!("tune-{}-{number}.journal", self.namespace.name))
    }
}

/// Keeps other processes out. It is given back explicitly, since a child that this process has just forked has the file too,
/// until it becomes another program.
#[derive(Debug)]
pub(super) struct Lock(OwnedFd);

impl Drop for Lock {
    fn drop(&mut self) {
        // Where that fails, closing the file does it.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

fn state<'p>(operation: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> TuneError + 'p {
    move |cause| TuneError::State { operation, path: path.to_owned(), cause }
}
