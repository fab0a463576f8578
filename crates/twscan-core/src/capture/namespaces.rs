use super::RecordedSample;
use super::container::Section;
use super::directory::{self, Outcome};
use crate::netns::{NetnsName, Others, Surroundings};

/// Every network namespace of a host as it was recorded, each once: the recorder's own first.
#[derive(Debug, Clone)]
pub struct RecordedNamespaces {
    pub(super) list: Vec<RecordedNetns>,
    pub(super) others: Others,
    pub(super) unreadable: usize,
}

impl RecordedNamespaces {
    /// The namespaces.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &RecordedNetns> {
        self.list.iter()
    }

    /// How many there were besides the recorder's own.
    #[must_use]
    pub fn others(&self) -> Others {
        self.others
    }

    /// Processes whose namespace could not be looked at.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Whether every namespace that was read is still there: none was cut off or damaged since.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.list.iter().all(|netns| !matches!(netns.visit(), RecordedVisit::Missing))
    }

    /// The only one that is called so: by the name of a file, a container's id or the first digits of it, what `--netns`
    /// took for it then, or its inode.
    pub(super) fn find(&self, text: &str) -> Result<&RecordedNetns, String> {
        let mut found = self.list.iter().filter(|netns| netns.is_called(text));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(format!("several network namespaces are called {text:?}; give an inode")),
            (None, _) => {
                let mut names: Vec<_> = self.list.iter().take(SHOWN).map(|netns| netns.name.to_string()).collect();
                if self.list.len() > SHOWN {
                    names.push(format!("{} more", self.list.len() - SHOWN));
                }
                Err(format!("it has no network namespace {text:?}; there are {}", names.join(", ")))
            }
        }
    }
}

/// A network namespace in a recording.
#[derive(Debug, Clone)]
pub struct RecordedNetns {
    pub(super) name: NetnsName,
    pub(super) inode: Option<u64>,
    pub(super) reference: Option<String>,
    pub(super) current: bool,
    pub(super) outcome: Outcome,
    pub(super) sample: Option<RecordedSample>,
}

impl RecordedNetns {
    /// The best name there was.
    #[must_use]
    pub fn name(&self) -> &NetnsName {
        &self.name
    }

    /// The inode of `/proc/PID/ns/net`; `None` where the recorder could not see it.
    #[must_use]
    pub fn inode(&self) -> Option<u64> {
        self.inode
    }

    /// What led to it then: the name or path of a file, else a process id.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Whether the recorder was in it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.current
    }

    /// What came of the visit to it.
    #[must_use]
    pub fn visit(&self) -> RecordedVisit<'_> {
        match (&self.outcome, &self.sample) {
            (Outcome::Read, Some(sample)) => RecordedVisit::Read(sample),
            (Outcome::Read, None) => RecordedVisit::Missing,
            (Outcome::Idle, _) => RecordedVisit::Idle,
            (Outcome::Gone, _) => RecordedVisit::Gone,
            (Outcome::Refused(reason), _) => RecordedVisit::Refused(reason),
        }
    }

    pub(super) fn surroundings(&self, namespaces: &RecordedNamespaces) -> Surroundings {
        Surroundings::new(Some(self.name.clone()), namespaces.others)
    }

    fn is_called(&self, text: &str) -> bool {
        self.reference.as_deref() == Some(text)
            || self.name.to_string() == text
            || self.name.container() == Some(text)
            || self.inode.is_some_and(|inode| inode.to_string() == text || format!("net:[{inode}]") == text)
    }
}

/// What came of a visit to a namespace.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum RecordedVisit<'r> {
    /// It was recorded.
    Read(&'r RecordedSample),
    /// It had no TCP socket, by its counters, and was not recorded.
    Idle,
    /// It ended before it could be recorded.
    Gone,
    /// It could not be entered or read.
    Refused(&'r str),
    /// It was recorded, and its part of the recording is damaged or cut off.
    Missing,
}

impl<'r> RecordedVisit<'r> {
    /// Why there is no sample of it; `None` where there is one.
    #[must_use]
    pub fn why_not(&self) -> Option<&'r str> {
        match self {
            Self::Read(_) => None,
            Self::Idle => Some("it had no TCP socket, and was not recorded"),
            Self::Gone => Some("it ended before it could be recorded"),
            Self::Refused(reason) => Some(reason),
            Self::Missing => Some("its part of the recording is damaged or cut off"),
        }
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
        let others = namespaces.list.into_iter().enumerate().filter(|(_, netns)| !netns.current);
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
            if let Some(netns) = namespaces.list.get_mut(*place).filter(|netns| !netns.current) {
                netns.sample = Some(part.clone());
            }
        }
        if let Some(netns) = namespaces.list.iter_mut().find(|netns| netns.current) {
            netns.sample = Some(RecordedSample { namespaces: None, ..own.clone() });
        }
        Some(namespaces)
    }
}

/// Names in an error.
const SHOWN: usize = 10;
