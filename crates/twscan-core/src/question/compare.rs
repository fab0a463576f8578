use super::Around;
use crate::Error;
use crate::host::Host;
use crate::report::CompareReport;
use crate::sample::{Sample, Sampler};
use crate::socket::{Families, SocketRecord};
use crate::tally::Role;

/// What is different between two moments, or two hosts.
#[derive(Debug, Clone)]
pub struct Compare {
    /// The families to count.
    pub families: Families,
    /// How many destinations to show; `None` for all.
    pub top: Option<usize>,
}

impl Default for Compare {
    fn default() -> Self {
        Self { families: Families::Both, top: None }
    }
}

impl Compare {
    /// Asks both.
    ///
    /// # Errors
    /// What [`Sampler::take`] gives where no walk could begin.
    pub fn ask(&self, before: &Host, after: &Host) -> Result<CompareReport, Error> {
        let (before, after) = (self.sample(before)?, self.sample(after)?);
        Ok(CompareReport::new(&before, &after, self.top))
    }

    fn sample(&self, host: &Host) -> Result<Sample, Error> {
        let families = self.families;
        let mut sampler = Sampler::new(host).ports();
        if families != Families::Both {
            sampler = sampler.wanted(move |record: &SocketRecord<'_>, _: Role| families.contain(record));
        }
        let mut sample = sampler.take()?;
        Around::Here.note(&mut sample.provenance, host);
        Ok(sample)
    }
}
