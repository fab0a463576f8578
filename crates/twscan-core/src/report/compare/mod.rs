mod kinship;
mod words;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Destination, Header};
use crate::sample::Sample;
use crate::socket::TcpState;
use crate::tally::Role;
use kinship::Kinship;

/// `twscan.compare/1`: what changed between two samples.
#[derive(Debug, Clone, serde::Serialize)]
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

impl CompareReport {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.compare/1";

    /// The document of two samples, with at most `top` groups.
    #[must_use]
    pub fn new(before: &Sample, after: &Sample, top: Option<usize>) -> Self {
        let header = Header::new(Self::SCHEMA, &after.provenance);
        let first = Header::new(Self::SCHEMA, &before.provenance);
        let elapsed_s = (header.captured_at - first.captured_at).total(jiff::Unit::Second).unwrap_or(0.0);
        let kinship = Kinship::of(before, after);
        let mut destinations = if kinship.same_addresses { destinations(before, after) } else { Vec::new() };
        destinations.sort_by_key(|change| std::cmp::Reverse(change.sockets.difference().unsigned_abs()));
        let parameters = (before.settings.iter().zip(after.settings.iter()))
            .filter(|((name, before), (_, after))| !words::are_one_value(name, before.as_deref(), after.as_deref()))
            .map(|((name, before), (_, after))| ParameterChange { name, before, after });
        let mut report = Self {
            header,
            before: first,
            elapsed_s,
            sentence: String::new(),
            states: StateChanges::new(before, after),
            parameters: parameters.collect(),
            counters: counters(before, after, kinship.same_counters.then_some(elapsed_s)),
            groups: kinship.same_addresses.then_some(destinations.len()),
            destinations,
            caveats: kinship.caveats,
        };
        report.sentence = words::sentence(&report, before, after);
        report.destinations.truncate(top.unwrap_or(usize::MAX));
        report
    }
}

/// A number before and after.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
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
    fn new(before: &Sample, after: &Sample) -> Self {
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
#[derive(Debug, Clone, serde::Serialize)]
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
#[derive(Debug, Clone, serde::Serialize)]
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
#[derive(Debug, Clone, serde::Serialize)]
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

type Key = (Role, Option<IpAddr>, Option<IpAddr>, u16, Option<u32>);

/// A group in one of the samples.
#[derive(Default)]
struct Group {
    sockets: u64,
    time_wait: u64,
    percent: Option<f64>,
    free: Option<u32>,
}

impl Group {
    /// Sockets in these states count.
    fn add(&mut self, row: &Destination, states: &[TcpState]) {
        self.sockets += states.iter().filter_map(|state| row.states.of(*state)).sum::<u64>();
        self.time_wait += row.time_wait.unwrap_or(0);
    }
}

fn destinations(before: &Sample, after: &Sample) -> Vec<DestinationChange> {
    let known: Vec<_> = TcpState::ALL.into_iter().filter(|state| before.knows(*state) && after.knows(*state)).collect();
    // Where one knows no outbound connections, those of the other would seem to have gone or come.
    let same_roles = before.settings.range.is_some() == after.settings.range.is_some();
    let mut pairs: BTreeMap<Key, [Option<Group>; 2]> = BTreeMap::new();
    for (place, sample) in [before, after].into_iter().enumerate() {
        for row in Destination::all(sample) {
            let role = if same_roles || row.role == Role::Inbound { row.role } else { Role::Ambiguous };
            let key = (role, row.source, row.destination, row.port, row.device);
            if let Some(slot) = pairs.entry(key).or_default().get_mut(place) {
                let group = slot.get_or_insert_default();
                group.add(&row, &known);
                if same_roles {
                    (group.percent, group.free) = (row.percent, row.free);
                }
            }
        }
    }
    let changes = pairs.into_iter().map(|((role, source, destination, port, device), [before, after])| {
        let count = |of: fn(&Group) -> u64| Change {
            before: before.as_ref().map_or(0, of),
            after: after.as_ref().map_or(0, of),
        };
        DestinationChange {
            role: role.name(),
            source,
            destination,
            port,
            device,
            sockets: count(|group| group.sockets),
            time_wait: known.contains(&TcpState::TimeWait).then(|| count(|group| group.time_wait)),
            percent: Change {
                before: before.as_ref().and_then(|group| group.percent),
                after: after.as_ref().and_then(|group| group.percent),
            },
            free: Change {
                before: before.as_ref().and_then(|group| group.free),
                after: after.as_ref().and_then(|group| group.free),
            },
        }
    });
    let differs = |change: &DestinationChange| {
        change.sockets.difference() != 0
            || change.time_wait.is_some_and(|change| change.difference() != 0)
            || change.percent.before.zip(change.percent.after).is_some_and(|(before, after)| before != after)
    };
    changes.filter(differs).collect()
}

/// With rates where the counters of both began at the same moment.
fn counters(before: &Sample, after: &Sample, elapsed_s: Option<f64>) -> Vec<CounterChange> {
    let pairs = before.counters.iter().zip(after.counters.iter());
    let changed = pairs.filter(|((_, before, _), (_, after, _))| before != after);
    let changes = changed.map(|((name, before, grows), (_, after, _))| {
        let events = before.zip(after).and_then(|(before, after)| after.checked_sub(before)).filter(|_| grows);
        let seconds = elapsed_s.filter(|seconds| *seconds > 0.0);
        CounterChange {
            name,
            before,
            after,
            per_second: events.zip(seconds).map(|(events, seconds)| as_f64(events) / seconds),
        }
    });
    changes.collect()
}

#[allow(clippy::cast_precision_loss, reason = "rates need no more than 53 bits")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
