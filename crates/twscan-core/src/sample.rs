//! One moment of a host: everything that judging needs, and nothing that has to be read again.

use std::time::SystemTime;

use crate::Error;
use crate::filter::{Filter, explicit_binds};
use crate::host::{Host, Sockets, Source, Walk};
use crate::netns::Others;
use crate::port::PortSet;
use crate::procfs::{Conntrack, CounterFile, Counters, Settings};
use crate::sock_diag::DumpStats;
use crate::socket::{SocketRecord, StateSet, TcpState};
use crate::tally::{Destinations, PortHolders, PortRules, Role, Roles, StateCounts, Tally};

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
    /// The connection tracking table, where there is one and it can be read, and [`Sampler::ports`] asked.
    pub conntrack: Option<Conntrack>,
    /// Sockets by state.
    pub states: StateCounts,
    /// Sockets by destination, and TIME_WAITs by role.
    pub destinations: Destinations,
    /// Who holds which local ports, and for how long, where [`Sampler::ports`] asked for it and the port range is known.
    pub holders: Option<PortHolders>,
}

/// Where a result comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Provenance {
    /// When the walk began.
    pub captured_at: SystemTime,
    /// The recording that it was read from; `None` for the running kernel.
    pub replayed_from: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The host's name.
    pub hostname: Option<String>,
    /// The kernel's name for the boot; of an anonymized recording another one, made with the key of its addresses.
    pub boot_id: Option<String>,
    /// Whether addresses and the host's name are not the real ones.
    pub anonymized: bool,
    /// The network namespace.
    pub netns: NetnsId,
    /// How many other namespaces there are that this does not speak of; `None` where they were not counted, which a
    /// sampler leaves to its caller.
    pub other_netns: Option<Others>,
    /// Whether that is the namespace the kernel booted with, where counters of the host and of the namespace agree.
    pub initial_netns: bool,
    /// Which source served the walk; `None` where there was no walk.
    pub source: Option<Source>,
    /// What the walk brought and took.
    pub dump: DumpStats,
    /// Why sockets may be missing; `None` where the walk reached its end.
    pub partial: Option<String>,
    /// States that a recording by another tool may lack: it was not seen to be asked for them.
    pub left_out: StateSet,
    /// Why a walk to the end may have missed or repeated a few sockets: the namespace's table is crowded.
    pub approximate: Option<String>,
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
        let recorded = host.recorded();
        let surroundings = recorded.and_then(|recorded| recorded.surroundings.as_ref());
        let name = || surroundings.and_then(|known| known.name.as_ref()).map(ToString::to_string);
        Self {
            captured_at: recorded.map_or_else(SystemTime::now, |recorded| recorded.at),
            replayed_from: recorded.map(|recorded| recorded.from.clone()),
            kernel: procfs.kernel_release(),
            hostname: procfs.hostname(),
            boot_id: procfs.boot_id(),
            anonymized: recorded.is_some_and(|recorded| recorded.anonymized),
            netns: NetnsId {
                inode: procfs.netns_inode("thread-self"),
                name: initial_netns.then(|| "host".to_owned()).or_else(name),
            },
            other_netns: surroundings.map(|known| known.others),
            initial_netns,
            source: None,
            dump: DumpStats::default(),
            partial: None,
            left_out: recorded.map_or(StateSet::EMPTY, |recorded| recorded.left_out),
            approximate: None,
        }
    }

    /// Notes where and when, and how far a walk can be relied on.
    fn of_walk<T>(&mut self, walk: &Walk<T>, settings: &Settings) {
        (self.source, self.dump) = (Some(walk.source), walk.dump);
        self.partial = walk.interruption.as_ref().map(Error::chain);
        let buckets = settings.ehash_entries.map_or(0, i64::unsigned_abs);
        let sockets = walk.dump.sockets;
        self.approximate = (buckets > 0 && sockets / buckets >= CROWDED).then(|| {
            format!(
                "{sockets} sockets share {buckets} buckets of the namespace's table (tcp_ehash_entries); while connections \
                 come and go the kernel skips and repeats some"
            )
        });
    }

    /// Whether the walk reached its end.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.partial.is_none()
    }

    /// Whether the release names this version or a later one. Distributions keep a number and add features, so that a no
    /// is uncertain.
    fn kernel_at_least(&self, major: u32, minor: u32) -> bool {
        let Some(release) = &self.kernel else { return false };
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(major), Some(minor))
    }
}

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
    /// A walk that breaks off gives a sample that says so in [`Provenance::partial`].
    ///
    /// # Errors
    /// What [`Host::sockets_matching`] gives where no walk could begin.
    pub fn take(&self) -> Result<Sample, Error> {
        let mut provenance = Provenance::of(self.host);
        let settings = self.host.procfs().settings()?;
        let counters = self.host.procfs().counters_of(self.counters)?;
        // What is not about ports has no use for it.
        let conntrack = if self.ports { self.host.procfs().conntrack() } else { None };
        let listeners = self.host.listeners()?;
        let listening = listeners.tally;
        let rules = PortRules::new(&settings, &listening);
        let fresh = || SampleTally {
            states: StateCounts::default(),
            destinations: Destinations::new(Roles::new(listening.clone(), settings.range), rules.clone())
                .at_most(self.max_groups),
            holders: if self.ports { PortHolders::new(&settings, listening.clone()) } else { None },
            asked: self.states,
            filter: &self.filter,
            wanted: self.wanted.as_deref(),
        };
        let walk = if self.ports {
            // The kernel must not leave out a holder.
            self.host.tally(StateSet::PORT_HOLDERS, &[], fresh)?
        } else {
            let for_kernel = Filter::And(vec![self.filter.clone(), self.hint.clone()]);
            self.host.tally_matching(self.states, &for_kernel, fresh)?
        };
        provenance.of_walk(&walk, &settings);
        provenance.partial = provenance.partial.or(listeners.interruption.map(|error| error.chain()));
        let SampleTally { states, destinations, holders, .. } = walk.tally;
        let holders = holders.map(|holders| self.with_binds(holders, &settings, &provenance));
        let asked = self.states;
        Ok(Sample { provenance, asked, settings, counters, conntrack, states, destinations, holders })
    }

    /// What one walk does not tell of the ports that bind() holds.
    fn with_binds(&self, mut holders: PortHolders, settings: &Settings, provenance: &Provenance) -> PortHolders {
        if provenance.source == Some(Source::Procfs) {
            return holders;
        }
        // Bit 13 came with 6.8, the parameter with 6.14.
        if settings.tw_reuse_delay.is_some() || provenance.kernel_at_least(6, 8) {
            holders.assume_idle_shown();
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
    /// Whether a count of 0 in this state means that there are no such sockets. CLOSE is known where bound-but-idle sockets
    /// were asked for, of a source that shows them.
    #[must_use]
    pub fn knows(&self, state: TcpState) -> bool {
        if state != TcpState::Close {
            return !self.provenance.left_out.contains(state);
        }
        let shown = self.provenance.source.is_none_or(Source::shows_idle) || self.states.of(state).total() > 0;
        self.asked.contains(TcpState::BoundInactive) && shown
    }
}

/// Sockets to a bucket, from which on walks under churn miss some: at 18 to a bucket 8 walks of 200 did, at 212 nearly all
/// (crates/twscan/docs/robustness.md).
const CROWDED: u64 = 4;

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

/// A sample of these sockets, as [`Sampler::ports`] would take it from a kernel that shows everything.
#[cfg(test)]
pub(crate) fn test_sample(settings: &Settings, sockets: &[crate::wire::InetDiagMsgBuilder]) -> Sample {
    use crate::wire::InetDiagMsg;

    let messages = sockets.iter().map(|socket| {
        let mut bytes = Vec::new();
        socket.append_payload(&mut bytes);
        bytes
    });
    let messages: Vec<_> = messages.collect();
    let records = || messages.iter().map(|bytes| SocketRecord::new(InetDiagMsg::new(bytes).unwrap()));
    let mut listening = PortSet::new();
    records().for_each(|record| listening.observe(&record));
    let mut holders = PortHolders::new(settings, listening.clone()).unwrap();
    holders.assume_idle_shown();
    holders.set_explicit(&PortSet::new());
    let rules = PortRules::new(settings, &listening);
    let mut destinations = Destinations::new(Roles::new(listening, settings.range), rules);
    let mut states = StateCounts::default();
    for record in records() {
        states.observe(&record);
        destinations.observe(&record);
        holders.observe(&record);
    }
    Sample {
        provenance: Provenance {
            captured_at: SystemTime::UNIX_EPOCH,
            kernel: None,
            hostname: None,
            boot_id: None,
            anonymized: false,
            netns: NetnsId::default(),
            initial_netns: false,
            source: Some(Source::NetlinkOneWalk),
            dump: DumpStats::default(),
            partial: None,
            left_out: StateSet::EMPTY,
            approximate: None,
            replayed_from: None,
            other_netns: None,
        },
        asked: StateSet::PORT_HOLDERS,
        settings: settings.clone(),
        counters: Counters::default(),
        conntrack: None,
        states,
        destinations,
        holders: Some(holders),
    }
}
