mod document;
mod kinship;
mod words;

pub use document::{Change, CompareReport, CounterChange, DestinationChange, ParameterChange, StateChanges};

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Destination, Header};
use crate::sample::Sample;
use crate::socket::TcpState;
use crate::tally::Role;
use kinship::Kinship;

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
