use std::sync::Arc;

use super::container::Section;
use super::directory;
use super::moment::Moment;
use super::namespaces::RecordedNamespaces;

/// The namespaces of a sample as they are stored, and the samples of all but the recorder's own, by their places.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredNamespaces {
    pub(super) directory: Vec<Section>,
    pub(super) parts: Vec<(usize, Moment)>,
}

impl StoredNamespaces {
    pub(super) fn pack(namespaces: RecordedNamespaces) -> Self {
        let directory = directory::pack(&namespaces);
        let others = namespaces.list.into_iter().enumerate().filter(|(_, netns)| !netns.namespace.is_current);
        Self { directory, parts: others.filter_map(|(place, netns)| Some((place, netns.sample?))).collect() }
    }

    /// Takes the list that was read, once it has proved whole; `None` where there is none.
    pub(super) fn read(directory: Vec<Section>) -> Result<Option<Arc<Self>>, &'static str> {
        if directory.len() > directory::MOST_SECTIONS {
            return Err("a sample has more network namespaces than there are");
        }
        directory::unpack(&directory)?;
        Ok(Some(directory)
            .filter(|list| !list.is_empty())
            .map(|directory| Arc::new(Self { directory, parts: Vec::new() })))
    }

    /// The namespaces, the recorder's own with this sample.
    pub(super) fn unpack(&self, own: &Moment) -> Option<RecordedNamespaces> {
        let mut namespaces = directory::unpack(&self.directory).ok()?;
        for (place, part) in &self.parts {
            if let Some(netns) = namespaces.list.get_mut(*place).filter(|netns| !netns.namespace.is_current) {
                netns.sample = Some(part.clone());
            }
        }
        if let Some(netns) = namespaces.list.iter_mut().find(|netns| netns.namespace.is_current) {
            netns.sample = Some(own.clone());
        }
        Some(namespaces)
    }
}
