use std::cmp::Ordering;
use std::net::IpAddr;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Header, Owner, OwnerScan};
use crate::budget::Zone;
use crate::filter::Filter;
use crate::judgement::{Judge, PortSpace, Severity, Verdict, Worst};
use crate::port::PortRange;
use crate::procfs::owner::Owners;
use crate::sample::Sample;
use crate::socket::{StateSet, TcpState};
use crate::tally::{DestinationCounts, DestinationKey, LiveSockets, Role};

/// `twscan.by-dest/1`: sockets by destination.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct ByDestReport {
    /// Where and when.
    #[serde(flatten)]
    pub header: Header,
    /// The target asked for, as it was understood; null for all.
    pub target: Option<String>,
    /// The filter asked for, as it was understood; null for none.
    pub filter: Option<String>,
    /// What is left, of all groups.
    pub verdict: Verdict,
    /// The groups, in the order asked for.
    pub destinations: Vec<Destination>,
    /// How many groups there are, also those not shown.
    pub groups: usize,
    /// Sockets in all groups, also those not shown, and in `other`.
    pub matched: u64,
    /// Sockets of groups beyond the most that are kept apart; null where all are.
    pub other: Option<Other>,
    /// How the search for owners went; null where they were not asked for.
    pub owner_scan: Option<OwnerScan>,
}

/// The sockets of groups that are not kept apart.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[non_exhaustive]
pub struct Other {
    /// Sockets in all states.
    pub sockets: u64,
    /// Sockets in TIME_WAIT; null where the source may have left them out.
    pub time_wait: Option<u64>,
}

impl ByDestReport {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.by-dest/1";

    /// The document of a sample, with at most `top` groups in this order.
    #[must_use]
    pub fn new(
        sample: &Sample,
        target: Option<String>,
        order: impl Fn(&Destination, &Destination) -> Ordering,
        top: Option<usize>,
    ) -> Self {
        let groups = sample.destinations.len();
        let rest = sample.destinations.other();
        let other = Other {
            sockets: rest.sockets(),
            time_wait: sample.knows(TcpState::TimeWait).then(|| rest.of(TcpState::TimeWait)),
        };
        let kept: u64 = sample.destinations.iter().map(|(_, counts)| counts.sockets()).sum();
        let matched = kept + other.sockets;
        let other = Some(other).filter(|other| other.sockets > 0);
        let mut seen = Rows::of(sample);
        let rows = sample.destinations.iter().map(|(key, counts)| seen.row(key, counts));
        let destinations = first(rows, order, top.unwrap_or(groups));
        let verdict = seen.judge.verdict_on(&seen.worst, target.as_deref());
        let header = Header::new(Self::SCHEMA, &sample.provenance);
        let report =
            Self { header, target, filter: None, verdict, destinations, groups, matched, other, owner_scan: None };
        if sample.asked.contains_all(StateSet::ALL) { report } else { report.without_budgets() }
    }

    /// Some sockets of a destination tell nothing of what it has left.
    fn without_budgets(mut self) -> Self {
        for row in &mut self.destinations {
            (row.free, row.zone) = (None, None);
        }
        let text = "some of the sockets were counted, so what is left was not judged";
        self.verdict = Verdict::new(Severity::Info, "not-judged", text);
        self
    }

    /// Notes the filter that the sample was taken with.
    #[must_use]
    pub fn with_filter(self, filter: &Filter) -> Self {
        Self { filter: Some(filter.to_string()), ..self.without_budgets() }
    }

    /// Adds who has each group's sockets. The report's states are those that `asked` names.
    pub fn add_owners(&mut self, asked: StateSet, live: &LiveSockets, owners: &Owners) {
        self.owner_scan = Some(OwnerScan::new(live, owners));
        self.destinations.iter_mut().for_each(|row| row.add_owners(asked, live, owners));
    }
}

