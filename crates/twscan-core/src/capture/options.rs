use super::anonymize::Anonymizer;
#[cfg(doc)]
use crate::host::Host;

/// What to record, and how.
#[derive(Debug, Clone, Default)]
pub struct RecordOptions {
    pub(super) anonymize: Option<Anonymizer>,
    pub(super) owners: bool,
}

impl RecordOptions {
    /// Everything as it is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes which processes have the sockets open, as far as the reader may see: [`Host::owners`] tells them again.
    #[must_use]
    pub fn owners(mut self) -> Self {
        self.owners = true;
        self
    }

    /// Replaces addresses and the host's name.
    ///
    /// The same address becomes the same other one in all samples recorded with these options (and their clones), and two
    /// addresses that share a prefix still do. The loopback, unspecified and multicast addresses stay as they are;
    /// private and other well-known prefixes keep their first bits. Ports, counters and parameters are kept.
    /// Of owners, process ids, user ids and the names of programs are kept; users' names and cgroups are not.
    #[must_use]
    pub fn anonymize(mut self) -> Self {
        self.anonymize = Some(Anonymizer::new());
        self
    }
}
