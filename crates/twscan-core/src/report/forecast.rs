use std::net::IpAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Budgets, Header};
use crate::forecast::{Arrivals, Forecast, Motion, Past, Window};
use crate::judgement::Verdict;
use crate::sample::Sample;

/// `twscan forecast --json`: how fast ports are used up, and when they come back.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ForecastReport {
    /// `twscan.forecast/1` and where it comes from.
    #[serde(flatten)]
    pub header: Header,
    /// What is left now to the destination that has least.
    pub verdict: Verdict,
    /// What was asked for; null for everything.
    pub target: Option<String>,
    /// What the kernel's counters did between two samples; null with one.
    pub motion: Option<MotionRow>,
    /// How many (source, destination, port) there are, also those not shown.
    pub groups: usize,
    /// One for each (source, destination, port), the fullest first.
    pub forecasts: Vec<ForecastRow>,
    /// How many (source, destination, port) have none, since the source does not tell how old their TIME_WAITs are.
    pub unknown: usize,
}

impl ForecastReport {
    /// `schema` of this document.
    pub const SCHEMA: &'static str = "twscan.forecast/1";

    /// The document of these budgets, of the first `top` of them.
    #[must_use]
    pub fn new(
        sample: &Sample,
        earlier: Option<&Sample>,
        target: Option<String>,
        budgets: &Budgets,
        top: Option<usize>,
        horizon: Duration,
    ) -> Self {
        let past = earlier.and_then(|earlier| Past::of(earlier, sample));
        let shown = budgets.iter().take(top.unwrap_or(usize::MAX));
        let ahead: Vec<_> = shown.map(|budget| Forecast::new(sample, past.as_ref(), budget, horizon)).collect();
        Self {
            header: Header::new(Self::SCHEMA, &sample.provenance),
            verdict: budgets.verdict(sample, target.as_deref()),
            target,
            motion: earlier.and_then(|earlier| Motion::between(earlier, sample)).map(MotionRow::from),
            groups: budgets.len(),
            unknown: ahead.iter().filter(|forecast| forecast.is_none()).count(),
            forecasts: ahead.iter().flatten().map(ForecastRow::from).collect(),
        }
    }
}

/// What the kernel's counters did between two samples.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct MotionRow {
    /// The time between them.
    pub seconds: f64,
    /// Connections that this namespace closed first, a second.
    pub closed_per_second: Option<f64>,
    /// Of the TIME_WAITs begun, the share that took the place of one taken over, 0 to 1.
    pub reuse_share: Option<f64>,
    /// TIME_WAITs taken over (`TWRecycled`).
    pub recycled: Option<u64>,
    /// TIME_WAITs refused (`TCPTimeWaitOverflow`).
    pub overflows: Option<u64>,
}

impl From<Motion> for MotionRow {
    fn from(motion: Motion) -> Self {
        Self {
            seconds: motion.seconds,
            closed_per_second: motion.closed_per_second(),
            reuse_share: motion.reuse_share(),
            recycled: motion.recycled,
            overflows: motion.overflows,
        }
    }
}

/// What is to come for the ports of one (source, destination, port).
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ForecastRow {
    /// The local address.
    pub source: IpAddr,
    /// The remote address.
    pub destination: IpAddr,
    /// The remote port.
    pub port: u16,
    /// The index of the interface that the sockets are bound to; null for none.
    pub device: Option<u32>,
    /// How fast connections are opened, read from how fast they are closed.
    pub arrivals_per_second: ArrivalsRow,
    /// Live connections more, a second; null with one sample.
    pub live_growth_per_second: Option<f64>,
    /// Ports held that no connect() may take over.
    pub held: u32,
    /// The ports that will be held when the present rate has lasted for a minute.
    pub steady_state_ports: u32,
    /// Connections that fit in all.
    pub capacity: u32,
    /// When every connect() begins to scan; null for never.
    pub seconds_to_slow: Option<WindowRow>,
    /// When connect() fails; null for never.
    pub seconds_to_full: Option<WindowRow>,
    /// When half of the ports are free, if nothing more were opened; null where live connections hold more.
    pub seconds_to_half_free: Option<f64>,
    /// How many ports come back in each of the next 62 seconds.
    #[serde(serialize_with = "numbers")]
    pub releases: [u32; 62],
    /// How many connections were closed in each of the last 61 seconds, the last one first.
    #[serde(serialize_with = "numbers")]
    pub closings: [u32; 61],
}

impl From<&Forecast> for ForecastRow {
    fn from(forecast: &Forecast) -> Self {
        let tuple = forecast.tuple;
        Self {
            source: tuple.source,
            destination: tuple.destination.ip(),
            port: tuple.destination.port(),
            device: Some(tuple.interface).filter(|index| *index != 0),
            arrivals_per_second: forecast.arrivals.into(),
            live_growth_per_second: forecast.live_growth,
            held: forecast.held,
            steady_state_ports: forecast.steady_state_ports,
            capacity: forecast.capacity,
            seconds_to_slow: forecast.to_slow.map(WindowRow::from),
            seconds_to_full: forecast.to_full.map(WindowRow::from),
            seconds_to_half_free: forecast.drain_to_half.map(|time| time.as_secs_f64()),
            releases: forecast.releases,
            closings: forecast.closings,
        }
    }
}

/// A rate, as far as TIME_WAITs tell it.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct ArrivalsRow {
    /// The mean of the last 5 s.
    pub last_5s: f64,
    /// The mean of the last 60 s.
    pub last_60s: f64,
    /// The rate that the forecast starts from: the last 5 s, or since the load began.
    pub present: f64,
    /// The busiest second of the last 60.
    pub peak: u32,
    /// `rising`, `steady` or `falling`.
    pub trend: &'static str,
    /// `exact`, or `at_least` where TIME_WAITs are taken over before their time.
    pub bound: &'static str,
}

impl From<Arrivals> for ArrivalsRow {
    fn from(arrivals: Arrivals) -> Self {
        Self {
            last_5s: arrivals.last_5s,
            last_60s: arrivals.last_60s,
            present: arrivals.present(),
            peak: arrivals.peak,
            trend: arrivals.trend.name(),
            bound: arrivals.bound.name(),
        }
    }
}

/// When something will happen, in seconds from now.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct WindowRow {
    /// Not before.
    pub earliest: f64,
    /// By the rate as it is; null for never.
    pub expected: Option<f64>,
    /// Not after; null where it may never come.
    pub latest: Option<f64>,
}

impl From<Window> for WindowRow {
    fn from(window: Window) -> Self {
        let seconds = |time: Duration| (time.as_secs_f64() * 100.0).round() / 100.0;
        Self {
            earliest: seconds(window.earliest),
            expected: window.expected.map(seconds),
            latest: window.latest.map(seconds),
        }
    }
}

/// serde itself serializes arrays of at most 32.
fn numbers<S: Serializer>(numbers: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(numbers)
}
