//! The front door: count, tally or sample the sockets of this host in a line or two.

use std::net::{IpAddr, SocketAddr};

use crate::Error;
use crate::budget::{LocalPorts, PortBudget};
use crate::filter::{Filter, Prefix, Side};
use crate::host::{Host, Source};
use crate::sample::{Sample, Sampler};
use crate::sock_diag::DumpStats;
use crate::socket::{SocketRecord, StateSet};
use crate::tally::{Tally, Tuple};

/// A question about the sockets of a host.
///
/// ```no_run
/// use twscan_core::Scan;
/// use twscan_core::socket::TcpState;
///
/// let db = "10.0.0.5:5432".parse()?;
/// let parked = Scan::new().state(TcpState::TimeWait).to(db).count()?;
/// println!("{} in TIME_WAIT to {db}, complete: {}", parked.sockets, parked.complete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scan {
    host: Host,
    states: StateSet,
    filter: Filter,
}

impl Scan {
    /// All sockets of the thread's network namespace, but for the bound-and-idle ones.
    #[cfg(all(feature = "live", target_os = "linux"))]
    #[must_use]
    #[allow(clippy::new_without_default, reason = "a default that opens the running kernel would surprise")]
    pub fn new() -> Self {
        Self::of(Host::live())
    }

    /// All sockets of this host, but for the bound-and-idle ones.
    #[must_use]
    pub fn of(host: Host) -> Self {
        Self { host, states: StateSet::EMPTY, filter: Filter::default() }
    }

    /// Only sockets in this state; called again, in that one too.
    #[must_use]
    pub fn state(self, state: impl Into<StateSet>) -> Self {
        let states = self.states | state.into();
        Self { states, ..self }
    }

    /// Only sockets with this remote address and port; v4-mapped ones are found by their IPv4 address.
    #[must_use]
    pub fn to(self, destination: SocketAddr) -> Self {
        let address = Prefix::from(destination.ip().to_canonical());
        self.filter(Filter::Host(Side::Remote, Some(address), Some(destination.port())))
    }

    /// Only sockets that match; called again, those that match both.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Self { filter: Filter::And(vec![self.filter, filter]), ..self }
    }

    /// Counts the sockets.
    ///
    /// # Errors
    /// What [`Host::sockets_matching`] gives where no walk could begin.
    pub fn count(&self) -> Result<Count, Error> {
        let fresh = || Matching { matches: |record: &SocketRecord<'_>| self.filter.matches(record), sockets: 0 };
        let walk = self.host.tally_matching(self.wanted_states(), &self.filter, fresh)?;
        Ok(Count { sockets: walk.tally.sockets, complete: walk.interruption.is_none(), source: walk.source })
    }

    /// Shows each socket to a tally, or to a closure.
    ///
    /// # Errors
    /// What [`Host::sockets_matching`] gives where no walk could begin; one that breaks off is no error but an
    /// [`interruption`](Outcome::interruption). It is not begun again, since the tally has counted already:
    /// [`Host::tally_matching`] does that with a fresh one.
    pub fn tally<T: Tally + ?Sized>(&self, tally: &mut T) -> Result<Outcome, Error> {
        let mut sockets = self.host.sockets_matching(self.wanted_states(), &self.filter)?;
        let result = sockets.observe(&mut |record: &SocketRecord<'_>| {
            if self.filter.matches(record) {
                tally.observe(record);
            }
        });
        Ok(Outcome { source: sockets.source(), dump: sockets.stats(), interruption: result.err() })
    }

    /// Takes a sample: states, destinations, parameters and counters of one moment.
    ///
    /// # Errors
    /// As for [`Sampler::take`].
    pub fn sample(&self) -> Result<Sample, Error> {
        Sampler::new(&self.host).states(self.wanted_states()).filter(self.filter.clone()).take()
    }

    /// The ports left to connections to a destination, from the address that the kernel would give them: the lookup of a
    /// route in the thread's network namespace, which sends nothing. v4-mapped addresses are folded to IPv4.
    ///
    /// # Errors
    /// [`Error::Route`] where there is no route, and as for [`budget_between`](Self::budget_between).
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub fn budget_to(&self, destination: SocketAddr) -> Result<PortBudget, Error> {
        self.judge(|ports| Ok(ports.budget(&crate::route::tuple_to(destination)?)))?
    }

    /// As [`budget_to`](Self::budget_to) for each of many destinations, in their order, from one walk: ten walks take ten
    /// times as long as one, and ten destinations do not.
    ///
    /// ```no_run
    /// use twscan_core::Scan;
    ///
    /// let upstreams = ["10.0.0.5:5432".parse()?, "[fd00::7]:6379".parse()?];
    /// for (to, budget) in upstreams.iter().zip(Scan::new().budgets_to(&upstreams)?) {
    ///     match budget {
    ///         Ok(budget) => println!("{budget}"),
    ///         Err(no_route) => println!("{to}: {no_route}"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`budget_between`](Self::budget_between). A destination without a route is an error of its own, and of no
    /// other.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub fn budgets_to(&self, destinations: &[SocketAddr]) -> Result<Vec<Result<PortBudget, Error>>, Error> {
        let budget = |ports: &LocalPorts<'_>, to: &SocketAddr| Ok(ports.budget(&crate::route::tuple_to(*to)?));
        self.judge(|ports| destinations.iter().map(|to| budget(ports, to)).collect())
    }

    /// The ports left to connections from a source address to a destination.
    ///
    /// # Errors
    /// [`Error::NoPortRange`], and as for [`Sampler::take`].
    pub fn budget_between(&self, source: IpAddr, destination: SocketAddr) -> Result<PortBudget, Error> {
        self.judge(|ports| ports.budget(&Tuple::new(source, destination)))
    }

    fn judge<T>(&self, judge: impl FnOnce(&LocalPorts<'_>) -> T) -> Result<T, Error> {
        let sample = Sampler::new(&self.host).ports().take()?;
        Ok(judge(&LocalPorts::of(&sample).ok_or(Error::NoPortRange)?))
    }

    fn wanted_states(&self) -> StateSet {
        if self.states.is_empty() { StateSet::ALL } else { self.states }
    }
}

/// How many sockets there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Count {
    /// Sockets that match.
    pub sockets: u64,
    /// Whether the walk reached its end.
    pub complete: bool,
    /// Which source served.
    pub source: Source,
}

/// How a walk went.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Outcome {
    /// Which source served.
    pub source: Source,
    /// What the walk brought and took.
    pub dump: DumpStats,
    /// Why it broke off, where it did; what came before has been counted.
    pub interruption: Option<Error>,
}

struct Matching<F> {
    matches: F,
    sockets: u64,
}

impl<F: Fn(&SocketRecord<'_>) -> bool> Tally for Matching<F> {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self.sockets += u64::from((self.matches)(record));
    }
}
