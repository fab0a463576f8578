use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Destination, Header};
use crate::sample::Sample;
use crate::socket::TcpState;
use crate::tally::Role;

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
    /// Why the two may not compare: other hosts, other namespaces, a partial sample, a restart.
    pub caveats: Vec<String>,
    /// Sockets by state: an object with the eleven names.
    pub states: StateChanges,
    /// Parameters that differ.
    pub parameters: Vec<ParameterChange>,
    /// Counters that differ.
    pub counters: Vec<CounterChange>,
    /// Groups of sockets that differ, the greatest change first.
    pub destinations: Vec<DestinationChange>,
    /// How many groups differ, also those not shown.
    pub groups: usize,
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
        let counters = counters(before, after, elapsed_s);
        let mut destinations = destinations(before, after);
        destinations.sort_by_key(|change| std::cmp::Reverse(change.sockets.difference().unsigned_abs()));
        let parameters: Vec<_> = (before.settings.iter().zip(after.settings.iter()))
            .filter(|((_, before), (_, after))| before != after)
            .map(|((name, before), (_, after))| ParameterChange { name, before, after })
            .collect();
        let mut report = Self {
            caveats: caveats(before, after, &counters),
            header,
            before: first,
            elapsed_s,
            sentence: String::new(),
            states: StateChanges::new(before, after),
            parameters,
            counters,
            groups: destinations.len(),
            destinations,
        };
        report.sentence = report.in_words(before, after);
        report.destinations.truncate(top.unwrap_or(report.groups));
        report
    }

    fn in_words(&self, before: &Sample, after: &Sample) -> String {
        let states: Vec<_> = [TcpState::TimeWait, TcpState::Established, TcpState::CloseWait]
            .into_iter()
            .filter_map(|state| {
                let Some(change) = self.states.of(state) else {
                    return Some(format!("how many {} there were is unknown", state.name()));
                };
                let worth = change.difference() != 0 || state == TcpState::TimeWait;
                worth.then(|| format!("{} went from {} to {}", state.name(), change.before, change.after))
            })
            .collect();
        let seconds = self.elapsed_s.abs().round();
        let mut text = format!("Within {seconds} s {}.", states.join(", "));
        let percent = |row: &Destination| row.percent.unwrap_or(0.0);
        let held = |row: &Destination| format!("{} with {:.1} % of its ports held", name(row), percent(row));
        text.push_str(&match (fullest(before), fullest(after)) {
            (None, None) => String::new(),
            (Some(full), Some(fuller)) if name(&full) == name(&fuller) => format!(
                " The fullest destination, {}, went from {:.1} % to {:.1} % of its ports held.",
                name(&full),
                percent(&full),
                percent(&fuller)
            ),
            (full, fuller) => format!(
                " The fullest destination was {} and is {}.",
                full.as_ref().map_or_else(|| "none".to_owned(), held),
                fuller.as_ref().map_or_else(|| "none".to_owned(), held)
            ),
        });
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let change = |change: &ParameterChange| {
            format!("{} from {} to {}", change.name, value(&change.before), value(&change.after))
        };
        let known = |change: &&ParameterChange| change.before.is_some() && change.after.is_some();
        let parameters: Vec<_> = self.parameters.iter().filter(known).map(change).collect();
        if !parameters.is_empty() {
            text.push_str(&format!(" Changed: {}.", parameters.join(", ")));
        }
        if !self.caveats.is_empty() {
            text.push_str(&format!(" Beware: {}.", self.caveats.join("; ")));
        }
        text
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
    /// Events a second in between; null for what is no count of events.
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
    /// Sockets in all states.
    pub sockets: Change<u64>,
    /// Sockets in TIME_WAIT; null where one of the samples does not tell.
    pub time_wait: Option<Change<u64>>,
    /// Ports held and not reusable, of those that connections to here may use, 0 to 100; null for a group that is not
    /// there.
    pub percent: Change<Option<f64>>,
    /// Connections that fit; null for a group that is not there.
    pub free: Change<Option<u32>>,
}

type Key = (Role, Option<IpAddr>, Option<IpAddr>, u16, Option<u32>);

