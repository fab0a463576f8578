use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Destination, Header, OwnerScan};
use crate::judgement::{Severity, Verdict};
use crate::procfs::Counters;
use crate::procfs::owner::Owners;
use crate::sample::{Provenance, Sample};
use crate::socket::{StateSet, TcpState};
use crate::tally::{FamilyCounts, LiveSockets};

/// `twscan.summary/1`: the namespace at a glance.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct SummaryReport {
    /// Where and when.
    #[serde(flatten)]
    pub header: Header,
    /// What is left to the destination that has least.
    pub verdict: Verdict,
    /// Sockets by state; null where nothing was walked.
    pub states: Option<States>,
    /// TIME_WAITs by role.
    pub time_wait: TimeWait,
    /// What `ss -s` prints.
    pub totals: Totals,
    /// The destinations that have least left, the fullest first.
    pub destinations: Vec<Destination>,
    /// Ports in the local port range; null where it is unknown.
    pub range_size: Option<u32>,
    /// How the search for owners went; null where they were not asked for.
    pub owner_scan: Option<OwnerScan>,
}

impl SummaryReport {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.summary/1";

    /// The document of a sample, with at most `top` destinations.
    #[must_use]
    pub fn new(sample: &Sample, top: usize) -> Self {
        let (destinations, verdict) = Destination::fullest(sample, top, None);
        Self {
            header: Header::new(Self::SCHEMA, &sample.provenance),
            verdict,
            states: Some(States::new(sample)),
            time_wait: TimeWait::new(sample),
            totals: Totals::new(&sample.counters, &sample.provenance),
            destinations,
            range_size: sample.settings.range.map(crate::port::PortRange::size),
            owner_scan: None,
        }
    }

    /// The document without a walk: counters alone.
    #[must_use]
    pub fn quick(provenance: &Provenance, counters: &Counters) -> Self {
        Self {
            header: Header::new(Self::SCHEMA, provenance),
            verdict: Verdict::new(
                Severity::Info,
                "not-judged",
                "counters alone were read, so what is left was not judged",
            ),
            states: None,
            time_wait: TimeWait { sockstat_tw: counters.tcp_tw, ..TimeWait::default() },
            totals: Totals::new(counters, provenance),
            destinations: Vec::new(),
            range_size: None,
            owner_scan: None,
        }
    }

    /// Adds who has the sockets of the destinations shown.
    pub fn add_owners(&mut self, live: &LiveSockets, owners: &Owners) {
        self.owner_scan = Some(OwnerScan::new(live, owners));
        self.destinations.iter_mut().for_each(|row| row.add_owners(StateSet::ALL, live, owners));
    }
}

/// Sockets by state: an object with the eleven names from ESTABLISHED to CLOSING, in the kernel's order.
#[derive(Debug, Clone)]
pub struct States {
    rows: Vec<(&'static str, Option<StateRow>)>,
}

impl States {
    fn new(sample: &Sample) -> Self {
        let rows = TcpState::ALL.map(|state| {
            // Unknown is not zero.
            (state.name(), sample.knows(state).then(|| StateRow::from(sample.states.of(state))))
        });
        Self { rows: rows.to_vec() }
    }

    /// Names and counts; `None` is unknown.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<StateRow>)> {
        self.rows.iter().copied()
    }
}

impl Serialize for States {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.rows.len()))?;
        for (name, row) in &self.rows {
            map.serialize_entry(name, row)?;
        }
        map.end()
    }
}

/// The sockets in one state.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[non_exhaustive]
pub struct StateRow {
    /// IPv4, v4-mapped ones included.
    pub ipv4: u64,
    /// IPv6.
    pub ipv6: u64,
    /// Both.
    pub total: u64,
    /// Those of `ipv4` that are AF_INET6 sockets.
    pub mapped: u64,
}

impl From<FamilyCounts> for StateRow {
    fn from(counts: FamilyCounts) -> Self {
        Self { ipv4: counts.ipv4, ipv6: counts.ipv6, total: counts.total(), mapped: counts.mapped }
    }
}

