use std::ffi::{OsStr, OsString};

use super::NetnsName;

/// A network namespace of a host, as it was found, or as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    pub(crate) name: NetnsName,
    pub(crate) inode: Option<u64>,
    pub(crate) reference: Option<OsString>,
    pub(crate) is_current: bool,
}

impl Namespace {
    /// The best name there is.
    #[must_use]
    pub fn name(&self) -> &NetnsName {
        &self.name
    }

    /// The inode of `/proc/PID/ns/net`; `None` where the reader may not see it.
    #[must_use]
    pub fn inode(&self) -> Option<u64> {
        self.inode
    }

    /// What [`NetnsRef::parse`](super::NetnsRef::parse) takes for it: the name or path of a file, else a process id. Of a
    /// recording, where nothing led to it, the inode.
    #[must_use]
    pub fn reference(&self) -> Option<&OsStr> {
        self.reference.as_deref()
    }

    /// Whether the reader was in it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.is_current
    }
}
