use std::cmp::Ordering;

use super::{Around, OwnerSearch, Question, evidence};
use crate::Error;
use crate::filter::Filter;
use crate::host::Host;
use crate::procfs::CounterFile;
use crate::report::{ByDestReport, Destination};
use crate::sample::Sampler;
use crate::socket::{Families, SocketRecord, StateSet};
use crate::tally::Role;
use crate::target::Target;

/// Sockets by destination. A filter, or states that leave some out, leave nothing to judge.
#[derive(Debug, Clone)]
pub struct ByDest {
    /// The destinations that are meant; `None` for all.
    pub target: Option<Target>,
    /// The states to count.
    pub states: StateSet,
    /// The sockets to count; `None` for all.
    pub filter: Option<Filter>,
    /// The families to count.
    pub families: Families,
    /// Which groups come first.
    pub order: Order,
    /// How many groups to show; `None` for all.
    pub top: Option<usize>,
    /// How many groups to keep apart.
    pub max_groups: usize,
    /// Whether to look for the owners of the sockets.
    pub owners: bool,
}

/// The order of groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Those with most sockets first.
    #[default]
    Sockets,
    /// Those with most TIME_WAITs first.
    TimeWait,
    /// Those with least left first.
    Ports,
}

impl Default for ByDest {
    fn default() -> Self {
        Self {
            target: None,
            states: StateSet::ALL,
            filter: None,
            families: Families::Both,
            order: Order::default(),
            top: None,
            max_groups: usize::MAX,
            owners: false,
        }
    }
}

impl Question for ByDest {
    type Report = ByDestReport;

    fn ask_around(&self, host: &Host, around: &Around) -> Result<ByDestReport, Error> {
        let (families, target) = (self.families, self.target.as_ref());
        let wanted = |record: &SocketRecord<'_>, role: Role| {
            families.contain(record) && target.is_none_or(|target| target.matches(record, role))
        };
        let hint = target.map(Target::filter);
        // A target's filter is wider than the target, so that there is no use in asking both of each socket.
        let mut sampler = Sampler::new(host)
            .states(self.states)
            .counters(&[CounterFile::Sockstat])
            .max_groups(self.max_groups)
            .filter(self.filter.clone().unwrap_or_default())
            .hint(hint.clone().unwrap_or_default());
        if families != Families::Both || target.is_some() {
            sampler = sampler.wanted(wanted);
        }
        let mut sample = evidence::take(host, &sampler)?;
        around.note(&mut sample.provenance, host);
        let order: fn(&Destination, &Destination) -> Ordering = match self.order {
            Order::Sockets => Destination::most_sockets_first,
            Order::TimeWait => Destination::most_time_waits_first,
            Order::Ports => Destination::fullest_first,
        };
        let mut report = ByDestReport::new(&sample, target.map(ToString::to_string), order, self.top);
        if let Some(filter) = &self.filter {
            report = report.with_filter(filter);
        }
        if self.owners {
            let filter = Filter::And(self.filter.clone().into_iter().chain(hint).collect());
            let found = OwnerSearch::find(host, sample.destinations.roles(), self.states, &filter, wanted)?;
            report.add_owners(self.states, found.live(), found.owners());
        }
        Ok(report)
    }
}
