//! What `/proc` says: counters, parameters, and the socket table as text.
//!
//! Opening is apart from parsing: each `parse` takes text, and [`ProcFs`] reads below any directory, so that a saved
//! tree reads like a live one. What a kernel does not have is `None`, never zero.

mod counters;
mod net_tcp;
mod settings;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use counters::{CounterFile, Counters};
pub use net_tcp::ProcNetTcp;
pub use settings::{Settings, TwReuse};

use crate::Error;

/// A proc file system: the live one, or a directory of the same shape.
#[derive(Debug, Clone)]
pub struct ProcFs {
    root: PathBuf,
}

impl ProcFs {
    /// Reads below this directory.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The counters of the thread's network namespace.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where a file is there and cannot be read; an absent one is `None` in the counters.
    pub fn counters(&self) -> Result<Counters, Error> {
        self.counters_of(CounterFile::ALL)
    }

    /// Those of the counters that these files hold; the others are `None`.
    ///
    /// # Errors
    /// As for [`counters`](Self::counters).
    pub fn counters_of(&self, files: &[CounterFile]) -> Result<Counters, Error> {
        let mut counters = Counters::default();
        for file in files {
            if let Some(text) = self.read_net(file.name())? {
                counters.parse(&text);
            }
        }
        Ok(counters)
    }

    /// The parameters of the thread's network namespace.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where a file is there and cannot be read; an absent one is `None` in the settings.
    pub fn settings(&self) -> Result<Settings, Error> {
        Settings::read(|key| self.read(&format!("sys/net/ipv4/{key}")))
    }

    /// The socket table as text, read as if it were a netlink dump.
    #[must_use]
    pub fn net_tcp(&self) -> ProcNetTcp {
        ProcNetTcp::new(self.net_path("tcp"), self.net_path("tcp6"))
    }

    /// The kernel's release: `6.18.44`.
    #[must_use]
    pub fn kernel_release(&self) -> Option<String> {
        self.read_trimmed("sys/kernel/osrelease")
    }

    /// The host's name.
    #[must_use]
    pub fn hostname(&self) -> Option<String> {
        self.read_trimmed("sys/kernel/hostname")
    }

    /// The inode of the network namespace that a thread or process lives in, by its directory below the root:
    /// `thread-self`, `1`.
    #[must_use]
    pub fn netns_inode(&self, task: &str) -> Option<u64> {
        let link = fs::read_link(self.root.join(task).join("ns/net")).ok()?;
        link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
    }

    /// Whether the thread is in the namespace that the kernel booted with: `tcp_mem`, a parameter of the whole host, is
    /// shown there and nowhere else (net/ipv4/sysctl_net_ipv4.c).
    #[must_use]
    pub fn is_initial_netns(&self) -> bool {
        self.root.join("sys/net/ipv4/tcp_mem").exists()
    }

    fn read_trimmed(&self, name: &str) -> Option<String> {
        self.read(name).ok().flatten().map(|text| text.trim().to_owned())
    }

    fn read_net(&self, name: &str) -> Result<Option<String>, Error> {
        read_optional(&self.net_path(name))
    }

    /// A thread that has entered another namespace sees it there, and nowhere else: `/proc/net` shows the main thread's.
    fn net_path(&self, name: &str) -> PathBuf {
        self.root.join("thread-self/net").join(name)
    }

    fn read(&self, name: &str) -> Result<Option<String>, Error> {
        read_optional(&self.root.join(name))
    }
}

impl Default for ProcFs {
    fn default() -> Self {
        Self::new("/proc")
    }
}

/// These files tell no length, and what reads them by growing pieces calls the kernel a dozen times.
fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(8 * 1024);
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_optional(path: &Path) -> Result<Option<String>, Error> {
    match read_whole(path) {
        Ok(bytes) => Ok(Some(
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::ReadFile { path: path.to_owned(), cause }),
    }
}