/// The sockets of one destination.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Destination {
    /// `outbound`, `inbound` or `ambiguous`.
    #[serde(serialize_with = "role_name")]
    pub role: Role,
    /// The local address; null on an inbound row.
    pub source: Option<IpAddr>,
    /// The remote address; null on an inbound row.
    pub destination: Option<IpAddr>,
    /// The remote port; on an inbound row the local, listening one.
    pub port: u16,
    /// The index of the interface that the sockets are bound to; null for none.
    pub device: Option<u32>,
    /// Sockets in all states.
    pub sockets: u64,
    /// Sockets by state: an object with the eleven names.
    pub states: DestinationStates,
    /// Sockets in TIME_WAIT; null where the source may have left them out.
    pub time_wait: Option<u64>,
    /// FIN_WAIT2 mini-sockets; null where the source does not tell timers.
    pub fin_wait2_mini: Option<u64>,
    /// Distinct local ports inside the range; 0 on an inbound row, null on others where the range is unknown.
    pub ports_used: Option<u64>,
    /// Those whose TIME_WAIT a connect() may take over now; null where the source does not tell. Those it does not tell
    /// of count as not reusable in `free`, `percent` and `zone`.
    pub reusable: Option<u32>,
    /// Ports in the local port range; null where it is unknown.
    pub range_size: Option<u32>,
    /// Connections that fit in all: the range, less reserved and blocked ports; null but on an outbound row.
    pub capacity: Option<u32>,
    /// Connections that fit now, as far as they were counted: ports that bind() holds are taken off where they could change
    /// the zone; null but on an outbound row, and where a filter, states or a partial result leave sockets
    /// out. A destination that is full without them is full.
    pub free: Option<u32>,
    /// Ports held and not reusable, of those that connections to here may use, 0 to 100; null where `ports_used` is, and
    /// where a partial result does not tell.
    pub percent: Option<f64>,
    /// `fast`, `slow`, `nearly-full` or `full`; null where `free` is.
    #[serde(serialize_with = "zone_name")]
    pub zone: Option<Zone>,
    /// Who has the sockets, and who likely had those in TIME_WAIT; null where that was not asked for.
    pub owners: Option<Vec<Owner>>,
}

impl Destination {
    /// Notes who has the group's sockets, of those in these states.
    pub(super) fn add_owners(&mut self, asked: StateSet, live: &LiveSockets, owners: &Owners) {
        let key = DestinationKey {
            role: self.role,
            source: self.source,
            destination: self.destination,
            port: self.port,
            interface: self.device.unwrap_or(0),
        };
        let no_owner_any_more = self.time_wait.unwrap_or(0) + self.fin_wait2_mini.unwrap_or(0);
        let shares = live.shares(&key, asked, no_owner_any_more, owners);
        self.owners = Some(shares.iter().map(Owner::from).collect());
    }

    /// All groups of a sample.
    #[must_use]
    pub fn all(sample: &Sample) -> Vec<Self> {
        let mut rows = Rows::of(sample);
        sample.destinations.iter().map(|(key, counts)| rows.row(key, counts)).collect()
    }

    /// The outbound groups of a sample.
    #[must_use]
    pub fn outbound(sample: &Sample) -> Vec<Self> {
        Self::fullest(sample, usize::MAX, None).0
    }

    /// The outbound groups of a sample that have least left, at most `top`, the fullest first; and the verdict on all of
    /// them.
    pub(super) fn fullest(sample: &Sample, top: usize, target: Option<&str>) -> (Vec<Self>, Verdict) {
        let mut rows = Rows::of(sample);
        let groups = sample.destinations.iter().filter(|(key, _)| key.role == Role::Outbound);
        let kept = first(groups.map(|(key, counts)| rows.row(key, counts)), Self::fullest_first, top);
        (kept, rows.judge.verdict_on(&rows.worst, target))
    }

    /// Orders by what is left: the fullest first, then the one with most ports in use.
    #[must_use]
    pub fn fullest_first(&self, other: &Self) -> Ordering {
        let percent = |row: &Self| row.percent.unwrap_or(0.0);
        let fullness = percent(other).total_cmp(&percent(self));
        fullness.then(other.ports_used.cmp(&self.ports_used)).then_with(|| self.by_name(other))
    }

    /// Orders by the number of sockets, most first.
    #[must_use]
    pub fn most_sockets_first(&self, other: &Self) -> Ordering {
        other.sockets.cmp(&self.sockets).then_with(|| self.by_name(other))
    }

    /// Orders by the number of TIME_WAITs, most first.
    #[must_use]
    pub fn most_time_waits_first(&self, other: &Self) -> Ordering {
        other.time_wait.cmp(&self.time_wait).then_with(|| self.most_sockets_first(other))
    }

