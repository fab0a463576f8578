use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::{Budgets, ForecastRow, Header, Owner};
use crate::budget::{BindFirstPool, Certainty, LocalPorts, PortBudget, PortStatus, Zone};
use crate::forecast::{Forecast, HORIZON};
use crate::judgement::Verdict;
use crate::procfs::owner::Process;
use crate::sample::Sample;
use crate::socket::TcpState;
use crate::tally::{Reuse, ReusePolicy, Share, Tuple};

/// `twscan ports --json`: which local ports connect() may choose, and what each destination has left of them.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PortsReport {
    /// `twscan.ports/1` and where it comes from.
    #[serde(flatten)]
    pub header: Header,
    /// What is left to the destination that has least.
    pub verdict: Verdict,
    /// What was asked for; null for everything.
    pub target: Option<String>,
    /// The local port range.
    pub range: RangeRow,
    /// The reserved ports inside the range.
    pub reserved: Reserved,
    /// The ports inside the range that bind() holds for every destination.
    pub blocked: Blocked,
    /// When connect() takes over the port of a TIME_WAIT.
    pub tw_reuse: ReuseRow,
    /// How many (source, destination, port) there are, also those not shown.
    pub groups: usize,
    /// What each (source, destination, port) has left, in the order asked for.
    pub budgets: Vec<BudgetRow>,
    /// What clients that bind(source, 0) before they connect have left, for each source of `budgets`.
    pub bind_first: Vec<BindFirstRow>,
}

impl PortsReport {
    /// `schema` of this document.
    pub const SCHEMA: &'static str = "twscan.ports/1";

    /// The document of these budgets, the first `top` of them; with `map`, each says which ports are taken.
    #[must_use]
    pub fn new(
        sample: &Sample,
        ports: &LocalPorts<'_>,
        target: Option<String>,
        budgets: &Budgets,
        top: Option<usize>,
        map: bool,
    ) -> Self {
        let asked = target.is_some();
        let shown = budgets.rows.get(..top.unwrap_or(usize::MAX).min(budgets.rows.len())).unwrap_or_default();
        // What a new connection would have was asked for, however full others are.
        let shown = || shown.iter().chain(budgets.new.as_ref());
        let (range, reserved, blocked) = (ports.range(), ports.reserved(), ports.blocked());
        let usable = range.size() - reserved.len() - blocked.len();
        let mut sources: Vec<IpAddr> = shown().map(|budget| budget.tuple().source).collect();
        sources.sort_unstable();
        sources.dedup();
        Self {
            header: Header::new(Self::SCHEMA, &sample.provenance),
            verdict: budgets.verdict(sample, target.as_deref()),
            target,
            range: RangeRow {
                low: range.low(),
                high: range.high(),
                size: range.size(),
                parity_penalty: usable - ports.rules().capacity(),
                step_width: sample.settings.port_step_width,
            },
            reserved: Reserved { count: reserved.len(), ranges: reserved.ranges() },
            blocked: Blocked {
                count: blocked.len(),
                ports: blocked.iter().collect(),
                certainty: match ports.blocked_certainty() {
                    Certainty::Exact => "exact",
                    Certainty::Estimate => "at_least",
                },
                owners: None,
            },
            tw_reuse: ReuseRow::new(ports.reuse(), sample),
            groups: budgets.len(),
            budgets: shown()
                .map(|budget| {
                    let forecast = asked.then(|| Forecast::new(sample, None, budget, HORIZON)).flatten();
                    BudgetRow::new(sample, ports, budget, map, forecast.as_ref())
                })
                .collect(),
            bind_first: sources.into_iter().map(|source| ports.bind_first(source).into()).collect(),
        }
    }
}

/// The local port range.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct RangeRow {
    /// The lowest port.
    pub low: u16,
    /// The highest port.
    pub high: u16,
    /// How many there are.
    pub size: u32,
    /// The port that a range of odd size loses: 1 or 0.
    pub parity_penalty: u32,
    /// `ip_local_port_step_width`; left out where the kernel has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_width: Option<u32>,
}