/// TIME_WAITs by role.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
#[non_exhaustive]
pub struct TimeWait {
    /// Sockets in TIME_WAIT (state 6).
    pub total: Option<u64>,
    /// Those that hold an ephemeral port; null where the local port range is unknown, and they are among `ambiguous`.
    pub outbound: Option<u64>,
    /// Those on a listening port: harmless.
    pub inbound: Option<u64>,
    /// Those whose port does not tell.
    pub ambiguous: Option<u64>,
    /// FIN_WAIT2 mini-sockets, which sockstat counts as `tw` too.
    pub fin_wait2_mini: Option<u64>,
    /// What sockstat says just before: `total` + `fin_wait2_mini`.
    pub sockstat_tw: Option<u64>,
}

impl TimeWait {
    pub(super) fn new(sample: &Sample) -> Self {
        let roles = sample.destinations.time_wait();
        let known = |count: u64| sample.knows(TcpState::TimeWait).then_some(count);
        Self {
            total: known(roles.total()),
            outbound: sample.settings.range.and_then(|_| known(roles.outbound)),
            inbound: known(roles.inbound),
            ambiguous: known(roles.ambiguous),
            fin_wait2_mini: sample.states.fin_wait2_mini().filter(|_| sample.knows(TcpState::FinWait2)),
            sockstat_tw: sample.counters.tcp_tw,
        }
    }
}

/// What `ss -s` prints; null is what this kernel or namespace does not tell.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Sockets of every protocol.
    pub sockets: Option<u64>,
    /// The line about TCP.
    pub tcp: TcpTotals,
    /// Raw sockets.
    #[serde(rename = "RAW")]
    pub raw: Families,
    /// UDP sockets.
    #[serde(rename = "UDP")]
    pub udp: Families,
    /// TCP sockets without TIME_WAIT.
    #[serde(rename = "TCP")]
    pub tcp_inuse: Families,
    /// The three above.
    #[serde(rename = "INET")]
    pub inet: Families,
    /// Reassembly queues.
    #[serde(rename = "FRAG")]
    pub frag: Families,
}

/// TCP sockets as `ss -s` sums them up.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[non_exhaustive]
pub struct TcpTotals {
    /// ESTABLISHED and CLOSE_WAIT.
    pub estab: Option<u64>,
    /// Allocated and in no table: alloc - inuse of IPv4 - inuse of IPv6. Null outside the initial namespace, where the
    /// first is of the whole host and the others are of the namespace.
    pub closed: Option<u64>,
    /// Without an open file, on the whole host.
    pub orphaned: Option<u64>,
    /// TIME_WAIT and FIN_WAIT2 mini-sockets.
    pub timewait: Option<u64>,
}

/// A count of each family.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[non_exhaustive]
pub struct Families {
    /// Both.
    pub total: Option<u64>,
    /// AF_INET sockets.
    pub ip: Option<u64>,
    /// AF_INET6 sockets, v4-mapped ones included.
    pub ipv6: Option<u64>,
}

impl Families {
    fn new(ip: Option<u64>, ipv6: Option<u64>) -> Self {
        // A kernel without IPv6 has no file for it; then IPv4 is all.
        Self { total: ip.map(|ip| ip + ipv6.unwrap_or(0)), ip, ipv6 }
    }
}

impl Totals {
    fn new(counters: &Counters, provenance: &Provenance) -> Self {
        let raw = Families::new(counters.raw_inuse, counters.raw6_inuse);
        let udp = Families::new(counters.udp_inuse, counters.udp6_inuse);
        let tcp = Families::new(counters.tcp_inuse, counters.tcp6_inuse);
        let sum = |of: fn(&Families) -> Option<u64>| Some(of(&raw)? + of(&udp)? + of(&tcp)?);
        let initial = provenance.initial_netns;
        let closed = counters.tcp_alloc.zip(tcp.total).map(|(alloc, inuse)| alloc.saturating_sub(inuse));
        Self {
            sockets: counters.sockets_used,
            tcp: TcpTotals {
                estab: counters.curr_estab,
                closed: closed.filter(|_| initial),
                orphaned: counters.tcp_orphan,
                timewait: counters.tcp_tw,
            },
            raw,
            udp,
            tcp_inuse: tcp,
            inet: Families::new(sum(|families| families.ip), sum(|families| families.ipv6)),
            frag: Families::new(counters.frag_inuse, counters.frag6_inuse),
        }
    }
}