fn destinations(before: &Sample, after: &Sample) -> Vec<DestinationChange> {
    let mut pairs: BTreeMap<Key, [Option<Destination>; 2]> = BTreeMap::new();
    for (place, sample) in [before, after].into_iter().enumerate() {
        for row in Destination::all(sample) {
            let key = (row.role, row.source, row.destination, row.port, row.device);
            if let Some(slot) = pairs.entry(key).or_default().get_mut(place) {
                *slot = Some(row);
            }
        }
    }
    let known = before.knows(TcpState::TimeWait) && after.knows(TcpState::TimeWait);
    let changes = pairs.into_iter().map(|((role, source, destination, port, device), [before, after])| {
        let count = |of: fn(&Destination) -> u64| Change {
            before: before.as_ref().map_or(0, of),
            after: after.as_ref().map_or(0, of),
        };
        DestinationChange {
            role: role.name(),
            source,
            destination,
            port,
            device,
            sockets: count(|row| row.sockets),
            time_wait: known.then(|| count(|row| row.time_wait.unwrap_or(0))),
            percent: Change {
                before: before.as_ref().and_then(|row| row.percent),
                after: after.as_ref().and_then(|row| row.percent),
            },
            free: Change {
                before: before.as_ref().and_then(|row| row.free),
                after: after.as_ref().and_then(|row| row.free),
            },
        }
    });
    let differs = |change: &DestinationChange| {
        change.sockets.difference() != 0
            || change.time_wait.is_some_and(|change| change.difference() != 0)
            || change.percent.before != change.percent.after
    };
    changes.filter(differs).collect()
}

fn counters(before: &Sample, after: &Sample, elapsed_s: f64) -> Vec<CounterChange> {
    let pairs = before.counters.iter().zip(after.counters.iter());
    let changed = pairs.filter(|((_, before, _), (_, after, _))| before != after);
    let changes = changed.map(|((name, before, grows), (_, after, _))| {
        let events = before.zip(after).and_then(|(before, after)| after.checked_sub(before));
        let rate = events.filter(|_| grows && elapsed_s > 0.0).map(|events| as_f64(events) / elapsed_s);
        CounterChange { name, before, after, per_second: rate }
    });
    changes.collect()
}

fn caveats(before: &Sample, after: &Sample, counters: &[CounterChange]) -> Vec<String> {
    let (first, second) = (&before.provenance, &after.provenance);
    let mut caveats = Vec::new();
    if differ(first.hostname.as_ref(), second.hostname.as_ref()) {
        caveats.push("the samples are of different hosts".to_owned());
    } else if differ(first.netns.inode, second.netns.inode) {
        caveats.push("the samples are of different network namespaces".to_owned());
    }
    for (which, provenance) in [("first", first), ("second", second)] {
        if let Some(reason) = &provenance.partial {
            caveats.push(format!("the {which} sample is partial: {reason}"));
        }
    }
    if before.settings.range.is_some() != after.settings.range.is_some() {
        caveats.push(
            "one does not tell the local port range, so that roles and ports do not compare (--range)".to_owned(),
        );
    }
    if first.captured_at > second.captured_at {
        caveats.push("the first sample is the later one".to_owned());
    } else if counters.iter().any(|change| change.name == "ActiveOpens" && began_anew(change)) {
        caveats.push("counters began anew in between, so the host was restarted".to_owned());
    }
    caveats
}

/// Whether both are known, and are not the same.
fn differ<T: PartialEq>(before: Option<T>, after: Option<T>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before != after)
}

fn began_anew(change: &CounterChange) -> bool {
    change.before.zip(change.after).is_some_and(|(before, after)| after < before)
}

fn fullest(sample: &Sample) -> Option<Destination> {
    Destination::outbound(sample).into_iter().min_by(Destination::fullest_first)
}

fn name(row: &Destination) -> String {
    let address = |address: Option<IpAddr>| address.map_or_else(|| "any".to_owned(), |address| address.to_string());
    let destination = match row.destination {
        Some(IpAddr::V6(v6)) => format!("[{v6}]"),
        other => address(other),
    };
    format!("{} to {destination}:{}", address(row.source), row.port)
}

#[allow(clippy::cast_precision_loss, reason = "rates need no more than 53 bits")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