/// The reserved ports inside the range.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Reserved {
    /// How many there are.
    pub count: u32,
    /// Pairs of first and last port.
    pub ranges: Vec<(u16, u16)>,
}

/// The ports inside the range that bind() holds for every destination, less the reserved ones.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Blocked {
    /// How many there are.
    pub count: u32,
    /// The ports, ascending.
    pub ports: Vec<u16>,
    /// `exact`, or `at_least` where a connection inside the range may hold its port so too.
    pub certainty: &'static str,
    /// Who holds them, by port; null where it was not asked for.
    pub owners: Option<Vec<BlockedOwner>>,
}

/// A process that holds a blocked port.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct BlockedOwner {
    /// The port.
    pub port: u16,
    /// The process.
    #[serde(flatten)]
    pub owner: Owner,
}

impl BlockedOwner {
    /// The process has a socket on this port.
    #[must_use]
    pub fn new(port: u16, process: &Process) -> Self {
        Self { port, owner: Owner::from(&Share::sure(process)) }
    }
}

/// `tcp_tw_reuse` and what goes with it.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct ReuseRow {
    /// 0 off, 1 on, 2 on the loopback; null where it is unknown.
    pub mode: Option<u8>,
    /// How old a TIME_WAIT must be, in milliseconds: `tcp_tw_reuse_delay`, or 1000 on kernels without it; null where `mode` is.
    pub delay_ms: Option<u64>,
    /// `tcp_timestamps`: without them nothing is reused.
    pub timestamps: Option<u8>,
}

impl ReuseRow {
    fn new(policy: ReusePolicy, sample: &Sample) -> Self {
        Self {
            mode: policy.mode.map(crate::procfs::TwReuse::value),
            delay_ms: policy.mode.and_then(|_| u64::try_from(policy.delay.as_millis()).ok()),
            timestamps: sample.settings.timestamps,
        }
    }
}

/// The ports of one (source, destination, port).
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct BudgetRow {
    /// The local address.
    pub source: IpAddr,
    /// The remote address.
    pub destination: IpAddr,
    /// The remote port.
    pub port: u16,
    /// The index of the interface that the sockets are bound to; null for none.
    pub device: Option<u32>,
    /// Connections that fit in all.
    pub capacity: u32,
    /// Usable ports that are held: `live` + `time_wait` + `fin_wait2_mini`, as far as they are known.
    pub used: u32,
    /// Those of live sockets; null where the source may have left them out.
    pub live: Option<u32>,
    /// Those of TIME_WAITs; null likewise.
    pub time_wait: Option<u32>,
    /// Those of FIN_WAIT2 mini-sockets; null where the source does not tell timers, and `live` has them.
    pub fin_wait2_mini: Option<u32>,
    /// Those of `time_wait` that a connect() takes over now; null where the source does not tell.
    pub reusable: Option<u32>,
    /// Usable ports of connections elsewhere, which may be blocked.
    pub unsure_ports: u32,
    /// Connections that would succeed now, under the assumptions of `reasons`.
    pub free: u32,
    /// The least.
    pub free_min: u32,
    /// The greatest.
    pub free_max: u32,
    /// Ports held and not reusable, of `capacity`, 0 to 100; null where the result is partial, unless it is full.
    pub percent: Option<f64>,
    /// `fast`, `slow`, `nearly-full` or `full`; null where `percent` is.
    #[serde(serialize_with = "zone_name")]
    pub zone: Option<Zone>,
    /// Connections a second that the ports sustain for ever; null where they are no limit.
    pub sustainable_per_second: Option<u32>,
    /// Ports that a connect() tries on average, where it steps at random (`step_width` is set); left out elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// `exact` or `estimate`.
    #[serde(serialize_with = "certainty_name")]
    pub certainty: Certainty,
    /// What has to be assumed; empty where exact.
    pub reasons: Vec<String>,
    /// How fast they are used up and come back; null where no target was asked for, or the source does not tell how old
    /// TIME_WAITs are.
    pub forecast: Option<ForecastRow>,
    /// Which ports are taken; null unless asked for.
    pub map: Option<Vec<MapRun>>,
}

