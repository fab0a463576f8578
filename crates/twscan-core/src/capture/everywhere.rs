use std::sync::Arc;

use super::directory::Outcome;
use super::namespaces::StoredNamespaces;
use super::{RecordOptions, RecordedNamespaces, RecordedSample, RecordedVisit};
use crate::Error;
#[cfg(all(feature = "live", target_os = "linux"))]
use crate::{
    host::Host,
    netns::{Namespaces, Visit},
};

impl RecordedSample {
    /// Records the thread's network namespace as [`record`](Self::record) does, and after it every other one of the host
    /// that has a TCP socket: [`namespaces`](Self::namespaces) tells them again.
    ///
    /// `host` is called in each namespace, for what is read there. One that cannot be entered or read is listed with the
    /// reason.
    ///
    /// # Errors
    /// As for [`record`](Self::record) of the thread's own, `Namespaces::discover` and `Namespaces::visit`.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub fn record_everywhere(host: impl Fn() -> Host + Sync, options: &RecordOptions) -> Result<Self, Error> {
        let own = Self::record(&host(), options)?;
        let found = Namespaces::discover(host().procfs())?;
        let visits = found.visit(|namespace| {
            // What is told of its own namespace alone was recorded already.
            if namespace.is_current() { Ok(None) } else { Self::record(&host(), options).map(Some) }
        })?;
        let list = visits.into_iter().map(|(namespace, visit)| {
            let (outcome, sample) = match visit {
                Visit::Read(Ok(sample)) => (Outcome::Read, sample),
                Visit::Read(Err(error)) => (Outcome::Refused(error.chain()), None),
                Visit::Idle => (Outcome::Idle, None),
                Visit::Refused(error) => (Outcome::Refused(Error::from(error).chain()), None),
                Visit::Gone => (Outcome::Gone, None),
            };
            super::RecordedNetns {
                name: namespace.name().clone(),
                inode: namespace.inode(),
                reference: namespace.reference(),
                current: namespace.is_current(),
                outcome,
                sample,
            }
        });
        let list = list.collect();
        let namespaces = RecordedNamespaces { list, others: found.others(), unreadable: found.unreadable() };
        Ok(own.with_namespaces(namespaces, options))
    }

    /// Records the recording of every network namespace again, with other options.
    ///
    /// # Errors
    /// As for [`record`](Self::record), and [`Error::NotRecorded`] where there is one namespace alone.
    pub fn record_again(&self, options: &RecordOptions) -> Result<Self, Error> {
        let mut namespaces =
            self.namespaces().ok_or(Error::NotRecorded { what: "of more than one network namespace" })?;
        let record = |sample: &Self| Self::record(&sample.host(""), options);
        for netns in namespaces.list.iter_mut().filter(|netns| !netns.current) {
            let again = match netns.visit() {
                RecordedVisit::Read(sample) => record(sample).map(Some),
                visit @ RecordedVisit::Missing => {
                    let reason = visit.why_not().unwrap_or_default().to_owned();
                    netns.outcome = Outcome::Refused(reason);
                    continue;
                }
                _ => continue,
            };
            match again {
                Ok(sample) => netns.sample = sample,
                Err(error) => (netns.outcome, netns.sample) = (Outcome::Refused(error.chain()), None),
            }
        }
        Ok(record(self)?.with_namespaces(namespaces, options))
    }

    fn with_namespaces(mut self, mut namespaces: RecordedNamespaces, options: &RecordOptions) -> Self {
        if let Some(anonymizer) = &options.anonymize {
            namespaces.list.iter_mut().for_each(|netns| anonymizer.netns(netns));
        }
        self.namespaces = Some(Arc::new(StoredNamespaces::pack(namespaces)));
        self
    }
}
