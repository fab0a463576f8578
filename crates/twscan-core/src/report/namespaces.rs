use jiff::Timestamp;
use serde::Serialize;

use super::{Document, words};
use crate::judgement::{Severity, Verdict};
use crate::sample::{Incomplete, Provenance};

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
    /// The worst of all of them.
    pub verdict: Verdict,
    /// Whether every namespace that was found was read, to the end of each walk.
    pub complete: bool,
    /// A document for each namespace with sockets, as for one alone, the worst first.
    pub namespaces: Vec<D>,
    /// What the namespaces of the documents are called, in turn; of a container the short id.
    #[serde(skip)]
    pub names: Vec<String>,
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

impl<D: Document> NamespacesReport<D> {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.namespaces/1";

    /// A document about nothing yet.
    #[must_use]
    pub fn new(origin: &Provenance) -> Self {
        Self {
            schema: Self::SCHEMA,
            captured_at: Timestamp::try_from(origin.captured_at).unwrap_or(Timestamp::UNIX_EPOCH),
            hostname: origin.hostname.clone(),
            kernel: origin.kernel.clone(),
            replayed_from: origin.replayed_from.clone(),
            verdict: Verdict::new(Severity::Ok, "ok", "no netns has a TCP socket"),
            complete: true,
            namespaces: Vec::new(),
            names: Vec::new(),
            idle: 0,
            refused: Vec::new(),
            unreadable_processes: 0,
            more_unseen: false,
        }
    }

    /// Adds the documents of the namespaces that were read, the worst first, and judges all of them.
    pub fn add(&mut self, mut rows: Vec<(String, D)>) {
        rows.sort_by(|(_, one), (_, other)| one.worst_first(other));
        self.complete = self.refused.is_empty() && rows.iter().all(|(_, document)| document.header().complete);
        (self.names, self.namespaces) = rows.into_iter().unzip();
        let refused = self.refused.len();
        self.verdict = match (self.names.first(), self.namespaces.first()) {
            (Some(name), Some(worst)) if worst.verdict().severity > Severity::Ok => {
                let verdict = worst.verdict();
                Verdict { headline: format!("netns {name}: {}", verdict.headline), ..verdict.clone() }
            }
            _ if refused > 0 => {
                let read = self.namespaces.len() + self.idle;
                let text = format!("nothing wrong in {read} netns that were read; {refused} were not");
                Verdict::new(Severity::Warning, "incomplete", text)
            }
            (_, Some(worst)) => {
                let text = format!("in every netns read: {}", worst.verdict().headline);
                Verdict::new(Severity::Ok, "ok", text)
            }
            _ => Verdict::new(Severity::Ok, "ok", "no netns has a TCP socket"),
        };
    }
}
