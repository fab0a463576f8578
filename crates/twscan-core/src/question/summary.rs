use super::{Around, OwnerSearch, Question, evidence};
use crate::Error;
use crate::filter::Filter;
use crate::host::Host;
use crate::procfs::CounterFile;
use crate::report::SummaryReport;
use crate::sample::{Provenance, Sampler};
use crate::socket::{Families, SocketRecord, StateSet};
use crate::tally::Role;

/// A namespace at a glance: states, roles of TIME_WAITs, and the destinations that have least left.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How many destinations to show.
    pub top: usize,
    /// The families to count.
    pub families: Families,
    /// Whether to read counters alone, without a walk: then nothing is judged.
    pub quick: bool,
    /// Whether to look for the owners of the sockets.
    pub owners: bool,
}

impl Default for Summary {
    fn default() -> Self {
        Self { top: 5, families: Families::Both, quick: false, owners: false }
    }
}

impl Question for Summary {
    type Report = SummaryReport;

    fn ask_around(&self, host: &Host, around: &Around) -> Result<SummaryReport, Error> {
        if self.quick {
            let mut provenance = Provenance::of(host);
            // To count other namespaces would take longer than all the rest.
            if *around != Around::Here {
                around.note(&mut provenance, host);
            }
            return Ok(SummaryReport::quick(&provenance, &host.procfs().counters_of(CounterFile::SOCKETS)?));
        }
        let families = self.families;
        let wanted = move |record: &SocketRecord<'_>, _: Role| families.contain(record);
        let mut sampler = Sampler::new(host).counters(CounterFile::SOCKETS);
        if families != Families::Both {
            sampler = sampler.wanted(wanted);
        }
        let mut sample = evidence::take(host, &sampler)?;
        around.note(&mut sample.provenance, host);
        let mut report = SummaryReport::new(&sample, self.top);
        if self.owners {
            let roles = sample.destinations.roles();
            let found = OwnerSearch::find(host, roles, StateSet::ALL, &Filter::default(), wanted)?;
            report.add_owners(found.live(), found.owners());
        }
        Ok(report)
    }
}
