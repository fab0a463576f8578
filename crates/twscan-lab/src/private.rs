use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Error;

/// An error unless the calling thread has left the namespace of the process's main thread, which
/// nothing in this crate ever moves once threads exist.
pub(crate) fn require_private() -> Result<(), Error> {
    let inode = |path: &str| -> Result<u64, Error> {
        let metadata = fs::metadata(Path::new(path));
        Ok(metadata.map_err(|e| Error::os(format!("stat {path}"), e))?.ino())
    };
    if inode(OWN)? == inode("/proc/self/ns/net")? {
        return Err(Error::StartingNamespace);
    }
    Ok(())
}

/// The calling thread's namespace.
pub(crate) const OWN: &str = "/proc/thread-self/ns/net";
