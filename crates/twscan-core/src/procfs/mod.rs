//! What `/proc` says: counters, parameters, and the socket table as text.
//!
//! Opening is apart from parsing: each `parse` takes text, and [`ProcFs`] reads below any directory, so that a saved
//! tree reads like a live one. What a kernel does not have is `None`, never zero.

mod conntrack;
mod counters;
mod key;
#[cfg(all(feature = "live", target_os = "linux"))]
mod mounts;
mod net_tcp;
pub mod owner;
#[cfg(feature = "capture")]
mod record;
mod settings;
pub(crate) mod sysctl;
mod udp;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use conntrack::Conntrack;
pub use counters::{CounterFile, Counters};
pub use key::{Key, Refused};
#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) use mounts::Mount;
pub use net_tcp::ProcNetTcp;
#[cfg(feature = "capture")]
pub(crate) use net_tcp::parse_line;
pub use settings::{Settings, TwReuse};

use crate::Error;
use crate::errno::{ENOENT, ESRCH};
use crate::kernel::Release;
use crate::port::{PortRange, PortSet};

/// A proc file system: the live one, or a directory of the same shape.
#[derive(Debug, Clone)]
pub struct ProcFs {
    root: PathBuf,
    /// What stands in for the directory, by path below it; links by what they point to.
    files: Option<Arc<Files>>,
}

/// The files of a recorded tree.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

