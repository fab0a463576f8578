use std::sync::Arc;

use super::moment::Moment;
use super::namespaces::{Outcome, RecordedNamespaces, RecordedNetns};
use super::stored_namespaces::StoredNamespaces;
use super::{RecordOptions, RecordedSample};
use crate::Error;
use crate::host::{Host, Namespaces, Visit};

impl RecordedSample {
    /// Records the host's own network namespace as [`record`](Self::record) does, and after it every other one that has a
    /// TCP socket: [`Namespaces::of`] finds them again in the host of the recording. One that cannot be entered or read is
    /// listed with the reason.
    ///
    /// # Errors
    /// As for [`record`](Self::record) of the host's own, [`Namespaces::of`] and [`Namespaces::visit`].
    pub fn record_everywhere(host: &Host, options: &RecordOptions) -> Result<Self, Error> {
        let mut own = Self::record(host, options)?;
        let found = Namespaces::of(host)?;
        let visits = found.visit(|namespace, host| {
            // What is told of its own namespace alone was recorded already.
            if namespace.is_current() { Ok(None) } else { Moment::record(host, options).map(Some) }
        })?;
        let list = visits.into_iter().map(|(namespace, visit)| {
            let (outcome, sample) = match visit {
                Visit::Read(Ok(sample)) => (Outcome::Read, sample),
                Visit::Read(Err(error)) => (Outcome::Refused(error.chain()), None),
                Visit::Idle => (Outcome::Idle, None),
                Visit::Refused(error) => (Outcome::Refused(Error::from(error).chain()), None),
                Visit::Ended => (Outcome::Gone, None),
            };
            RecordedNetns { namespace: namespace.clone(), outcome, sample }
        });
        let mut list: Vec<_> = list.collect();
        if options.anonymize.is_some() {
            list.iter_mut().for_each(RecordedNetns::anonymize);
        }
        let namespaces = RecordedNamespaces { list, others: found.others(), unreadable: found.unreadable() };
        own.namespaces = Some(Arc::new(StoredNamespaces::pack(namespaces)));
        Ok(own)
    }

    /// Why something is missing of it, and of which network namespace: nothing where each was recorded to its end.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let namespaces = self.namespaces();
        let others = namespaces.iter().flat_map(|namespaces| &namespaces.list).filter_map(|netns| {
            let reason = match (&netns.outcome, &netns.sample) {
                (Outcome::Refused(reason), _) => reason,
                (Outcome::Read, Some(other)) if !netns.namespace.is_current => other.fault()?,
                _ => return None,
            };
            Some(format!("netns {}: {reason}", netns.namespace.name))
        });
        self.fault().map(str::to_owned).into_iter().chain(others).collect()
    }
}
