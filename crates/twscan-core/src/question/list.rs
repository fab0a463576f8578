use std::ops::ControlFlow;

use super::{Around, OwnerSearch};
use crate::Error;
use crate::filter::Filter;
use crate::host::Host;
use crate::report::{Header, ListReport, OwnerScan};
use crate::sample::{Incomplete, Provenance};
use crate::socket::{Families, SocketRecord, StateSet};
use crate::tally::{Role, Roles, Share};

/// Each socket, as it comes: memory does not grow with the table, or with its live sockets alone where owners are wanted.
#[derive(Debug, Clone)]
pub struct List {
    /// The states that are meant.
    pub states: StateSet,
    /// The sockets that are meant.
    pub filter: Filter,
    /// The families that are meant.
    pub families: Families,
    /// Whether to look for the owners.
    pub owners: bool,
}

impl Default for List {
    fn default() -> Self {
        Self { states: StateSet::ALL, filter: Filter::default(), families: Families::Both, owners: false }
    }
}

/// Something that takes rows as they come.
pub trait ListSink {
    /// Why it cannot take them, or why they do not come.
    type Error: From<Error>;

    /// Takes a socket, its role and, where they are wanted, its owners; a break ends the walk.
    ///
    /// # Errors
    /// Whatever ends the walk as a failure.
    fn socket(
        &mut self,
        record: &SocketRecord<'_>,
        role: Role,
        owners: Option<&[Share<'_>]>,
    ) -> Result<ControlFlow<()>, Self::Error>;
}

impl List {
    /// Gives each socket to the sink, and says at the end how it went.
    ///
    /// # Errors
    /// What the sink gives, and [`Host::sockets_matching`] where no walk could begin. A walk that broke off is no error:
    /// the report says so in its header.
    pub fn ask<S: ListSink>(&self, host: &Host, around: &Around, sink: &mut S) -> Result<ListReport, S::Error> {
        let mut origin = Provenance::of(host);
        let listeners = host.listeners()?;
        let roles = Roles::new(listeners.tally, host.procfs().port_range()?);
        let search = match self.owners {
            true => Some(OwnerSearch::find(host, &roles, self.states, &self.filter, |record, _| {
                self.families.contain(record)
            })?),
            false => None,
        };
        let mut sockets = host.sockets_matching(self.states, &self.filter)?;
        let (mut rows, mut stopped) = (0, false);
        let outcome = loop {
            let batch = match sockets.next_batch() {
                Ok(Some(batch)) if !stopped => batch,
                Ok(_) => break Ok(()),
                Err(error) => break Err(error),
            };
            for record in batch.filter(|record| self.families.contain(record) && self.filter.matches(record)) {
                let shares = search.as_ref().map(|search| search.of(&record));
                rows += 1;
                if sink.socket(&record, roles.of(&record), shares.as_deref())?.is_break() {
                    stopped = true;
                    break;
                }
            }
        };
        origin.source = Some(sockets.source());
        origin.dump = sockets.stats();
        origin.incomplete = outcome.err().or(listeners.interruption).map(Incomplete::from);
        around.note(&mut origin, host);
        Ok(ListReport {
            header: Header::new(ListReport::SCHEMA, &origin),
            rows,
            stopped,
            owner_scan: search.map(|search| OwnerScan::new(search.live(), search.owners())),
        })
    }
}
