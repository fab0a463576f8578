use jiff::Timestamp;
use serde::Serialize;

use super::words;
use crate::sample::Incomplete;

/// `twscan.namespaces/1`: the same question put to every network namespace of the host.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NamespacesReport<D> {
    /// The document's kind and version.
    pub schema: &'static str,
    /// When the first namespace was visited, RFC 3339 in UTC.
    pub captured_at: Timestamp,
    /// The host's name.
    pub hostname: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The recording that was read; null for the running kernel.
    pub replayed_from: Option<String>,
    /// Whether every namespace that was found was read, to the end of each walk.
    pub complete: bool,
    /// A document for each namespace with sockets, as for one alone, the worst first.
    pub namespaces: Vec<D>,
    /// Namespaces without a TCP socket, which were not walked.
    pub idle: usize,
    /// Namespaces that could not be entered or read.
    pub refused: Vec<RefusedNetns>,
    /// Processes whose namespace could not be looked at.
    pub unreadable_processes: usize,
    /// Whether there may be namespaces that were not found: processes that the reader does not see.
    pub more_unseen: bool,
}

/// A namespace that could not be entered or read.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RefusedNetns {
    /// The inode of `/proc/PID/ns/net`; null where the reader may not see it.
    pub inode: Option<u64>,
    /// What it is called.
    pub name: String,
    /// Why.
    #[serde(serialize_with = "words")]
    pub reason: Incomplete,
}

impl RefusedNetns {
    /// Notes a refusal.
    #[must_use]
    pub fn new(inode: Option<u64>, name: String, reason: impl Into<Incomplete>) -> Self {
        Self { inode, name, reason: reason.into() }
    }
}

impl<D> NamespacesReport<D> {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.namespaces/1";

    /// A document about nothing yet.
    #[must_use]
    pub fn new(captured_at: std::time::SystemTime, hostname: Option<String>, kernel: Option<String>) -> Self {
        Self {
            schema: Self::SCHEMA,
            captured_at: Timestamp::try_from(captured_at).unwrap_or(Timestamp::UNIX_EPOCH),
            hostname,
            kernel,
            replayed_from: None,
            complete: true,
            namespaces: Vec::new(),
            idle: 0,
            refused: Vec::new(),
            unreadable_processes: 0,
            more_unseen: false,
        }
    }
}
