use std::fmt;
use std::sync::Arc;

use super::moment::Moment;
use crate::host::{Found, Host, Visit, Way};
use crate::netns::{Namespace, NetnsError, NetnsName, Others, Surroundings};

/// Every network namespace of a host as it was recorded, each once: the recorder's own first.
#[derive(Debug, Clone)]
pub(super) struct RecordedNamespaces {
    pub(super) list: Vec<RecordedNetns>,
    pub(super) others: Others,
    pub(super) unreadable: usize,
}

/// A network namespace in a recording.
#[derive(Debug, Clone)]
pub(super) struct RecordedNetns {
    pub(super) namespace: Namespace,
    pub(super) outcome: Outcome,
    pub(super) sample: Option<Moment>,
}

/// The outcome of a visit, without what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Read,
    Idle,
    Gone,
    Refused(String),
}

impl RecordedNamespaces {
    /// Whether every namespace that was read is still there: none was cut off or damaged since.
    pub(super) fn is_whole(&self) -> bool {
        !self.list.iter().any(|netns| matches!((&netns.outcome, &netns.sample), (Outcome::Read, None)))
    }

    /// The only one that is called so: by the name of a file, a container's id or the first digits of it, what `--netns`
    /// took for it then, or its inode.
    pub(super) fn find(&self, text: &str) -> Result<&RecordedNetns, String> {
        let mut found = self.list.iter().filter(|netns| netns.is_called(text));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(format!("several network namespaces are called {text:?}; give an inode")),
            (None, _) => {
                let name = |netns: &RecordedNetns| netns.namespace.name.to_string();
                let mut names: Vec<_> = self.list.iter().take(SHOWN).map(name).collect();
                if self.list.len() > SHOWN {
                    names.push(format!("{} more", self.list.len() - SHOWN));
                }
                Err(format!("it has no network namespace {text:?}; there are {}", names.join(", ")))
            }
        }
    }

    /// Of the recorder's own.
    pub(super) fn surroundings(&self) -> Option<Surroundings> {
        Some(self.list.iter().find(|netns| netns.namespace.is_current)?.surroundings(self.others))
    }

    /// The namespaces as a reader finds them who is in the recorder's own, or in the one at this place.
    pub(super) fn found(self: &Arc<Self>, from: &str, reader: Option<usize>) -> Found {
        let find = |(place, netns): (usize, &RecordedNetns)| {
            let mut namespace = netns.namespace.clone();
            namespace.is_current = reader.map_or(namespace.is_current, |reader| reader == place);
            namespace.reference = namespace.reference.or_else(|| namespace.inode.map(|inode| inode.to_string().into()));
            let (all, from) = (self.clone(), from.to_owned());
            (namespace, Way::Recorded(Box::new(move || all.visit(place, &from))))
        };
        let mut list: Vec<_> = self.list.iter().enumerate().map(find).collect();
        list.sort_by_key(|(namespace, _)| (!namespace.is_current, namespace.inode));
        Found { list, others: self.others, unreadable: self.unreadable }
    }

    fn visit(self: &Arc<Self>, place: usize, from: &str) -> Visit<Host> {
        match self.list.get(place).map(|netns| (&netns.outcome, &netns.sample)) {
            Some((Outcome::Read, Some(sample))) => {
                let (all, name) = (self.clone(), from.to_owned());
                Visit::Read(sample.host(from).with_namespaces(move || Some(all.found(&name, Some(place)))))
            }
            Some((Outcome::Idle, _)) => Visit::Idle,
            Some((Outcome::Gone, _)) => Visit::Ended,
            Some((Outcome::Refused(reason), _)) => Visit::Refused(NetnsError::Unrecorded { reason: reason.clone() }),
            Some((Outcome::Read, None)) | None => Visit::Refused(NetnsError::Lost),
        }
    }
}

impl RecordedNetns {
    /// Leaves out its name and what leads there, which say whose it is; the inode does not.
    pub(super) fn anonymize(&mut self) {
        let namespace = &mut self.namespace;
        namespace.reference = None;
        if namespace.name != NetnsName::Host {
            namespace.name = NetnsName::Inode(namespace.inode);
        }
        if let Outcome::Refused(reason) = &mut self.outcome {
            *reason = "it could not be entered".to_owned();
        }
    }

    pub(super) fn surroundings(&self, others: Others) -> Surroundings {
        Surroundings::new(Some(self.namespace.name.clone()), others)
    }

    fn is_called(&self, text: &str) -> bool {
        let Namespace { name, inode, reference, .. } = &self.namespace;
        reference.as_deref() == Some(text.as_ref())
            || name.to_string() == text
            || name.container() == Some(text)
            || inode.is_some_and(|inode| inode.to_string() == text || format!("net:[{inode}]") == text)
    }
}

/// Why there is no sample.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => NetnsError::Lost.fmt(f),
            Self::Idle => f.write_str("it had no TCP socket, and was not recorded"),
            Self::Gone => f.write_str("it ended before it could be recorded"),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

/// Names in an error.
const SHOWN: usize = 10;
