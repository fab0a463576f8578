use std::net::IpAddr;

use serde::Serialize;

use super::TimeWait;
use crate::budget::LocalPorts;
use crate::diagnosis::Fullest;
use crate::port::PortRange;
use crate::procfs::TwReuse;
use crate::sample::Sample;

/// The figures of a diagnosis that are there also where nothing is wrong.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Vitals {
    /// Sockets in all states.
    pub sockets: u64,
    /// TIME_WAITs by role.
    pub time_wait: TimeWait,
    /// `tcp_max_tw_buckets`; null where it is unknown.
    pub max_tw_buckets: Option<u64>,
    /// TIME_WAITs refused since boot (`TCPTimeWaitOverflow`).
    pub tw_overflow: Option<u64>,
    /// The (source, destination, port) that holds most ports; null where none holds one.
    pub fullest: Option<FullestRow>,
    /// The kernel parameters that decide.
    pub settings: VitalSettings,
}

/// The (source, destination, port) that holds most ports.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct FullestRow {
    /// The local address.
    pub source: IpAddr,
    /// The remote address.
    pub destination: IpAddr,
    /// The remote port.
    pub port: u16,
    /// Usable ports that are held, reusable ones included.
    pub used: u32,
    /// Those that no connect() may take over.
    pub held: u32,
    /// Connections that fit in all.
    pub capacity: u32,
    /// `held` of `capacity`, 0 to 100.
    pub percent: f64,
    /// Whether they will run out at the present rate; null where the rate is unknown.
    pub fills: Option<bool>,
}

/// The kernel parameters that decide how many connections fit; null for what is not readable.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VitalSettings {
    /// `ip_local_port_range`: `LOW-HIGH`.
    pub range: Option<String>,
    /// Ports in it.
    pub range_size: Option<u32>,
    /// Those that are reserved, or that bind() holds for every destination.
    pub left_out: u32,
    /// `tcp_tw_reuse`.
    pub tw_reuse: Option<u8>,
    /// `tcp_timestamps`.
    pub timestamps: Option<u8>,
}

impl Vitals {
    pub(super) fn new(sample: &Sample, fullest: Option<&Fullest>) -> Self {
        let settings = &sample.settings;
        let left_out = LocalPorts::of(sample).map_or(0, |ports| ports.reserved().len() + ports.blocked().len());
        Self {
            sockets: sample.states.total(),
            time_wait: TimeWait::new(sample),
            max_tw_buckets: settings.max_tw_buckets,
            tw_overflow: sample.counters.tw_overflow,
            fullest: fullest.map(FullestRow::from),
            settings: VitalSettings {
                range: settings.range.map(|range| range.to_string()),
                range_size: settings.range.map(PortRange::size),
                left_out,
                tw_reuse: settings.tw_reuse.map(TwReuse::value),
                timestamps: settings.timestamps,
            },
        }
    }
}

impl From<&Fullest> for FullestRow {
    fn from(fullest: &Fullest) -> Self {
        let budget = &fullest.budget;
        let tuple = budget.tuple();
        Self {
            source: tuple.source,
            destination: tuple.destination.ip(),
            port: tuple.destination.port(),
            used: budget.used(),
            held: budget.ports().held(),
            capacity: budget.capacity(),
            percent: budget.percent(),
            fills: fullest.forecast.as_ref().map(crate::forecast::Forecast::is_filling),
        }
    }
}
