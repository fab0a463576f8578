use std::io::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use super::RecordOptions;
use super::container::Section;
use super::moment::Moment;
use super::namespaces::RecordedNamespaces;
use super::stored_namespaces::StoredNamespaces;
use crate::Error;
use crate::host::{Host, Source};
use crate::netns::Surroundings;

/// One moment of a host as it was recorded.
#[derive(Debug, Clone)]
pub struct RecordedSample {
    pub(super) moment: Moment,
    /// Those of the host, where more than one was recorded.
    pub(super) namespaces: Option<Arc<StoredNamespaces>>,
}

impl RecordedSample {
    /// Records a host: its files of `/proc`, then every socket, bound-but-idle ones included.
    ///
    /// A walk that breaks off is begun again as [`Host::tally`] does it; what is left of the last attempt is recorded with
    /// the reason, and a replay tells it again.
    ///
    /// # Errors
    /// What [`Host::sockets`] gives where no walk could begin.
    pub fn record(host: &Host, options: &RecordOptions) -> Result<Self, Error> {
        Ok(Moment::record(host, options)?.into())
    }

    /// Notes how the network namespace is called and what there is beside it, which a recorder leaves to its caller to
    /// find out. An anonymized sample keeps no name but `host`.
    #[must_use]
    pub fn in_surroundings(self, surroundings: Option<Surroundings>, options: &RecordOptions) -> Self {
        Self { moment: self.moment.in_surroundings(surroundings, options), ..self }
    }

    /// When the walk began; of a foreign recording, when its file was last written.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.moment.at
    }

    /// What had served the walk.
    #[must_use]
    pub fn source(&self) -> Source {
        self.moment.source
    }

    /// What broke off the walk; `None` where it reached its end.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.moment.fault()
    }

    /// Whether its addresses are not the real ones.
    #[must_use]
    pub fn is_anonymized(&self) -> bool {
        self.moment.anonymized
    }

    /// The host as it was; documents will name `from` as where it was read.
    #[must_use]
    pub fn host(&self, from: &str) -> Host {
        let Some(namespaces) = self.namespaces.clone() else { return self.moment.host(from) };
        let own = self.moment.clone();
        let surroundings = own.surroundings.clone().or_else(|| self.namespaces()?.surroundings());
        let host = Moment { surroundings, ..own.clone() }.host(from);
        let from = from.to_owned();
        host.with_namespaces(move || Some(Arc::new(namespaces.unpack(&own)?).found(&from, None)))
    }

    pub(super) fn namespaces(&self) -> Option<RecordedNamespaces> {
        self.namespaces.as_ref()?.unpack(&self.moment)
    }

    /// Writes a whole sample; it follows the beginning of a [recording](super::Recording::begin) or another sample.
    ///
    /// # Errors
    /// [`Error::WriteRecording`].
    pub fn write(&self, out: &mut impl Write) -> Result<(), Error> {
        // In one go, so that a reader of what is still being written sees few halves.
        let mut bytes = Vec::new();
        let mut write = |sections: Vec<Section>| sections.iter().try_for_each(|section| section.write(&mut bytes));
        let (directory, parts) =
            self.namespaces.as_ref().map_or((&[][..], &[][..]), |all| (all.directory.as_slice(), all.parts.as_slice()));
        write(self.moment.sample_sections(directory)).map_err(cannot_write)?;
        for (place, part) in parts {
            write(part.part_sections(self.moment.at, *place)).map_err(cannot_write)?;
        }
        out.write_all(&bytes).map_err(cannot_write)
    }
}

impl From<Moment> for RecordedSample {
    fn from(moment: Moment) -> Self {
        Self { moment, namespaces: None }
    }
}

pub(super) fn cannot_write(cause: io::Error) -> Error {
    Error::WriteRecording { cause }
}
