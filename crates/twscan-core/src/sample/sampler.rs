use std::collections::BTreeMap;

use super::{Incomplete, Provenance, Sample};
use crate::Error;
use crate::filter::{Filter, explicit_binds};
use crate::host::{Host, Sockets, Source};
use crate::kernel::Fact;
use crate::port::PortSet;
use crate::procfs::{CounterFile, Settings};
use crate::socket::{SocketRecord, StateSet};
use crate::tally::{Destinations, Occupancy, PortHolders, PortRules, Role, Roles, StateCounts, Tally};

/// Takes samples of a host.
pub struct Sampler<'h> {
    host: &'h Host,
    states: StateSet,
    filter: Filter,
    max_groups: usize,
    hint: Filter,
    ports: bool,
    wanted: Option<Box<Wanted<'h>>>,
    counters: &'static [CounterFile],
}

type Wanted<'h> = dyn Fn(&SocketRecord<'_>, Role) -> bool + 'h;

impl<'h> Sampler<'h> {
    /// Samples all sockets but the bound-and-idle ones.
    #[must_use]
    pub fn new(host: &'h Host) -> Self {
        Self {
            host,
            states: StateSet::ALL,
            filter: Filter::default(),
            max_groups: usize::MAX,
            hint: Filter::default(),
            ports: false,
            wanted: None,
            counters: CounterFile::ALL,
        }
    }

    /// Counts sockets in these states and no others.
    #[must_use]
    pub fn states(mut self, states: StateSet) -> Self {
        self.states = states;
        self
    }

    /// Counts only the sockets that match; the kernel leaves out the others where it can.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Keeps at most so many destinations apart, and counts the sockets of further ones together.
    #[must_use]
    pub fn max_groups(mut self, groups: usize) -> Self {
        self.max_groups = groups;
        self
    }

    /// Lets the kernel leave out what does not match this. What comes is not judged by it: [`wanted`](Self::wanted) is to
    /// tell more exactly.
    #[must_use]
    pub fn hint(mut self, hint: Filter) -> Self {
        self.hint = hint;
        self
    }

    /// Notes who holds which local ports, for exact budgets: asks for every state and for bound-but-idle sockets, in one
    /// walk, and in a second, filtered one for live sockets that chose their port by bind(). Counts them all, unless
    /// [`states`](Self::states) then leaves some out.
    #[must_use]
    pub fn ports(mut self) -> Self {
        self.ports = true;
        self.states = StateSet::PORT_HOLDERS;
        self
    }