impl BudgetRow {
    fn new(
        sample: &Sample,
        ports: &LocalPorts<'_>,
        budget: &PortBudget,
        map: bool,
        forecast: Option<&Forecast>,
    ) -> Self {
        let tuple = budget.tuple();
        let held = budget.ports();
        // Sockets that were not seen may hold the rest.
        let told = sample.provenance.complete() || budget.zone() == Zone::Full;
        Self {
            source: tuple.source,
            destination: tuple.destination.ip(),
            port: tuple.destination.port(),
            device: Some(tuple.interface).filter(|index| *index != 0),
            capacity: budget.capacity(),
            used: held.used(),
            live: sample.knows(TcpState::Established).then_some(held.live),
            time_wait: sample.knows(TcpState::TimeWait).then_some(held.time_wait),
            fin_wait2_mini: sample
                .states
                .fin_wait2_mini()
                .filter(|_| sample.knows(TcpState::FinWait2))
                .map(|_| held.fin_wait2_mini),
            reusable: held.known_reusable().filter(|_| sample.knows(TcpState::TimeWait)),
            unsure_ports: budget.unsure_ports(),
            free: budget.free(),
            free_min: budget.free_min(),
            free_max: budget.free_max(),
            percent: told.then(|| budget.percent()),
            zone: told.then(|| budget.zone()),
            sustainable_per_second: budget.sustainable_per_second(),
            tries: sample.settings.port_step_width.filter(|width| *width > 0).map(|_| budget.random_tries()),
            certainty: budget.certainty(),
            reasons: budget.reasons().iter().map(ToString::to_string).collect(),
            forecast: forecast.map(ForecastRow::from),
            map: map.then(|| MapRun::all(ports, &tuple)),
        }
    }
}

/// Neighbouring ports of one parity that are the same to a destination. connect() tries the ports of the range's low
/// parity first, so that they fill first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MapRun {
    /// The first port.
    pub first: u16,
    /// The last port, of the same parity.
    pub last: u16,
    /// `reserved`, `blocked`, `held`, `reusable`, `elsewhere` or `free`.
    pub status: &'static str,
}

impl MapRun {
    /// First the runs of the low parity, then those of the other, each ascending.
    fn all(ports: &LocalPorts<'_>, tuple: &Tuple) -> Vec<Self> {
        let range = ports.range();
        let mut runs: Vec<Self> = Vec::new();
        for low_parity in [true, false] {
            for port in (range.low()..=range.high()).filter(|port| range.has_low_parity(*port) == low_parity) {
                let status = status_name(ports.status(tuple, port));
                match runs.last_mut() {
                    Some(run) if run.status == status && run.last.checked_add(2) == Some(port) => run.last = port,
                    _ => runs.push(Self { first: port, last: port, status }),
                }
            }
        }
        runs
    }
}

fn status_name(status: PortStatus) -> &'static str {
    match status {
        PortStatus::Reserved => "reserved",
        PortStatus::Blocked => "blocked",
        PortStatus::Held(hold) if hold.reuse() == Reuse::Yes => "reusable",
        PortStatus::Held(_) => "held",
        PortStatus::HeldElsewhere => "elsewhere",
        PortStatus::Free => "free",
    }
}

/// What clients that bind(source, 0) before they connect have left, over all destinations; bind() fails with EADDRINUSE
/// where it is nothing.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct BindFirstRow {
    /// The local address.
    pub source: IpAddr,
    /// The ports that bind(source, 0) chooses from.
    pub capacity: u32,
    /// Those that a socket at this address, or at every address, holds.
    pub held: u32,
    /// Those that are left.
    pub free: u32,
}

impl From<BindFirstPool> for BindFirstRow {
    fn from(pool: BindFirstPool) -> Self {
        Self { source: pool.address(), capacity: pool.capacity(), held: pool.held(), free: pool.free() }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn zone_name<S: Serializer>(zone: &Option<Zone>, serializer: S) -> Result<S::Ok, S::Error> {
    zone.map(Zone::name).serialize(serializer)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn certainty_name<S: Serializer>(certainty: &Certainty, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(certainty.name())
}
