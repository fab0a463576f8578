//! One moment of a host: everything that judging needs, and nothing that has to be read again.

use std::time::SystemTime;

use crate::Error;
use crate::filter::Filter;
use crate::host::{Host, Source};
use crate::procfs::{CounterFile, Counters, Settings};
use crate::sock_diag::DumpStats;
use crate::socket::{SocketRecord, StateSet, TcpState};
use crate::tally::{Destinations, PortRules, Role, Roles, StateCounts, Tally};

/// What was seen of a network namespace at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sample {
    /// Where and when it was taken, and how whole it is.
    pub provenance: Provenance,
    /// The states that were asked for.
    pub asked: StateSet,
    /// The namespace's parameters.
    pub settings: Settings,
    /// The kernel's counters, read just before the walk.
    pub counters: Counters,
    /// Sockets by state.
    pub states: StateCounts,
    /// Sockets by destination, and TIME_WAITs by role.
    pub destinations: Destinations,
}

/// Where a result comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Provenance {
    /// When the walk began.
    pub captured_at: SystemTime,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The host's name.
    pub hostname: Option<String>,
    /// The network namespace.
    pub netns: NetnsId,
    /// Whether that is the namespace the kernel booted with, where counters of the host and of the namespace agree.
    pub initial_netns: bool,
    /// Which source served the walk; `None` where there was no walk.
    pub source: Option<Source>,
    /// What the walk brought and took.
    pub dump: DumpStats,
    /// Why sockets may be missing; `None` where the walk reached its end.
    pub partial: Option<String>,
}

/// Names a network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetnsId {
    /// The inode of `/proc/PID/ns/net`.
    pub inode: Option<u64>,
    /// `host` for the one the kernel booted with.
    pub name: Option<String>,
}

impl Provenance {
    /// Notes where and when, before a walk.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let procfs = host.procfs();
        let initial_netns = procfs.is_initial_netns();
        Self {
            captured_at: SystemTime::now(),
            kernel: procfs.kernel_release(),
            hostname: procfs.hostname(),
            netns: NetnsId { inode: procfs.netns_inode("thread-self"), name: initial_netns.then(|| "host".to_owned()) },
            initial_netns,
            source: None,
            dump: DumpStats::default(),
            partial: None,
        }
    }

    /// Whether the walk reached its end.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.partial.is_none()
    }
}

/// Takes samples of a host.
pub struct Sampler<'h> {
    host: &'h Host,
    states: StateSet,
    filter: Filter,
    wanted: Option<Wanted<'h>>,
    counters: &'static [CounterFile],
}

type Wanted<'h> = Box<dyn Fn(&SocketRecord<'_>, Role) -> bool + 'h>;

impl<'h> Sampler<'h> {
    /// Samples all sockets but the bound-and-idle ones.
    #[must_use]
    pub fn new(host: &'h Host) -> Self {
        Self { host, states: StateSet::ALL, filter: Filter::default(), wanted: None, counters: CounterFile::ALL }
    }

    /// Asks for these states and no others.
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

    /// Counts only the sockets that satisfy this, besides the filter.
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
    /// A walk that breaks off gives a sample that says so in [`Provenance::partial`].
    ///
    /// # Errors
    /// What [`Host::sockets_matching`] gives where no walk could begin.
    pub fn take(&self) -> Result<Sample, Error> {
        let mut provenance = Provenance::of(self.host);
        let settings = self.host.procfs().settings()?;
        let counters = self.host.procfs().counters_of(self.counters)?;
        let listening = self.host.listening_ports()?;
        let rules = PortRules::new(&settings, &listening);
        let mut tally = SampleTally {
            states: StateCounts::default(),
            destinations: Destinations::new(Roles::new(listening, settings.range), rules),
        };
        let mut sockets = self.host.sockets_matching(self.states, &self.filter)?;
        let outcome = sockets.observe(&mut |record: &SocketRecord<'_>| {
            let is_wanted = |wanted: &Wanted<'_>| wanted(record, tally.destinations.roles().of(record));
            if self.filter.matches(record) && self.wanted.as_ref().is_none_or(is_wanted) {
                tally.observe(record);
            }
        });
        provenance.source = Some(sockets.source());
        provenance.dump = sockets.stats();
        provenance.partial = outcome.err().map(|error| error.chain());
        let SampleTally { states, destinations } = tally;
        Ok(Sample { provenance, asked: self.states, settings, counters, states, destinations })
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

impl Sample {
    /// Whether bound-but-idle sockets were asked for, which alone makes the count of CLOSE meaningful.
    #[must_use]
    pub fn has_bound_idle(&self) -> bool {
        self.asked.contains(TcpState::BoundInactive)
    }
}

struct SampleTally {
    states: StateCounts,
    destinations: Destinations,
}

impl Tally for SampleTally {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self.states.observe(record);
        self.destinations.observe(record);
    }
}
