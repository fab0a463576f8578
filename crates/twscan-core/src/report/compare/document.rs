use std::net::IpAddr;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::report::Header;
use crate::sample::Sample;
use crate::socket::TcpState;

/// `twscan.compare/1`: what changed between two samples.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CompareReport {
    /// Where and when the second sample was taken.
    #[serde(flatten)]
    pub header: Header,
    /// Where and when the first one was taken.
    pub before: Header,
    /// Seconds from the first to the second; negative where they were given the other way round.
    pub elapsed_s: f64,
    /// The change in a sentence or three, for a ticket.
    pub sentence: String,
    /// Why the two may not compare: other hosts, other namespaces, other keys of `--anonymize`, a partial sample, a restart.
    pub caveats: Vec<String>,
    /// Sockets by state: an object with the eleven names.
    pub states: StateChanges,
    /// Parameters that differ.
    pub parameters: Vec<ParameterChange>,
    /// Counters that differ.
    pub counters: Vec<CounterChange>,
    /// Groups of sockets that differ, the greatest change first. Where one sample does not tell the local port range,
    /// outbound groups are `ambiguous`, as they are to that one.
    pub destinations: Vec<DestinationChange>,
    /// How many groups differ, also those not shown; null where an address of one sample is not that of the other.
    pub groups: Option<usize>,
}

/// A number before and after.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change<T> {
    /// In the first sample.
    pub before: T,
    /// In the second.
    pub after: T,
}

impl Change<u64> {
    /// After, less before.
    #[must_use]
    pub fn difference(&self) -> i64 {
        i64::try_from(i128::from(self.after) - i128::from(self.before)).unwrap_or(i64::MAX)
    }
}

/// Sockets by state; null where one of the samples does not tell.
#[derive(Debug, Clone)]
pub struct StateChanges {
    rows: Vec<(TcpState, Option<Change<u64>>)>,
}

impl StateChanges {
    pub(super) fn new(before: &Sample, after: &Sample) -> Self {
        let rows = TcpState::ALL.map(|state| {
            let total = |sample: &Sample| sample.states.of(state).total();
            let change = Change { before: total(before), after: total(after) };
            (state, (before.knows(state) && after.knows(state)).then_some(change))
        });
        Self { rows: rows.to_vec() }
    }

    /// States and counts; `None` is unknown.
    pub fn iter(&self) -> impl Iterator<Item = (TcpState, Option<Change<u64>>)> {
        self.rows.iter().copied()
    }

    /// The counts of one state.
    #[must_use]
    pub fn of(&self, state: TcpState) -> Option<Change<u64>> {
        self.iter().find(|(found, _)| *found == state)?.1
    }
}

impl Serialize for StateChanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.rows.len()))?;
        for (state, change) in &self.rows {
            map.serialize_entry(state.name(), change)?;
        }
        map.end()
    }
}

/// A parameter that differs; null is unknown.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ParameterChange {
    /// Its name below `net.ipv4`.
    pub name: &'static str,
    /// In the first sample.
    pub before: Option<String>,
    /// In the second.
    pub after: Option<String>,
}

/// A counter that differs; null is unknown.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CounterChange {
    /// The kernel's name.
    pub name: &'static str,
    /// In the first sample.
    pub before: Option<u64>,
    /// In the second.
    pub after: Option<u64>,
    /// Events a second in between; null for what is no count of events, and where the two did not count from the same
    /// moment on.
    pub per_second: Option<f64>,
}

/// A group of sockets that differs. A group that is not there has no sockets.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DestinationChange {
    /// `outbound`, `inbound` or `ambiguous`.
    pub role: &'static str,
    /// The local address; null on an inbound row.
    pub source: Option<IpAddr>,
    /// The remote address; null on an inbound row.
    pub destination: Option<IpAddr>,
    /// The remote port; on an inbound row the local, listening one.
    pub port: u16,
    /// The index of the interface that the sockets are bound to; null for none.
    pub device: Option<u32>,
    /// Sockets in the states that both samples tell.
    pub sockets: Change<u64>,
    /// Sockets in TIME_WAIT; null where one of the samples does not tell.
    pub time_wait: Option<Change<u64>>,
    /// Ports held and not reusable, of those that connections to here may use, 0 to 100; null for a group that is not
    /// there, and where one sample does not tell.
    pub percent: Change<Option<f64>>,
    /// Connections that fit; null for a group that is not there, and where one sample does not tell.
    pub free: Change<Option<u32>>,
}