    fn by_name(&self, other: &Self) -> Ordering {
        let name = |row: &Self| (row.role, row.destination, row.port, row.source, row.device);
        name(self).cmp(&name(other))
    }
}

/// Makes the rows of a sample's groups, and keeps the worst of all that passed.
struct Rows<'s> {
    sample: &'s Sample,
    judge: Judge<'s>,
    worst: Worst,
}

impl<'s> Rows<'s> {
    fn of(sample: &'s Sample) -> Self {
        Self { sample, judge: Judge::of(sample), worst: Worst::default() }
    }

    fn row(&mut self, key: DestinationKey, counts: &DestinationCounts) -> Destination {
        let (sample, outbound) = (self.sample, key.role == Role::Outbound);
        let space = self.judge.group(&key, counts);
        space.iter().for_each(|space| self.worst.observe(space));
        let told = space.filter(PortSpace::is_told);
        let sockets = counts.sockets();
        let states = DestinationStates::new(sample, counts);
        let range = sample.settings.range;
        let known = range.is_some() || key.role == Role::Inbound;
        Destination {
            role: key.role,
            source: key.source,
            destination: key.destination,
            port: key.port,
            device: Some(key.interface).filter(|index| *index != 0),
            sockets,
            states,
            time_wait: states.of(TcpState::TimeWait),
            fin_wait2_mini: match states.of(TcpState::FinWait2) {
                None | Some(0) => states.of(TcpState::FinWait2),
                Some(_) => sample.states.fin_wait2_mini().map(|_| u64::from(counts.fin_wait2_mini)),
            },
            // An outbound socket's port is in the range, and no two sockets share a four-tuple.
            ports_used: known.then_some(if outbound { sockets } else { 0 }),
            reusable: space
                .map_or(counts.ports, |space| space.ports())
                .known_reusable()
                .filter(|_| sample.knows(TcpState::TimeWait)),
            range_size: range.map(PortRange::size),
            capacity: space.map(|space| space.capacity()),
            free: told.map(|space| space.free()),
            percent: if outbound { told.map(|space| space.percent()) } else { known.then_some(0.0) },
            zone: told.map(|space| space.zone()),
            owners: None,
        }
    }
}

/// Sockets of a group by state: an object with the eleven names; null where the source may have left a state out.
#[derive(Debug, Clone, Copy)]
pub struct DestinationStates {
    counts: [Option<u64>; TcpState::ALL.len()],
}

impl DestinationStates {
    fn new(sample: &Sample, counts: &DestinationCounts) -> Self {
        Self { counts: TcpState::ALL.map(|state| sample.knows(state).then(|| counts.of(state))) }
    }

    /// States and counts; `None` is unknown.
    pub fn iter(&self) -> impl Iterator<Item = (TcpState, Option<u64>)> {
        TcpState::ALL.into_iter().zip(self.counts)
    }

    /// The count of one state; `None` is unknown.
    #[must_use]
    pub fn of(&self, state: TcpState) -> Option<u64> {
        self.iter().find(|(found, _)| *found == state)?.1
    }
}

impl Serialize for DestinationStates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.counts.len()))?;
        for (state, count) in self.iter() {
            map.serialize_entry(state.name(), &count)?;
        }
        map.end()
    }
}

/// The first `top` rows in this order. Of hundreds of thousands no more than a few are ever kept at once.
fn first(
    rows: impl Iterator<Item = Destination>,
    order: impl Fn(&Destination, &Destination) -> Ordering,
    top: usize,
) -> Vec<Destination> {
    let room = top.saturating_mul(2).max(64);
    let mut kept: Vec<Destination> = Vec::new();
    for row in rows {
        if kept.len() >= room {
            kept.select_nth_unstable_by(top, &order);
            kept.truncate(top);
        }
        kept.push(row);
    }
    kept.sort_unstable_by(order);
    kept.truncate(top);
    kept
}

fn role_name<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(role.name())
}

#[allow(clippy::ref_option, reason = "serde passes the field by reference")]
fn zone_name<S: Serializer>(zone: &Option<Zone>, serializer: S) -> Result<S::Ok, S::Error> {
    zone.map(Zone::name).serialize(serializer)
}