    /// Counts only the sockets that satisfy this, besides the filter. Who holds which ports is noted of all.
    #[must_use]
    pub fn wanted(mut self, wanted: impl Fn(&SocketRecord<'_>, Role) -> bool + 'h) -> Self {
        self.wanted = Some(Box::new(wanted));
        self
    }

    /// Reads these of the kernel's counters, where not all are needed; the others are `None` in the sample.
    #[must_use]
    pub fn counters(mut self, files: &'static [CounterFile]) -> Self {
        self.counters = files;
        self
    }

    /// Takes a sample. The listening ports are read first, whatever the filter: they tell the roles.
    ///
    /// Where it has every state and no filter, and ports that bind() holds could change a destination's
    /// [zone](crate::tally::Zone), the sockets are walked again for [who holds which ports](Self::ports).
    ///
    /// A walk that breaks off gives a sample that says so in [`Provenance::incomplete`].
    ///
    /// # Errors
    /// What [`Host::sockets_matching`] gives where no walk could begin.
    pub fn take(&self) -> Result<Sample, Error> {
        let mut sample = self.look(self.ports)?;
        let judges = self.states.contains_all(StateSet::ALL) && self.filter == Filter::default();
        if !judges || !self.rests_on_binds(&sample) {
            return Ok(sample);
        }
        let incomplete = match self.look(true) {
            Ok(again) if again.provenance.complete() => return Ok(again),
            Ok(again) => again.provenance.incomplete,
            Err(error) => Some(error.into()),
        };
        // The first look has counted all that it was asked for, which is more.
        sample.provenance.incomplete = sample.provenance.incomplete.or(incomplete);
        Ok(sample)
    }

    fn look(&self, ports: bool) -> Result<Sample, Error> {
        let mut provenance = Provenance::of(self.host);
        let settings = self.host.procfs().settings()?;
        let counters = self.host.procfs().counters_of(self.counters)?;
        // What is not about ports has no use for it.
        let conntrack = if ports { self.host.procfs().conntrack() } else { None };
        let listeners = self.host.listeners()?;
        let listening = listeners.tally;
        let rules = PortRules::new(&settings, &listening);
        let fresh = || SampleTally {
            states: StateCounts::default(),
            destinations: Destinations::new(Roles::new(listening.clone(), settings.range), rules.clone())
                .at_most(self.max_groups),
            holders: if ports { PortHolders::new(&settings, listening.clone()) } else { None },
            asked: self.states,
            filter: &self.filter,
            wanted: self.wanted.as_deref(),
        };
        let walk = if ports {
            // The kernel must not leave out a holder.
            self.host.tally(StateSet::PORT_HOLDERS, &[], fresh)?
        } else {
            let for_kernel = Filter::And(vec![self.filter.clone(), self.hint.clone()]);
            self.host.tally_matching(self.states, &for_kernel, fresh)?
        };
        let SampleTally { states, destinations, holders, .. } = provenance.of_walk(walk, &settings);
        provenance.incomplete = provenance.incomplete.or(listeners.interruption.map(Incomplete::from));
        let holders = holders.map(|holders| self.with_binds(holders, &settings, &provenance));
        let asked = self.states;
        let timestamps = BTreeMap::new();
        Ok(Sample { provenance, asked, settings, counters, conntrack, states, destinations, timestamps, holders })
    }

    /// Whether ports that bind() holds, which a walk for the states alone does not tell, could change a destination's zone;
    /// or clients that bind an address first may have filled their pool.
    ///
    /// Each such port has a TCP socket of its own, so that there are no more of them than sockstat's `alloc` has, which counts
    /// those of the whole host (net/ipv4/proc.c, `sockstat_seq_show`); where that is not known, any number.
    fn rests_on_binds(&self, sample: &Sample) -> bool {
        if sample.holders.is_some() || sample.provenance.source.is_none_or(|source| !source.shows_idle()) {
            return false;
        }
        let sockstat = || self.host.procfs().counters_of(&[CounterFile::Sockstat]).ok()?.tcp_alloc;
        let alloc = sample.counters.tcp_alloc.or_else(sockstat);
        let unseen = alloc.map_or(u32::MAX, |alloc| u32::try_from(alloc).unwrap_or(u32::MAX));
        let rules = sample.destinations.rules();
        let outbound = sample.destinations.iter().filter(|(key, _)| key.role == Role::Outbound);
        let mut by_bind: BTreeMap<_, u64> = BTreeMap::new();
        for (key, counts) in outbound {
            let Some(occupancy) = Occupancy::new(rules, counts.ports) else { return false };
            if occupancy.zone_less(unseen) != occupancy.zone() {
                return true;
            }
            if occupancy.by_bind() > 0 {
                *by_bind.entry(key.source).or_default() += u64::from(occupancy.by_bind());
            }
        }
        by_bind.into_values().any(|ports| ports * 4 >= u64::from(rules.capacity()))
    }

    /// What one walk does not tell of the ports that bind() holds.
    fn with_binds(&self, mut holders: PortHolders, settings: &Settings, provenance: &Provenance) -> PortHolders {
        let text = provenance.source == Some(Source::Procfs);
        if !text && settings.kernel_does(Fact::ShowsIdle) == Some(true) {
            holders.assume_idle_shown();
        } else if !holders.shows_idle() {
            holders.set_idle_hidden(self.unlisted(provenance.initial_netns));
        }
        if text {
            return holders;
        }
        let mut ports = PortSet::new();
        if !holders.has_live() && provenance.complete() {
            holders.set_explicit(&ports);
            return holders;
        }
        let live = !(StateSet::LISTEN | StateSet::TIME_WAIT);
        let mut note = |record: &SocketRecord<'_>| {
            ports.insert(record.local_port());
        };
        let walk = self.host.sockets(live, &explicit_binds());
        // Without the filter every socket would look as if it had passed it.
        let walk = walk.ok().filter(Sockets::is_filtered);
        if let Some(mut sockets) = walk
            && sockets.observe(&mut note).is_ok()
        {
            holders.set_explicit(&ports);
        }
        holders
    }

    /// How many bound-and-idle sockets there can be that a walk does not show.
    fn unlisted(&self, initial_netns: bool) -> Option<u32> {
        let files = [CounterFile::Sockstat, CounterFile::Sockstat6, CounterFile::Protocols];
        let unlisted = self.host.procfs().counters_of(&files).ok()?.unlisted_tcp(initial_netns)?;
        Some(u32::try_from(unlisted).unwrap_or(u32::MAX))
    }
}

impl std::fmt::Debug for Sampler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler")
            .field("host", &self.host)
            .field("states", &self.states)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

struct SampleTally<'s> {
    states: StateCounts,
    destinations: Destinations,
    holders: Option<PortHolders>,
    asked: StateSet,
    filter: &'s Filter,
    wanted: Option<&'s Wanted<'s>>,
}

impl Tally for SampleTally<'_> {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        if let Some(holders) = &mut self.holders {
            holders.observe(record);
            if !self.asked.contains(record.state()) {
                return;
            }
        }
        let role = self.destinations.roles().of(record);
        if self.filter.matches(record) && self.wanted.is_none_or(|wanted| wanted(record, role)) {
            self.states.observe(record);
            self.destinations.observe_as(record, role);
        }
    }
}
