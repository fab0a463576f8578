use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags, fstatfs};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{NetnsError, NetnsRef, RUN_DIRECTORIES, in_a_thread};
use crate::Error;
use crate::procfs::has_ended;

/// Runs a closure inside a network namespace and gives back what it returns.
///
/// The closure runs in a thread of its own, which ends with it; the caller's thread stays where it is. Sockets that the
/// closure opens and returns stay in the namespace. A panic in the closure goes on in the caller. The namespace that the
/// caller is in already needs no privilege.
///
/// ```no_run
/// use twscan_core::Scan;
/// use twscan_core::netns::{NetnsRef, enter};
///
/// let blue = NetnsRef::parse("blue")?;
/// println!("{} sockets in {blue}", enter(&blue, || Scan::new().count())??.sockets);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Netns`] where there is no such namespace, or where the caller lacks the privilege to enter it: CAP_SYS_ADMIN,
/// in the user namespace that it belongs to as well.
pub fn enter<T: Send>(netns: &NetnsRef, visit: impl FnOnce() -> T + Send) -> Result<T, Error> {
    let (path, file) = netns.open()?;
    let inside = || {
        move_into(&netns.to_string(), &path, &file)?;
        Ok(visit())
    };
    in_a_thread(inside)?
}

impl NetnsRef {
    /// Opens the namespace's file. It must be one of the name space file system; what kind of namespace it is, entering
    /// tells.
    fn open(&self) -> Result<(PathBuf, File), NetnsError> {
        let looked = || RUN_DIRECTORIES.map(PathBuf::from).to_vec();
        let candidates = match self {
            Self::Pid(pid) => vec![PathBuf::from(format!("/proc/{pid}/ns/net"))],
            Self::Path(path) => vec![path.clone()],
            Self::Name(name) => looked().iter().map(|directory| directory.join(name)).collect(),
        };
        for path in candidates {
            match open_file(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if is_absent(&error) => {}
                Err(OpenError::NotANamespace) => return Err(NetnsError::NotANamespace { path }),
                Err(OpenError::Io(cause)) => return Err(NetnsError::Open { netns: self.to_string(), path, cause }),
            }
        }
        Err(match self {
            Self::Pid(pid) => NetnsError::NoProcess { pid: *pid },
            Self::Path(path) => NetnsError::Open {
                netns: self.to_string(),
                path: path.clone(),
                cause: io::Error::from(io::ErrorKind::NotFound),
            },
            Self::Name(_) => NetnsError::NoName { name: self.to_string(), looked: looked() },
        })
    }
}

/// Moves the thread into a namespace, unless it is there already.
pub(super) fn move_into(netns: &str, path: &Path, file: &File) -> Result<(), NetnsError> {
    if is_here(file) {
        return Ok(());
    }
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|errno| match errno {
        // A namespace of another kind.
        Errno::INVAL => NetnsError::NotANamespace { path: path.to_owned() },
        errno => NetnsError::Enter { netns: netns.to_owned(), cause: errno.into() },
    })
}

/// Whether the thread is in this namespace already.
fn is_here(file: &File) -> bool {
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), std::fs::metadata("/proc/thread-self/ns/net")) {
        (Ok(there), Ok(here)) => identity(there) == identity(here),
        _ => false,
    }
}

pub(super) enum OpenError {
    Io(io::Error),
    NotANamespace,
}

/// Opens a file of the name space file system. Opening must not wait for anybody, as it would at a pipe.
pub(super) fn open_file(path: &Path) -> Result<File, OpenError> {
    let io = |errno: Errno| OpenError::Io(errno.into());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(io)?;
    if fstatfs(&file).map_err(io)?.f_type == NSFS_MAGIC { Ok(File::from(file)) } else { Err(OpenError::NotANamespace) }
}

/// Whether there is no such file, or no such process any more.
pub(super) fn is_absent(error: &OpenError) -> bool {
    match error {
        OpenError::Io(cause) => has_ended(cause),
        OpenError::NotANamespace => false,
    }
}

/// include/uapi/linux/magic.h.
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;
