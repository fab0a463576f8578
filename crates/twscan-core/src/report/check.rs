use serde::Serialize;

use super::{Budgets, Header};
use crate::judgement::{Judge, PortSpace, Severity, Verdict};
use crate::sample::Sample;
use crate::tally::Tuple;

/// `twscan check --json`: one answer for a monitor.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// `twscan.check/1` and where it comes from.
    #[serde(flatten)]
    pub header: Header,
    /// What is left to the destination that has least.
    pub verdict: Verdict,
    /// `ok`, `warning`, `critical` or `unknown`: the verdict, or worse where a share that was asked for is held; `unknown`
    /// where sockets are missing.
    pub status: Status,
    /// What was asked for; null for everything.
    pub target: Option<String>,
    /// The share of the ports, 0 to 100, from which on it is a warning whatever the verdict; null where none was asked for.
    pub warn: Option<f64>,
    /// The share from which on it is critical.
    pub crit: Option<f64>,
    /// The destination that is worst; null where no socket goes to any.
    pub worst: Option<CheckRow>,
    /// How many (source, destination, port) there are.
    pub destinations: usize,
}

/// The states of a monitoring plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// 0.
    Ok,
    /// 1.
    Warning,
    /// 2.
    Critical,
    /// 3.
    Unknown,
}

/// The ports of one (source, destination, port), for performance data.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CheckRow {
    /// Between which addresses.
    #[serde(serialize_with = "as_text")]
    pub tuple: Tuple,
    /// Connections that fit in all.
    pub capacity: u32,
    /// Ports held that no connect() may take over.
    pub held: u32,
    /// The same, of `capacity`, 0 to 100.
    pub percent: f64,
    /// Connections that would succeed now, taking what cannot be seen for what it usually is.
    pub free: u32,
    /// Connections that would succeed now whatever is hidden.
    pub sure: u32,
    /// TIME_WAITs.
    pub time_wait: u32,
    /// Those that connect() takes over; null where the source does not tell.
    pub reusable: Option<u32>,
    /// Live sockets.
    pub live: u32,
}

impl CheckReport {
    /// `schema` of this document.
    pub const SCHEMA: &'static str = "twscan.check/1";

    /// The document of these budgets.
    #[must_use]
    pub fn new(
        sample: &Sample,
        target: Option<String>,
        budgets: &Budgets,
        warn: Option<f64>,
        crit: Option<f64>,
    ) -> Self {
        let verdict = budgets.verdict(sample, target.as_deref());
        let judge = Judge::of(sample);
        let spaces = budgets.iter().map(|budget| judge.space(budget));
        let worst = spaces.min_by(PortSpace::worst_first);
        let over = |share: Option<f64>| worst.zip(share).is_some_and(|(worst, share)| worst.percent() >= share);
        let status = match verdict.severity {
            _ if !sample.provenance.complete() => Status::Unknown,
            Severity::Critical => Status::Critical,
            _ if over(crit) => Status::Critical,
            Severity::Warning => Status::Warning,
            // A monitor has no word between; none for sure is none to rely on.
            Severity::Info if worst.is_some_and(|worst| worst.sure() == 0) => Status::Warning,
            _ if over(warn) => Status::Warning,
            _ => Status::Ok,
        };
        let header = Header::new(Self::SCHEMA, &sample.provenance);
        let worst = worst.as_ref().map(CheckRow::from);
        Self { header, verdict, status, target, warn, crit, worst, destinations: budgets.len() }
    }
}

impl From<&PortSpace> for CheckRow {
    fn from(space: &PortSpace) -> Self {
        let ports = space.ports();
        Self {
            tuple: space.tuple(),
            capacity: space.capacity(),
            held: ports.held(),
            percent: space.percent(),
            free: space.free(),
            sure: space.sure(),
            time_wait: ports.time_wait,
            reusable: ports.known_reusable(),
            live: ports.live,
        }
    }
}

pub(super) fn as_text<S: serde::Serializer>(tuple: &Tuple, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(tuple)
}
