use std::sync::Arc;

use super::RecordedSample;
use super::container::Section;
use super::directory::{self, Outcome};
use crate::host::{Found, Host, Visit, Way};
use crate::netns::{Namespace, NetnsError, Others, Surroundings};

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
    pub(super) sample: Option<RecordedSample>,
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

    /// The namespaces as a reader finds them who is in the recorder's own, or in the one at this place.
    pub(super) fn found(self: &Arc<Self>, from: &str, reader: Option<usize>) -> Found {
        let find = |(place, netns): (usize, &RecordedNetns)| {
            let mut namespace = netns.namespace.clone();
            namespace.is_current = reader.map_or(namespace.is_current, |reader| reader == place);
            namespace.reference = namespace.reference.or_else(|| namespace.inode.map(|inode| inode.to_string()));
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
    pub(super) fn surroundings(&self, namespaces: &RecordedNamespaces) -> Surroundings {
        Surroundings::new(Some(self.namespace.name.clone()), namespaces.others)
    }

    fn is_called(&self, text: &str) -> bool {
        let Namespace { name, inode, reference, .. } = &self.namespace;
        reference.as_deref() == Some(text)
            || name.to_string() == text
            || name.container() == Some(text)
            || inode.is_some_and(|inode| inode.to_string() == text || format!("net:[{inode}]") == text)
    }
}

/// The namespaces of a sample as they are stored, and the samples of all but the recorder's own, by their places.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredNamespaces {
    pub(super) directory: Vec<Section>,
    pub(super) parts: Vec<(usize, RecordedSample)>,
}

impl StoredNamespaces {
    pub(super) fn pack(namespaces: RecordedNamespaces) -> Self {
        let directory = directory::pack(&namespaces);
        let others = namespaces.list.into_iter().enumerate().filter(|(_, netns)| !netns.namespace.is_current);
        Self { directory, parts: others.filter_map(|(place, netns)| Some((place, netns.sample?))).collect() }
    }

    /// Takes a section that was read, once it has proved whole.
    pub(super) fn add(&mut self, section: &Section) -> Result<(), &'static str> {
        if self.directory.len() == directory::MOST_SECTIONS {
            return Err("a sample has more network namespaces than there are");
        }
        directory::unpack(std::slice::from_ref(section))?;
        self.directory.push(section.clone());
        Ok(())
    }

    /// The namespaces, the recorder's own with this sample.
    pub(super) fn unpack(&self, own: &RecordedSample) -> Option<RecordedNamespaces> {
        let mut namespaces = directory::unpack(&self.directory).ok()?;
        for (place, part) in &self.parts {
            if let Some(netns) = namespaces.list.get_mut(*place).filter(|netns| !netns.namespace.is_current) {
                netns.sample = Some(part.clone());
            }
        }
        if let Some(netns) = namespaces.list.iter_mut().find(|netns| netns.namespace.is_current) {
            netns.sample = Some(RecordedSample { namespaces: None, ..own.clone() });
        }
        Some(namespaces)
    }
}

/// Names in an error.
const SHOWN: usize = 10;