impl ProcFs {
    /// Reads below this directory.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), files: None }
    }

    /// Reads from these contents, by path below the root (`sys/net/ipv4/tcp_tw_reuse`), and from nothing else. A link's
    /// content is what it points to.
    #[must_use]
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self::of_record(Arc::new(files.into_iter().collect()))
    }

    pub(crate) fn of_record(files: Arc<Files>) -> Self {
        // Below /proc nobody can make a file, so nothing is read by mistake.
        Self { root: PathBuf::from("/proc/recording"), files: Some(files) }
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
        let settings = Settings::read(|key| self.read(&format!("sys/net/ipv4/{key}")))?;
        let release = self.kernel_release().as_deref().and_then(Release::parse);
        // Debian and Ubuntu tell which stable release theirs is in one of these.
        let told = ["sys/kernel/version", "version_signature"].map(|name| self.read(name).ok().flatten());
        let release =
            release.map(|release| told.iter().flatten().fold(release, |release, text| release.with_patch_of(text)));
        Ok(Settings { release, ..settings })
    }

    /// `ip_local_port_range`, where no other parameter is needed.
    ///
    /// # Errors
    /// As for [`settings`](Self::settings).
    pub fn port_range(&self) -> Result<Option<PortRange>, Error> {
        let text = self.read("sys/net/ipv4/ip_local_port_range")?;
        Ok(text.and_then(|text| text.trim().parse().ok()))
    }

    /// The connection tracking table; `None` where there is none, or the reader may not see it.
    #[must_use]
    pub fn conntrack(&self) -> Option<Conntrack> {
        let read = |name: &str| self.read(&format!("sys/net/netfilter/{name}")).ok().flatten();
        Conntrack::parse(&read("nf_conntrack_count")?, &read("nf_conntrack_max")?)
    }

    /// Whether the loopback of IPv6 can be used in this namespace; `None` where that cannot be read.
    #[must_use]
    pub fn ipv6_loopback(&self) -> Option<bool> {
        match self.read("sys/net/ipv6/conf/lo/disable_ipv6") {
            Ok(Some(text)) => Some(text.trim() == "0"),
            // A kernel without IPv6 has no such file; a /proc without any says nothing.
            Ok(None) => self.root.join("sys/net/ipv4").exists().then_some(false),
            Err(_) => None,
        }
    }

    /// The socket table as text, read as if it were a netlink dump.
    #[must_use]
    pub fn net_tcp(&self) -> ProcNetTcp {
        ProcNetTcp::new(self.net_path("tcp"), self.net_path("tcp6"))
    }

    /// The ports that UDP services have, in the thread's network namespace.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where a file is there and cannot be read.
    pub fn udp_services(&self) -> Result<PortSet, Error> {
        let mut ports = PortSet::new();
        for name in ["udp", "udp6"] {
            if let Some(text) = self.read_net(name)? {
                udp::add_services(&text, &mut ports);
            }
        }
        Ok(ports)
    }

    /// The names of the network devices, in the thread's network namespace; none where they cannot be read.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        let text = self.read_net("dev").ok().flatten().unwrap_or_default();
        text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
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
        self.link(&format!("{task}/ns/net"))?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
    }

    /// Whether the thread is in the namespace that the kernel booted with: `tcp_mem`, a parameter of the whole host, is
    /// shown there and nowhere else (net/ipv4/sysctl_net_ipv4.c).
    #[must_use]
    pub fn is_initial_netns(&self) -> bool {
        let name = "sys/net/ipv4/tcp_mem";
        self.files.as_ref().map_or_else(|| self.root.join(name).exists(), |files| files.contains_key(name))
    }

    /// The ids of the processes that `/proc` shows, sorted.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where the root cannot be listed.
    pub fn pids(&self) -> Result<Vec<u32>, Error> {
        let cannot_read = |cause| Error::ReadFile { path: self.root.clone(), cause };
        let entries = fs::read_dir(&self.root).map_err(cannot_read)?;
        let mut pids: Vec<u32> = Vec::new();
        for entry in entries {
            pids.extend(entry.map_err(cannot_read)?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        pids.sort_unstable();
        Ok(pids)
    }

    /// TCP sockets in the network namespace of any process or thread, by its directory below the root. No privilege is
    /// needed, and no entering: only [`Counters::tcp_inuse`], [`Counters::tcp6_inuse`] and their neighbours are filled.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where a file is there and cannot be read; an absent one is `None` in the counters.
    pub fn sockstat(&self, task: &str) -> Result<Counters, Error> {
        let mut counters = Counters::default();
        for name in ["sockstat", "sockstat6"] {
            if let Some(text) = self.read(&format!("{task}/net/{name}"))? {
                counters.parse(&text);
            }
        }
        Ok(counters)
    }

    /// Whether this is a thread of the kernel's own, which has no files open and no namespaces but the host's.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub(crate) fn is_kernel_thread(&self, pid: u32) -> bool {
        let stat = self.read(&format!("{pid}/stat")).ok().flatten();
        stat.and_then(|stat| owner::Stat::parse(&stat)).is_some_and(|stat| stat.is_kernel_thread())
    }

    /// A file or directory below the root.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What is mounted where, as the thread sees it; nothing where that cannot be read.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub(crate) fn mounts(&self) -> Vec<Mount> {
        Mount::parse_all(&self.read("thread-self/mountinfo").ok().flatten().unwrap_or_default())
    }

    /// The kernel's name for this boot.
    #[must_use]
    pub fn boot_id(&self) -> Option<String> {
        self.read_trimmed("sys/kernel/random/boot_id")
    }

    fn read_trimmed(&self, name: &str) -> Option<String> {
        // It is shown in a line, whatever a recording holds.
        self.read(name).ok().flatten().map(|text| owner::printable(text.trim()))
    }

    fn read_net(&self, name: &str) -> Result<Option<String>, Error> {
        self.read(&format!("{OWN_NET}/{name}"))
    }

    /// A thread that has entered another namespace sees it there, and nowhere else: `/proc/net` shows the main thread's.
    fn net_path(&self, name: &str) -> PathBuf {
        self.root.join(OWN_NET).join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, Error> {
        let bytes = match &self.files {
            Some(files) => files.get(name).cloned(),
            None => read_optional(&self.root, name)?,
        };
        let text = |bytes| {
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
        };
        Ok(bytes.map(text))
    }

    fn link(&self, name: &str) -> Option<String> {
        match &self.files {
            Some(files) => String::from_utf8(files.get(name)?.clone()).ok(),
            None => fs::read_link(self.root.join(name)).ok()?.into_os_string().into_string().ok(),
        }
    }
}

impl Default for ProcFs {
    fn default() -> Self {
        Self::new("/proc")
    }
}

/// Where a thread sees its own namespace's files: `/proc/net` shows the main thread's.
const OWN_NET: &str = "thread-self/net";

/// A file below the root; `None` where there is none.
fn read_optional(root: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = root.join(name);
    let read = if name.starts_with("sys/") { sysctl::read_whole(&path) } else { read_whole(&path) };
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::ReadFile { path, cause }),
    }
}

/// Whether what was to be read is no more: a file that is gone, a process that has ended. Any other failure hides
/// something that is there.
#[cfg_attr(not(all(feature = "live", target_os = "linux")), allow(dead_code, reason = "nothing ends in a recording"))]
pub(crate) fn has_ended(cause: &io::Error) -> bool {
    matches!(cause.raw_os_error(), Some(ENOENT | ESRCH))
}

/// These files tell no length, and what reads them by growing pieces calls the kernel a dozen times.
fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(8 * 1024);
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
